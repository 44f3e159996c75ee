"""Quality of one labelling measured against another, as tallies that add up over images.

A tally holds counts, no ratios: shards of a dataset are summed with `+` in any order and give
the same numbers to the last bit. A ratio without a denominator is None, never 0.
"""

from panoptic.metrics.boundary import BoundaryTally, boundary_quality, boundary_tally_of_counts
from panoptic.metrics.panoptic import (
    ClassTally,
    PanopticTally,
    panoptic_quality,
    panoptic_tally_of_counts,
)
from panoptic.metrics.semantic import (
    ClassPixels,
    SemanticTally,
    semantic_quality,
    semantic_tally_of_counts,
    semantic_tally_of_flow,
)

__all__ = [
    "BoundaryTally",
    "ClassPixels",
    "ClassTally",
    "PanopticTally",
    "SemanticTally",
    "boundary_quality",
    "boundary_tally_of_counts",
    "panoptic_quality",
    "panoptic_tally_of_counts",
    "semantic_quality",
    "semantic_tally_of_counts",
    "semantic_tally_of_flow",
]
