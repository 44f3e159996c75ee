"""What the taxonomy did between the two sides of a comparison, in words."""

from __future__ import annotations

from datasets_app.taxonomy_access import ReadBy
from datasets_app.taxonomy_comparison import compare_taxonomies
from labels_app.reading import reading_of
from web.finding import Sides
from web.taxonomy_words import Sentence, tell_changes


def tell_classes(sides: Sides, read_by: ReadBy) -> list[Sentence]:
    """Return what happened to classes between the two sides."""
    found = compare_taxonomies(sides.old, sides.new, read_by)
    before, after = (
        reading_of(version.taxonomy_version).classes for version in (sides.old, sides.new)
    )
    return tell_changes(found.changes, before, after)
