"""The stored form of a label: small, quick to read, checked as strictly as the canonical bytes.

A codec byte, a header of varints, the segment table, the planes, and a CRC-32 of all that
(`docs/formats/label-codec.md`). Two codecs differ in how they tell the planes: PLAIN as columns
of runs, PREDICTED row by row against the row above. Every reader reads both. The stored form is
not canonical: another release of zstd may write other bytes for the same label.
"""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.codec_table import decode_table, encode_table
from panoptic.compression import compress, decompress
from panoptic.errors import MalformedLabel
from panoptic.kernels import load_kernels, numba_is_used
from panoptic.label import Label, Segments, count_classes, pack_counts
from panoptic.label_bytes import both_digests
from panoptic.label_checks import LIMITS, Limits, check_layers, check_limits, check_rests
from panoptic.label_tail import check_tail_size, encode_tail
from panoptic.runs import Runs
from panoptic.runs import kernels as run_kernels

PLAIN = 1
PREDICTED = 2
# The compiled row prediction costs less than the larger bytes of PLAIN; in plain Python it would
# cost fifty times more.
DEFAULT_CODEC = PREDICTED if numba_is_used() else PLAIN

kernels = load_kernels("codec")

_U32 = NDArray[np.uint32]
_I64 = NDArray[np.int64]


class EncodedLabel(NamedTuple):
    """What the store and the label tables keep of one label; small, picklable.

    canonical_size : bytes of the uncompressed canonical form, which `digest` is of
    counts : packed `ClassCounts`
    """

    digest: bytes
    shape_digest: bytes
    height: int
    width: int
    segment_count: int
    layer_count: int
    stored: bytes
    canonical_size: int
    counts: bytes


class Header(NamedTuple):
    """The numbers that a stored form begins with; sizes in bytes, `end` is where they end."""

    height: int
    width: int
    segment_count: int
    run_counts: list[int]
    planes_size: int
    split: int
    table_size: int
    stored_table_size: int
    tail_size: int
    end: int


class OpenLabel(NamedTuple):
    """A stored form whose parts are at hand, not yet decoded."""

    codec: int
    header: Header
    table: bytes
    planes: bytes


def pack_label(label: Label) -> EncodedLabel:
    """Everything that is stored of a label; what the workers of an import return."""
    tail = encode_tail(label.segments)
    digest, ranked_digest, canonical_size = both_digests(label, tail)
    return EncodedLabel(
        digest=digest,
        shape_digest=ranked_digest,
        height=label.height,
        width=label.width,
        segment_count=len(label.segments),
        layer_count=len(label.layers),
        stored=_encode(label, DEFAULT_CODEC, tail),
        canonical_size=canonical_size,
        counts=pack_counts(count_classes(label)),
    )


def encode_label(label: Label, codec: int = DEFAULT_CODEC) -> bytes:
    """The stored form by one of the two codecs.

    Raises MalformedLabel for attributes that have no canonical form, TooLarge beyond `LIMITS`.
    """
    return _encode(label, codec, encode_tail(label.segments))


def decode_label(data: bytes, limits: Limits = LIMITS) -> Label:
    """The label of a stored form by any codec.

    Raises MalformedLabel, naming part and reason, for bytes that are cut off, altered or break
    a rule of labels; TooLarge, before anything is allocated, beyond `limits`.
    """
    codec, header, table, planes = open_label(data, limits)
    segments = decode_table(table, header.segment_count, len(header.run_counts), header.tail_size)
    decode_planes = _decode_predicted if codec == PREDICTED else _decode_plain
    layers = decode_planes(planes, header, segments)
    return Label(header.height, header.width, segments, layers)


