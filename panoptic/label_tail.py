"""The JSON tail of a label: origins and free attributes in the canonical form of RFC 8785.

Empty when there is neither. Else an object with "attributes" and "origins" (each only if not
empty), by segment id as a decimal string.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panoptic.canonical_json import dump_canonical, load_canonical
from panoptic.errors import MalformedLabel, TooLarge
from panoptic.segments import Origin, Segments

MAX_TAIL_BYTES = 2**26
_ORIGIN_KEYS = {"model", "score", "version"}


def encode_tail(segments: Segments) -> bytes:
    """The canonical tail; b"" when no segment has origin or attributes.

    Raises MalformedLabel for what RFC 8785 cannot write and read again: other types than
    JSON's, NaN, integers beyond 2^53.
    """
    if not segments.origins and not segments.attributes:
        return b""
    tail: dict[str, Any] = {}
    attributes = {str(i): dict(given) for i, given in segments.attributes.items() if given}
    if attributes:
        tail["attributes"] = attributes
    if segments.origins:
        tail["origins"] = {str(i): origin._asdict() for i, origin in segments.origins.items()}
    encoded = dump_canonical(tail)
    check_tail_size(len(encoded))
    return encoded


def decode_tail(
    tail: bytes, ids: NDArray[np.uint32]
) -> tuple[dict[int, Origin], dict[int, Mapping[str, Any]]]:
    """Origins and attributes by segment id; MalformedLabel unless the tail is canonical."""
    if not tail:
        return {}, {}
    content = load_canonical(tail)
    if not isinstance(content, dict) or not content or content.keys() - {"attributes", "origins"}:
        raise MalformedLabel("no object of attributes and origins", where="attributes")
    known = set(ids.tolist())
    attributes = _by_segment(content, "attributes", known)
    origins = _by_segment(content, "origins", known)
    return {i: _origin(i, given) for i, given in origins.items()}, attributes


def decode_attributes(tail: bytes, ids: NDArray[np.uint32]) -> dict[int, Mapping[str, Any]]:
    """The attributes alone. Origins without attributes, as models leave them, are not looked at."""
    # Members of canonical JSON are sorted: "attributes" comes before "origins".
    return decode_tail(tail, ids)[1] if tail.startswith(b'{"attributes":') else {}


def check_tail_size(size: int) -> None:
    """Raise TooLarge for a tail that no label may have."""
    if size > MAX_TAIL_BYTES:
        raise TooLarge("bytes of attributes", actual=size, limit=MAX_TAIL_BYTES)


def _by_segment(content: dict[str, Any], name: str, known: set[int]) -> dict[int, Any]:
    if name not in content:
        return {}
    given = content[name]
    if not isinstance(given, dict) or not given:
        raise MalformedLabel("not an object by segment id", where=name)
    found = {}
    for key, value in given.items():
        is_id = key.isascii() and key.isdecimal() and str(int(key[:8])) == key
        if not is_id or int(key) not in known:
            raise MalformedLabel("there is no such segment", where=f"{name} of {key!r}")
        if not isinstance(value, dict) or not value:
            raise MalformedLabel("not an object with members", where=f"{name} of {key!r}")
        found[int(key)] = value
    return found


def _origin(segment_id: int, given: dict[str, Any]) -> Origin:
    model, version, score = (given.get(key) for key in ("model", "version", "score"))
    is_score = score is None or (
        isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1
    )
    if given.keys() != _ORIGIN_KEYS or not is_score:
        raise MalformedLabel("not model, version and score", where=f"origin of {segment_id}")
    if not isinstance(model, str) or not isinstance(version, str):
        raise MalformedLabel("model and version are text", where=f"origin of {segment_id}")
    return Origin(model, version, None if score is None else float(score))
