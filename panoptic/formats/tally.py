"""What a writer counts while it writes, and the report that it ends with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from panoptic.formats.base import ExportReport
from panoptic.formats.losses import LossCount
from panoptic.formats.problems import Problem, ProblemList
from panoptic.segments import Segments


class ExportTally:
    """Images, segments, losses and problems of an export."""

    def __init__(self) -> None:
        self._images = 0
        self._segments = 0
        self._lost = LossCount()
        self._problems = ProblemList()

    def add(
        self, segments: int, lost: Mapping[str, int], problems: Iterable[Problem], images: int = 1
    ) -> None:
        """Count an image; `images` is 0 for one that was left out."""
        self._images += images
        self._segments += segments
        self._lost.add(lost)
        for problem in problems:
            self._problems.add(problem)

    def report(self) -> ExportReport:
        return ExportReport(
            self._images, self._segments, dict(self._lost), self._problems.as_tuple()
        )


def count_fields(segments: Segments) -> int:
    """Scores, tracks, origins and attributes: what `losses.FIELDS` counts where none is written."""
    scores, tracks = ~np.isnan(segments.scores), segments.track_ids != 0
    plain = int(np.count_nonzero(scores)) + int(np.count_nonzero(tracks))
    return plain + len(segments.origins) + sum(map(len, segments.attributes.values()))