def open_label(data: bytes, limits: Limits = LIMITS) -> OpenLabel:
    """The parts of a stored form, its checksum and header checked; raises as `decode_label`."""
    if len(data) < 5 or zlib.crc32(memoryview(data)[:-4]) != int.from_bytes(data[-4:], "little"):
        raise MalformedLabel("cut off or altered: its checksum differs", where="stored label")
    if data[0] not in (PLAIN, PREDICTED):
        raise MalformedLabel(f"unknown codec {data[0]}", where="stored label")
    header = _read_header(data, limits)
    table_end = header.end + header.stored_table_size
    table = decompress(data[header.end : table_end], header.table_size, "segment table")
    planes = decompress(data[table_end:-4], header.planes_size, "planes")
    return OpenLabel(data[0], header, table, planes)


def _encode(label: Label, codec: int, tail: bytes) -> bytes:
    check_limits(label, LIMITS)
    runs = [layer.count for layer in label.layers]
    planes, split = (_encode_predicted if codec == PREDICTED else _encode_plain)(label)
    table = encode_table(label.segments, len(label.layers), tail)
    stored_planes, stored_table = compress(planes), compress(table)
    header = [label.height, label.width, len(label.segments), len(runs), *runs]
    header += [len(planes), split, len(table), len(stored_table), len(tail)]
    body = bytes((codec,)) + _varints(header) + stored_table + stored_planes
    return body + zlib.crc32(body).to_bytes(4, "little")


def _read_header(data: bytes, limits: Limits) -> Header:
    (height, width, segment_count, layer_count), at = _numbers(data, 1, 4)
    limits.check(height, width, segment_count, layer_count)
    run_counts, at = _numbers(data, at, layer_count)
    run_count = sum(run_counts)
    limits.check_runs(run_count)
    sizes, at = _numbers(data, at, 5)
    planes_size, split, table_size, stored_table_size, tail_size = sizes
    check_tail_size(tail_size)
    # Bounds of what the writers can write: nothing larger is allocated.
    most = 50 * run_count + 40 * layer_count
    if planes_size > most or split > planes_size:
        raise MalformedLabel(f"{planes_size} bytes of planes for {run_count} runs", where="header")
    if table_size - tail_size > 32 * segment_count + 1 or tail_size > table_size:
        raise MalformedLabel(f"{table_size} bytes for {segment_count} segments", where="header")
    if stored_table_size > len(data) - 4 - at:
        raise MalformedLabel("the segment table is cut off", where="header")
    if bool(layer_count) != bool(segment_count):
        raise MalformedLabel("segments without layers or layers without", where="header")
    return Header(
        height,
        width,
        segment_count,
        run_counts,
        planes_size,
        split,
        table_size,
        stored_table_size,
        tail_size,
        at,
    )


def _varints(numbers: list[int]) -> bytes:
    encoded = bytearray()
    for number in numbers:
        while number >= 128:
            encoded.append(number & 127 | 128)
            number >>= 7
        encoded.append(number)
    return bytes(encoded)


