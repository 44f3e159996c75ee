"""What an import is given: archives, files of a format that nobody named, options, splits."""

from __future__ import annotations

import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture

from datasets_app.actions.exports import ExportRequest, export_version
from datasets_app.actions.imports import import_labels
from datasets_app.entries import Entry
from datasets_app.imports.request import ImportMode, ImportReport, ImportRequest
from datasets_app.models import Dataset, DatasetBlob, Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.staging import ImageChange
from datasets_app.tree import iter_entries
from panoptic.archives.members import UnsafeArchive
from panoptic.archives.packing import write_archive
from panoptic.errors import MalformedFile
from panoptic.formats.options import InvalidOption
from panoptic.formats.recognition import AmbiguousFormat, UnrecognisedFormat
from store_app.models import Blob, Pack
from tests.datasets_app.builders import author, commit_to, dataset, put_label
from tests.panoptic.formats.files import panoptic_json, write_panoptic

pytestmark = pytest.mark.django_db
_CATEGORIES = {1: 1, 2: 200, 3: 3}
_DRAWINGS = {"a.jpg": "112", "b.jpg": "333"}


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A folder with labels.json, its PNGs, and photographs."""
    folder = tmp_path / "labels"
    folder.mkdir()
    write_panoptic(folder, panoptic_json(_DRAWINGS, _CATEGORIES), _DRAWINGS)
    (folder / "photos").mkdir()
    for name in _DRAWINGS:
        Picture.new("RGB", (3, 1), "red").save(folder / "photos" / name)
    return folder


@pytest.fixture(autouse=True)
def _no_folder_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever becomes of an import, what it unpacked is gone."""
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    yield
    assert list(room.iterdir()) == []


def bring(path: Path, slug: str = "streets", **fields: Any) -> ImportReport:
    request = ImportRequest(dataset=slug, path=path, **{"create": True, **fields})
    return import_labels(request, actor=author())


def entries_of(version: Version | None) -> dict[str, Entry]:
    assert version is not None
    entries = dict(iter_entries(SqlNodes(), version.root))
    names = names_of(version.dataset_id, list(entries))
    return {names[number]: entry for number, entry in entries.items()}


def told(report: ImportReport) -> tuple[str, str, str]:
    body = report.to_json()
    return body["format"], body["path"], body["reason"]


REASON = "the annotations of labels.json have segments_info"


# ---- what it is ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["labels.json", "."])
def test_the_format_is_recognised_and_told(labels: Path, name: str) -> None:
    report = bring(labels / name)

    assert told(report) == ("coco_panoptic", "labels.json", REASON)
    assert (report.added, report.version.message) == (2, "Import labels.json")


def test_a_format_that_was_named_needs_no_reason(labels: Path) -> None:
    assert told(bring(labels, format="coco_panoptic")) == ("coco_panoptic", "labels.json", "")


def test_what_is_ambiguous_or_nothing_is_refused(labels: Path) -> None:
    (labels / "other.json").write_bytes((labels / "labels.json").read_bytes())
    with pytest.raises(AmbiguousFormat, match=r"labels\.json as coco_panoptic"):
        bring(labels)
    with pytest.raises(UnrecognisedFormat):
        bring(labels / "photos")
    with pytest.raises(MalformedFile, match=r"nowhere.*no such file"):
        bring(labels / "nowhere")
    assert not Dataset.objects.exists()

    assert bring(labels, inside="labels.json").added == 2


# ---- archives --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "labels"])
def test_an_archive_is_imported_whatever_its_name(labels: Path, tmp_path: Path, name: str) -> None:
    archive = tmp_path / "packed" / name
    archive.parent.mkdir()
    if name.endswith("gz"):
        with tarfile.open(archive, "w:gz") as file:
            file.add(labels, "labels")
    else:
        write_archive(labels, archive, "tar" if name.endswith("tar") else "zip")

    report = bring(archive, images=Path("labels/photos" if name.endswith("gz") else "photos"))

    place = "labels/labels.json" if name.endswith("gz") else "labels.json"
    assert told(report) == ("coco_panoptic", place, REASON)
    assert all(entry.image for entry in entries_of(report.version).values())


def test_an_archive_says_where_in_it(labels: Path, tmp_path: Path) -> None:
    (labels / "other.json").write_bytes((labels / "labels.json").read_bytes())
    write_archive(labels, tmp_path / "x.zip")

    report = bring(tmp_path / "x.zip", inside="labels.json", format="coco_panoptic")

    assert (report.added, report.path) == (2, "labels.json")
    with pytest.raises(MalformedFile, match=r"third\.json: there is no such file"):
        bring(tmp_path / "x.zip", inside="third.json")


def test_an_archive_that_means_harm_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("../x", b"")
    (tmp_path / "x.json.gz").write_bytes(b"\x1f\x8b" + bytes(100))

    for name in ("x.zip", "x.json.gz"):
        with pytest.raises(UnsafeArchive):
            bring(tmp_path / name)
    assert not Dataset.objects.exists()


