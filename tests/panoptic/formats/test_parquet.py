"""Parquet shards for `datasets` of Hugging Face; tests/parity/test_shards_load.py loads them."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from panoptic.errors import PanopticError, TooLarge
from panoptic.formats.base import (
    ExportClass,
    ExportImage,
    ExportReport,
    OneWayFormat,
    ReadOptions,
    WriteOptions,
)
from panoptic.formats.losses import HIDDEN_PIXELS, HIDDEN_SEGMENTS
from panoptic.formats.options import InvalidOption
from panoptic.formats.shards import parquet as parquet_format
from panoptic.formats.shards.parquet import PARQUET
from panoptic.label import Label, Origin, renumber
from tests.builders import label, stack
from tests.conformance.formats import WriterConformance, content_of
from tests.panoptic.formats.files import CLASSES, export_image, write_all

pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra `parquet`)")
parquet = pytest.importorskip("pyarrow.parquet")

PLAIN = label("112 1.2", {1: 7, 2: 8}, crowds=[1])
PHOTO = b"\xff\xd8\xff of a camera"


class TestParquet(WriterConformance):
    format = PARQUET
    target_name = "shards"
    classes = CLASSES

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 7})


def test_a_row_says_what_is_visible_of_an_image(tmp_path: Path) -> None:
    given = label(
        "112 1.2",
        {1: 7, 2: 8},
        crowds=[1],
        scores={1: 0.1},
        track_ids={1: 2**40},
        origins={1: Origin("net", "2", 0.5)},
        attributes={1: {"occluded": True}},
    )
    image = export_image("d/a.jpg", given, split="val", attributes={"source_id": "7", "f": 1.5})
    write(tmp_path / "x", [image], photo=PHOTO)
    (row,) = rows_of(tmp_path / "x/data/val-00000-of-00001.parquet")
    png = row.pop("panoptic")
    assert ids_of(png["bytes"]) == [[1, 1, 2], [1, 0, 2]]
    assert png["path"] == "d/a.png"
    assert row.pop("image") == {"bytes": PHOTO, "path": "d/a.jpg"}
    first, second = row.pop("segments")
    assert row == {
        "name": "d/a.jpg",
        "split": "val",
        "height": 2,
        "width": 3,
        "attributes": '{"f":1.5,"source_id":"7"}',
    }
    assert first == {
        "id": 1,
        "category": 0,
        "category_id": 1,
        "is_thing": True,
        "iscrowd": True,
        "area": 3,
        "bbox": [0, 0, 2, 2],
        "score": float(np.float32(0.1)),
        "track_id": 2**40,
        "origin": '{"model":"net","version":"2","score":0.5}',
        "attributes": '{"occluded":true}',
    }
    assert second == {
        "id": 2,
        "category": 2,
        "category_id": 200,
        "is_thing": False,
        "iscrowd": False,
        "area": 2,
        "bbox": [2, 0, 1, 2],
        "score": None,
        "track_id": None,
        "origin": None,
        "attributes": "{}",
    }


def test_classes_json_lists_the_classes_in_the_order_of_the_class_label(tmp_path: Path) -> None:
    write(tmp_path / "x", [export_image("a.jpg", PLAIN)])
    listed = json.loads((tmp_path / "x/classes.json").read_text())["categories"]
    assert [(one["id"], one["name"], one["isthing"]) for one in listed] == [
        (1, "person", 1),
        (3, "car", 1),
        (200, "sky", 0),
    ]
    schema = parquet.read_schema(tmp_path / "x/data/train-00000-of-00001.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["segments"][0]["category"]["names"] == ["person", "car", "sky"]
    assert features["panoptic"] == {"_type": "Image"}


def test_every_split_has_shards_that_know_their_number(tmp_path: Path) -> None:
    splits = ["train", "val", None, "my split", "train", "all"]
    images = [export_image(f"{n}.jpg", PLAIN, split=split) for n, split in enumerate(splits)]
    write(tmp_path / "x", images, shard_bytes="1")
    files = sorted(path.name for path in (tmp_path / "x/data").iterdir())
    assert files == [
        "all_-00000-of-00001.parquet",
        "my_split-00000-of-00001.parquet",
        "train-00000-of-00003.parquet",
        "train-00001-of-00003.parquet",
        "train-00002-of-00003.parquet",
        "val-00000-of-00001.parquet",
    ]
    told = [row for file in files for row in rows_of(tmp_path / "x/data" / file)]
    assert {row["name"]: row["split"] for row in told} == {
        "0.jpg": "train",
        "1.jpg": "val",
        "2.jpg": None,
        "3.jpg": "my split",
        "4.jpg": "train",
        "5.jpg": "all",
    }


def test_a_shard_ends_before_the_image_that_would_make_it_too_large(tmp_path: Path) -> None:
    images = [export_image(f"{n}.jpg", PLAIN) for n in range(5)]
    with PARQUET.create(tmp_path / "probe", CLASSES, WriteOptions()) as writer:
        record = writer.encode(images[0])
    each = len(record.text) + len(record.png)
    for limit, counts in ((2 * each, [2, 2, 1]), (2 * each - 1, [1] * 5), (9 * each, [5])):
        target = tmp_path / str(limit)
        write(target, images, shard_bytes=str(limit))
        files = sorted((target / "data").iterdir())
        assert [parquet.read_metadata(file).num_rows for file in files] == counts


def test_rows_keep_the_order_of_the_images(tmp_path: Path) -> None:
    names = ["b.jpg", "a.jpg", "c.jpg"]
    write(tmp_path / "x", [export_image(name, PLAIN) for name in names])
    rows = rows_of(tmp_path / "x/data/train-00000-of-00001.parquet")
    assert [row["name"] for row in rows] == names


def test_without_photographs_there_is_no_column_for_them(tmp_path: Path) -> None:
    write(tmp_path / "x", [export_image("a.jpg", PLAIN)])
    (row,) = rows_of(tmp_path / "x/data/train-00000-of-00001.parquet")
    assert "image" not in row


def test_an_unlabelled_image_is_a_row_of_nulls_and_an_empty_label_is_not(tmp_path: Path) -> None:
    images = [export_image("a.jpg", None), export_image("b.jpg", label("...", {}))]
    report = write(tmp_path / "x", images)
    unlabelled, empty = rows_of(tmp_path / "x/data/train-00000-of-00001.parquet")
    assert (unlabelled["panoptic"], unlabelled["segments"]) == (None, None)
    assert ids_of(empty["panoptic"]["bytes"]) == [[0, 0, 0]]
    assert empty["segments"] == []
    assert (report.images, report.segments) == (2, 0)


def test_an_export_without_images_has_the_columns(tmp_path: Path) -> None:
    write(tmp_path / "x", [])
    assert rows_of(tmp_path / "x/data/train-00000-of-00001.parquet") == []


def test_trap_13_what_lies_under_others_is_counted(tmp_path: Path) -> None:
    covered = stack("11. ...", ".2. ...", "..3 ...", ".44 ...", classes={1: 7, 2: 8, 3: 9, 4: 7})
    report = write(tmp_path / "x", [export_image("a.jpg", covered)])
    assert report.lost == {HIDDEN_PIXELS: 3, HIDDEN_SEGMENTS: 2}
    (problem,) = report.problems
    assert (problem.code, problem.image) == ("hidden_segment", "a.jpg")
    assert "2 ids (2, 3)" in problem.message
    (row,) = rows_of(tmp_path / "x/data/train-00000-of-00001.parquet")
    assert [(one["id"], one["area"]) for one in row["segments"]] == [(1, 1), (4, 2)]


def test_trap_14_holes_and_parts_are_as_they_were(tmp_path: Path) -> None:
    drawing = "111.1 1.1.1 111.1"
    write(tmp_path / "x", [export_image("a.jpg", label(drawing, {1: 7}))])
    (row,) = rows_of(tmp_path / "x/data/train-00000-of-00001.parquet")
    assert ids_of(row["panoptic"]["bytes"]) == [
        [int(sign == "1") for sign in line] for line in drawing.split()
    ]
    assert (row["segments"][0]["area"], row["segments"][0]["bbox"]) == (11, [0, 0, 5, 3])


def test_trap_16_only_the_suffix_of_a_photograph_is_cut(tmp_path: Path) -> None:
    images = [export_image(name, PLAIN) for name in ("a.b.jpg", "frame.001")]
    write(tmp_path / "x", images)
    rows = rows_of(tmp_path / "x/data/train-00000-of-00001.parquet")
    assert [row["panoptic"]["path"] for row in rows] == ["a.b.png", "frame.001.png"]
    assert [row["name"] for row in rows] == ["a.b.jpg", "frame.001"]


def test_trap_17_ids_keep_their_type(tmp_path: Path) -> None:
    images = [
        export_image(f"{n}.jpg", PLAIN, attributes={"source_id": value})
        for n, value in enumerate([1, "1"])
    ]
    write(tmp_path / "x", images)
    rows = rows_of(tmp_path / "x/data/train-00000-of-00001.parquet")
    assert [json.loads(row["attributes"])["source_id"] for row in rows] == [1, "1"]


@pytest.mark.parametrize("segment_id", [254, 255, 256, 257, 65535, 65536, 2**24 - 1])
def test_ids_at_the_edges_are_in_the_png(segment_id: int, tmp_path: Path) -> None:
    given = renumber(label("1.", {1: 7}), [1], [segment_id])
    write(tmp_path / "x", [export_image("a.jpg", given)])
    (row,) = rows_of(tmp_path / "x/data/train-00000-of-00001.parquet")
    assert ids_of(row["panoptic"]["bytes"]) == [[segment_id, 0]]
    assert row["segments"][0]["id"] == segment_id


def test_two_exports_are_the_same_bytes_with_photographs(tmp_path: Path) -> None:
    images = [export_image(f"{n}.jpg", PLAIN, split=f"s{n % 3}") for n in range(9)]
    for folder in ("a", "b"):
        write(tmp_path / folder, images, photo=PHOTO, shard_bytes="700")
    assert content_of(tmp_path / "a") == content_of(tmp_path / "b")


def test_what_is_stored_is_neither_compressed_nor_dictionary_encoded(tmp_path: Path) -> None:
    write(tmp_path / "x", [export_image("a.jpg", PLAIN)], photo=PHOTO)
    file = tmp_path / "x/data/train-00000-of-00001.parquet"
    group = parquet.read_metadata(file).row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    assert {column.compression for column in columns} == {"UNCOMPRESSED"}
    assert not any(column.has_dictionary_page for column in columns)
    assert PHOTO in file.read_bytes()


def test_the_values_of_a_small_export_are_these(tmp_path: Path) -> None:
    """Not the file's bytes, in which pyarrow writes its release."""
    write(tmp_path / "x", [export_image("a.jpg", PLAIN)], photo=PHOTO)
    rows = rows_of(tmp_path / "x/data/train-00000-of-00001.parquet")
    digest = hashlib.sha256(repr(rows).encode()).hexdigest()
    assert digest == "404e8a6b237d20adb938f0db0b0344a0444757417b428e12a2ca71cd2c2969e7"


