import json
from pathlib import Path

from datasets_app.sample.taxonomy import class_ids, sample_classes, stuff_names
from tests.real_data import real_data


def test_class_ids_start_at_one_and_leave_no_gap():
    rows = sample_classes()

    assert [row.class_id for row in rows] == list(range(1, len(rows) + 1))


def test_names_and_colours_are_distinct():
    rows = sample_classes()

    assert len({row.name for row in rows}) == len(rows)
    assert len({row.color for row in rows}) == len(rows)


def test_colours_of_two_classes_are_far_enough_apart_to_tell():
    colors = [[int(row.color[i : i + 2], 16) for i in (1, 3, 5)] for row in sample_classes()]

    for place, one in enumerate(colors):
        for two in colors[place + 1 :]:
            assert sum(abs(a - b) for a, b in zip(one, two, strict=True)) >= 40, (one, two)


def test_external_ids_are_unique_within_a_scheme():
    for scheme in ("cityscapes", "cityscapes_train", "coco"):
        ids = [row.external[scheme] for row in sample_classes() if scheme in row.external]

        assert len(set(ids)) == len(ids) >= 18


def test_coco_ids_are_those_of_its_own_category_file():
    path: Path = real_data("coco_panoptic_sample") / "panoptic_coco_categories.json"
    names = {row["id"]: row["name"] for row in json.loads(path.read_text())}

    coco = {
        row.name: names[row.external["coco"]] for row in sample_classes() if "coco" in row.external
    }

    assert coco["sky"] == "sky-other-merged"
    assert coco["sidewalk"] == "pavement-merged"
    assert coco["water"] == "water-other"
    assert coco["mountain"] == "mountain-merged"
    assert all(coco[n] == n for n in ("person", "car", "dog", "umbrella", "bench", "bird", "road"))


def test_stuff_and_things_are_told_apart():
    assert {"road", "sky", "vegetation"} <= stuff_names()
    assert not {"person", "car", "bus"} & stuff_names()
    assert class_ids()["road"] == 1