def _numbers(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    """`count` varints below 2^35 from a place in bytes that end with a checksum."""
    numbers = []
    stop = len(data) - 4
    for _ in range(count):
        number = shift = 0
        while True:
            if at == stop or shift > 28:
                raise MalformedLabel("cut off or a number too long", where="header")
            byte = data[at]
            at += 1
            number |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
        numbers.append(number)
    return numbers, at


def _palettes(segments: Segments, layer_count: int) -> list[_U32]:
    """The ids of each layer, ascending; place k is told as k + 1 in the planes."""
    if layer_count < 2:
        return [segments.ids] * layer_count
    return [segments.ids[segments.layers == ordinal] for ordinal in range(layer_count)]


def _joined(parts: list[NDArray[np.generic]], dtype: type) -> NDArray[np.generic]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


def _palette_places(label: Label) -> list[_U32]:
    return [
        run_kernels.replace_values(
            layer.values, palette, np.arange(1, palette.size + 1, dtype=np.uint32)
        )
        for layer, palette in zip(
            label.layers, _palettes(label.segments, len(label.layers)), strict=True
        )
    ]


def _encode_predicted(label: Label) -> tuple[bytes, int]:
    tokens, numbers = kernels.encode_rows(
        _joined([*_palette_places(label)], np.uint32),
        _joined([layer.lengths for layer in label.layers], np.int64),
        np.array([layer.count for layer in label.layers], np.int64),
        label.height,
        label.width,
    )
    return tokens.tobytes() + numbers.tobytes(), int(tokens.size)


def _decode_predicted(planes: bytes, header: Header, segments: Segments) -> tuple[Runs, ...]:
    palettes = _palettes(segments, len(header.run_counts))
    # Read-only whatever it is, or numba would compile the kernel once more for bytes that are not.
    streams = np.frombuffer(memoryview(planes).toreadonly(), np.uint8)
    values, lengths, finding, layer, row = kernels.decode_rows(
        streams[: header.split],
        streams[header.split :],
        header.height,
        header.width,
        np.array(header.run_counts, np.int64),
        _joined([*palettes], np.uint32),
        np.array([palette.size for palette in palettes], np.int64),
    )
    raise_finding(finding, layer, row)
    layers = _split_runs(header, values, lengths)
    for ordinal in range(1, len(layers)):
        if not palettes[ordinal].size:
            raise MalformedLabel("it has no segment", where=f"layer {ordinal}")
        check_rests(layers[ordinal], layers[ordinal - 1], ordinal)
    return layers


def raise_finding(finding: int, layer: int, row: int) -> None:
    """Raise MalformedLabel for what a kernel found in the planes, unless it is FINE."""
    if finding:
        raise MalformedLabel(_FINDINGS[finding], where=f"planes, layer {layer}, row {row}")


def _encode_plain(label: Label) -> tuple[bytes, int]:
    places = _joined([*_palette_places(label)], np.uint32)
    lengths = _joined([layer.lengths for layer in label.layers], np.int64)
    size = _place_bytes(_palettes(label.segments, len(label.layers)))
    low_high = lengths.astype("<u4").view("<u2").reshape(-1, 2)
    columns = [places.astype(f"<u{size}"), low_high[:, 0], low_high[:, 1]]
    return b"".join(column.tobytes() for column in columns), 0


def _decode_plain(planes: bytes, header: Header, segments: Segments) -> tuple[Runs, ...]:
    palettes = _palettes(segments, len(header.run_counts))
    count, size = sum(header.run_counts), _place_bytes(palettes)
    if len(planes) != count * (size + 4):
        raise MalformedLabel(f"{len(planes)} bytes for {count} runs", where="planes")
    places = np.frombuffer(planes, f"<u{size}", count)
    low = np.frombuffer(planes, "<u2", count, count * size)
    high = np.frombuffer(planes, "<u2", count, count * (size + 2))
    lengths = low.astype(np.int64) | high.astype(np.int64) << 16
    values = np.empty(count, np.uint32)
    first = 0
    for ordinal, (palette, runs) in enumerate(zip(palettes, header.run_counts, strict=True)):
        own = places[first : first + runs]
        if runs and own.max() > palette.size:
            raise MalformedLabel("a value beyond the palette", where=f"planes, layer {ordinal}")
        colors = np.concatenate((np.zeros(1, np.uint32), palette))
        values[first : first + runs] = colors[own]
        first += runs
    layers = _split_runs(header, values, lengths)
    check_layers(Label(header.height, header.width, segments, layers))
    return layers


def _place_bytes(palettes: list[_U32]) -> int:
    most = max((palette.size for palette in palettes), default=0)
    return 1 if most < 2**8 else 2 if most < 2**16 else 4


def _split_runs(header: Header, values: _U32, lengths: _I64) -> tuple[Runs, ...]:
    if len(header.run_counts) == 1:
        return (Runs(header.height, header.width, values, lengths),)
    edges = np.cumsum([0, *header.run_counts]).tolist()
    return tuple(
        Runs(header.height, header.width, values[first:stop], lengths[first:stop])
        for first, stop in pairwise(edges)
    )


_FINDINGS = (
    "",
    "they end too early",
    "an unknown or misplaced token",
    "a boundary out of order or outside the row",
    "a value beyond the palette, or that of the run before",
    "more rows than the image has",
    "another number of runs than the header says",
    "a segment without a pixel",
    "bytes are left over",
)
