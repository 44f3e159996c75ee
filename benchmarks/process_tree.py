"""Run a command and watch the memory of all its processes together."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_SECONDS_BETWEEN_LOOKS = 0.25


class Watched(NamedTuple):
    """What a command took.

    peak_bytes : most memory of all its processes at one moment; a page that several of them
        share counts once (PSS), or once for each where the system does not tell (RSS)
    spooled_bytes : most space of open files that have no name any more
    output : what it printed
    """

    seconds: float
    peak_bytes: int
    spooled_bytes: int
    output: str


def watch(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Watched:
    """Run a command to its end in this whole environment; CalledProcessError where it fails.

    Linux only.
    """
    start = time.monotonic()
    # All its processes stay in the session that it starts.
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        peaks = _Peaks(process.pid)
        peaks.start()
        output, _ = process.communicate()
        peaks.end()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    return Watched(time.monotonic() - start, peaks.memory, peaks.spooled, output)


class _Peaks(threading.Thread):
    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self._session, self._ended = session, threading.Event()
        self.memory = self.spooled = 0

    def run(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN_LOOKS):
            found = list(_processes_of(self._session))
            self.memory = max(self.memory, sum(map(_memory_of, found)))
            # Processes that were forked may hold the same file.
            files = dict(file for process in found for file in _nameless_files(process))
            self.spooled = max(self.spooled, sum(files.values()))

    def end(self) -> None:
        self._ended.set()
        self.join()


def _processes_of(session: int) -> Iterator[Path]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue  # it ended meanwhile
            # The name before them may hold spaces, but ends with ")".
            if int(stat.rpartition(")")[2].split()[3]) == session:
                yield folder


def _memory_of(process: Path) -> int:
    for name, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            lines = [line.split() for line in (process / name).read_text().splitlines()]
        except OSError:
            continue
        for line in lines:
            if line[0] == key:
                return int(line[1]) * 1024
    return 0


def _nameless_files(process: Path) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield device and number of every deleted file that it has open, and its size on disk."""
    try:
        links = list((process / "fd").iterdir())
    except OSError:
        return
    for link in links:
        try:
            if os.readlink(link).endswith(" (deleted)"):
                found = link.stat()
                yield (found.st_dev, found.st_ino), found.st_blocks * 512
        except OSError:
            continue
