"""Files of the cache, read in parts, a bounded number of them kept open.

Parts are read by `pread`, not out of a memory map: where a file is cut off while it is mapped, by a
full disk or by somebody's hand, the next look at the map kills the process with SIGBUS. `pread`
gives fewer bytes, which is an error that can be told. It costs a microsecond.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path

_KEPT_OPEN = 64
# More than this one call does not give on Linux.
_MOST_AT_ONCE = 2**30


class OpenFiles:
    """Files below a folder. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._open: OrderedDict[str, _File] = OrderedDict()

    def read(self, name: str, start: int, length: int) -> bytes:
        """Return part of a file, shorter where the file ends; FileNotFoundError without one."""
        file = self._get(name)
        data = os.pread(file.handle, min(length, _MOST_AT_ONCE), start)
        if len(data) == length or not data:
            return data
        parts = [data]
        got = len(data)
        while got < length and data:
            data = os.pread(file.handle, min(length - got, _MOST_AT_ONCE), start + got)
            parts.append(data)
            got += len(data)
        return b"".join(parts)

    def size(self, name: str) -> int:
        """Return the bytes of a file; FileNotFoundError without one."""
        file = self._get(name)  # held, or another thread might close it before we look
        return os.fstat(file.handle).st_size

    def forget(self, name: str) -> None:
        """Close a file: there may be another one of this name now."""
        with self._lock:
            self._open.pop(name, None)

    def close(self) -> None:
        """Close all."""
        with self._lock:
            self._open.clear()

    def _get(self, name: str) -> _File:
        with self._lock:
            found = self._open.get(name)
            if found is None:
                found = self._open[name] = _File(self._folder / name)
                if len(self._open) > _KEPT_OPEN:
                    self._open.popitem(last=False)
            else:
                self._open.move_to_end(name)
            return found


class _File:
    """An open file, closed when the last thread that reads it lets go of it."""

    def __init__(self, path: Path) -> None:
        self.handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "handle"):
            os.close(self.handle)
