"""The inner loops: for every story a plain numpy file and a numba twin with the same names.

`load_kernels("runs")` gives `kernels/runs_numba.py` where numba can be imported, else
`kernels/runs_numpy.py`. TESSERA_KERNELS=numpy forces the plain twins.
"""

from __future__ import annotations

import importlib
import os
import stat
import tempfile
from functools import cache
from pathlib import Path
from typing import Any


@cache
def numba_is_used() -> bool:
    """Whether the compiled twins serve: numba can be imported and was not switched off."""
    if os.environ.get("TESSERA_KERNELS", "") == "numpy":
        return False
    _ensure_cache_folder()
    try:
        importlib.import_module("numba")
    except ImportError:  # absent, or made for another numpy
        return False
    return True


def load_kernels(story: str) -> Any:
    """The module with the kernels of one story ("runs", "codec", …).

    Both twins have the same functions with the same meaning; only their speed differs.
    """
    twin = "numba" if numba_is_used() else "numpy"
    return importlib.import_module(f"panoptic.kernels.{story}_{twin}")


def _ensure_cache_folder() -> None:
    # numba raises when it is imported if neither the package nor the home can be written to.
    if "NUMBA_CACHE_DIR" in os.environ or "NUMBA_DISABLE_JIT" in os.environ:
        return
    beside = Path(__file__).parent / "__pycache__"
    home = Path(os.path.expanduser("~"))  # stays "~" for a user without one
    if _is_writable(beside) or (home.is_absolute() and _is_writable(home / ".cache" / "numba")):
        return
    os.environ["NUMBA_CACHE_DIR"] = _private_folder()


def _is_writable(folder: Path) -> bool:
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    return os.access(nearest, os.W_OK | os.X_OK)


def _private_folder() -> str:
    # The cache is unpickled: a folder that another user could have made must not be trusted.
    user = getattr(os, "getuid", lambda: 0)()
    folder = Path(tempfile.gettempdir()) / f"tessera-numba-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return tempfile.mkdtemp(prefix="tessera-numba-")
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == user and not found.st_mode & 0o077
    return str(folder) if is_ours else tempfile.mkdtemp(prefix="tessera-numba-")
