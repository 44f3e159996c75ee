"""How much work a run does."""

from __future__ import annotations

from typing import NamedTuple


class Scale(NamedTuple):
    """Counts of images, and of timed rounds.

    scenes : labels at 640×480; large : at 2048×1024; imported : files of an import
    history : sizes of the datasets in which 100 images change, smallest first
    listed : labels of which 1 % change; memory : sizes of an import and an export
    pulled : labels of a pull
    """

    scenes: int
    large: int
    imported: int
    rounds: int
    history: tuple[int, ...]
    edits: int
    listed: int
    memory: tuple[int, int]
    pulled: int


FULL = Scale(64, 6, 800, 5, (10_000, 100_000, 1_000_000), 100, 5_000, (3_000, 12_000), 20_000)
QUICK = Scale(12, 2, 120, 3, (5_000, 50_000), 100, 1_000, (500, 2_000), 2_000)
# For the tests: everything runs, nothing means anything.
TINY = Scale(3, 1, 4, 1, (70, 140), 10, 100, (12, 24), 20)

SCALES = {"full": FULL, "quick": QUICK, "tiny": TINY}
