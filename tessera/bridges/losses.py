"""What a snapshot holds and another library has no place for, counted and told."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from panoptic.label import measure_label
from tessera.items import Item
from tessera.snapshot import Snapshot


class LostInBridge(UserWarning):
    """A bridge left something out; `losses` has the numbers."""

    def __init__(self, message: str, losses: Losses) -> None:
        super().__init__(message)
        self.losses = losses


class Losses(NamedTuple):
    """How much of each kind a snapshot holds; what is 0 cannot be lost.

    `covered_pixels` are those of full masks that lie under other segments, `covered_stuff` those
    of stuff alone; the others count segments or images. `erased` are images whose label or
    photograph was destroyed on purpose: no library can have it.
    """

    covered_pixels: int = 0
    covered_stuff: int = 0
    tracks: int = 0
    scores: int = 0
    scores_of_stuff: int = 0
    origins: int = 0
    segment_attributes: int = 0
    image_attributes: int = 0
    ids_of_stuff: int = 0
    unlabelled: int = 0
    without_photograph: int = 0
    erased: int = 0

    def __add__(self, other: object) -> Losses:
        if not isinstance(other, Losses):
            return NotImplemented
        return Losses(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def only(self, kinds: Collection[str]) -> Losses:
        """Keep these kinds, and what was erased."""
        kept = {*kinds, "erased"}
        return Losses(**{kind: count for kind, count in self._asdict().items() if kind in kept})


_WORDS = {
    "covered_pixels": "pixels under other segments",
    "covered_stuff": "pixels of stuff under other segments",
    "tracks": "tracks",
    "scores": "scores",
    "scores_of_stuff": "scores of stuff",
    "origins": "origins",
    "segment_attributes": "segments with attributes",
    "image_attributes": "images with attributes",
    "ids_of_stuff": "ids of stuff segments",
    "unlabelled": "images without a label",
    "without_photograph": "images without a photograph",
    "erased": "images of which a part was erased",
}


def warn_of_losses(snapshot: Snapshot, library: str, kinds: Collection[str]) -> Losses:
    """Warn whoever called the snapshot of what is lost there, in numbers; return these.

    Reads every label once. Nothing is said where nothing is lost.
    """
    lost = sum((_losses_of(snapshot, item) for item in snapshot), Losses()).only(kinds)
    told = [f"{count:,} {_WORDS[kind]}" for kind, count in lost._asdict().items() if count]
    if told:
        message = f"{library} gets nothing of {', '.join(told)}"
        # Four frames up is the line that asked the snapshot.
        warnings.warn(LostInBridge(message, lost), stacklevel=4)
    return lost


def has_label(snapshot: Snapshot, item: Item) -> bool:
    """Whether there is a label to hand over: it has one, and it was not erased."""
    return item.is_labelled and item.entry.label not in snapshot.erased


def has_photo(snapshot: Snapshot, item: Item) -> bool:
    """Whether there is a photograph to hand over: pulled, and not erased."""
    photo = item.entry.image
    return photo is not None and not snapshot.labels_only and photo not in snapshot.erased


def _losses_of(snapshot: Snapshot, item: Item) -> Losses:
    entry, erased = item.entry, snapshot.erased
    photo = None if snapshot.labels_only else entry.image
    found = Losses(
        image_attributes=int(entry.attributes is not None and entry.attributes not in erased),
        unlabelled=int(entry.label is None),
        without_photograph=int(entry.image is None),
        erased=int(bool({photo, entry.label, entry.attributes} & erased)),
    )
    return found + _losses_of_label(snapshot, item) if has_label(snapshot, item) else found


def _losses_of_label(snapshot: Snapshot, item: Item) -> Losses:
    label = item.label
    segments, measures = label.segments, measure_label(label)
    covered = measures.areas - measures.visible_areas
    stuff_classes = [one.class_id for one in snapshot.classes if one.is_stuff]
    stuff = np.isin(segments.class_ids, stuff_classes)
    scored = ~np.isnan(segments.scores)
    return Losses(
        covered_pixels=int(covered.sum()),
        covered_stuff=int(covered[stuff].sum()),
        tracks=int((segments.track_ids != 0).sum()),
        scores=int(scored.sum()),
        scores_of_stuff=int((scored & stuff).sum()),
        origins=len(segments.origins),
        segment_attributes=sum(map(bool, segments.attributes.values())),
        ids_of_stuff=int(stuff.sum()),
    )
