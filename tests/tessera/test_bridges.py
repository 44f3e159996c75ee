"""Snapshots in the hands of other libraries, where those are installed; and what is lost there."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from panoptic.label import segment_mask
from panoptic.runs import decode_runs
from tessera.bridges import load_bridge
from tessera.bridges.losses import Losses, LostInBridge, warn_of_losses
from tessera.errors import UsageError
from tests.builders import label, stack
from tests.tessera.snapshots import Drawn, classes, make_snapshot, photo_of, pixels_of

# What is lost is told by a warning, which the tests of it ask for.
pytestmark = pytest.mark.filterwarnings("ignore::tessera.bridges.losses.LostInBridge")

LAYERED = stack(
    "1111 1111", "22.. ....", ".33. ....", classes={1: 1, 2: 2, 3: 3}, crowds=[3], scores={2: 0.5}
)


@pytest.fixture
def snapshot(tmp_path):
    """A layered label in `val`, a flat one in no split, and an image without a label."""
    images = {
        "park/a.png": Drawn(LAYERED, photo_of((2, 4)), "val"),
        "b.png": Drawn(label("12 16", {1: 1, 2: 4, 6: 6}), photo_of((2, 2), seed=1)),
        "c.png": Drawn(photo=photo_of((1, 1))),
    }
    return make_snapshot(tmp_path / "cache", images)


@pytest.fixture
def huggingface(tmp_path, monkeypatch):
    """The library, with a folder of its own for what it keeps."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="Hugging Face's datasets is not installed")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf" / "datasets")
    return datasets


@pytest.fixture
def datumaro():
    return pytest.importorskip("datumaro", reason="datumaro is not installed")


@pytest.fixture
def fiftyone(tmp_path, monkeypatch):
    """The library, with a place of its own for a database."""
    monkeypatch.setenv("FIFTYONE_DATABASE_DIR", str(tmp_path / "fiftyone"))
    monkeypatch.setenv("FIFTYONE_DO_NOT_TRACK", "1")
    return pytest.importorskip("fiftyone", reason="fiftyone is not installed")


def lost(snapshot, *kinds):
    """What a bridge that loses these kinds would tell."""
    return warn_of_losses(snapshot, "a library", kinds)


def test_losses_are_counted(snapshot):
    assert lost(snapshot, *Losses._fields) == Losses(
        covered_pixels=4, covered_stuff=3, scores=1, ids_of_stuff=2, unlabelled=1
    )


def test_only_what_a_library_loses_is_told(snapshot):
    with pytest.warns(LostInBridge, match=r"^a library gets nothing of 1 scores$") as told:
        lost(snapshot, "scores", "tracks")
    assert told[0].message.losses == Losses(scores=1)


@pytest.mark.filterwarnings("error")
def test_nothing_is_told_where_nothing_is_lost(tmp_path):
    flat = make_snapshot(tmp_path, {"a.png": Drawn(label("12", {1: 1, 2: 2}), photo_of((1, 2)))})
    assert lost(flat, "covered_pixels", "scores", "unlabelled", "without_photograph") == Losses()


def test_what_was_erased_is_always_told(tmp_path):
    drawn = Drawn(label("1", {1: 1}), photo_of((1, 1)))
    gone = make_snapshot(tmp_path, {"a.png": drawn}, erased=["a.png"])
    assert lost(gone) == Losses(erased=1)


