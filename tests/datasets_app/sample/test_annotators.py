from functools import cache

import numpy as np
import pytest

from datasets_app.sample import annotators
from datasets_app.sample.annotators import MODEL, Handling
from datasets_app.sample.taxonomy import class_ids, sample_classes, stuff_names
from panoptic.label import measure_label
from panoptic.label_bytes import canonical_bytes, label_digest, parse_canonical, shape_digest
from panoptic.views import panoptic_runs

annotate = cache(annotators.annotate)  # of one scene many tests look at the same label

SEED = 0
MENDED = Handling("amara", boundaries=True, missed=True, classes=True, groups=True)
IMAGES = range(16)


def classes_of(label):
    names = {row.class_id: row.name for row in sample_classes()}
    return {row.segment_id: names[row.class_id] for row in label.segments}


@pytest.mark.parametrize("index", range(6))
def test_a_label_survives_its_canonical_bytes(index):
    label = annotate(SEED, index, Handling("rosa"))

    assert parse_canonical(canonical_bytes(label)) == label


def test_a_stuff_class_has_one_segment_at_most():
    for index in IMAGES:
        names = list(classes_of(annotate(SEED, index, Handling("jonas"))).values())
        assert all(names.count(stuff) <= 1 for stuff in stuff_names())


def test_ids_of_mended_segments_stay():
    before, after = annotate(SEED, 0, Handling("rosa")), annotate(SEED, 0, MENDED)

    shared = set(classes_of(before)) & set(classes_of(after))

    assert len(shared) > len(before.segments) / 2


def test_hasty_people_miss_small_instances_and_later_steps_add_them():
    hasty = sum(len(annotate(SEED, i, Handling("mei", groups=True)).segments) for i in IMAGES)
    full = sum(len(annotate(SEED, i, MENDED).segments) for i in IMAGES)

    assert full > hasty + 5


def test_corrected_classes_are_those_of_the_scene():
    wrong = Handling("amara", boundaries=True, missed=True, groups=True)
    changed = [
        (old, new)
        for index in IMAGES
        for old, new in zip(
            classes_of(annotate(SEED, index, wrong)).values(),
            classes_of(annotate(SEED, index, MENDED)).values(),
            strict=True,
        )
        if old != new
    ]

    assert ("person", "rider") in changed
    assert len(changed) >= 5


def test_merged_instances_are_taken_apart():
    together = Handling("amara", boundaries=True, missed=True, classes=True)

    counts = [
        (len(annotate(SEED, i, together).segments), len(annotate(SEED, i, MENDED).segments))
        for i in IMAGES
    ]

    assert any(before < after for before, after in counts)


def test_some_instances_are_cut_in_two_and_later_joined():
    def pieces(handling):
        labels = (annotate(SEED, index, handling) for index in IMAGES)
        return [
            r.segment_id for label in labels for r in label.segments if r.segment_id % 1000 >= 500
        ]

    assert pieces(MENDED._replace(groups=False))
    assert not pieces(MENDED)


def test_boundaries_move_and_nothing_else():
    wobbly = MENDED._replace(boundaries=False)

    assert (
        classes_of(annotate(SEED, 4, wobbly)).keys() == classes_of(annotate(SEED, 4, MENDED)).keys()
    )
    assert shape_digest(annotate(SEED, 4, wobbly)) != shape_digest(annotate(SEED, 4, MENDED))


def test_boundaries_move_by_few_pixels():
    wobbly, mended = (
        measure_label(annotate(SEED, 4, MENDED._replace(boundaries=b))).areas for b in (False, True)
    )

    large = mended > 3000
    assert np.abs(wobbly[large] / mended[large] - 1).max() < 0.35


def test_a_model_gives_scores_and_a_person_who_accepts_keeps_the_origin():
    proposed = annotate(SEED, 1, Handling("mei", model=True))
    accepted = annotate(SEED, 1, Handling("mei", model=True, accepted=True))

    assert all(0.5 < row.score < 1 for row in proposed.segments)
    assert all(row.score is None and row.origin.model == MODEL for row in accepted.segments)


def test_renumbering_changes_ids_and_nothing_else():
    plain, renumbered = (annotate(SEED, 2, MENDED._replace(renumbered=r)) for r in (False, True))

    assert label_digest(plain) != label_digest(renumbered)
    assert shape_digest(plain) == shape_digest(renumbered)


def test_some_people_draw_hidden_pixels_too():
    stacked = [label for i in IMAGES if len((label := annotate(SEED, i, MENDED)).layers) > 1]

    assert 2 <= len(stacked) <= 12
    for label in stacked:
        measures = measure_label(label)
        assert (measures.areas > measures.visible_areas).any()


def test_hidden_pixels_belong_to_things_only():
    for index in IMAGES:
        label = annotate(SEED, index, MENDED)
        names, measures = classes_of(label), measure_label(label)
        for segment_id, area, visible in zip(
            measures.ids.tolist(), measures.areas, measures.visible_areas, strict=True
        ):
            assert area == visible or names[segment_id] not in stuff_names()


def test_the_panoptic_view_is_the_same_for_those_who_draw_people_whole():
    plain = annotate(SEED, 15, MENDED)
    whole = annotate(SEED, 15, MENDED._replace(persons=True))

    assert panoptic_runs(plain) == panoptic_runs(whole)


def test_crowds_are_things():
    crowds = [
        row for index in range(30) for row in annotate(SEED, index, MENDED).segments if row.crowd
    ]

    assert crowds
    assert {row.class_id for row in crowds} <= {class_ids()["person"], class_ids()["car"]}


def test_details_describe_things():
    label = annotate(SEED, 0, MENDED._replace(details=True))
    described = [row for row in label.segments if row.attributes]

    assert described
    assert all("distance_m" in row.attributes for row in described)


def test_runs_and_segments_are_like_those_of_real_labels():
    labels = [annotate(SEED, index, Handling("jonas")) for index in range(24)]
    segments = np.array([len(label.segments) for label in labels])
    runs = np.array([panoptic_runs(label).count for label in labels])

    assert 9 <= np.median(segments) <= 26
    assert 3_000 <= np.median(runs) <= 7_000
    assert 200 <= np.median(runs / segments) <= 420


def test_every_class_appears_somewhere():
    seen = set()
    for index in range(60):
        seen |= set(classes_of(annotate(SEED, index, MENDED)).values())

    assert seen == {row.name for row in sample_classes()}
