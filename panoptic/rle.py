"""COCO's RLE of masks, both ways: compressed strings and lists of counts.

COCO counts column by column, so a mask is transposed on the way; all segments of a layer go
through one transpose.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import MalformedFile
from panoptic.kernels import load_kernels
from panoptic.kernels.rle_numpy import BAD_CHARACTER, TOO_LONG, UNFINISHED
from panoptic.runs import Runs, check_size, make_runs, spans_of_mask, transpose_runs
from panoptic.runs import kernels as run_kernels

kernels = load_kernels("rle")

_FAULTS = {
    BAD_CHARACTER: "holds a character that no compressed counts have",
    TOO_LONG: "holds a number of more than 35 bits",
    UNFINISHED: "ends within a number",
}


def encode_coco_rle(mask: Runs) -> str:
    """The compressed counts of a mask (all that is not 0), as pycocotools would write them."""
    spans = spans_of_mask(transpose_runs(mask))
    offsets = np.array([0, spans.starts.size])
    characters, _ = kernels.encode_strings(spans.starts, spans.ends, offsets, mask.size)
    return bytes(characters).decode("ascii")


def encode_coco_rles(layer: Runs) -> dict[int, str]:
    """The compressed counts of every segment of a layer, by ascending id; 0 is left out."""
    columns = transpose_runs(layer)
    ids, offsets, starts, ends = run_kernels.group_by_value(columns.values, columns.lengths)
    characters, edges = kernels.encode_strings(starts, ends, offsets, layer.size)
    text, edges = characters.tobytes().decode("ascii"), edges.tolist()
    return {
        segment_id: text[start:end]
        for segment_id, start, end in zip(ids.tolist(), edges[:-1], edges[1:], strict=True)
    }


def decode_coco_rle(counts: str | bytes | Sequence[int], height: int, width: int) -> Runs:
    """A mask (values 0 and 1, row by row) from compressed counts or from a list of them.

    Raises MalformedFile if the counts do not cover height × width pixels exactly, are
    negative, or are not what COCO writes.
    """
    check_size(height, width)
    numbers = _parse_string(counts) if isinstance(counts, str | bytes) else _parse_list(counts)
    if numbers.size and int(numbers.min()) < 0:
        raise MalformedFile(f"the RLE holds a negative count, {int(numbers.min())}")
    # Counts have at most 35 bits, so that a sum over fewer than 2^28 of them is exact.
    covered = int(numbers.sum())
    if covered != height * width:
        raise MalformedFile(f"the RLE covers {covered} pixels of {height} × {width}")
    values = np.arange(numbers.size, dtype=np.uint32) & np.uint32(1)
    return transpose_runs(make_runs(width, height, values, numbers))


def _parse_string(counts: str | bytes) -> NDArray[np.int64]:
    try:
        encoded = counts.encode("ascii") if isinstance(counts, str) else counts
    except UnicodeEncodeError:
        raise MalformedFile(f"the RLE {_FAULTS[BAD_CHARACTER]}") from None
    numbers, fault = kernels.decode_string(np.frombuffer(encoded, np.uint8))
    if fault:
        raise MalformedFile(f"the RLE {_FAULTS[fault]}")
    parsed: NDArray[np.int64] = numbers
    return parsed


def _parse_list(counts: Sequence[int]) -> NDArray[np.int64]:
    if not isinstance(counts, list | tuple):
        raise MalformedFile("the counts of an RLE are neither a string nor a list")
    if not all(type(count) is int for count in counts):
        raise MalformedFile("the RLE holds a count that is no integer")
    if counts and max(counts) >= 2**31:
        raise MalformedFile(f"the RLE holds a count of {max(counts)} pixels")
    if counts and min(counts) < 0:
        raise MalformedFile(f"the RLE holds a negative count, {min(counts)}")
    return np.array(counts, np.int64)
