"""Is everything that was pulled still what it was? What is wrong, by file, and how it is mended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tessera.cache import Cache, CacheFinding
from tessera.entries import find_damage, load_entries
from tessera.progress import Progress, silent


class Verified(NamedTuple):
    """What was looked at, and what is wrong; `erased` counts what was destroyed on purpose."""

    checked: int
    findings: list[CacheFinding]
    erased: int = 0


def verify_snapshot(cache: Cache, folder: Path, *, progress: Progress = silent) -> Verified:
    """Check a snapshot of the cache: its own files, the index, and every blob that it names.

    Where its own files are damaged nobody can say which blobs it names: those are not checked.
    """
    from tessera.pulling.pull import columns_of

    damaged = list(_damage_of(cache, folder))
    if damaged:
        return Verified(0, damaged)
    table, facts = load_entries(folder)
    erased = {bytes.fromhex(text) for text in facts["erased"]}
    named = table.digests(columns_of(bool(facts["labels_only"])))
    wanted = [digest for digest in named if digest not in erased]
    return Verified(len(wanted), list(cache.verify(wanted, progress=progress)), len(erased))


def verify_cache(cache: Cache, *, progress: Progress = silent) -> Verified:
    """Check all that the cache holds: packs, large contents, the index, and every snapshot."""
    findings = list(cache.verify(progress=progress))
    for folder in sorted((cache.folder / "snapshots").glob("*/*/")):
        findings += _damage_of(cache, folder)
    objects, _ = cache.totals()
    return Verified(objects, findings)


def mend(cache: Cache, findings: list[CacheFinding]) -> None:
    """Delete what is damaged, and keep what is whole beside it: the next pull fetches the rest."""
    for name in sorted({finding.file for finding in findings if finding.file}):
        if name.startswith("snapshots/"):
            _delete_snapshot(cache, cache.folder / PurePosixPath(name).parent)
        else:
            cache.mend(name)


def _damage_of(cache: Cache, folder: Path) -> Iterator[CacheFinding]:
    for name in find_damage(folder):
        file = (folder / name).relative_to(cache.folder).as_posix()
        yield CacheFinding("snapshot_corrupt", f"{file} is damaged, cut off or gone", file)


def _delete_snapshot(cache: Cache, folder: Path) -> None:
    # Out of the way at once: half a snapshot would be another damage.
    gone = cache.new_file()
    try:
        folder.rename(gone)
    except FileNotFoundError:
        return  # two of its files were damaged, or another process was quicker
    shutil.rmtree(gone)
