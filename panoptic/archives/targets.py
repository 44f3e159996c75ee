"""Where an export is written: a file or folder of a format, or an archive of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from panoptic.archives.members import Told, untold
from panoptic.archives.packing import ARCHIVE_FORMS, write_archive
from panoptic.errors import PanopticError
from panoptic.formats.base import Format
from panoptic.formats.staging import Staging

_PACKED = (".gz", ".tgz", ".bz2", ".xz", ".zst")


class UnwrittenArchive(PanopticError):
    """An export shall be an archive of a form that is not written."""

    code = "unwritten_archive"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path.name}: exports are written as .zip or .tar; what compresses them further "
            "makes other bytes in another release"
        )
        self.path = str(path)


@contextmanager
def export_target(form: Format, path: Path, told: Told = untold) -> Iterator[Path]:
    """What to give to `form.create` so that the export is at `path` when the block is done.

    A path that ends in .zip or .tar becomes an archive, which appears only when it is complete.
    A format that is one file (and a folder beside it) is written into the folder `path`, unless
    `path` has the suffix of such a file.

    Raises
    ------
    TargetExists
        An export overwrites nothing.
    UnwrittenArchive
        It is to be compressed in a way that is not reproducible.
    """
    suffix = path.suffix.lower()
    if suffix in _PACKED:
        raise UnwrittenArchive(path)
    if suffix[1:] not in ARCHIVE_FORMS:
        yield _place_in(form, path)
        return
    staging = Staging(path)
    try:
        files = staging.path(path).with_name("files")
        yield files / (form.file_name or "")
        write_archive(files, staging.path(path), suffix[1:], told)
        staging.commit()
    finally:
        staging.discard()


def _place_in(form: Format, path: Path) -> Path:
    if form.file_name is None or path.suffix == Path(form.file_name).suffix:
        return path
    return path / form.file_name
