"""Snapshots as torch datasets, where torch is installed: it is too large for every test run."""

import pickle
from collections import Counter

import numpy as np
import pytest

from tessera.errors import UsageError
from tests.builders import label, stack
from tests.tessera.snapshots import Drawn, classes, make_snapshot, photo_of, pixels_of

torch = pytest.importorskip("torch", reason="torch is not installed: pip install torch")

LAYERED = stack("1111", "22..", ".33.", classes={1: 1, 2: 2, 3: 3}, crowds=[3])


def drawn(number):
    """A label of 2 × 3 pixels in which the number of pixels of class 2 is the number."""
    row = "2" * number + "1" * (6 - number)
    ids = {int(sign): int(sign) for sign in set(row)}
    return Drawn(label(f"{row[:3]} {row[3:]}", ids), photo_of((2, 3), seed=number))


@pytest.fixture
def snapshot(tmp_path):
    """Six images with photographs, 0 to 5 pixels of class 2, and one without a label."""
    images = {f"{number}.png": drawn(number) for number in range(6)}
    return make_snapshot(tmp_path, images | {"unlabelled.png": Drawn(photo=photo_of((2, 3)))})


def one(folder, drawn_label, target, **options):
    snapshot = make_snapshot(folder, {"a.png": Drawn(drawn_label, photo_of(drawn_label.shape))})
    return snapshot.to_torch(target, **options)[0]


def twice(photo, target):
    """A transform that a process can be sent."""
    return photo.float() / 255, target * 2


def test_a_semantic_target_is_the_class_of_every_pixel(tmp_path):
    photo, target = one(tmp_path, LAYERED, "semantic", ids="coco", void=255)
    assert target.dtype == torch.int64
    assert target.tolist() == [[3, 1, 1, 149]]
    assert torch.equal(photo, torch.from_numpy(pixels_of((1, 4)).transpose(2, 0, 1).copy()))


def test_a_panoptic_target_tells_the_segments_that_one_sees(tmp_path):
    _, target = one(tmp_path, LAYERED, "panoptic", photos=False)
    assert target["id_map"].tolist() == [[2, 3, 3, 1]]
    assert target["segment_ids"].tolist() == [1, 2, 3]
    assert target["labels"].tolist() == [1, 2, 3]
    assert target["is_thing"].tolist() == [False, True, True]
    assert target["iscrowd"].tolist() == [False, False, True]


def test_a_panoptic_target_leaves_out_what_is_all_covered(tmp_path):
    covered = stack("11", "22", classes={1: 2, 2: 3})
    _, target = one(tmp_path, covered, "panoptic")
    assert target["segment_ids"].tolist() == [2]


def test_an_instance_target_has_the_full_masks_of_things(tmp_path):
    photo, target = one(tmp_path, LAYERED, "instance", photos=False)
    assert photo is None
    assert target["masks"].int().tolist() == [[[1, 1, 0, 0]], [[0, 1, 1, 0]]]
    assert target["boxes"].tolist() == [[0, 0, 2, 1], [1, 0, 3, 1]]
    assert target["labels"].tolist() == [2, 3]
    assert target["iscrowd"].tolist() == [0, 1]
    assert target["area"].tolist() == [2, 2]


def test_an_image_without_things_has_targets_without_rows(tmp_path):
    _, target = one(tmp_path, label("11", {1: 1}), "instance")
    assert target["boxes"].shape == (0, 4)
    assert target["masks"].shape == (0, 1, 2)


def test_a_target_of_another_name_is_refused(snapshot):
    with pytest.raises(UsageError, match="'depth' is none of semantic, instance, panoptic"):
        snapshot.to_torch("depth")


def test_images_without_a_label_are_left_out(snapshot):
    dataset = snapshot.to_torch("semantic")
    assert len(dataset) == 6
    assert [dataset.item(place).name for place in range(6)] == [f"{n}.png" for n in range(6)]


