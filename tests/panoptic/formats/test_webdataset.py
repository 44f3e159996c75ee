"""WebDataset tar shards; tests/parity/test_shards_load.py loads them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from panoptic.errors import MalformedFile
from panoptic.formats.base import (
    ExportImage,
    ExportReport,
    Format,
    OneWayFormat,
    ReadOptions,
    WriteOptions,
)
from panoptic.formats.losses import HIDDEN_PIXELS, HIDDEN_SEGMENTS
from panoptic.formats.shards.parquet import PARQUET
from panoptic.formats.shards.webdataset import WEBDATASET, encode_key
from panoptic.label import Label, Origin
from tests.builders import label, stack
from tests.conformance.formats import WriterConformance, content_of
from tests.laws import examples
from tests.panoptic.formats.files import CLASSES, export_image

PLAIN = label("112 1.2", {1: 7, 2: 8}, crowds=[1])
JPEG, PNG = b"\xff\xd8\xff of a camera", b"\x89PNG of a screen"


class TestWebDataset(WriterConformance):
    format = WEBDATASET
    target_name = "shards"
    classes = CLASSES

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 7})


def test_a_sample_is_photograph_ids_and_json_side_by_side(tmp_path: Path) -> None:
    given = label(
        "112 1.2",
        {1: 7, 2: 8},
        crowds=[1],
        scores={1: 0.1},
        origins={1: Origin("net")},
        attributes={1: {"occluded": True}},
    )
    image = export_image("a.jpg", given, split="val", attributes={"source_id": "7"})
    write(tmp_path / "x", [(image, JPEG)])
    files = files_of(tmp_path / "x/val-000000.tar")
    assert list(files) == ["a%2Ejpg.jpg", "a%2Ejpg.panoptic.png", "a%2Ejpg.json"]
    assert files["a%2Ejpg.jpg"] == JPEG
    pixels = np.asarray(Image.open(io.BytesIO(files["a%2Ejpg.panoptic.png"])))
    assert pixels[..., 0].tolist() == [[1, 1, 2], [1, 0, 2]]
    assert not pixels[..., 1:].any()
    assert json.loads(files["a%2Ejpg.json"]) == {
        "name": "a.jpg",
        "split": "val",
        "height": 2,
        "width": 3,
        "attributes": {"source_id": "7"},
        "segments": [
            {
                "id": 1,
                "category_id": 1,
                "category": "person",
                "is_thing": True,
                "iscrowd": True,
                "area": 3,
                "bbox": [0, 0, 2, 2],
                "score": 0.1,
                "origin": {"model": "net"},
                "attributes": {"occluded": True},
            },
            {
                "id": 2,
                "category_id": 200,
                "category": "sky",
                "is_thing": False,
                "iscrowd": False,
                "area": 2,
                "bbox": [2, 0, 1, 2],
                "attributes": {},
            },
        ],
    }


def test_classes_json_stands_beside_the_shards(tmp_path: Path) -> None:
    write(tmp_path / "x", [(export_image("a.jpg", PLAIN), None)])
    listed = json.loads((tmp_path / "x/classes.json").read_text())["categories"]
    assert [(one["id"], one["name"]) for one in listed] == [(1, "person"), (3, "car"), (200, "sky")]


@examples(40)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8))
def test_trap_16_a_key_is_its_name_and_has_neither_dot_nor_slash(name: str) -> None:
    key = encode_key(name)
    assert unquote(key) == name
    assert not set(key) & set("./ ")
    assert key.isascii()


def test_names_that_differ_only_behind_a_dot_are_two_samples(tmp_path: Path) -> None:
    names = ["a.jpg", "a.png", "a/b.c.jpg", "a", "__x__/y.jpg", "ü%2E.jpg", 130 * "long."]
    write(tmp_path / "x", [(export_image(name, PLAIN), PNG) for name in names])
    files = files_of(tmp_path / "x/train-000000.tar")
    told = [json.loads(text)["name"] for name, text in files.items() if name.endswith(".json")]
    assert told == names
    assert len({name.partition(".")[0] for name in files}) == len(names)
    assert len([name for name in files if name.count(".") == 1 and name.endswith(".png")]) == 7


def test_a_photograph_has_the_suffix_of_what_it_is(tmp_path: Path) -> None:
    pairs = {"a.jpg": PNG, "b.png": JPEG, "c.jpg": b"?"}
    write(tmp_path / "x", [(export_image(name, None), photo) for name, photo in pairs.items()])
    photos = [name for name in files_of(tmp_path / "x/train-000000.tar") if "json" not in name]
    assert photos == ["a%2Ejpg.png", "b%2Epng.jpg", "c%2Ejpg.bin"]


def test_every_split_has_its_shards_and_images_tell_their_own(tmp_path: Path) -> None:
    splits = ["train", "val", None, "../my split", "train"]
    images = [export_image(f"{n}.jpg", PLAIN, split=split) for n, split in enumerate(splits)]
    write(tmp_path / "x", [(image, None) for image in images], shard_bytes="1")
    shards = sorted(path.name for path in (tmp_path / "x").glob("*.tar"))
    assert shards == [
        "_my_split-000000.tar",
        "train-000000.tar",
        "train-000001.tar",
        "train-000002.tar",
        "val-000000.tar",
    ]
    told = [json.loads(text) for shard in shards for text in jsons_of(tmp_path / "x" / shard)]
    assert {one["name"]: one["split"] for one in told} == {
        f"{n}.jpg": split for n, split in enumerate(splits)
    }


def test_an_unlabelled_image_has_no_id_map_and_an_empty_label_has(tmp_path: Path) -> None:
    images = [export_image("a.jpg", None), export_image("b.jpg", label("...", {}))]
    report = write(tmp_path / "x", [(image, None) for image in images])
    files = files_of(tmp_path / "x/train-000000.tar")
    assert list(files) == ["a%2Ejpg.json", "b%2Ejpg.panoptic.png", "b%2Ejpg.json"]
    assert json.loads(files["a%2Ejpg.json"])["segments"] is None
    assert json.loads(files["b%2Ejpg.json"])["segments"] == []
    assert (report.images, report.segments) == (2, 0)


def test_trap_13_what_lies_under_others_is_counted(tmp_path: Path) -> None:
    covered = stack("11. ...", ".2. ...", "..3 ...", ".44 ...", classes={1: 7, 2: 8, 3: 9, 4: 7})
    report = write(tmp_path / "x", [(export_image("a.jpg", covered), None)])
    assert report.lost == {HIDDEN_PIXELS: 3, HIDDEN_SEGMENTS: 2}
    assert [problem.code for problem in report.problems] == ["hidden_segment"]
    (told,) = jsons_of(tmp_path / "x/train-000000.tar")
    assert [(one["id"], one["area"]) for one in json.loads(told)["segments"]] == [(1, 1), (4, 2)]


@pytest.mark.parametrize("format_", [WEBDATASET, PARQUET], ids=lambda each: each.name)
def test_trap_15_a_photograph_that_is_read_turned_is_told(format_: Format, tmp_path: Path) -> None:
    """`datasets` turns photographs by their EXIF, decoders of `webdataset` do not."""
    stored = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (2, 3)).save(stored, "JPEG", exif=exif)
    upright, lying = label("112 1.2", {1: 7, 2: 8}), label("11 1. 22", {1: 7, 2: 8})
    with format_.create(tmp_path / "x", CLASSES, WriteOptions(photos=True)) as writer:
        for name, given in (("upright.jpg", upright), ("lying.jpg", lying)):
            writer.add(writer.encode(export_image(name, given)), stored.getvalue())
        problems = writer.close().problems
    wrong = {"webdataset": "upright.jpg", "parquet": "lying.jpg"}[format_.name]
    assert [(each.code, each.image) for each in problems] == [("photo_size_mismatch", wrong)]
    assert problems[0].severity == "warning"


def test_trap_17_what_json_cannot_say_is_refused_with_its_reason(tmp_path: Path) -> None:
    image = export_image("a.jpg", PLAIN, attributes={"source_id": np.int64(3)})
    with pytest.raises(MalformedFile, match="cannot be written as JSON"):
        write(tmp_path / "x", [(image, None)])
    assert list(tmp_path.iterdir()) == []


def test_trap_26_no_name_leaves_the_archive(tmp_path: Path) -> None:
    names = ["../a.jpg", "/etc/passwd", "a/../../b.jpg"]
    write(tmp_path / "x", [(export_image(name, PLAIN), None) for name in names])
    for name in files_of(tmp_path / "x/train-000000.tar"):
        assert "/" not in name
        assert not name.startswith(".")


def test_nothing_of_the_machine_is_in_a_shard(tmp_path: Path) -> None:
    write(tmp_path / "x", [(export_image("a.jpg", PLAIN), JPEG)])
    with tarfile.open(tmp_path / "x/train-000000.tar") as archive:
        for entry in archive:
            facts = (entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname, entry.mode)
            assert facts == (0, 0, 0, "", "", 0o644)
            assert entry.isreg()


def test_the_bytes_of_a_small_export_are_these(tmp_path: Path) -> None:
    write(tmp_path / "x", [(export_image("a.jpg", PLAIN, split="val"), JPEG)])
    digests = {
        name: hashlib.sha256(content).hexdigest()[:16]
        for name, content in content_of(tmp_path / "x").items()
    }
    assert digests == {"classes.json": "ba289f29e84dfd6f", "val-000000.tar": "8819dc92baa7825f"}


def test_a_shard_is_not_kept_in_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    with WEBDATASET.create(tmp_path / "x", CLASSES, WriteOptions(photos=True)) as writer:
        for number in range(100):
            photo = JPEG + bytes(200_000)
            writer.add(writer.encode(export_image(f"{number}.jpg", PLAIN)), photo)
        writer.close()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "x/train-000000.tar").stat().st_size > 20_000_000
    assert peak < 2_000_000


def test_it_is_not_read(tmp_path: Path) -> None:
    assert not WEBDATASET.is_read
    assert list(WEBDATASET.recognise(tmp_path)) == []
    with pytest.raises(OneWayFormat):
        WEBDATASET.open(tmp_path, ReadOptions())


def write(
    target: Path, images: Iterable[tuple[ExportImage, bytes | None]], **values: str
) -> ExportReport:
    """Export images with their photographs."""
    options = WriteOptions(photos=True, values=values)
    with WEBDATASET.create(target, CLASSES, options) as writer:
        for image, photo in images:
            writer.add(writer.encode(image), photo)
        return writer.close()


def files_of(shard: Path) -> dict[str, bytes]:
    """The files of a shard in their order, by a reader that is not ours."""
    with tarfile.open(shard) as archive:
        opened: list[tuple[str, Any]] = [(e.name, archive.extractfile(e)) for e in archive]
        return {name: file.read() for name, file in opened}


def jsons_of(shard: Path) -> list[bytes]:
    """The JSON files of a shard."""
    return [content for name, content in files_of(shard).items() if name.endswith(".json")]
