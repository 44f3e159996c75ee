"""`--format auto`: what files are is found and told, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from panoptic.formats import recognition
from panoptic.formats.base import Carries, Format, Found, OneWayFormat
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.instance_masks.format import INSTANCE_MASKS
from panoptic.formats.recognition import (
    AmbiguousFormat,
    UnrecognisedFormat,
    choose,
    get_readable,
    get_writable,
    locate,
    place_in,
    readable_formats,
    recognise,
    writable_formats,
)
from panoptic.formats.registry import FORMATS
from tests.panoptic.formats.files import panoptic_json, write_panoptic

_DRAWINGS = {"a.jpg": "112 112"}


@pytest.fixture(autouse=True)
def _only_those_of_this_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two formats: what others think of these files is a matter of their own tests."""
    known = {"coco_panoptic": COCO_PANOPTIC, "instance_masks": INSTANCE_MASKS}
    monkeypatch.setattr(recognition, "FORMATS", known)


def panoptic(folder: Path, name: str = "labels.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = write_panoptic(folder, panoptic_json(_DRAWINGS, {1: 1, 2: 3}), _DRAWINGS)
    return path.rename(path.with_name(name))


def masks(folder: Path) -> Path:
    (folder / "a/masks").mkdir(parents=True)
    (folder / "a/masks/1.png").write_bytes(b"")
    return folder


def test_a_file_is_recognised_with_a_reason(tmp_path: Path) -> None:
    path = panoptic(tmp_path)

    assert choose(path) == (
        "coco_panoptic",
        path,
        "the annotations of labels.json have segments_info",
    )


def test_a_folder_leads_to_the_file_in_it(tmp_path: Path) -> None:
    path = panoptic(tmp_path)

    assert choose(tmp_path).path == path


def test_a_lone_folder_is_looked_through_and_litter_is_not_seen(tmp_path: Path) -> None:
    path = panoptic(tmp_path / "labels/of/mine")
    (tmp_path / "__MACOSX/labels").mkdir(parents=True)
    (tmp_path / "labels/.DS_Store").write_bytes(b"")
    (tmp_path / "labels/of/.git").mkdir()
    panoptic(tmp_path / "labels/of/mine", "._labels.json")
    panoptic(tmp_path / "labels/of/mine", path.name)

    found = choose(tmp_path)

    assert (found.path, place_in(tmp_path, found.path)) == (path, "labels/of/mine/labels.json")


def test_a_folder_beside_another_is_not_looked_through(tmp_path: Path) -> None:
    panoptic(tmp_path / "one/deep")
    (tmp_path / "two").mkdir()

    with pytest.raises(UnrecognisedFormat) as refused:
        choose(tmp_path)

    assert refused.value.code == "unrecognised_format"
    assert (refused.value.files, refused.value.formats) == (
        ["one", "two"],
        ["coco_panoptic", "instance_masks"],
    )
    assert "with one, two, looks like no format" in str(refused.value)
    assert "coco_panoptic, instance_masks" in str(refused.value)


def test_two_formats_that_fit_are_listed_and_none_is_guessed(tmp_path: Path) -> None:
    panoptic(tmp_path)
    masks(tmp_path)

    with pytest.raises(AmbiguousFormat) as refused:
        choose(tmp_path)

    assert refused.value.code == "ambiguous_format"
    assert refused.value.candidates == [
        ("coco_panoptic", "labels.json", "the annotations of labels.json have segments_info"),
        ("instance_masks", ".", "a/masks is a folder of masks"),
    ]
    assert "labels.json as coco_panoptic: the annotations of" in str(refused.value)


def test_one_format_in_two_places_is_listed_too(tmp_path: Path) -> None:
    panoptic(tmp_path, "train.json")
    panoptic(tmp_path, "val.json")

    with pytest.raises(AmbiguousFormat, match=r"train\.json as .*; val\.json as "):
        choose(tmp_path)
    with pytest.raises(AmbiguousFormat):
        locate(tmp_path, "coco_panoptic")
    assert locate(tmp_path / "val.json", "coco_panoptic") == tmp_path / "val.json"


def test_a_named_format_finds_its_files(tmp_path: Path) -> None:
    path = panoptic(tmp_path / "deep")
    masks(tmp_path / "deep")

    assert locate(tmp_path, "coco_panoptic") == path
    # Images may lie in folders: here it is deep/a.
    assert locate(tmp_path, "instance_masks") == tmp_path


def test_a_named_format_gets_its_only_file_however_damaged(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_bytes(b'{"images": [')
    (tmp_path / "._labels.json").write_bytes(b"x")

    assert recognise(tmp_path) == []
    assert locate(tmp_path, "coco_panoptic") == tmp_path / "labels.json"
    assert locate(tmp_path, "instance_masks") == tmp_path


@pytest.mark.parametrize("content", [b"", b"\xff\xfe{", b"[" * 5000, b'{"annotations": 3}', b"PK"])
def test_what_is_nothing_is_recognised_as_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)

    assert recognise(tmp_path / "x.json") == recognise(tmp_path) == []
    assert recognise(tmp_path / "nowhere") == []


@pytest.mark.parametrize("error", [PermissionError(13, "no"), UnrecognisedFormat(Path(), (), ())])
def test_a_format_that_cannot_look_recognises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def look(path: Path) -> Iterator[Found]:
        raise error
        yield

    broken = replace(COCO_PANOPTIC, name="broken", recognise=look)
    monkeypatch.setattr(recognition, "FORMATS", {"broken": broken, "masks": INSTANCE_MASKS})
    masks(tmp_path)

    assert [one.format for one in recognise(tmp_path)] == ["instance_masks"]


def test_formats_of_one_way_are_offered_for_that_way(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Carries("", "", "", "")
    written = Format("written", "W", True, True, None, row, create=COCO_PANOPTIC.create)
    read = Format("read", "R", True, True, None, row, open=COCO_PANOPTIC.open)
    for known in (recognition.FORMATS, FORMATS):
        monkeypatch.setitem(known, "written", written)
        monkeypatch.setitem(known, "read", read)

    assert [one.name for one in readable_formats()] == ["coco_panoptic", "instance_masks", "read"]
    assert [one.name for one in writable_formats()] == [
        "coco_panoptic", "instance_masks", "written",
    ]  # fmt: skip
    assert (get_readable("read"), get_writable("written")) == (read, written)
    with pytest.raises(OneWayFormat, match=r"W .*written, never read"):
        get_readable("written")
    with pytest.raises(OneWayFormat, match=r"R .*read, never written"):
        get_writable("read")
