"""Shards as the libraries load them that they are for: the same photographs, ids and segments."""

from __future__ import annotations

import gc
import io
import json
import random
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from panoptic.formats.base import ExportImage, Format, WriteOptions
from panoptic.formats.shards.parquet import PARQUET
from panoptic.formats.shards.webdataset import WEBDATASET
from panoptic.label import Label, label_from_id_map, measure_label
from panoptic.runs import decode_runs
from panoptic.segments import Segment
from panoptic.views import panoptic_runs
from tests.conformance.formats import content_of
from tests.panoptic.formats.files import CLASSES

SPLITS = ("train", "val", None, "part 2", "all")
SHARDED = {"shard_bytes": "4000"}
# The library does, not we; they are collected within the test.
LEAVES_FILES_OPEN = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize("by", ["folder", "builder"])
def test_datasets_loads_the_parquet_shards(by: str, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    images = some_images(12)
    write(PARQUET, tmp_path / "shards", images)
    where = (
        {"path": str(tmp_path / "shards")}
        if by == "folder"
        else {"path": "parquet", "data_dir": str(tmp_path / "shards")}
    )
    loaded = datasets.load_dataset(**where, cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"train", "val", "part_2", "all_"}
    features = loaded["train"].features
    assert isinstance(features["image"], datasets.Image)
    assert isinstance(features["panoptic"], datasets.Image)
    rows = {row["name"]: row for part in loaded.values() for row in part}
    assert rows.keys() == {image.name for image in images}
    for image in images:
        row = rows[image.name]
        assert (row["split"], row["height"], row["width"]) == (image.split, 20, 30)
        assert np.array_equal(np.asarray(row["image"]), pixels_of(photo_of(image)))
        check_ids(row["panoptic"], image)
        check_segments(row["segments"], image)
        for segment in row["segments"]:
            names = loaded["train"].features["segments"].feature["category"].names
            assert names[segment["category"]] == name_of(image, segment["id"])


def test_datasets_streams_the_parquet_shards_in_their_order(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    images = some_images(12)
    write(PARQUET, tmp_path / "shards", images)
    rows = datasets.load_dataset(str(tmp_path / "shards"), split="train", streaming=True)
    expected = [image.name for image in images if image.split in ("train", None)]
    assert [row["name"] for row in rows] == expected


@LEAVES_FILES_OPEN
def test_webdataset_reads_the_tars(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed")
    images = some_images(12)
    write(WEBDATASET, tmp_path / "shards", images)
    urls = sorted(map(str, (tmp_path / "shards").glob("*.tar")))
    assert len(urls) > 3
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pilrgb"))
    gc.collect()
    by_name = {sample["json"]["name"]: sample for sample in samples}
    assert len(samples) == len(images)
    for image in images:
        sample = by_name[image.name]
        facts = sample["json"]
        assert (facts["split"], facts["height"], facts["width"]) == (image.split, 20, 30)
        assert np.array_equal(np.asarray(sample["jpg"]), pixels_of(photo_of(image)))
        check_ids(sample["panoptic.png"], image)
        check_segments(facts["segments"], image)
        assert {segment["id"]: segment["category"] for segment in facts["segments"]} == {
            segment["id"]: name_of(image, segment["id"]) for segment in facts["segments"]
        }


@LEAVES_FILES_OPEN
def test_datasets_reads_the_tars_too(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    images = [image._replace(split="train") for image in some_images(5)]
    write(WEBDATASET, tmp_path / "shards", images)
    loaded = datasets.load_dataset(
        "webdataset", data_dir=str(tmp_path / "shards"), cache_dir=str(tmp_path / "cache")
    )
    rows = list(loaded["train"])
    gc.collect()
    assert [row["json"]["name"] for row in rows] == [image.name for image in images]
    for row, image in zip(rows, images, strict=True):
        check_ids(row["panoptic.png"], image)


@pytest.mark.parametrize("format_", [PARQUET, WEBDATASET], ids=lambda each: each.name)
def test_neither_the_run_nor_the_order_of_processes_changes_a_byte(
    format_: Format, tmp_path: Path
) -> None:
    images = some_images(24)
    write(format_, tmp_path / "alone", images)
    write(format_, tmp_path / "again", images)
    with ProcessPoolExecutor(2, get_context("forkserver")) as pool:
        options = WriteOptions(photos=True, values=SHARDED)
        with format_.create(tmp_path / "pool", CLASSES, options) as writer:
            # Encoded in any order; whoever writes puts the records back into theirs.
            shuffled = random.Random(1).sample(range(len(images)), len(images))
            encoded = pool.map(writer.encode, [images[place] for place in shuffled])
            records = dict(zip(shuffled, encoded, strict=True))
            for place, image in enumerate(images):
                writer.add(records[place], photo_of(image))
            writer.close()
    expected = content_of(tmp_path / "alone")
    assert len(expected) > 4
    assert content_of(tmp_path / "again") == expected
    assert content_of(tmp_path / "pool") == expected


def some_images(count: int) -> list[ExportImage]:
    """Images in four splits, of random squares; ids are as large as 2^24 - 1."""
    chance = np.random.default_rng(5)
    images = []
    for number in range(count):
        plane = np.zeros((20, 30), np.uint32)
        for segment_id in chance.choice([1, 255, 256, 65_536, 2**24 - 1], 3, replace=False):
            top, left = chance.integers(0, 15, 2)
            plane[top : top + 7, left : left + 9] = segment_id
        ids = [segment_id for segment_id in np.unique(plane).tolist() if segment_id]
        rows = [Segment(each, 7 + place, place == 0) for place, each in enumerate(ids)]
        split = SPLITS[number % len(SPLITS)]
        name = f"folder.{number % 3}/{number:03d}.jpg"
        images.append(ExportImage(name, label_from_id_map(plane, rows), 20, 30, split=split))
    return images


def write(format_: Format, target: Path, images: Iterable[ExportImage]) -> None:
    options = WriteOptions(photos=True, values=SHARDED)
    with format_.create(target, CLASSES, options) as writer:
        for image in images:
            writer.add(writer.encode(image), photo_of(image))
        writer.close()


def photo_of(image: ExportImage) -> bytes:
    """A JPEG that no other image has."""
    noise = np.random.default_rng(list(image.name.encode())).integers(0, 256, (20, 30, 3))
    file = io.BytesIO()
    Image.fromarray(noise.astype(np.uint8)).save(file, "JPEG")
    return file.getvalue()


def pixels_of(photo: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(photo)))


def check_ids(png: Image.Image, image: ExportImage) -> None:
    red, green, blue = np.asarray(png).astype(np.uint32).transpose(2, 0, 1)
    expected = decode_runs(panoptic_runs(label_of(image)))
    assert np.array_equal(red + 256 * green + 65_536 * blue, expected)


def check_segments(told: list[dict[str, Any]], image: ExportImage) -> None:
    label = label_of(image)
    areas = measure_label(label).areas.tolist()
    expected = [(row.segment_id, row.crowd) for row in label.segments]
    assert [(each["id"], each["iscrowd"]) for each in told] == expected
    assert [each["area"] for each in told] == areas
    plane = decode_runs(panoptic_runs(label))
    for each in told:
        rows, columns = np.nonzero(plane == each["id"])
        left, top, width, height = each["bbox"]
        assert (left, top) == (columns.min(), rows.min())
        assert (left + width - 1, top + height - 1) == (columns.max(), rows.max())
        json.dumps(each)


def name_of(image: ExportImage, segment_id: int) -> str:
    names = {one.class_id: one.name for one in CLASSES}
    return names[label_of(image).segments.row(segment_id).class_id]


def label_of(image: ExportImage) -> Label:
    assert image.label is not None
    return image.label
