"""Where exports are written: a folder, a file, or an archive that is there only when complete."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from panoptic.archives.targets import UnwrittenArchive, export_target
from panoptic.formats.base import TargetExists
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.instance_masks.format import INSTANCE_MASKS
from panoptic.formats.staging import Staging


@pytest.mark.parametrize(
    ("path", "place"),
    [("out", "out/panoptic.json"), ("out.json", "out.json"), ("out.d", "out.d/panoptic.json")],
)
def test_a_format_of_one_file_gets_a_folder_unless_a_file_is_named(path: str, place: str) -> None:
    with export_target(COCO_PANOPTIC, Path(path)) as target:
        assert target == Path(place)


def test_a_format_that_is_a_folder_is_the_folder(tmp_path: Path) -> None:
    with export_target(INSTANCE_MASKS, tmp_path / "out.json") as target:
        assert target == tmp_path / "out.json"


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "deep/er/x.TAR"])
def test_an_archive_is_there_when_it_is_complete(tmp_path: Path, name: str) -> None:
    told: list[tuple[int, int | None]] = []
    with export_target(COCO_PANOPTIC, tmp_path / name, lambda *step: told.append(step)) as target:
        target.parent.mkdir(parents=True)
        target.write_bytes(b"{}")
        (target.parent / "a.png").write_bytes(b"1")
        assert not (tmp_path / name).exists()

    path = tmp_path / name
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    if name.endswith("zip"):
        with zipfile.ZipFile(path) as packed:
            assert packed.namelist() == ["a.png", "panoptic.json"]
    else:
        with tarfile.open(path) as packed:
            assert packed.getnames() == ["a.png", "panoptic.json"]
    assert told == [(1, 2), (2, 2)]


def test_an_archive_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    def give_up() -> None:
        with export_target(COCO_PANOPTIC, tmp_path / "deep/x.zip") as target:
            target.parent.mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        give_up()

    assert list(tmp_path.iterdir()) == []


def test_an_archive_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"precious")

    with pytest.raises(TargetExists), export_target(COCO_PANOPTIC, tmp_path / "x.tar"):
        pass

    assert (tmp_path / "x.tar").read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tgz", "x.tar.xz"])
def test_what_is_not_the_same_everywhere_is_not_written(tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(UnwrittenArchive, match=r"as \.zip or \.tar"),
        export_target(COCO_PANOPTIC, tmp_path / name),
    ):
        pass

    assert list(tmp_path.iterdir()) == []


def test_what_is_given_up_takes_the_folders_made_for_it_with_it(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    staging = Staging(tmp_path / "kept/new/deep/x.json")
    assert (tmp_path / "kept/new/deep").is_dir()

    staging.discard()

    assert [path.name for path in tmp_path.rglob("*")] == ["kept"]
