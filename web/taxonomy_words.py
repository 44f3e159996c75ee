"""What happened to the classes of a taxonomy, in words: on drafts, in histories, in comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from labels_app.class_spec import ClassSpec, id_of
from labels_app.taxonomy_diff import ClassChange, ClassChangeKind
from web.classes import VOID, Chip
from web.comparing.kinds import KindWords

CLASS_KINDS = {
    words.value: words
    for words in (
        KindWords(ClassChangeKind.ADDED, "added", "+", "added", "a new class"),
        KindWords(ClassChangeKind.REVIVED, "revived", "↺", "added", "a class again"),
        KindWords(ClassChangeKind.MERGED, "merged", "∪", "merged", "several became one"),
        KindWords(ClassChangeKind.SPLIT, "split", "÷", "split", "others take its place"),
        KindWords(ClassChangeKind.RETIRED, "retired", "−", "removed", "no class any more"),
        KindWords(ClassChangeKind.FLIPPED, "flipped", "⇄", "reclassified", "the other kind"),
        KindWords(ClassChangeKind.RENAMED, "renamed", "✎", "reshaped", "another name"),
        KindWords(ClassChangeKind.REPARENTED, "moved", "↳", "reshaped", "another place"),
        KindWords(ClassChangeKind.RECOLORED, "recoloured", "◑", "reshaped", "another colour"),
        KindWords(ClassChangeKind.EDITED, "edited", "≡", "quiet", "other words about it"),
    )
}
_FIELD_WORDS = {
    "description": "description",
    "external": "ids in other lists",
    "synonyms": "synonyms",
    "attributes": "attributes",
    "guideline": "guideline",
    "examples": "example pictures",
    "deprecated": "deprecation",
    "split_into": "what it is split into",
    "kind": "kind",
}
_SHOWN_FIELDS = ("description", "synonyms", "external")
_FLIPS = {
    "stuff": "was a thing and is stuff now: the instances of an image read as one segment",
    "thing": "was stuff and is a thing now: what an image has of it reads as one crowd"
    " until it is relabelled",
}


class Piece(NamedTuple):
    """A part of a sentence: a class, or text; `space` stands before it."""

    chip: Chip | None
    text: str
    space: str


@dataclass(frozen=True)
class Sentence:
    """One change in words; `pieces` are texts and classes, `details` (field, old, new)."""

    words: KindWords
    pieces: tuple[str | Chip, ...]
    change: ClassChange
    details: tuple[tuple[str, str, str], ...] = field(default=())

    @property
    def shown(self) -> list[Piece]:
        """The pieces as a page shows them."""
        shown = []
        for place, piece in enumerate(self.pieces):
            chip = piece if isinstance(piece, Chip) else None
            text = "" if isinstance(piece, Chip) else piece
            is_close = not place or text.startswith((",", ";"))
            shown.append(Piece(chip, text, "" if is_close else " "))
        return shown

    @property
    def text(self) -> str:
        """The sentence as text alone."""
        texts = (
            one.space + (one.chip.name if one.chip is not None else one.text) for one in self.shown
        )
        return "".join(texts) + "."


def tell_changes(
    changes: Iterable[ClassChange], old: Mapping[int, ClassSpec], new: Mapping[int, ClassSpec]
) -> list[Sentence]:
    """Return what happened between two settled lists, in words."""
    teller = _Teller(old, new)
    return [teller.tell(change) for change in changes]


def chip_of_spec(spec: ClassSpec) -> Chip:
    """Return a class as pages show it, retired ones too."""
    return Chip(id_of(spec), spec.name, spec.kind, spec.color or "#000000")


class _Teller:
    def __init__(self, old: Mapping[int, ClassSpec], new: Mapping[int, ClassSpec]) -> None:
        self._old, self._new = old, new

    def tell(self, change: ClassChange) -> Sentence:
        pieces = getattr(self, f"_{change.kind.value}")(change)
        return Sentence(CLASS_KINDS[change.kind.value], pieces, change, _details(change))

    def _before(self, class_id: int | None) -> Chip:
        return self._chip(class_id, self._old, self._new)

    def _after(self, class_id: int | None) -> Chip:
        return self._chip(class_id, self._new, self._old)

    def _chip(self, class_id: int | None, *sides: Mapping[int, ClassSpec]) -> Chip:
        found = (side[class_id] for side in sides if class_id in side)
        spec = next(found, None)
        return VOID if spec is None else chip_of_spec(spec)

    def _added(self, change: ClassChange) -> tuple[str | Chip, ...]:
        chip = self._after(change.class_id)
        return chip, "is new, " + ("a thing" if chip.kind == "thing" else "stuff")

    def _revived(self, change: ClassChange) -> tuple[str | Chip, ...]:
        own = self._after(change.class_id)
        was = self._before(change.sources[0] if change.sources else None)
        return own, "is a class again; its labels do not read as", was, "any more"

    def _merged(self, change: ClassChange) -> tuple[str | Chip, ...]:
        result = self._after(change.into[0])
        kinds = change.fields.get("kind")
        end = (f", {'a thing' if kinds[1] == 'thing' else 'stuff'}",) if kinds else ()
        left = [one for one in change.sources if one != change.into[0]]
        stays = len(left) < len(change.sources)
        return (
            *_listed(self._before(one) for one in left),
            ("reads as" if len(left) == 1 else "read as") if stays else "became",
            result,
            *end,
        )

    def _split(self, change: ClassChange) -> tuple[str | Chip, ...]:
        return (
            self._after(change.class_id),
            "is split into",
            *_listed(self._after(one) for one in change.into),
            "; its labels stay until they are relabelled",
        )

    def _retired(self, change: ClassChange) -> tuple[str | Chip, ...]:
        into = self._after(change.into[0] if change.into else None)
        return self._before(change.class_id), "is retired; its labels read as", into

    def _flipped(self, change: ClassChange) -> tuple[str | Chip, ...]:
        chip = self._after(change.into[0] if change.into else change.class_id)
        return chip, _FLIPS[chip.kind]

    def _renamed(self, change: ClassChange) -> tuple[str | Chip, ...]:
        return self._before(change.class_id), "is called", self._after(change.class_id)

    def _reparented(self, change: ClassChange) -> tuple[str | Chip, ...]:
        old = self._above(self._old, change.class_id)
        new = self._above(self._new, change.class_id)
        return self._after(change.class_id), "moved from", old, "to", new

    def _recolored(self, change: ClassChange) -> tuple[str | Chip, ...]:
        old = change.fields["color"][0]
        own = self._after(change.class_id)
        return (
            Chip(own.class_id, own.name, own.kind, old),
            "has the colour",
            own._replace(name=own.color),
        )

    def _edited(self, change: ClassChange) -> tuple[str | Chip, ...]:
        names = [_FIELD_WORDS.get(name, name) for name in change.fields]
        return self._after(change.class_id), f"has other {_and(names)}"

    def _above(self, side: Mapping[int, ClassSpec], class_id: int) -> str | Chip:
        spec = side.get(class_id)
        if spec is None:
            return "nowhere"
        if isinstance(spec.parent, int) and spec.parent in side:
            return chip_of_spec(side[spec.parent])
        return f"“{spec.heading}”" if spec.heading else "the top"


def _listed(chips: Iterable[Chip]) -> list[str | Chip]:
    found = list(chips)
    pieces: list[str | Chip] = []
    for place, chip in enumerate(found):
        if place:
            pieces.append("and" if place == len(found) - 1 else ",")
        pieces.append(chip)
    return pieces


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _details(change: ClassChange) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (_FIELD_WORDS[name], _shown(old), _shown(new))
        for name, (old, new) in change.fields.items()
        if name in _SHOWN_FIELDS
    )


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in sorted(value.items())) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) or "none"
