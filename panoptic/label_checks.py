"""Whether a label keeps every rule: what a parser asks before it believes the bytes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import MalformedLabel, TooLarge
from panoptic.label import MAX_LAYERS, Label, Segments
from panoptic.runs import MAX_PIXELS, Runs, kernels
from panoptic.segments import MAX_CLASS_ID, MAX_SEGMENT_ID, MAX_TRACK_ID


class Limits(NamedTuple):
    """The largest label that is read or written; checked before anything is allocated."""

    pixels: int = MAX_PIXELS
    segments: int = 2**20
    layers: int = MAX_LAYERS
    runs: int = 2**26

    def check(self, height: int, width: int, segment_count: int, layer_count: int) -> None:
        """Raise for a header that announces too much, or no pixel at all."""
        if height < 1 or width < 1:
            raise MalformedLabel(f"{height} × {width} pixels", where="header")
        if height * width > self.pixels:
            raise TooLarge("pixels", actual=height * width, limit=self.pixels)
        if segment_count > self.segments:
            raise TooLarge("segments", actual=segment_count, limit=self.segments)
        if layer_count > self.layers:
            raise TooLarge("layers", actual=layer_count, limit=self.layers)

    def check_runs(self, run_count: int) -> None:
        """Raise for more runs, over all layers, than are allowed."""
        if run_count > self.runs:
            raise TooLarge("runs", actual=run_count, limit=self.runs)


LIMITS = Limits()


def check_limits(label: Label, limits: Limits) -> None:
    """Raise TooLarge if a reader with these limits would refuse the label.

    MalformedLabel for a derived label that no stack of whole segments can say.
    """
    refuse_derived(label)
    limits.check(label.height, label.width, len(label.segments), len(label.layers))
    limits.check_runs(sum(layer.count for layer in label.layers))


def refuse_derived(label: Label) -> None:
    """Raise MalformedLabel if the label can be seen and compared only: it has no bytes."""
    if label.painted is not None:
        raise MalformedLabel(
            "read under a taxonomy, its segments have no one order: it has no bytes and no patch",
            where="label",
        )


def check_label(label: Label) -> None:
    """Raise MalformedLabel, naming part and rule, unless the label keeps every rule.

    Columns in range and sorted, runs maximal and of the right sum, every segment in exactly
    its layer, and the layers in normal form.
    """
    refuse_derived(label)
    check_columns(label.segments)
    check_layers(label)


def check_columns(segments: Segments) -> None:
    """The table alone: ids, classes, track ids and scores in range, one NaN, no -0."""
    ids, scores = segments.ids, segments.scores
    if not ids.size:
        return
    if ids[0] < 1 or ids[-1] > MAX_SEGMENT_ID or (ids[1:] <= ids[:-1]).any():
        raise MalformedLabel(f"not ascending within 1 to {MAX_SEGMENT_ID}", where="column ids")
    if segments.class_ids.min() < 1 or segments.class_ids.max() > MAX_CLASS_ID:
        raise MalformedLabel(f"outside 1 to {MAX_CLASS_ID}", where="column class_ids")
    if segments.track_ids.min() < 0 or segments.track_ids.max() > MAX_TRACK_ID:
        raise MalformedLabel("outside 0 to 2^53 - 1", where="column track_ids")
    check_scores(scores)


def check_scores(scores: NDArray[np.float32]) -> None:
    """Raise unless each is within 0 to 1, never -0, or the one NaN."""
    # As unsigned bits, the numbers from +0 to 1 come first; -0 and other NaNs are beyond.
    bits = scores.view(np.uint32)
    if ((bits > 0x3F800000) & (bits != 0x7FC00000)).any():
        raise MalformedLabel("neither 0 to 1 nor the one NaN", where="column scores")


def check_layers(label: Label) -> None:
    """The planes against the table, and the normal form."""
    segments = label.segments
    size = label.height * label.width
    for ordinal, layer in enumerate(label.layers):
        run, reason = kernels.check_runs(layer.values, layer.lengths, size)
        if reason:
            raise MalformedLabel(_REASONS[reason], where=f"layer {ordinal}, run {run}")
        own = segments.layers == ordinal
        ids = segments.ids if own.all() else segments.ids[own]
        stranger, absent = kernels.match_ids(layer.values, ids)
        if stranger >= 0:
            raise MalformedLabel(f"segment {stranger} is not of it", where=f"layer {ordinal}")
        if absent >= 0 or not ids.size:
            which = f"segment {ids[absent]} has no pixel" if ids.size else "it has no segment"
            raise MalformedLabel(which, where=f"layer {ordinal}")
        if ordinal:
            check_rests(layer, label.layers[ordinal - 1], ordinal)
    if len(segments) and segments.layers.max() >= len(label.layers):
        raise MalformedLabel(f"beyond the {len(label.layers)} layers", where="column layers")


def check_rests(layer: Runs, below: Runs, ordinal: int) -> None:
    """Normal form: each segment overlaps one of the layer below from above."""
    floating = kernels.find_floating(layer.values, layer.lengths, below.values, below.lengths)
    if floating:
        raise MalformedLabel(
            f"segment {floating} overlaps none of the layer below", where=f"layer {ordinal}"
        )


_REASONS = {
    1: "an empty or oversized run",
    2: "the value of the run before",
    3: "the runs do not cover the image",
}
