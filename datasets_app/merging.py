"""The three-way merge of what versions say about images: field by field, no pixels (RULES 4).

`merge_images` takes base, ours and theirs of some images and says what becomes of ours, and
where the three disagree. A conflict is a value here; whoever asks for a version raises it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Final, NamedTuple, TypeVar

from datasets_app.entries import Entry, EntryChange

T = TypeVar("T")


class Take(StrEnum):
    """The side that a conflict is settled by."""

    OURS = "ours"
    THEIRS = "theirs"
    BASE = "base"


class ConflictField(StrEnum):
    """What two sides set in two ways.

    `PRESENCE`: one side removed the image and the other changed it. `TAXONOMY` is the
    version's, the others are an image's.
    """

    TAXONOMY = "taxonomy"
    PRESENCE = "presence"
    IMAGE = "image"
    LABEL = "label"
    SPLIT = "split"
    STATUS = "status"
    ATTRIBUTES = "attributes"


class Sides(NamedTuple):
    """One image in three versions; None where a version does not have it."""

    name: str
    image_no: int
    base: Entry | None
    ours: Entry | None
    theirs: Entry | None


class MergeConflict(NamedTuple):
    """What three sides disagree on, and what each says.

    The values are a field of an `Entry`; for `PRESENCE` an `Entry` or None; for `TAXONOMY` a
    taxonomy version, and name and number are None.
    """

    name: str | None
    image_no: int | None
    field: ConflictField
    base: Any
    ours: Any
    theirs: Any


class Place(NamedTuple):
    """Where a conflict may be; name None is the version itself, field None the whole image."""

    name: str | None
    field: ConflictField | None


@dataclass(frozen=True, slots=True)
class Choices:
    """How conflicts are to be settled.

    `taken` says it for one field of an image, else for the image; `strategy` for every
    other conflict, None leaves those open.
    """

    taken: Mapping[Place, Take] = field(default_factory=dict)
    strategy: Take | None = None


class NamedChange(NamedTuple):
    """What a merge makes of an image: from ours to the result."""

    name: str
    change: EntryChange


class MergePlan(NamedTuple):
    """What becomes of some images.

    `changes` are against ours, by number; images with an open conflict are not among them.
    `settled` are the places of `Choices.taken` that settled a conflict.
    """

    changes: tuple[NamedChange, ...] = ()
    conflicts: tuple[MergeConflict, ...] = ()
    settled: frozenset[Place] = frozenset()


class LabelTriple(NamedTuple):
    """Digests of the labels of an image that both sides set, each in its own way."""

    base: bytes | None
    ours: bytes
    theirs: bytes


LabelMerger = Callable[[Sequence[LabelTriple]], Sequence[bytes | None]]


class Open(Enum):
    """The result of a conflict that nothing settles."""

    OPEN = "open"


OPEN: Final = Open.OPEN


def merge_labels(triples: Sequence[LabelTriple]) -> list[bytes | None]:
    """Return, for each triple, the digest of the merged label, or None for a conflict.

    Labels are taken whole, so each triple is a conflict. A merger that looks inside answers
    a stored label's digest where it can.
    """
    return [None] * len(triples)


def merge_images(
    batch: Sequence[Sides], choices: Choices, label_merger: LabelMerger = merge_labels
) -> MergePlan:
    """Merge some images; `label_merger` is asked once, for all labels that both sides set.

    Laws: theirs where ours is the base, ours where theirs is the base or equal. A name that
    both sides added is one image with an empty base.
    """
    labels = _merge_labels(batch, label_merger)
    settling = Settling(choices)
    changes = []
    for sides in batch:
        merged = _merge_image(sides, labels.get(sides.image_no), settling)
        if merged is not OPEN and merged != sides.ours:
            change = EntryChange(sides.image_no, sides.ours, merged)
            changes.append(NamedChange(sides.name, change))
    return MergePlan(tuple(changes), tuple(settling.conflicts), frozenset(settling.settled))


def merge_values(base: T, ours: T, theirs: T) -> T | Open:
    """Return what one side made of the base, or both alike; `OPEN` where they disagree."""
    if theirs in (base, ours):
        return ours
    return theirs if ours == base else OPEN


class Settling:
    """Settles conflicts by `choices`; collects those that stay open, and what was used."""

    def __init__(self, choices: Choices) -> None:
        self.conflicts: list[MergeConflict] = []
        self.settled: set[Place] = set()
        self._choices = choices

    def settle(self, conflict: MergeConflict) -> Take | None:
        """Return the side to take, None where nothing says it."""
        exact = Place(conflict.name, conflict.field)
        for place in (exact, Place(conflict.name, None)):
            if place in self._choices.taken:
                self.settled.add(place)
                return self._choices.taken[place]
        if self._choices.strategy is None:
            self.conflicts.append(conflict)
        return self._choices.strategy

    def merge(self, conflict: MergeConflict) -> Any:
        """Merge the three values of what may be no conflict; `OPEN` where it is one."""
        merged = merge_values(conflict.base, conflict.ours, conflict.theirs)
        if merged is not OPEN:
            return merged
        take = self.settle(conflict)
        return OPEN if take is None else getattr(conflict, take.value)


_APART = (ConflictField.IMAGE, ConflictField.SPLIT, ConflictField.ATTRIBUTES)


def _merge_image(sides: Sides, label: bytes | None, settling: Settling) -> Entry | Open | None:
    name, image_no, base, ours, theirs = sides
    whole = merge_values(base, ours, theirs)
    if whole is not OPEN:
        return whole
    if ours is None or theirs is None:
        taken: Entry | Open | None = settling.merge(
            MergeConflict(name, image_no, ConflictField.PRESENCE, base, ours, theirs)
        )
        return taken
    three = Sides(name, image_no, base or Entry(ours.name_digest), ours, theirs)
    values = {each.value: settling.merge(_conflict(three, each)) for each in _APART}
    values |= _merge_label(three, label, settling)
    return OPEN if OPEN in values.values() else ours._replace(**values)


def _merge_label(sides: Sides, label: bytes | None, settling: Settling) -> dict[str, Any]:
    """Merge label and status.

    The status speaks of the label. So it goes where the label goes if one side's is taken
    whole, or an image could come out labelled without a label; else it is a field as others.
    """
    contested = _conflict(sides, ConflictField.LABEL)
    merged = merge_values(contested.base, contested.ours, contested.theirs)
    if merged is OPEN and label is None:
        take = settling.settle(contested)
        side = None if take is None else getattr(sides, take.value)
        return {"label": OPEN} if side is None else {"label": side.label, "status": side.status}
    status = settling.merge(_conflict(sides, ConflictField.STATUS))
    return {"label": label if merged is OPEN else merged, "status": status}


def _conflict(sides: Sides, name: ConflictField) -> MergeConflict:
    values = (getattr(side, name.value) for side in sides[2:])
    return MergeConflict(sides.name, sides.image_no, name, *values)


def _merge_labels(batch: Iterable[Sides], label_merger: LabelMerger) -> dict[int, bytes | None]:
    triples = {
        sides.image_no: triple
        for sides in batch
        if (triple := _contested_labels(sides)) is not None
    }
    merged = label_merger(list(triples.values())) if triples else ()
    return dict(zip(triples, merged, strict=True))


def _contested_labels(sides: Sides) -> LabelTriple | None:
    """Return the labels that are to be merged, None where a look at the digests suffices."""
    _, _, base, ours, theirs = sides
    if ours is None or theirs is None or ours.label is None or theirs.label is None:
        return None
    label = base.label if base is not None else None
    if merge_values(label, ours.label, theirs.label) is not OPEN:
        return None
    return LabelTriple(label, ours.label, theirs.label)
