import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pytest

from datasets_app.sample.story import (
    STEPS,
    SampleStory,
    get_step,
    image_at,
    image_name,
)
from panoptic.label_bytes import label_digest


def digest(seed, index, step, tiny=False):
    image = image_at(seed, index, step, tiny=tiny)
    return image and image.label and label_digest(image.label)


@pytest.mark.parametrize("images", [0, 11, 100_001])
def test_a_sample_has_12_to_100_000_images(images):
    with pytest.raises(ValueError, match="12 to 100,000"):
        SampleStory(0, images)


def test_every_parent_is_made_before_and_is_the_head_of_its_branch():
    heads = {}
    for step in STEPS:
        assert heads.get(step.parent_branch) == step.parent
        heads[step.branch] = step.name


def test_there_are_three_versions_of_main_and_a_branch():
    branches = [step.branch for step in STEPS]

    assert branches.count("main") >= 4
    assert "relabel-persons" in branches


def test_an_unknown_step_is_refused():
    with pytest.raises(KeyError):
        get_step("nothing")


@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_what_is_not_listed_as_changed_is_exactly_as_in_the_parent(step):
    story, parent = SampleStory(3, 200, tiny=True), get_step(step).parent
    if parent is None:
        present = [i for i in range(200) if story.image_at(i, step)]
        assert story.changed_indices(step).tolist() == present
        return
    changed = set(story.changed_indices(step).tolist())

    for index in set(range(200)) - changed:
        old, new = story.image_at(index, parent), story.image_at(index, step)
        assert old == new


@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_every_step_changes_some_labels_and_leaves_others(step):
    changed = SampleStory(0, 60).changed_indices(step)

    assert 6 <= len(changed) < 60


def test_the_listed_changes_of_scenes_do_change_labels():
    changed = SampleStory(0, 12).changed_indices("boundaries")

    assert any(digest(0, i, "boundaries") != digest(0, i, "first-annotation") for i in changed)


def test_the_head_of_main_has_every_image():
    assert all(image_at(5, index, "second-batch", tiny=True) for index in range(24))


def test_the_first_step_has_every_status_that_labels_begin_with():
    statuses = {
        image.status for i in range(60) if (image := image_at(0, i, "first-annotation", tiny=True))
    }

    assert statuses == {"unlabelled", "pre-labelled", "labelled"}


def test_twelve_images_fill_three_splits():
    assert {image_at(0, i, "second-batch", tiny=True).split for i in range(12)} == {
        "train",
        "val",
        "test",
    }


def test_names_are_unique_and_stay():
    names = [image_name(0, i) for i in range(100)]

    assert len(set(names)) == 100
    assert image_at(0, 2, "classes").name == names[2]


def test_another_process_computes_the_same_labels():
    compute = partial(digest, 1, step="classes")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        assert list(pool.map(compute, range(3))) == [compute(i) for i in range(3)]


def test_the_order_of_asking_does_not_matter():
    forward = [digest(2, i, "boundaries") for i in range(4)]
    backward = [digest(2, i, "boundaries") for i in reversed(range(4))]

    assert forward == backward[::-1]


def test_another_seed_is_another_dataset():
    assert digest(1, 3, "classes") != digest(2, 3, "classes")


def test_tiny_labels_are_32_by_32_and_differ_from_image_to_image():
    labels = [image_at(0, i, "second-batch", tiny=True).label for i in range(40)]
    digests = {label_digest(label) for label in labels if label}

    assert {label.shape for label in labels if label} == {(32, 32)}
    assert len(digests) > 36


def test_changes_of_100_000_images_are_found_without_computing_them():
    changed = SampleStory(0, 100_000, tiny=True).changed_indices("classes")

    assert np.all(np.diff(changed) > 0)
    assert 0.3 < len(changed) / 100_000 < 0.6
