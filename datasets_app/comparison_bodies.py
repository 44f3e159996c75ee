"""Two versions in numbers, as programs are told them."""

from __future__ import annotations

from typing import Any

from datasets_app.comparison import count_images
from datasets_app.models import Version
from datasets_app.models.pixel_comparison import PixelComparison
from datasets_app.taxonomy_access import ReadBy
from datasets_app.taxonomy_comparison import compare_taxonomies

_PIXEL_PARTS = ("segments", "pixels", "class_flow", "quality", "quality_changed")


def comparison_json(
    old: Version, new: Version, comparison: PixelComparison, read_by: ReadBy
) -> dict[str, Any]:
    """Return the body of the API's comparison; what needs pixels is null while it is not ready."""
    counts = count_images(old, new)
    return {
        "old": old.id_hex,
        "new": new.id_hex,
        "images": {
            "added": counts.added,
            "removed": counts.removed,
            "changed": counts.changed,
            "unchanged": counts.unchanged,
            "facets": {facet.value: number for facet, number in counts.facets.items()},
        },
        "taxonomy": compare_taxonomies(old, new, read_by).to_json(),
        "pending": not comparison.is_ready,
        "job": None if comparison.is_ready else comparison.job_id,
        **(comparison.totals or dict.fromkeys(_PIXEL_PARTS)),
    }
