"""Which images somebody wants, said in words: `class:car count>3 area>5000 -split:val`.

One language for lists, pulls, exports and pages, told to people in docs/formats/filters.md.
"""

from __future__ import annotations

import operator
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_app.bulk import batched
from datasets_app.candidates import class_key, split_key, status_key
from datasets_app.entries import Entry, Status
from datasets_app.label_facts import label_facts
from datasets_app.live_counts import read_counts
from datasets_app.query_words import NUMBER_KEYS, InvalidFilter, Word, split_words
from labels_app.reading import Reading
from labels_app.revisions import get_labels
from panoptic.label import Label, measure_label
from panoptic.reading import read_label
from store_app.errors import ObjectErased
from store_app.index import erased_among

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_SINGLE_KEYS = ("split", "status", "prefix")
KEYS = ("class", *NUMBER_KEYS, *_SINGLE_KEYS)
_MOST_CLASSES = 20
_MOST_WORDS = 100
_WHOLE = re.compile(r"[0-9]{1,12}\Z")
_RATIO = re.compile(r"(0?\.[0-9]{1,9}|0|1(\.0{1,9})?)\Z")
# Labels that are read from the store at once, for the areas of their segments.
_LABELS_AT_ONCE = 256


class Comparison(NamedTuple):
    """`> 3`: a sign of `_COMPARE`, and the number behind it."""

    sign: str
    number: float

    def holds(self, number: float) -> bool:
        """Say whether a number is so."""
        return _COMPARE[self.sign](number, self.number)


class ClassCondition(NamedTuple):
    """How many segments an image has: of a live class, or of any (None); at least one.

    Only segments whose full mask and whose score are as `areas` and `scores` say are counted;
    one without a score is none of those. `sources` are the stored class ids that read as the
    class. `negated`: an image that fulfils all this is not wanted.
    """

    class_id: int | None
    sources: tuple[int, ...] = ()
    counts: tuple[Comparison, ...] = ()
    areas: tuple[Comparison, ...] = ()
    scores: tuple[Comparison, ...] = ()
    negated: bool = False

    def holds(self, segments: int) -> bool:
        """Say whether an image with so many segments of this kind is wanted."""
        counts = self.counts or (Comparison(">=", 1),)
        return all(one.holds(segments) for one in counts) != self.negated

    @property
    def needs_one(self) -> bool:
        """Say whether an image without such a segment is never wanted."""
        return not self.holds(0)

    @property
    def reads_labels(self) -> bool:
        """Say whether the counts of a label do not tell, and its segments must be looked at."""
        return bool(self.areas or self.scores)

    def may_hold(self, segments: int) -> bool:
        """Say whether an image with so many segments of the class may be wanted."""
        if not self.reads_labels:
            return self.holds(segments)
        turns = {int(one.number) + step for one in self.counts for step in (-1, 0, 1)}
        return any(self.holds(n) for n in {0, 1, segments} | turns if 0 <= n <= segments)

    def count(self, label: Label, areas: NDArray[np.int64]) -> int:
        """Count the segments of a label that was read; `areas` are of their full masks."""
        segments = label.segments
        chosen = np.ones(len(segments), bool)
        if self.class_id is not None:
            chosen &= segments.class_ids == self.class_id
        for one in self.areas:
            chosen &= np.asarray(_COMPARE[one.sign](areas, one.number))
        for one in self.scores:
            # In the precision that scores have; NaN, no score, is nothing at all.
            number = np.float32(one.number)
            chosen &= np.asarray(_COMPARE[one.sign](segments.scores, number))
        return int(chosen.sum())


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Conditions that must all hold; None and empty ones do not filter. Split "": in none.

    What begins with `not_` is what an image must not have.
    """

    classes: tuple[ClassCondition, ...] = ()
    split: str | None = None
    status: Status | None = None
    prefix: str = ""
    not_splits: tuple[str, ...] = ()
    not_statuses: tuple[Status, ...] = ()
    not_prefixes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Say whether every image is wanted."""
        return self == EVERY_IMAGE

    @property
    def reads_labels(self) -> bool:
        """Say whether labels must be read from the store: some milliseconds each."""
        return any(condition.reads_labels for condition in self.classes)

    def groups(self) -> list[list[str]]:
        """Return keys of the index of candidates: any key of each group matches."""
        groups = [
            [class_key(class_id) for class_id in sorted(condition.sources)]
            for condition in self.classes
            if condition.needs_one and condition.sources
        ]
        if self.split is not None:
            groups.append([split_key(self.split)])
        if self.status is not None:
            groups.append([status_key(self.status)])
        return groups

    def matches_entry(self, entry: Entry) -> bool:
        """Say whether an image matches in split and status."""
        return (
            self.split in (None, entry.split)
            and self.status in (None, entry.status)
            and entry.split not in self.not_splits
            and entry.status not in self.not_statuses
        )

    def matches_name(self, name: str) -> bool:
        """Say whether an image matches in its name."""
        return name.startswith(self.prefix) and not name.startswith(self.not_prefixes)

    def matches(self, name: str, entry: Entry) -> bool:
        """Say whether an image matches in all but its segments."""
        return self.matches_entry(entry) and self.matches_name(name)

    def holding(self, labels: Iterable[bytes], reading: Reading) -> set[bytes]:
        """Return those labels that hold the segments wanted.

        One query; where areas or scores are asked for, one more per 256 labels that may match.
        A label whose bytes were erased is none of those.
        """
        facts = label_facts(set(labels))
        digests = list(facts)
        live = read_counts([facts[digest].counts for digest in digests], reading.label_reading)
        chosen = np.ones(len(digests), bool)
        for condition in self.classes:
            segments = np.zeros(len(digests), np.int64)
            rows = live.class_ids > 0
            if condition.class_id is not None:
                rows = live.class_ids == condition.class_id
            np.add.at(segments, live.labels[rows], live.segments[rows])
            chosen &= np.array([condition.may_hold(count) for count in segments.tolist()], bool)
        found = {digest for digest, wanted in zip(digests, chosen.tolist(), strict=True) if wanted}
        return self._measured(found, reading) if self.reads_labels else found

    def _measured(self, labels: set[bytes], reading: Reading) -> set[bytes]:
        conditions = [condition for condition in self.classes if condition.reads_labels]
        found = set()
        for batch in batched(sorted(labels), _LABELS_AT_ONCE):
            for digest, stored in _get_labels_there(batch).items():
                label = read_label(stored, reading.label_reading)
                areas = measure_label(label).areas
                if all(one.holds(one.count(label, areas)) for one in conditions):
                    found.add(digest)
        return found

    def takes(self, entry: Entry, holding: Collection[bytes]) -> bool:
        """Say whether an image matches in its segments; `holding` are the labels that do."""
        return self.wants_unlabelled if entry.label is None else entry.label in holding

    @property
    def wants_unlabelled(self) -> bool:
        """Say whether an image without a label can match."""
        return not any(condition.needs_one for condition in self.classes)


