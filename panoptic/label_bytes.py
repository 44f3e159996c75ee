"""The canonical byte form of a label, version 1, and the digests made of it.

Documented with a worked example in `docs/formats/label-bytes.md`. The digest of a label is the
sha256 of this form, so it must never change; a later form leaves old digests alone.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import MalformedLabel
from panoptic.label import Label, Segments
from panoptic.label_checks import LIMITS, Limits, check_columns, check_layers, check_limits
from panoptic.label_tail import check_tail_size, decode_tail, encode_tail
from panoptic.runs import Runs, kernels
from panoptic.segments import score_bits

MAGIC = b"TLBL"
FORM = 1
# magic, form, layers, height, width, segments, bytes of the tail
_HEADER = struct.Struct("<4sHHIIII")


class _Column(NamedTuple):
    name: str
    dtype: str


_COLUMNS = (
    _Column("ids", "<u4"),
    _Column("class_ids", "<u4"),
    _Column("layers", "<u2"),
    _Column("crowds", "|u1"),
    _Column("track_ids", "<i8"),
    _Column("scores", "<f4"),
)
_ROW_BYTES = sum(np.dtype(column.dtype).itemsize for column in _COLUMNS)


def canonical_bytes(label: Label) -> bytes:
    """The one byte form of this label; equal labels give equal bytes.

    Raises MalformedLabel for attributes that RFC 8785 cannot write, TooLarge beyond `LIMITS`.
    """
    return _canonical_bytes(label, encode_tail(label.segments))


def label_digest(label: Label) -> bytes:
    """sha256 of the canonical bytes."""
    return hashlib.sha256(canonical_bytes(label)).digest()


def shape_digest(label: Label) -> bytes:
    """sha256 of the same form with each id replaced by its rank in (layer, first pixel).

    Two labels with equal shape digests and unequal digests differ in ids and nothing else.
    """
    check_limits(label, LIMITS)
    return hashlib.sha256(b"".join(_ranked_parts(label))).digest()


def both_digests(label: Label, tail: bytes) -> tuple[bytes, bytes, int]:
    """`label_digest`, `shape_digest` and the number of canonical bytes, given the encoded tail."""
    canonical = _canonical_bytes(label, tail)
    ranked = hashlib.sha256()
    for part in _ranked_parts(label):
        ranked.update(part)
    return hashlib.sha256(canonical).digest(), ranked.digest(), len(canonical)


def parse_canonical(data: bytes, limits: Limits = LIMITS) -> Label:
    """The label of these canonical bytes, and of no others.

    Raises MalformedLabel, naming part and reason, unless `canonical_bytes` of the result gives
    `data` again; TooLarge, from the header alone, beyond `limits`.
    """
    if len(data) < _HEADER.size:
        raise MalformedLabel(f"{len(data)} bytes, {_HEADER.size} needed", where="header")
    magic, form, layer_count, height, width, segment_count, tail_bytes = _HEADER.unpack_from(data)
    if magic != MAGIC or form != FORM:
        raise MalformedLabel(f"not a label of form {FORM}", where="header")
    limits.check(height, width, segment_count, layer_count)
    check_tail_size(tail_bytes)
    counts_end = _HEADER.size + 4 * layer_count
    if len(data) < counts_end:
        raise MalformedLabel(f"{len(data)} bytes, {counts_end} needed", where="run counts")
    run_counts = np.frombuffer(data, "<u4", layer_count, _HEADER.size).tolist()
    limits.check_runs(sum(run_counts))
    expected = counts_end + _ROW_BYTES * segment_count + 8 * sum(run_counts) + tail_bytes
    if len(data) != expected:
        raise MalformedLabel(f"{len(data)} bytes, its header says {expected}", where="label")
    segments, offset = _parse_segments(data, counts_end, segment_count)
    layers = []
    for count in run_counts:
        values = np.frombuffer(data, "<u4", count, offset).astype(np.uint32)
        lengths = np.frombuffer(data, "<u4", count, offset + 4 * count).astype(np.int64)
        layers.append(Runs(height, width, values, lengths))
        offset += 8 * count
    check_columns(segments)
    origins, attributes = decode_tail(data[offset:], segments.ids)
    label = Label(
        height, width, replace(segments, origins=origins, attributes=attributes), tuple(layers)
    )
    check_layers(label)
    return label


def rank_segments(label: Label) -> NDArray[np.int64]:
    """Places of the segments in the table, by (layer, first pixel)."""
    ids = label.segments.ids
    if not label.layers:
        return np.zeros(0, np.int64)
    found = [kernels.first_appearances(layer.values, ids) for layer in label.layers]
    return found[0] if len(found) == 1 else np.concatenate(found)


def _canonical_bytes(label: Label, tail: bytes) -> bytes:
    check_limits(label, LIMITS)
    values = [layer.values for layer in label.layers]
    return b"".join(_parts(label, label.segments, values, tail))


def _parts(
    label: Label, segments: Segments, values: list[NDArray[np.uint32]], tail: bytes
) -> list[bytes]:
    header = _HEADER.pack(
        MAGIC, FORM, len(values), label.height, label.width, len(segments), len(tail)
    )
    parts = [header, struct.pack(f"<{len(values)}I", *(plane.size for plane in values))]
    parts += [_column_bytes(getattr(segments, name), dtype) for name, dtype in _COLUMNS]
    for plane, layer in zip(values, label.layers, strict=True):
        parts.append(plane.astype("<u4", copy=False).tobytes())
        parts.append(layer.lengths.astype("<u4").tobytes())
    parts.append(tail)
    return parts


def _ranked_parts(label: Label) -> list[bytes]:
    segments = label.segments
    order = rank_segments(label)  # order[r] is the place of the segment of rank r + 1
    ranks = np.empty(order.size, np.uint32)
    ranks[order] = np.arange(1, order.size + 1, dtype=np.uint32)
    new_id = dict(zip(segments.ids.tolist(), ranks.tolist(), strict=True))
    ranked = Segments(
        ids=np.arange(1, order.size + 1, dtype=np.uint32),
        class_ids=segments.class_ids[order],
        layers=segments.layers[order],
        crowds=segments.crowds[order],
        track_ids=segments.track_ids[order],
        scores=segments.scores[order],
        origins={new_id[old]: origin for old, origin in segments.origins.items()},
        attributes={new_id[old]: given for old, given in segments.attributes.items()},
    )
    values = [kernels.replace_values(layer.values, segments.ids, ranks) for layer in label.layers]
    return _parts(label, ranked, values, encode_tail(ranked))


def _column_bytes(column: NDArray[Any], dtype: str) -> bytes:
    if dtype == "<f4":
        return score_bits(column).tobytes()
    return column.astype(dtype, copy=False).tobytes()


def _parse_segments(data: bytes, offset: int, count: int) -> tuple[Segments, int]:
    columns = {}
    for name, dtype in _COLUMNS:
        columns[name] = np.frombuffer(data, dtype, count, offset)
        offset += count * np.dtype(dtype).itemsize
    if columns["crowds"].size and columns["crowds"].max() > 1:
        raise MalformedLabel("neither 0 nor 1", where="column crowds")
    return (
        Segments(
            ids=columns["ids"].astype(np.uint32),
            class_ids=columns["class_ids"].astype(np.uint32),
            layers=columns["layers"].astype(np.uint16),
            crowds=columns["crowds"].astype(np.bool_),
            track_ids=columns["track_ids"].astype(np.int64),
            scores=columns["scores"].astype(np.float32),
        ),
        offset,
    )
