"""What is sent to the service for an import, and what it is called in the archive."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from panoptic.archives.packing import write_archive
from tessera.errors import UsageError
from tessera.importing import ImportFiles, _packed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("val.json", "val/a.png", "val/._a.png", "photos/a.jpg", "names.csv", ".DS_Store"):
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "mine"


def packed(files: ImportFiles) -> tuple[list[str], dict[str, str]]:
    with _packed(files) as (archive, inside), zipfile.ZipFile(archive) as found:
        return sorted(found.namelist()), inside


def test_a_file_takes_the_folder_beside_it_along(folder: Path) -> None:
    assert packed(ImportFiles(folder / "val.json")) == (
        ["val.json", "val/a.png"],
        {"path": "val.json"},
    )


def test_what_lies_apart_is_told_by_its_place(folder: Path) -> None:
    files = ImportFiles(
        folder / "val.json",
        labels=folder / "val",
        images=folder / "photos",
        classes=folder / "names.csv",
    )

    assert packed(files) == (
        [
            "val.json",
            "val.json.classes/names.csv",
            "val.json.images/a.jpg",
            "val.json.labels/a.png",
        ],
        {
            "path": "val.json",
            "labels": "val.json.labels",
            "images": "val.json.images",
            "classes": "val.json.classes/names.csv",
        },
    )


def test_a_folder_goes_as_it_is_without_litter(folder: Path) -> None:
    names, inside = packed(ImportFiles(folder, "val.json"))

    assert names == [
        "mine/names.csv",
        "mine/photos/a.jpg",
        "mine/val.json",
        "mine/val/a.png",
    ]
    assert inside == {"path": "mine/val.json"}


def test_the_folder_that_one_is_in_has_a_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "val")
    os.utime("a.png", (0, 0))

    assert packed(ImportFiles(Path("."))) == (["val/a.png"], {"path": "val"})


def test_an_archive_is_sent_as_it_is(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "x"
    write_archive(folder, archive, "tar")
    files = ImportFiles(archive, "val.json", images=Path("photos"))

    with _packed(files) as (sent, inside):
        assert (sent, inside) == (archive, {"path": "val.json", "images": "photos"})
    with _packed(ImportFiles(archive)) as (sent, inside):
        assert (sent, inside) == (archive, {})


def test_what_is_not_there_is_told_before_anything_is_sent(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no .*nowhere"):
        packed(ImportFiles(folder, images=folder / "nowhere"))


def test_a_folder_without_files_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "empty/.git").mkdir(parents=True)

    with pytest.raises(UsageError, match="there are no files in"):
        packed(ImportFiles(tmp_path / "empty"))
