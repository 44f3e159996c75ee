"""Where things lie in the folder of a cache, and whether it may be written."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tessera.errors import TesseraError

_INDEX_NAME = re.compile(r"index(?:-([0-9]+))?\.sqlite3")


def is_read_only(folder: Path) -> bool:
    """Say whether a folder that is there, or the index in it, may be read but not written."""
    if not folder.is_dir():
        return False
    index = newest_index(folder)
    return not os.access(folder, os.W_OK) or (index.exists() and not os.access(index, os.W_OK))


def make_folders(folder: Path) -> None:
    """Make a folder into a cache, also one that is there and empty."""
    try:
        for name in ("packs", "objects", "new"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TesseraError(
            f"{folder} can be no cache: {error.strerror} ({error.filename});"
            " TESSERA_CACHE_DIR names another folder",
            code="cache_unusable",
        ) from error


def is_index(name: str) -> bool:
    """Say whether a file of this name is an index."""
    return _INDEX_NAME.fullmatch(name) is not None


def newest_index(folder: Path) -> Path:
    """Return the index that counts, which need not be there yet."""
    numbers = [
        int(found[1] or 1)
        for found in map(_INDEX_NAME.fullmatch, os.listdir(folder))
        if found is not None
    ]
    return _index_path(folder, max(numbers, default=1))


def next_index(path: Path) -> Path:
    """Return the index that counts once it is there, instead of another one."""
    found = _INDEX_NAME.fullmatch(path.name)
    assert found is not None  # from `newest_index`
    return _index_path(path.parent, int(found[1] or 1) + 1)


def flush(path: Path) -> None:
    """Return when a file, or the names in a folder, would survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _index_path(folder: Path, number: int) -> Path:
    return folder / ("index.sqlite3" if number == 1 else f"index-{number}.sqlite3")
