"""Which images somebody wants, said in words: `class:car count>3 split:val`."""

from __future__ import annotations

import operator
import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from datasets_app.candidates import class_key, split_key, status_key
from datasets_app.entries import Entry, Status
from datasets_app.exports.errors import InvalidFilter
from datasets_app.label_facts import label_facts
from datasets_app.live_counts import read_counts
from labels_app.reading import Reading

_COUNT = re.compile(r"count(>=|<=|>|<|=)([0-9]{1,9})\Z")
_COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_SINGLE_KEYS = ("split", "status", "prefix")
_MOST_CLASSES = 20


class ClassCondition(NamedTuple):
    """How many segments of a live class an image has: `comparison` is a key of `_COMPARE`.

    `sources` are the stored class ids that read as the class.
    """

    class_id: int
    sources: tuple[int, ...]
    comparison: str = ">="
    count: int = 1

    def holds(self, segments: int) -> bool:
        """Say whether an image with so many segments of the class is wanted."""
        return _COMPARE[self.comparison](segments, self.count)

    @property
    def needs_one(self) -> bool:
        """Say whether an image without the class is never wanted."""
        return not self.holds(0)


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Conditions that must all hold; None and empty ones do not filter. Split "": in none."""

    classes: tuple[ClassCondition, ...] = ()
    split: str | None = None
    status: Status | None = None
    prefix: str = ""

    @property
    def is_empty(self) -> bool:
        """Say whether every image is wanted."""
        return self == ImageQuery()

    def groups(self) -> list[list[str]]:
        """Return keys of the index of candidates: any key of each group matches."""
        groups = [
            [class_key(class_id) for class_id in sorted(condition.sources)]
            for condition in self.classes
            if condition.needs_one
        ]
        if self.split is not None:
            groups.append([split_key(self.split)])
        if self.status is not None:
            groups.append([status_key(self.status)])
        return groups

    def matches(self, name: str, entry: Entry) -> bool:
        """Say whether an image matches in all but its classes."""
        return (
            self.split in (None, entry.split)
            and self.status in (None, entry.status)
            and name.startswith(self.prefix)
        )

    def holding(self, labels: Sequence[bytes], reading: Reading) -> set[bytes]:
        """Return those labels that hold the classes in the numbers wanted; one query."""
        facts = label_facts(set(labels))
        digests = list(facts)
        live = read_counts([facts[digest].counts for digest in digests], reading.label_reading)
        chosen = np.ones(len(digests), bool)
        for condition in self.classes:
            segments = np.zeros(len(digests), np.int64)
            rows = live.class_ids == condition.class_id
            segments[live.labels[rows]] = live.segments[rows]
            chosen &= np.array([condition.holds(count) for count in segments.tolist()], bool)
        return {digest for digest, wanted in zip(digests, chosen.tolist(), strict=True) if wanted}

    def takes(self, entry: Entry, holding: Collection[bytes]) -> bool:
        """Say whether an image matches in its classes; `holding` are the labels that do."""
        return self.wants_unlabelled if entry.label is None else entry.label in holding

    @property
    def wants_unlabelled(self) -> bool:
        """Say whether an image without a label can match."""
        return not any(condition.needs_one for condition in self.classes)


def parse_query(text: str, reading: Reading) -> ImageQuery:
    """Read `class:car count>3 split:val status:reviewed prefix:night/`; "" wants everything.

    `count` is of the class before it: `count>=2`, `>`, `<`, `<=`, `=`; a class alone means at
    least one. Classes may come several times, and all must hold. Values with spaces
    are written in quotes: `class:"traffic light"`.

    Raises
    ------
    InvalidFilter
        A word, a class or a status that does not exist; a key that comes twice.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidFilter(text, str(error)) from error
    classes: list[ClassCondition] = []
    single: dict[str, str] = {}
    counted = True
    for word in words:
        count = _COUNT.match(word)
        key, colon, value = word.partition(":")
        if count is not None:
            if counted:
                raise InvalidFilter(text, f"{word!r} does not follow a class")
            classes[-1] = classes[-1]._replace(comparison=count[1], count=int(count[2]))
            counted = True
        elif colon and key == "class":
            classes.append(_class_condition(text, value, reading))
            counted = False
        elif colon and key in _SINGLE_KEYS:
            if key in single:
                raise InvalidFilter(text, f"{key} comes twice")
            single[key] = value
        else:
            known = ", ".join(("class", "count", *_SINGLE_KEYS))
            raise InvalidFilter(text, f"{word!r} has none of the keys {known}")
    if len(classes) > _MOST_CLASSES:
        raise InvalidFilter(text, f"at most {_MOST_CLASSES} classes")
    return ImageQuery(
        classes=tuple(classes),
        split=single.get("split"),
        status=_status(text, single.get("status")),
        prefix=single.get("prefix", ""),
    )


def _class_condition(text: str, name: str, reading: Reading) -> ClassCondition:
    for class_id, spec in reading.classes.items():
        sources = tuple(stored for stored, live in reading.live_of.items() if live == class_id)
        if spec.name == name and sources:
            return ClassCondition(class_id, sources)
    raise InvalidFilter(text, f"the taxonomy has no class {name!r}")


def _status(text: str, value: str | None) -> Status | None:
    if value is None:
        return None
    if value not in list(Status):
        raise InvalidFilter(text, f"no status is {value!r}; there are {', '.join(Status)}")
    return Status(value)