def test_a_photograph_of_one_pixel_can_be_written_to(tmp_path):
    photo, _ = one(tmp_path, label("1", {1: 1}), "semantic")
    photo += 1
    assert photo.shape == (3, 1, 1)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of fork beside threads
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_read_what_this_process_reads(snapshot, start):
    dataset = snapshot.to_torch("semantic", transform=twice)
    here = [dataset[place] for place in range(len(dataset))]  # the cache is open before a fork
    loader = torch.utils.data.DataLoader(
        dataset,
        batch_size=4,
        num_workers=2,
        multiprocessing_context=start,
        collate_fn=dataset.collate,
    )
    found = [pair for batch in loader for pair in zip(*batch, strict=True)]
    for pair, expected in zip(found, here, strict=True):
        assert all(map(torch.equal, pair, expected))


def test_pictures_of_one_size_make_one_tensor(snapshot):
    loader = torch.utils.data.DataLoader(snapshot.to_torch("semantic"), batch_size=6)
    [(photos, targets)] = list(loader)
    assert (photos.shape, targets.shape) == ((6, 3, 2, 3), (6, 2, 3))


def test_pictures_of_several_sizes_make_lists(tmp_path):
    images = {"a.png": Drawn(label("1", {1: 1})), "b.png": Drawn(label("11", {1: 1}))}
    dataset = make_snapshot(tmp_path, images).to_torch("semantic", photos=False)
    loader = torch.utils.data.DataLoader(dataset, batch_size=2, collate_fn=dataset.collate)
    [(photos, targets)] = list(loader)
    assert photos == [None, None]
    assert [one.tolist() for one in targets] == [[[1]], [[1, 1]]]


def test_a_dataset_that_was_pickled_gives_the_same(snapshot):
    dataset = snapshot.to_torch("panoptic")
    again = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(again[3][1]["id_map"], dataset[3][1]["id_map"])


def test_the_order_is_that_of_seed_and_epoch(snapshot):
    dataset = snapshot.to_torch("semantic")

    def order(seed, epoch):
        sampler = dataset.sampler(seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(1, 0) == order(1, 0)
    assert order(1, 2) == order(1, 2)
    orders = {tuple(order(seed, epoch)) for seed in (1, 2) for epoch in range(4)}
    assert len(orders) > 4
    assert all(sorted(one) == list(range(6)) for one in orders)


def test_images_without_a_class_are_left_out(snapshot):
    sampler = snapshot.to_torch("semantic").sampler(only=["car"])
    assert (sorted(sampler), len(sampler)) == ([1, 2, 3, 4, 5], 5)


def test_images_with_a_class_that_weighs_more_are_drawn_more_often(tmp_path):
    images = {f"{n}.png": drawn(6 if n == 0 else 0) for n in range(4)}
    dataset = make_snapshot(tmp_path, images).to_torch("semantic", photos=False)
    drawn_places = Counter(dataset.sampler(class_weights={"car": 7}, count=2_000))
    assert 0.65 < drawn_places[0] / 2_000 < 0.75  # 7 of 7 + 3


def test_an_epoch_may_be_shorter_and_longer_than_the_dataset(snapshot):
    dataset = snapshot.to_torch("semantic")
    assert len(set(dataset.sampler(count=4))) == 4
    assert Counter(dataset.sampler(count=12)) == dict.fromkeys(range(6), 2)


def test_a_sampler_for_a_class_that_is_nowhere_is_refused(snapshot):
    dataset = snapshot.to_torch("semantic")
    with pytest.raises(UsageError, match="no image has one of these classes"):
        dataset.sampler(only=["sign"])
    with pytest.raises(UsageError, match="no class 'ship'; there are car"):
        dataset.sampler(only=["ship"])


def test_a_retired_class_counts_as_what_it_became(tmp_path):
    known = classes("1 road stuff", "2 car thing", "4 van thing >2")
    images = {"a.png": Drawn(label("1", {1: 1})), "b.png": Drawn(label("4", {4: 4}))}
    dataset = make_snapshot(tmp_path, images, known=known).to_torch("semantic", photos=False)
    assert list(dataset.sampler(only=["car"])) == [1]


def test_targets_share_no_memory_with_the_next_ones(snapshot):
    dataset = snapshot.to_torch("semantic")
    before = dataset[0][1].clone()
    dataset[0][1].zero_()
    assert np.array_equal(dataset[0][1].numpy(), before.numpy())
