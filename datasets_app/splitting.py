"""Which split an image belongs to, by the group that it is of: scene, video, street.

The split of a group is a pure function of its key, a seed and the ratios. Images that are added,
removed or labelled change none of them, so that nothing ever moves between training and test by
itself; and all images of a group have one key, so that no group is divided.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from datasets_app.errors import HistoryError, InvalidName
from datasets_app.names import clean_split

# Where groups lie: 64 bits of their digest, on a line from 0 to 2^64.
LINE = 2**64
MAX_SPLITS = 16
MAX_PATTERN = 200
# Of ratios that were written by hand, such as three times 0.333.
_ROUNDING = 0.002
_RESERVE = "train"
_HOLES = re.compile(r"(\{key\}|\*)")
_KEY = "{key}"
# Between the parts of a key; no name contains it.
KEY_SEPARATOR = "\x1f"


class InvalidSplitting(HistoryError):
    """Ratios, a key or a list of splits that cannot be used."""

    code = "invalid_splitting"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}", field=field, reason=reason)
        self.field, self.reason = field, reason


class Stretch(NamedTuple):
    """The groups of one split: points from `start` to before `end`, of 2^64."""

    split: str
    start: int
    end: int


@dataclass(frozen=True)
class SplitRule:
    """How groups are spread: the share of each split, and what else to shuffle by.

    ratios : by the name of the split, from 0 to 1, together 1
    seed : any text; another one spreads all groups anew

    The line from 0 to 1 is cut once for all splits, and a group lies on it where the sha256 of
    seed and key says. `train` (where there is none, the first split by name) is the reserve in
    the middle. The others take turns by name at the two ends, from outside to inside. So with up
    to three splits each end belongs to one split, and a change of the ratios moves nothing but
    the cut between it and the reserve: growing `val` at the cost of `train` moves exactly the
    difference, from `train` to `val`. That is the least that any rule could move. Where both
    `val` and `test` change, each moves its own difference, in or out of the reserve. Beyond three
    splits a change of an outer one also shifts those inside of it at the same end.

    Raises
    ------
    InvalidSplitting
        Ratios below 0, that do not add up to 1, or of more than 16 splits.
    InvalidName
        A split that cannot have its name.
    """

    ratios: Mapping[str, float]
    seed: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.ratios) <= MAX_SPLITS:
            raise InvalidSplitting("ratios", f"1 to {MAX_SPLITS} splits")
        names = {clean_split(split) for split in self.ratios}
        if "" in names or names != self.ratios.keys():
            raise InvalidName(next(iter(self.ratios)), "each split needs a name of its own")
        if not all(0 <= ratio <= 1 for ratio in self.ratios.values()):
            raise InvalidSplitting("ratios", "each is a number from 0 to 1")
        total = sum(self.ratios.values())
        if abs(total - 1) > _ROUNDING:
            raise InvalidSplitting("ratios", f"they add up to {total:g}, not to 1")

    def split_at(self, point: int) -> str:
        """Return the split of a point of the line."""
        for stretch in self.stretches:
            if point < stretch.end:
                return stretch.split
        raise ValueError(f"{point} is not on the line")

    def split_of(self, key: str) -> str:
        """Return the split of the group of this key."""
        return self.split_at(point_of(key, self.seed))

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """The parts of the line, in order, without gaps; a ratio of 0 has an empty one."""
        reserve = _RESERVE if _RESERVE in self.ratios else min(self.ratios)
        others = sorted(self.ratios.keys() - {reserve})
        low, high = others[0::2], others[1::2]
        found, at = [], 0
        for split in low:
            found.append(Stretch(split, at, at + self._length(split)))
            at = found[-1].end
        upper, end = [], LINE
        for split in high:
            # Rounded ratios may want a hair more than there is.
            upper.append(Stretch(split, max(at, end - self._length(split)), end))
            end = upper[-1].start
        return (*found, Stretch(reserve, at, end), *reversed(upper))

    def _length(self, split: str) -> int:
        return min(LINE, round(self.ratios[split] * LINE))


def point_of(key: str, seed: str = "") -> int:
    """Return where a group lies on the line: 0 to 2^64 - 1, from seed and key alone."""
    # A length in front, or seed "a" with key "b:c" would be seed "a:b" with key "c".
    text = f"{len(seed)}:{seed}{key}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


# ---- keys -------------------------------------------------------------------


@dataclass(frozen=True)
class GroupKey:
    """What groups images; exactly one of the three, or none: each image is its own group.

    folders : so many leading folders of the name; images in fewer have no key
    pattern : a text in which `*` and `{key}` stand for any text up to the next fixed one, as
        `*/{key}_*`; what stands in all places of `{key}` is the key
    attribute : an attribute of the image, as `scene` or `video`

    A pattern is read from left to right, each hole as short as it can be, and never looked at
    twice: so no pattern takes longer than the name is long, as a regular expression may.

    Raises
    ------
    InvalidSplitting
        More than one of them, or one that cannot be.
    """

    folders: int | None = None
    pattern: str | None = None
    attribute: str | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("folders", "pattern", "attribute") if self._has(name)]
        if len(given) > 1:
            raise InvalidSplitting("group", f"one of {' and '.join(given)}, not both")
        if self.folders is not None and not 1 <= self.folders <= 64:
            raise InvalidSplitting("group.folders", "1 to 64")
        if self.attribute == "":
            raise InvalidSplitting("group.attribute", "the name of an attribute")
        if self.pattern is not None:
            _check_pattern(self.pattern)

    @property
    def needs_attributes(self) -> bool:
        """Whether attributes have to be read to know the key."""
        return self.attribute is not None

    def find(self, name: str, attributes: Mapping[str, Any] | None = None) -> str | None:
        """Return the key of an image; None where it has none."""
        if self.folders is not None:
            parts = name.split("/")
            return "/".join(parts[: self.folders]) if len(parts) > self.folders else None
        if self.pattern is not None:
            return _find_in(name, self._parts)
        if self.attribute is not None:
            return _key_of_value((attributes or {}).get(self.attribute))
        return name

    @cached_property
    def _parts(self) -> list[str]:
        return _HOLES.split(self.pattern or "")

    def _has(self, name: str) -> bool:
        return getattr(self, name) is not None


def _check_pattern(pattern: str) -> None:
    if not 1 <= len(pattern) <= MAX_PATTERN:
        raise InvalidSplitting("group.pattern", f"1 to {MAX_PATTERN} characters")
    parts = _HOLES.split(pattern)
    if _KEY not in parts:
        raise InvalidSplitting("group.pattern", "it needs a {key}, as in */{key}_*")
    # parts are text, hole, text, hole, …, text: between two holes must be something.
    if any(text == "" for text in parts[2:-1:2]):
        raise InvalidSplitting("group.pattern", "two holes need a text between them")


def _find_in(name: str, parts: list[str]) -> str | None:
    """Match `parts` (text, hole, text, …) against all of the name."""
    if not name.startswith(parts[0]):
        return None
    at, keys = len(parts[0]), []
    for place in range(1, len(parts), 2):
        hole, text = parts[place], parts[place + 1]
        last = place + 2 == len(parts)
        if last and text:
            end = len(name) - len(text) if name.endswith(text) else -1
        else:
            end = len(name) if last else name.find(text, at)
        if end < at:
            return None
        if hole == _KEY:
            keys.append(name[at:end])
        at = end + len(text)
    return KEY_SEPARATOR.join(keys) if any(keys) else None


def _key_of_value(value: Any) -> str | None:
    """Return an attribute as a key; lists, objects, null and the empty text are none."""
    if value is None or value == "" or isinstance(value, (list, dict)):
        return None
    return value if isinstance(value, str) else json.dumps(value)
