"""Where each changed image of a comparison is listed, and what it is sorted by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.db import transaction

from datasets_app.bulk import insert_rows
from datasets_app.changed_lists import KindFlip, severity_of
from datasets_app.comparison import kind_of
from datasets_app.entries import EntryChange
from datasets_app.models.pixel_comparison import (
    ComparedFlow,
    ComparedImage,
    PixelComparison,
    RankedImage,
)
from datasets_app.pixels.counting import PairCounts
from labels_app.reading import Reading
from panoptic.flow import FlowRow
from panoptic.kinds import Kinds

_RANKS = (
    "image_no",
    "changed_pixels",
    "changed_share",
    "quality_loss",
    "segments",
    "boundary_loss",
)
UNDEFINED = -1.0


class Ranks(NamedTuple):
    """What an image is sorted by, as `RankedImage` has it."""

    changed_pixels: int = 0
    changed_share: float = 0.0
    quality_loss: float = 0.0
    segments: int = 0
    boundary_loss: float = 0.0


class ListedImage(NamedTuple):
    """One changed image: its keys (`ComparedImage`), its ranks, what left or joined a class."""

    image_no: int
    keys: list[str]
    ranks: Ranks
    moved: list[FlowRow]


def list_image(change: EntryChange, counts: PairCounts | None, reading: Reading) -> ListedImage:
    """Return where a changed image is listed; `counts` are None where its label is the same."""
    ranks = rank_image(counts)
    moved = [row for row in counts.flow if row.old_class != row.new_class] if counts else []
    keys = list(_keys(change, counts, ranks))
    keys += sorted({flip for row in moved for flip in _flips(row, reading.label_reading.kinds)})
    return ListedImage(change.image_no, keys, ranks, moved)


def rank_image(counts: PairCounts | None) -> Ranks:
    """Return what an image is sorted by; `counts` are None where its label is the same."""
    if counts is None:
        return Ranks()
    summary = counts.summary
    quality, boundaries = counts.quality.pq, counts.boundaries.boundary_iou
    return Ranks(
        changed_pixels=summary.changed_pixels,
        changed_share=summary.changed_pixels / summary.total_pixels if summary.total_pixels else 0,
        quality_loss=UNDEFINED if quality is None else 1 - quality,
        segments=sum(summary.changes.values()),
        boundary_loss=UNDEFINED if boundaries is None else 1 - boundaries,
    )


@transaction.atomic
def keep_lists(comparison: PixelComparison, images: Iterable[ListedImage]) -> None:
    """Write rows of some images; those of the same images that are there are overwritten."""
    images = list(images)
    key = comparison.pk
    insert_rows(
        ComparedImage,
        ("comparison_id", "key", "image_no", "changed_pixels"),
        [
            (key, name, one.image_no, one.ranks.changed_pixels)
            for one in images
            for name in one.keys
        ],
        known="replace",
    )
    insert_rows(
        RankedImage,
        ("comparison_id", *_RANKS),
        [(key, one.image_no, *one.ranks) for one in images],
        known="replace",
    )
    insert_rows(
        ComparedFlow,
        ("comparison_id", "old_class", "new_class", "image_no", "pixels", "segments"),
        [
            (key, row.old_class, row.new_class, one.image_no, row.pixels, row.segments)
            for one in images
            for row in one.moved
        ],
        known="replace",
    )


def forget_lists(comparison: PixelComparison) -> None:
    """Delete the rows of a comparison that is computed anew."""
    for model in (ComparedImage, RankedImage, ComparedFlow):
        model.objects.filter(comparison=comparison).delete()


def _keys(change: EntryChange, counts: PairCounts | None, ranks: Ranks) -> Iterator[str]:
    yield ""
    yield f"kind:{kind_of(change)}"
    yield f"severity:{severity_of(ranks.changed_share)}"
    for facet in change.facets:
        yield f"facet:{facet}"
    if counts is not None:
        for kind, number in counts.summary.changes.items():
            if number:
                yield f"change:{kind}"
        for class_id in counts.class_ids:
            yield f"class:{class_id}"


def _flips(row: FlowRow, kinds: Kinds) -> Iterator[str]:
    """Yield the key of a pair of segments whose classes are of different kinds."""
    if not row.segments or 0 in (row.old_class, row.new_class):
        return
    was_stuff, is_stuff = kinds.is_stuff(row.old_class), kinds.is_stuff(row.new_class)
    if was_stuff != is_stuff:
        yield f"change:{KindFlip.TO_THING if was_stuff else KindFlip.TO_STUFF}"
