"""The folder in which the web server's processes on one machine keep their counts.

prometheus_client decides when it is imported whether counts lie in memory or in files, so this
module imports it not: `config.wsgi` calls `share_counts` before anything else is loaded.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

# Counts are in `counter_PID.db`, `gauge_livesum_PID.db` …: mmapped, written by one process each.
_COUNTS = "*.db"
_LIVE_COUNTS = "gauge_live*_*.db"
_PROCESSES = "process_*"

_shared: list[Path] = []


def share_counts(folder: Path) -> None:
    """Keep the counts of this process in `folder`, from where its siblings read them, too.

    The first process of a server empties the folder: counts begin anew with the server, as
    Prometheus expects, and files do not pile up. What a process counted that died meanwhile
    stays, lest a sum shrink and be taken for a restart.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two that start at once must not both be the first
        own = folder / f"process_{os.getpid()}"
        own.unlink(missing_ok=True)  # of a dead one that had this number
        if any(map(_is_alive, folder.glob(_PROCESSES))):
            _remove(folder.glob(f"gauge_live*_{os.getpid()}.db"))
        else:
            _remove((*folder.glob(_PROCESSES), *folder.glob(_COUNTS)))
        own.touch()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    _shared[:] = [folder]


def shared_folder() -> Path | None:
    """Return the folder, None where this process counts for itself alone."""
    return _shared[0] if _shared else None


def files_of_counts(folder: Path) -> list[Path]:
    """Return the files of all processes, without what the dead ones said of their present."""
    _remove(file for file in folder.glob(_LIVE_COUNTS) if not _is_alive(file))
    # One that is being made just now is empty, and cannot be read yet.
    return [file for file in folder.glob(_COUNTS) if file.stat().st_size]


def _process_of(file: Path) -> int:
    number = file.stem.rpartition("_")[2]
    return int(number) if number.isdigit() else 0


def _is_alive(file: Path) -> bool:
    try:
        os.kill(_process_of(file), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