EVERY_IMAGE = ImageQuery()


def parse_query(text: str, reading: Reading) -> ImageQuery:
    """Read a filter; "" wants everything. docs/formats/filters.md tells what there is.

    Raises
    ------
    InvalidFilter
        A word, a class, a status or a number that does not exist, a key that comes twice; it
        says where.
    """
    words = split_words(text)
    if len(words) > _MOST_WORDS:
        raise InvalidFilter(text, f"at most {_MOST_WORDS} words")
    classes: list[ClassCondition] = []
    without: dict[str, list[str]] = defaultdict(list)
    single: dict[str, str] = {}
    for word in words:
        if word.key in NUMBER_KEYS and word.sign not in ("", ":"):
            if not classes:
                classes.append(ClassCondition(None))
            classes[-1] = _narrowed(text, word, classes[-1])
        elif word.sign != ":" or word.key not in KEYS or word.key in NUMBER_KEYS:
            raise _no_key(text, word)
        elif word.key == "class":
            classes.append(_class_condition(text, word, reading))
        elif word.negated:
            _status(text, word)
            without[word.key].append(word.value)
        elif word.key in single:
            raise _wrong(text, word, f"{word.key} comes twice")
        else:
            _status(text, word)
            single[word.key] = word.value
    if sum(condition.class_id is not None for condition in classes) > _MOST_CLASSES:
        raise InvalidFilter(text, f"at most {_MOST_CLASSES} classes")
    return ImageQuery(
        classes=tuple(classes),
        split=single.get("split"),
        status=Status(single["status"]) if "status" in single else None,
        prefix=single.get("prefix", ""),
        not_splits=tuple(without["split"]),
        not_statuses=tuple(map(Status, without["status"])),
        not_prefixes=tuple(without["prefix"]),
    )


def condition_of(class_id: int, reading: Reading) -> ClassCondition:
    """Return the condition that an image has a live class."""
    sources = tuple(stored for stored, live in reading.live_of.items() if live == class_id)
    return ClassCondition(class_id, sources)


def _get_labels_there(digests: Sequence[bytes]) -> dict[bytes, Label]:
    try:
        return get_labels(digests)
    except ObjectErased:
        return get_labels(set(digests) - erased_among(digests))


def _class_condition(text: str, word: Word, reading: Reading) -> ClassCondition:
    for class_id, spec in reading.classes.items():
        if spec.name == word.value:
            condition = condition_of(class_id, reading)
            if condition.sources:
                return condition._replace(negated=word.negated)
    raise _wrong(text, word, f"the taxonomy has no class {word.value!r}")


def _narrowed(text: str, word: Word, condition: ClassCondition) -> ClassCondition:
    """Return a condition with the number that a word asks for."""
    if word.negated:
        raise _wrong(text, word, "a minus is for class, split, status and prefix")
    pattern, wanted = _WHOLE, "a whole number of up to 12 digits"
    if word.key == "score":
        pattern, wanted = _RATIO, "a number from 0 to 1"
    if not pattern.match(word.value):
        raise _wrong(text, word, f"{word.key} is {wanted}, not {word.value!r}")
    one = Comparison(word.sign, float(word.value) if word.key == "score" else int(word.value))
    field = {"count": "counts", "area": "areas", "score": "scores"}[word.key]
    return condition._replace(**{field: (*getattr(condition, field), one)})


def _status(text: str, word: Word) -> None:
    if word.key == "status" and word.value not in list(Status):
        raise _wrong(text, word, f"no status is {word.value!r}; there are {', '.join(Status)}")


def _no_key(text: str, word: Word) -> InvalidFilter:
    if word.key in NUMBER_KEYS:
        return _wrong(text, word, f"{word.key} is compared: {word.key}>3, >=, <, <= or =")
    written = text[word.start : word.end]
    return _wrong(text, word, f"{written!r} has none of the keys {', '.join(KEYS)}")


def _wrong(text: str, word: Word, reason: str) -> InvalidFilter:
    return InvalidFilter(text, reason, word.start, word.end)