def test_a_library_that_is_missing_is_named_with_what_to_install(snapshot, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    monkeypatch.delitem(sys.modules, "tessera.bridges.huggingface", raising=False)
    with pytest.raises(UsageError, match=r"pip install 'tessera\[huggingface\]'"):
        snapshot.to_huggingface()


def test_a_failure_of_our_own_is_not_taken_for_a_missing_library(huggingface, monkeypatch):
    monkeypatch.setitem(sys.modules, "panoptic.png", None)
    monkeypatch.delitem(sys.modules, "tessera.bridges.huggingface", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"panoptic\.png"):
        load_bridge("huggingface")


@pytest.mark.parametrize("name", ["huggingface", "datumaro"])
def test_a_bridge_warns_in_the_line_that_asked(name, snapshot, request):
    request.getfixturevalue(name)
    with pytest.warns(LostInBridge) as told:
        getattr(snapshot, f"to_{name}")()
    assert told[0].filename == __file__


def test_huggingface_has_a_dataset_for_each_split(huggingface, snapshot):
    found = snapshot.to_huggingface()
    assert {split: rows["name"][:] for split, rows in found.items()} == {
        "train": ["b.png"],
        "val": ["park/a.png"],
    }


def test_huggingface_decodes_what_the_items_show(huggingface, snapshot):
    for rows in snapshot.to_huggingface().values():
        for row in rows:
            item = snapshot[row["name"]]
            colors = np.asarray(row["panoptic"], np.uint32) @ np.array([1, 256, 65536], np.uint32)
            assert np.array_equal(colors, item.panoptic()[0])
            assert np.array_equal(np.asarray(row["semantic"]), item.semantic())
            assert np.array_equal(np.asarray(row["image"].convert("RGB")), item.photo)


def test_huggingface_names_the_classes(huggingface, snapshot):
    rows = snapshot.to_huggingface()["train"]
    category = rows.features["segments"].feature["category"]
    assert category.names == ["road", "car", "person", "sign"]
    assert [category.int2str(one["category"]) for one in rows[0]["segments"]] == [
        "road",
        "car",
        "sign",
    ]


def test_huggingface_tells_areas_and_boxes_of_what_one_sees(huggingface, snapshot):
    rows = snapshot.to_huggingface()["val"][0]["segments"]
    assert [(one["id"], one["area"], one["bbox"]) for one in rows] == [
        (1, 5, [0, 0, 4, 2]),
        (2, 1, [0, 0, 1, 1]),
        (3, 2, [1, 0, 2, 1]),
    ]


def test_huggingface_loses_what_lies_under_other_segments(huggingface, tmp_path):
    covered = stack("11", "22", classes={1: 2, 2: 3})
    snapshot = make_snapshot(tmp_path / "cache", {"a.png": Drawn(covered)}, labels_only=True)
    [row] = snapshot.to_huggingface()["train"]
    assert [one["id"] for one in row["segments"]] == [2]
    assert "image" not in row


def test_huggingface_keeps_class_ids_of_16_bits(huggingface, tmp_path):
    drawn = Drawn(label("12", {1: 300, 2: 40}))
    known = classes("300 car thing", "40 road stuff")
    for one in known:
        one["color"] = "#102030"
    snapshot = make_snapshot(tmp_path / "cache", {"a.png": drawn}, known=known, labels_only=True)
    [row] = snapshot.to_huggingface()["train"]
    assert np.asarray(row["semantic"]).tolist() == [[300, 40]]


def test_huggingface_reads_a_retired_class_id_as_what_it_became(huggingface, tmp_path):
    known = classes("2 car thing")
    retired = {**known[0], "id": 900, "name": "van", "retired": True, "forwards_to": 2}
    drawn = Drawn(label("1.", {1: 900}))
    snapshot = make_snapshot(
        tmp_path / "cache", {"a.png": drawn}, known=[*known, retired], labels_only=True
    )
    [row] = snapshot.to_huggingface()["train"]
    assert row["semantic"].mode == "L"
    assert np.asarray(row["semantic"]).tolist() == [[2, 0]]


def test_datumaro_has_the_full_mask_of_every_segment(datumaro, snapshot):
    found = {item.id: item for item in snapshot.to_datumaro()}
    item = snapshot["park/a.png"]
    masks = found["park/a"].annotations
    assert [one.id for one in masks] == [1, 2, 3]
    for one in masks:
        full = decode_runs(segment_mask(item.label, one.id), bool)
        assert np.array_equal(np.asarray(one.image, bool), full)


def test_datumaro_paints_by_z_order_what_the_items_show(datumaro, snapshot):
    for found in snapshot.to_datumaro():
        named = "park/a.png" if found.id == "park/a" else f"{found.id}.png"
        item = snapshot[named]
        painted = np.zeros((item.height, item.width), np.uint32)
        for one in sorted(found.annotations, key=lambda mask: mask.z_order):
            painted[np.asarray(one.image, bool)] = one.id
        expected = item.panoptic()[0] if item.is_labelled else 0
        assert np.array_equal(painted, np.broadcast_to(expected, painted.shape))


def test_datumaro_names_classes_splits_and_photographs(datumaro, snapshot):
    found = snapshot.to_datumaro()
    names = [one.name for one in found.categories()[datumaro.AnnotationType.label]]
    assert names == ["road", "car", "person", "sign"]
    assert {item.id: item.subset for item in found} == {
        "b": "default",
        "c": "default",
        "park/a": "val",
    }
    photo = found.get("b", "default").media.data
    assert np.array_equal(photo[..., ::-1], pixels_of((2, 2), seed=1))  # OpenCV's order


def test_datumaro_loses_the_scores(datumaro, snapshot):
    item = snapshot.to_datumaro().get("park/a", "val")
    assert snapshot["park/a.png"].segments[1].score == 0.5
    assert all(set(one.attributes) == {"is_crowd"} for one in item.annotations)
    assert [one.attributes["is_crowd"] for one in item.annotations] == [False, False, True]


def test_fiftyone_shows_instances_with_full_masks(fiftyone, snapshot, tmp_path):
    from tessera.bridges.fiftyone import iter_samples

    samples = {one.tags[0]: one for one in iter_samples(snapshot, tmp_path) if one.tags}
    car, person = samples["val"]["instances"].detections
    assert (car.label, car.index, car.bounding_box) == ("car", 2, [0, 0, 0.5, 0.5])
    assert car.mask.tolist() == [[True, True]]
    assert (car.confidence, person.iscrowd) == (0.5, True)


def test_fiftyone_shows_classes_and_photographs(fiftyone, snapshot, tmp_path):
    from tessera.bridges.fiftyone import iter_samples

    samples = {
        Path(one.filepath).relative_to(tmp_path / "photos").as_posix(): one
        for one in iter_samples(snapshot, tmp_path / "photos")
    }
    assert set(samples) == {"park/a.png", "b.png", "c.png"}
    for name, sample in samples.items():
        item = snapshot[name]
        assert np.array_equal(np.asarray(Image.open(sample.filepath)), item.photo)
        assert not item.is_labelled or np.array_equal(sample["semantic"].mask, item.semantic())


def test_fiftyone_loses_images_without_a_photograph(fiftyone, tmp_path):
    from tessera.bridges.fiftyone import iter_samples

    snapshot = make_snapshot(tmp_path / "cache", {"a.png": Drawn(label("1", {1: 1}))})
    assert list(iter_samples(snapshot, tmp_path / "photos")) == []


def test_fiftyone_keeps_the_samples(fiftyone, snapshot, tmp_path):
    try:
        fiftyone.list_datasets()
    except fiftyone.core.config.FiftyOneConfigError as error:
        pytest.skip(f"fiftyone finds no MongoDB: {error}")
    found = snapshot.to_fiftyone(tmp_path / "photos")
    try:
        assert len(found) == 3
        assert found.default_mask_targets[2] == "car"
    finally:
        found.delete()


def test_fiftyone_shows_photographs_or_nothing(fiftyone, tmp_path):
    images = {"a.png": Drawn(label("1", {1: 1}))}
    snapshot = make_snapshot(tmp_path / "cache", images, labels_only=True)
    with pytest.raises(UsageError, match="pull them, too"):
        snapshot.to_fiftyone(tmp_path / "photos")
