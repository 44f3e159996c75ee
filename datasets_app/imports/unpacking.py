"""Archives that are imported: unpacked into a folder that is gone when the import is."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets_app.jobs.kinds import Progress
from panoptic.archives.packing import extract_archive, is_archive
from store_app.errors import StorageFailed

_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")


@contextmanager
def unpacked(path: Path, progress: Progress) -> Iterator[Path]:
    """Give the folder that an archive unpacks to while the block runs, else the path itself."""
    # What is called an archive and is none is refused as one: the reason is better.
    if not is_archive(path) and not (path.is_file() and path.name.lower().endswith(_SUFFIXES)):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="tessera-import-") as folder:
        files = Path(folder) / path.name  # which people are told
        files.mkdir()
        unpack(path, files, progress)
        yield files


def unpack(archive: Path, folder: Path, progress: Progress) -> None:
    """Unpack an archive into an empty folder.

    Raises
    ------
    UnsafeArchive
    StorageFailed
        There is no room for it here.
    """

    def told(done: int, total: int | None = None) -> None:
        progress(done, total, "files unpacked")

    try:
        extract_archive(archive, folder, told=told)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageFailed("the folder of this import", "there is no room left") from error
