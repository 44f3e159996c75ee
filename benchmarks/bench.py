"""What the stories share in one run: a scale, a folder, and data made once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.scale import Scale

if TYPE_CHECKING:
    from benchmarks.scenes import Scenes
    from benchmarks.service import Service


@dataclass(frozen=True)
class Bench:
    """One run; `folder` is empty at its start and gone after its end."""

    scale: Scale
    folder: Path

    @cached_property
    def service(self) -> Service:
        """The service on a data folder of its own; only one per process."""
        from benchmarks.service import Service  # sets up Django

        return Service(self.folder / "service")

    @cached_property
    def scenes(self) -> Scenes:
        """Labels of generated scenes, and real ones where there are any."""
        from benchmarks.scenes import Scenes  # reads settings, through the pool of workers

        assert self.service
        return Scenes(self.scale)

    def path(self, name: str) -> Path:
        """Return a new folder."""
        path = self.folder / name
        path.mkdir(parents=True)
        return path

    def new_path(self, stem: str) -> Path:
        """Return a path that does not exist yet; another one at each call."""
        numbers = itertools.count()
        return next(path for n in numbers if not (path := self.folder / f"{stem}-{n}").exists())