def test_a_row_group_is_what_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_format, "_GROUP_BYTES", 200_000)
    photo = PHOTO + bytes(100_000)
    tracemalloc.start()
    with PARQUET.create(tmp_path / "x", CLASSES, WriteOptions(photos=True)) as writer:
        for number in range(100):
            writer.add(writer.encode(export_image(f"{number}.jpg", PLAIN)), bytes(photo))
        writer.close()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (file,) = (tmp_path / "x/data").iterdir()
    assert parquet.read_metadata(file).num_row_groups == 50
    assert file.stat().st_size > 10_000_000
    assert peak < 2_000_000


def test_a_full_row_group_is_written_by_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_format, "_GROUP_ROWS", 2)
    write(tmp_path / "x", [export_image(f"{n}.jpg", PLAIN) for n in range(5)])
    (file,) = (tmp_path / "x/data").iterdir()
    assert parquet.read_metadata(file).num_row_groups == 3


def test_more_shards_than_names_have_digits_for_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_format, "_MAX_SHARDS", 2)
    images = [export_image(f"{n}.jpg", PLAIN) for n in range(3)]
    with pytest.raises(TooLarge, match="too many shards of train: 3, at most 2"):
        write(tmp_path / "x", images, shard_bytes="1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["0", "-1", "1e6", "500MB", "²", "9" * 40])
def test_a_size_that_is_none_is_refused_before_anything_is_made(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="shard_bytes"):
        write(tmp_path / "x", [], shard_bytes=text)
    assert list(tmp_path.iterdir()) == []


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(PanopticError, match=r"pip install 'tessera\[parquet\]'") as refused:
        write(tmp_path / "x", [])
    assert refused.value.code == "library_missing"
    assert list(tmp_path.iterdir()) == []


def test_it_is_not_read(tmp_path: Path) -> None:
    assert not PARQUET.is_read
    assert list(PARQUET.recognise(tmp_path)) == []
    with pytest.raises(OneWayFormat):
        PARQUET.open(tmp_path, ReadOptions())


def test_another_scheme_gives_other_category_ids(tmp_path: Path) -> None:
    classes = (ExportClass(7, "person", "thing", (1, 2, 3), {"coco": 1, "mine": 40}),)
    with PARQUET.create(tmp_path / "x", classes, WriteOptions(scheme="mine")) as writer:
        writer.add(writer.encode(export_image("a.jpg", label("1", {1: 7}))))
        writer.close()
    (row,) = rows_of(tmp_path / "x/data/train-00000-of-00001.parquet")
    assert row["segments"][0]["category_id"] == 40


def write(
    target: Path, images: Iterable[ExportImage], *, photo: bytes | None = None, **values: str
) -> ExportReport:
    """Export images, all of them with one photograph, or all without."""
    options = WriteOptions(photos=photo is not None, values=values)
    if photo is None:
        return write_all(PARQUET, target, list(images), options=options)
    with PARQUET.create(target, CLASSES, options) as writer:
        for image in images:
            writer.add(writer.encode(image), photo)
        return writer.close()


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The rows of one shard."""
    rows: list[dict[str, Any]] = parquet.ParquetFile(file).read().to_pylist()
    return rows


def ids_of(png: bytes) -> list[list[int]]:
    """The segment ids of a PNG, by Pillow."""
    red, green, blue = np.asarray(Image.open(io.BytesIO(png))).astype(np.uint32).transpose(2, 0, 1)
    ids: list[list[int]] = (red + 256 * green + 65536 * blue).tolist()
    return ids