def test_a_file_that_is_only_called_an_archive_is_refused_as_one(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("a text")

    with pytest.raises(UnsafeArchive, match="neither a zip nor a tar"):
        bring(tmp_path / "x.zip")


def test_an_archive_of_nothing_is_called_by_its_name(tmp_path: Path) -> None:
    zipfile.ZipFile(tmp_path / "x.zip", "w").close()

    with pytest.raises(UnrecognisedFormat, match=r"^x\.zip looks like no format"):
        bring(tmp_path / "x.zip")


@pytest.mark.parametrize("apart", ["images", "classes"])
def test_a_path_apart_that_is_not_there_is_refused(labels: Path, apart: str) -> None:
    with pytest.raises(MalformedFile, match="nowhere: there is no such file or folder"):
        bring(labels, **{apart: labels / "nowhere"})
    assert not Dataset.objects.exists()


def test_a_photograph_of_this_machine_is_none_of_the_archive(labels: Path, tmp_path: Path) -> None:
    """A folder that is here wins over one of the archive: who is at the keyboard named it."""
    write_archive(labels, tmp_path / "x.zip")
    (labels / "photos/a.jpg").unlink()

    report = bring(tmp_path / "x.zip", images=labels / "photos")

    images = {name: entry.image is not None for name, entry in entries_of(report.version).items()}
    assert images == {"a.jpg": False, "b.jpg": True}


# ---- options ---------------------------------------------------------------------


def test_an_option_that_the_format_does_not_have_is_refused(labels: Path) -> None:
    with pytest.raises(InvalidOption, match="colour"):
        bring(labels, options={"colour": "red"})


# ---- splits of files ---------------------------------------------------------------


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Two images of two splits as a folder of Pascal VOC."""
    car = put_label("12 12", {1: 2, 2: 3})
    made = commit_to(
        dataset(drawing="1:road 2:car 3:person"),
        [
            ImageChange("a.png", label=car, split="train"),
            ImageChange("b.png", label=car, split="val"),
        ],
    )
    export_version(made, tmp_path / "voc", ExportRequest("voc"))
    return tmp_path / "voc"


def splits_of(report: ImportReport) -> dict[str, str]:
    return {Path(name).stem: entry.split for name, entry in entries_of(report.version).items()}


def test_the_splits_of_files_reach_the_images(voc: Path) -> None:
    report = bring(voc)

    assert report.format == "voc"
    assert splits_of(report) == {"a": "train", "b": "val"}


def test_a_split_that_was_said_wins(voc: Path) -> None:
    assert splits_of(bring(voc, split="test")) == {"a": "test", "b": "test"}


def test_an_update_moves_images_to_the_split_of_the_files(voc: Path) -> None:
    bring(voc, split="test")

    report = bring(voc, mode=ImportMode.UPDATE)

    assert (report.changed, splits_of(report)) == (2, {"a": "train", "b": "val"})


def test_replacing_within_a_split_keeps_the_others(voc: Path) -> None:
    bring(voc)
    for path in voc.rglob("b.png"):
        path.unlink()
    for path in (voc / "ImageSets").rglob("*.txt"):
        path.write_text(
            "".join(line for line in path.read_text().splitlines(True) if line != "b\n")
        )

    report = bring(voc, split="train", mode=ImportMode.REPLACE)

    assert (report.removed, report.version) == (0, None)


# ---- once more ---------------------------------------------------------------------


def test_what_is_stored_is_not_stored_again(labels: Path, tmp_path: Path) -> None:
    bring(labels, images=labels / "photos")
    write_archive(labels, tmp_path / "x.tar", "tar")
    before = _stored()

    again = bring(labels, images=labels / "photos", mode=ImportMode.UPDATE)
    packed = bring(tmp_path / "x.tar", images=Path("photos"), mode=ImportMode.REPLACE)

    assert (again.unchanged, packed.unchanged) == (2, 2)
    assert _stored() == before


def test_what_an_import_left_that_was_stopped_is_found_by_the_next(
    labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr("datasets_app.actions.imports._commit", stop)
        with pytest.raises(KeyboardInterrupt):
            bring(labels, images=labels / "photos")
    assert not Dataset.objects.exists()
    blobs, packs = Blob.objects.count(), Pack.objects.count()

    report = bring(labels, images=labels / "photos")

    assert (report.added, Blob.objects.count(), Pack.objects.count()) == (2, blobs, packs)


def _stored() -> tuple[int, ...]:
    models = (Blob, Pack, DatasetBlob, Version)
    return tuple(model.objects.count() for model in models)


def test_a_trial_of_an_archive_stores_nothing(labels: Path, tmp_path: Path) -> None:
    write_archive(labels, tmp_path / "x.zip")
    before = _stored()

    report = bring(tmp_path / "x.zip", images=Path("photos"), dry_run=True)

    assert (report.added, report.format, _stored()) == (2, "coco_panoptic", before)
