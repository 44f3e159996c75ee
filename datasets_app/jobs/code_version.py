"""Which code a worker runs: after an upgrade, old ones are told from new ones by it."""

from __future__ import annotations

import functools
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings


@functools.cache
def code_version() -> str:
    """Return the release, and of a checkout the commit: `0.1.0+1a2b3c4`."""
    try:
        release = version("tessera")
    except PackageNotFoundError:  # a folder of code that nobody installed
        release = "unknown"
    commit = _find_commit(Path(settings.BASE_DIR) / ".git")
    return f"{release}+{commit[:7]}" if commit else release


def _find_commit(folder: Path) -> str | None:
    """Read the commit of a checkout, without git: None where there is none."""
    try:
        head = (folder / "HEAD").read_text().strip()
        name = head.removeprefix("ref: ")
        if name == head:
            return head
        if (folder / name).exists():
            return (folder / name).read_text().strip()
        packed = (folder / "packed-refs").read_text().splitlines()
    except OSError:
        return None
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), None)
