"""What the taxonomy did between two versions, apart from what people did in the labels.

Answered from classes and statistics alone, O(classes): no label is read and no tree is walked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Sum

from datasets_app.models import Version, VersionClassStats
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.taxonomy_access import ReadBy
from labels_app.classes import ClassSpec, id_of
from labels_app.models import TaxonomyVersion
from labels_app.reading import Reading, reading_of
from labels_app.taxonomy_diff import ClassChange, ClassChangeKind, diff_classes


class ClassPixels(NamedTuple):
    """Visible pixels of the old version that read as these live classes; None is void."""

    old_class: int | None
    new_class: int | None
    pixels: int


@dataclass(frozen=True)
class TaxonomyComparison:
    """The taxonomy versions of two sides, and what became of their classes.

    read_by : by what both sides are read where their labels are compared
    changes : what happened to classes from old to new
    class_flow : how the labels of the *old* version read by the old, and by the new taxonomy
        version; a class that the new one never had is void there. Empty where both are `same`.
    """

    old: TaxonomyVersion
    new: TaxonomyVersion
    read_by: ReadBy
    changes: tuple[ClassChange, ...]
    rules_changed: bool
    class_flow: tuple[ClassPixels, ...]

    @property
    def same(self) -> bool:
        """Whether nothing about classes and rules differs."""
        return bytes(self.old.digest) == bytes(self.new.digest)

    def to_json(self) -> dict[str, Any]:
        """Return what the API says."""
        return {
            "old": _name_json(self.old),
            "new": _name_json(self.new),
            "same": self.same,
            "read_by": {"slug": self.read_by.slug, "number": self.read_by.number},
            "changes": [change.to_plain() for change in self.changes],
            "rules_changed": self.rules_changed,
            "class_flow": [row._asdict() for row in self.class_flow],
        }

    def sentences(self) -> list[str]:
        """Return a line for people per change, and one for label rules."""
        old, new = reading_of(self.old), reading_of(self.new)
        lines = [_sentence(change, old, new) for change in self.changes]
        return [*lines, "rules: changed"] if self.rules_changed else lines


def compare_taxonomies(old: Version, new: Version, read_by: ReadBy) -> TaxonomyComparison:
    """Return what differs in the classes of two versions; one query, none where nothing does.

    `read_by` is by what their labels are compared.
    """
    before, after = old.taxonomy_version, new.taxonomy_version
    if bytes(before.digest) == bytes(after.digest):
        return TaxonomyComparison(before, after, read_by, (), False, ())
    old_reading, new_reading = reading_of(before), reading_of(after)
    return TaxonomyComparison(
        old=before,
        new=after,
        read_by=read_by,
        changes=_diff(old_reading, new_reading),
        rules_changed=before.rules != after.rules,
        class_flow=tuple(_iter_flow(old, old_reading, new_reading)),
    )


def _diff(old: Reading, new: Reading) -> tuple[ClassChange, ...]:
    """Return the changes; going back, a class that was not there yet is told as retired."""
    unborn = [
        ClassChange(ClassChangeKind.RETIRED, id_of(spec), spec.name, (id_of(spec),), (None,))
        for spec in old.live_classes
        if spec.class_id not in new.classes
    ]
    return (*diff_classes(old.classes.values(), new.classes.values()), *unborn)


def _iter_flow(version: Version, old: Reading, new: Reading) -> Iterator[ClassPixels]:
    stored = (
        VersionClassStats.objects.filter(version=version)
        .values_list("class_id")
        .order_by("class_id")
        .annotate(Sum("pixels"))
    )
    pixels: dict[tuple[int, int], int] = {}
    for class_id, count in stored:
        cell = tuple(
            VOID_CLASS if class_id == VOID_CLASS else reading.live_of.get(class_id) or VOID_CLASS
            for reading in (old, new)
        )
        pixels[cell] = pixels.get(cell, 0) + int(count)
    for (old_class, new_class), count in sorted(pixels.items()):
        if count:
            yield ClassPixels(old_class or None, new_class or None, count)


def _name_json(version: TaxonomyVersion) -> dict[str, Any]:
    return {"slug": version.taxonomy.slug, "number": version.number}


# ---- words ------------------------------------------------------------------


def _sentence(change: ClassChange, old: Reading, new: Reading) -> str:
    kind = change.kind
    if kind is ClassChangeKind.ADDED:
        return f"added: {change.name} ({new.classes[change.class_id].kind})"
    if kind is ClassChangeKind.RENAMED:
        return f"renamed: {change.fields['name'][0]} → {change.fields['name'][1]}"
    if kind is ClassChangeKind.FLIPPED:
        was, now = (
            r.classes[i].kind for r, i in ((old, change.sources[0]), (new, change.class_id))
        )
        return f"flipped: {change.name}, {was} → {now}"
    if kind in (ClassChangeKind.MERGED, ClassChangeKind.RETIRED, ClassChangeKind.SPLIT):
        into = _names(change.into, new.classes, old.classes)
        return f"{kind.value}: {_names(change.sources, old.classes)} → {into}"
    if kind is ClassChangeKind.REVIVED:
        since = f", until now {_names(change.sources, old.classes)}" if change.sources else ""
        return f"revived: {change.name}{since}"
    told = ", ".join(
        f"{name} {_plain(was)} → {_plain(now)}" for name, (was, now) in change.fields.items()
    )
    return f"{kind.value}: {change.name}, {told}"


def _names(class_ids: Iterable[int | None], *known: Mapping[int, ClassSpec]) -> str:
    def name(class_id: int | None) -> str:
        if class_id is None:
            return "void"
        return next((c[class_id].name for c in known if class_id in c), str(class_id))

    return ", ".join(map(name, class_ids))


def _plain(value: Any) -> str:
    return "none" if value is None or value == "" else str(value)
