"""Files under temporary names beside their targets, renamed when all of them are complete."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from panoptic.formats.base import TargetExists


class Staging:
    """Targets in one folder that appear together, or not at all.

    Nothing is overwritten: TargetExists if a target is there already (an empty folder is none).
    """

    def __init__(self, *targets: Path) -> None:
        self._targets = targets
        self._check_free()
        parent = targets[0].absolute().parent
        made = [folder for folder in (parent, *parent.parents) if not folder.exists()]
        parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{targets[0].name}."
        self._folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=".partial", dir=parent))
        # Also where an interrupt comes before anybody could ask for it.
        self._remove = weakref.finalize(self, _remove, self._folder, made)

    def path(self, target: Path) -> Path:
        """Where to write what will become `target`."""
        return self._folder / target.name

    def commit(self) -> None:
        """Give every target its name, in the order in which they were told."""
        self._check_free()
        for target in self._targets:
            self.path(target).rename(target)
        self.discard()

    def discard(self) -> None:
        """Remove what was not committed, and the folders that were made for it."""
        self._remove()

    def _check_free(self) -> None:
        for target in self._targets:
            is_empty_folder = target.is_dir() and not any(target.iterdir())
            if target.exists() and not is_empty_folder:
                raise TargetExists(target)


def _remove(folder: Path, made: Sequence[Path]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for parent in made:
        with suppress(OSError):  # it is not empty: it stays
            parent.rmdir()
