"""Archives of either form: known by their content when they come, by their name when they go."""

from __future__ import annotations

import errno
import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from panoptic.archives.members import USUAL_LIMITS, ArchiveLimits, Told, UnsafeArchive, untold
from panoptic.archives.tars import BLOCK, extract_tar, is_tar_header, write_tar
from panoptic.archives.zips import extract_zip, write_zip
from panoptic.errors import PanopticError

# What is written. What gzip makes depends on its release, so that no export is compressed by it.
ARCHIVE_FORMS = ("zip", "tar")

_WRITERS = {"zip": write_zip, "tar": write_tar}
_ZIP_STARTS = (b"PK\3\4", b"PK\5\6")
_GZIP_START = b"\x1f\x8b"


def is_archive(path: Path) -> bool:
    """Whether a file begins as a zip, a tar or a gzip does; one that cannot be read does not."""
    try:
        with path.open("rb") as file:
            start = file.read(BLOCK)
    except OSError:
        return False
    return start.startswith((*_ZIP_STARTS, _GZIP_START)) or is_tar_header(start)


def extract_archive(
    archive: Path,
    folder: Path,
    limits: ArchiveLimits = USUAL_LIMITS,
    told: Told = untold,
) -> None:
    """Extract a zip, a tar or a tar by gzip into an empty folder; archives in it stay as they are.

    Sizes are checked by what is really written, not only by what the archive claims. What
    systems leave in archives, such as `__MACOSX`, is left out.

    Raises
    ------
    UnsafeArchive
        Nothing outside of `folder` was touched; what lies in it is the caller's to delete.
    OSError
        There is no room for it here.
    """
    try:
        with archive.open("rb") as source:
            _extract(source, folder, limits, told)
    except PanopticError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UnsafeArchive("", error.strerror or str(error)) from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        OverflowError,
        RuntimeError,
        ValueError,
    ) as error:
        raise UnsafeArchive("", str(error)) from error


def write_archive(
    folder: Path, archive: Path, form: str = ARCHIVE_FORMS[0], told: Told = untold
) -> None:
    """Pack a file or the files below a folder, sorted by name; the same files, the same bytes."""
    root = folder if folder.is_dir() else folder.parent
    found = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    files = [path for path in found if path.is_file()]

    def members() -> Iterator[tuple[str, Path]]:
        for done, path in enumerate(files, 1):
            yield path.relative_to(root).as_posix(), path
            told(done, len(files))

    _WRITERS[form](members(), archive)


def _extract(source: BinaryIO, folder: Path, limits: ArchiveLimits, told: Told) -> None:
    start = source.read(BLOCK)
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    if start.startswith(_GZIP_START):
        with gzip.open(source) as unpacked:
            extract_tar(cast(BinaryIO, unpacked), size, folder, limits, told)
    elif is_tar_header(start):
        extract_tar(source, size, folder, limits, told)
    else:
        # Some have a program in front, and all of them their list at the end.
        extract_zip(source, folder, limits, told)
