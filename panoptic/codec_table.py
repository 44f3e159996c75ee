"""The segment table in the stored form: varint columns, scores, JSON tail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import MalformedLabel
from panoptic.kernels import load_kernels
from panoptic.kernels.codec_tokens import HAS_CROWDS, HAS_LAYERS, HAS_SCORES, HAS_TRACKS
from panoptic.label_checks import check_scores
from panoptic.label_tail import decode_tail
from panoptic.segments import MAX_CLASS_ID, MAX_SEGMENT_ID, Segments, no_segments, score_bits

kernels = load_kernels("codec")


def encode_table(segments: Segments, layer_count: int, tail: bytes) -> bytes:
    """The table's bytes, which end with the tail.

    A byte that says which columns follow; as varints the steps from id to id and the classes,
    then layers, crowds and track ids unless all are 0; scores as float32 unless none is given.
    """
    if not len(segments):
        return b"\x00"
    steps = np.diff(segments.ids.astype(np.int64), prepend=0)
    columns: list[NDArray[Any]] = [steps, segments.class_ids]
    given = 0
    for bit, column in (
        (HAS_LAYERS, segments.layers if layer_count > 1 else None),
        (HAS_CROWDS, segments.crowds),
        (HAS_TRACKS, segments.track_ids),
    ):
        if column is not None and column.any():
            given |= bit
            columns.append(column)
    scores = b""
    if not np.isnan(segments.scores).all():
        given |= HAS_SCORES
        scores = score_bits(segments.scores).tobytes()
    numbers: bytes = kernels.encode_varints(np.concatenate(columns, dtype=np.int64)).tobytes()
    return bytes((given,)) + numbers + scores + tail


def decode_table(table: bytes, count: int, layer_count: int, tail_size: int) -> Segments:
    """The inverse of `encode_table`; MalformedLabel unless the table keeps every rule."""
    segments = decode_columns(table, count, layer_count, tail_size)
    if not tail_size:
        return segments
    origins, attributes = decode_tail(table[len(table) - tail_size :], segments.ids)
    return replace(segments, origins=origins, attributes=attributes)


def decode_columns(table: bytes, count: int, layer_count: int, tail_size: int) -> Segments:
    """The same without origins and attributes, which take longer than all the rest."""
    given = table[0] if table else 255
    if given > 15:
        raise MalformedLabel("unknown columns", where="segment table")
    if not count:
        if table != b"\x00":
            raise MalformedLabel("bytes without segments", where="segment table")
        return no_segments()
    stream = np.frombuffer(table, np.uint8, offset=1)
    ids, class_ids, layers, crowds, track_ids, end, finding = kernels.decode_columns(
        stream, count, given, layer_count
    )
    if finding:
        raise MalformedLabel(_FINDINGS[finding], where="segment table")
    end += 1
    score_size = 4 * count if given & HAS_SCORES else 0
    if end + score_size + tail_size != len(table):
        raise MalformedLabel("cut off or bytes left over", where="segment table")
    if score_size:
        scores = np.frombuffer(table, "<f4", count, end).astype(np.float32)
        check_scores(scores)
    else:
        scores = np.full(count, np.nan, np.float32)
    return Segments(ids, class_ids, layers, crowds, track_ids, scores)


_FINDINGS = (
    "",
    "cut off",
    f"ids are not ascending within 1 to {MAX_SEGMENT_ID}",
    f"a class is not within 1 to {MAX_CLASS_ID}",
    "a layer that the label has not",
    "a crowd is neither 0 nor 1",
    "a track id beyond 2^53 - 1",
)
