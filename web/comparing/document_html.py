"""A comparison as one HTML page with its pictures inside, without scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.template.loader import render_to_string

from datasets_app.changed_lists import ChangedFilter, Unit
from datasets_app.comparison import count_images
from datasets_app.pixels.images import ImageDiff, iter_image_diffs
from panoptic.changes import Change
from panoptic.colors import format_color
from panoptic.render import CHANGE_COLORS, PixelChange
from web.classes import Chip, chip_of
from web.comparing.document import Diff, change_picture, label_picture
from web.comparing.filters import FilterChip, read_filter_bar
from web.comparing.flow import read_flow
from web.comparing.kinds import CHANGE_KINDS, KindWords
from web.comparing.listing import ORDER_WORDS
from web.comparing.summary import read_summary

_ROWS_PER_IMAGE = 40
LEGEND = [
    (format_color(CHANGE_COLORS[kind]), words)
    for kind, words in (
        (PixelChange.ADDED, "labelled now"),
        (PixelChange.REMOVED, "void now"),
        (PixelChange.RECLASSIFIED, "another class"),
        (PixelChange.REASSIGNED, "another segment"),
    )
]


class SegmentRow(NamedTuple):
    """A change of segments, as a row of the file."""

    words: KindWords
    old: list[tuple[Chip, int]]
    new: list[tuple[Chip, int]]
    area: int
    change: Change


def iter_html(diff: Diff) -> Iterator[str]:
    """Yield the page in pieces, one image at a time."""
    style = render_to_string("web/document/style.css")
    yield render_to_string("web/document/head.html", _head(diff) | {"style": style})
    for place, found in enumerate(_diffs(diff), 1):
        yield render_to_string("web/document/image.html", _image(diff, found, place))
    yield render_to_string("web/document/foot.html", {"diff": diff})


def policy_of_html() -> str:
    """Return what the page may do: show its own pictures in its own style, nothing else."""
    style = render_to_string("web/document/style.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )


def _head(diff: Diff) -> dict[str, Any]:
    cells = diff.comparison.totals["class_flow"]
    order = diff.wanted.filter.order
    bar = read_filter_bar(diff.comparison, diff.wanted.filter, diff.reading)
    return {
        "diff": diff,
        "policy": policy_of_html(),
        "counts": count_images(diff.sides.old, diff.sides.new),
        "summary": read_summary(diff.comparison, diff.reading),
        "flows": [
            read_flow(cells, ChangedFilter(unit=unit), diff.reading, all_classes=False)
            for unit in Unit
        ],
        "filters": [(group.title, _chosen(group.chips)) for group in bar.groups if group.is_on],
        "order": ORDER_WORDS[order][1],
        "legend": LEGEND,
    }


def _chosen(chips: list[FilterChip]) -> str:
    return " or ".join(chip.text for chip in chips if chip.is_on)


def _diffs(diff: Diff) -> Iterator[ImageDiff]:
    return iter_image_diffs(diff.sides.old, diff.sides.new, diff.numbers, reading=diff.reading)


def _image(diff: Diff, found: ImageDiff, place: int) -> dict[str, Any]:
    changes = found.diff.changes if found.diff else ()
    total = found.diff.total_pixels if found.diff else 0
    pixels = found.diff.changed_pixels if found.diff else 0
    return {
        "place": place,
        "found": found,
        "pictures": [
            ("old", label_picture(found.change.old, diff.reading)),
            ("new", label_picture(found.change.new, diff.reading)),
            ("change", change_picture(found.change, diff.reading)),
        ],
        "changed_pixels": pixels,
        "changed_share": pixels / total if total else 0.0,
        "rows": [_row(diff, change) for change in changes[:_ROWS_PER_IMAGE]],
        "hidden_rows": max(0, len(changes) - _ROWS_PER_IMAGE),
        "facets": [facet.value for facet in found.change.facets],
        "quality": found.quality,
    }


def _row(diff: Diff, change: Change) -> SegmentRow:
    old, new = (
        [(chip_of(diff.reading, one.segment.class_id), one.segment.segment_id) for one in side]
        for side in (change.old, change.new)
    )
    area = sum(side.area for side in change.new) - sum(side.area for side in change.old)
    return SegmentRow(CHANGE_KINDS[change.kind], old, new, area, change)
