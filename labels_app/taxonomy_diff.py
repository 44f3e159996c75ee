"""What differs between two lists of classes of one taxonomy, told as what curators do.

A diff is net: a class that was renamed twice is renamed once. So it is the same whether the
new side was made by operations on a draft, by a file, or by somebody else's client.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from labels_app.class_json import class_to_plain
from labels_app.classes import ClassSpec, id_of, successor_of


class ClassChangeKind(StrEnum):
    """What became of a class, in the order in which changes are told."""

    ADDED = "added"
    REVIVED = "revived"
    MERGED = "merged"
    SPLIT = "split"
    RETIRED = "retired"
    FLIPPED = "flipped"
    RENAMED = "renamed"
    REPARENTED = "reparented"
    RECOLORED = "recolored"
    EDITED = "edited"


_ORDER = list(ClassChangeKind)
# Under these kinds a class is told apart by what it is; everything else is an edit.
_FIELDS = {
    ClassChangeKind.RENAMED: ("name",),
    ClassChangeKind.REPARENTED: ("parent", "heading"),
    ClassChangeKind.RECOLORED: ("color",),
}
_APART = frozenset(
    {"id", "kind", "retired", "forwards_to", "deprecated", "split_into"}.union(*_FIELDS.values())
)


@dataclass(frozen=True)
class ClassChange:
    """One thing that happened to classes.

    class_id, name : the class it is about: of the new side, for a retired one of the old
    sources : the live classes of the old side whose segments it touches; none if just added
    into : what those read as now; None is void, for "split" the classes that take over
    fields : (old value, new value) of what else was written
    """

    kind: ClassChangeKind
    class_id: int
    name: str
    sources: tuple[int, ...] = ()
    into: tuple[int | None, ...] = ()
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def changes_reading(self) -> bool:
        """Say whether labels read differently: as other classes, as void, joined or crowds."""
        return self.kind in (
            ClassChangeKind.MERGED,
            ClassChangeKind.RETIRED,
            ClassChangeKind.FLIPPED,
            ClassChangeKind.REVIVED,
        )

    def to_plain(self) -> dict[str, Any]:
        """Return the change as JSON has it."""
        return {
            "kind": self.kind.value,
            "class": self.class_id,
            "name": self.name,
            "sources": list(self.sources),
            "into": list(self.into),
            "fields": {name: {"old": old, "new": new} for name, (old, new) in self.fields.items()},
        }


def diff_classes(old: Iterable[ClassSpec], new: Iterable[ClassSpec]) -> tuple[ClassChange, ...]:
    """Return what happened to classes between two settled lists, `new` being the later one.

    Each class that was live on either side is in the sources or the result of at most one
    change of the kinds that change reading; its fields may be in others.
    """
    before = {id_of(spec): spec for spec in old}
    after = {id_of(spec): spec for spec in new}
    changes = [*_left(before, after), *_parted(before, after), *_led_elsewhere(before, after)]
    told = {one for change in changes for one in (change.class_id, *change.into)}
    for class_id, spec in after.items():
        was = before.get(class_id)
        if was is None and not spec.retired and class_id not in told:
            changes.append(ClassChange(ClassChangeKind.ADDED, class_id, spec.name))
        elif was is not None and was.retired and not spec.retired and class_id not in told:
            changes.append(_revival(spec, was))
        elif was is not None and not was.retired and not spec.retired:
            changes += _rewritten(was, spec)
    return tuple(
        sorted(changes, key=lambda one: (_ORDER.index(one.kind), one.class_id, one.sources))
    )


def _left(before: Mapping[int, ClassSpec], after: Mapping[int, ClassSpec]) -> Iterable[ClassChange]:
    """Yield what became of classes that are retired now: merged, flipped, or gone."""
    into: dict[int | None, list[int]] = defaultdict(list)
    for class_id, was in before.items():
        spec = after.get(class_id)
        if not was.retired and spec is not None and spec.retired:
            into[successor_of(spec)].append(class_id)
    for successor, left in into.items():
        if successor is None:
            for class_id in left:
                yield ClassChange(
                    ClassChangeKind.RETIRED, class_id, before[class_id].name, (class_id,), (None,)
                )
            continue
        result = after[successor]
        was_live = successor in before and not before[successor].retired
        if not was_live and len(left) == 1:
            yield _moved(before[left[0]], result)
            continue
        sources = [*left, *([successor] if was_live else [])]
        kinds = {before[class_id].kind for class_id in sources} | {result.kind}
        yield ClassChange(
            ClassChangeKind.MERGED,
            successor,
            result.name,
            tuple(sorted(sources)),
            (successor,),
            {"kind": (sorted(kinds), result.kind)} if len(kinds) > 1 else {},
        )


def _led_elsewhere(
    before: Mapping[int, ClassSpec], after: Mapping[int, ClassSpec]
) -> Iterable[ClassChange]:
    """Yield classes that were retired and now read as another class than their successor does.

    Where the successor itself was retired, they follow it: that is told once, of the successor.
    """
    for class_id, was in before.items():
        spec = after.get(class_id)
        old = successor_of(was)
        if spec is None or not was.retired or not spec.retired or old is None:
            continue
        now = after[old]
        expected = successor_of(now) if now.retired else old
        if successor_of(spec) != expected:
            into = (successor_of(spec),)
            yield ClassChange(ClassChangeKind.RETIRED, class_id, spec.name, (old,), into)


def _moved(was: ClassSpec, result: ClassSpec) -> ClassChange:
    """Return what happened to one class whose place another one took."""
    is_flip = was.kind != result.kind
    return ClassChange(
        ClassChangeKind.FLIPPED if is_flip else ClassChangeKind.RETIRED,
        id_of(result) if is_flip else id_of(was),
        result.name if is_flip else was.name,
        (id_of(was),),
        (id_of(result),),
        _differing(was, result, ("kind", "name") if is_flip else ()),
    )


def _parted(
    before: Mapping[int, ClassSpec], after: Mapping[int, ClassSpec]
) -> Iterable[ClassChange]:
    for class_id, spec in after.items():
        was = before.get(class_id)
        if was is not None and spec.deprecated and not was.deprecated:
            parts = tuple(one for one in spec.split_into if isinstance(one, int))
            yield ClassChange(ClassChangeKind.SPLIT, class_id, spec.name, (class_id,), parts)


def _revival(spec: ClassSpec, was: ClassSpec) -> ClassChange:
    # Its segments read as its successor until now.
    successor = successor_of(was)
    sources = () if successor is None else (successor,)
    return ClassChange(ClassChangeKind.REVIVED, id_of(spec), spec.name, sources, (id_of(spec),))


def _rewritten(was: ClassSpec, spec: ClassSpec) -> Iterable[ClassChange]:
    own = id_of(spec)
    rest = sorted(set(class_to_plain(spec)) - _APART)
    if was.deprecated and not spec.deprecated:
        rest.append("deprecated")
    elif spec.deprecated == was.deprecated:
        rest.append("split_into")
    for kind, names in (*_FIELDS.items(), (ClassChangeKind.EDITED, rest)):
        if differing := _differing(was, spec, names):
            yield ClassChange(kind, own, spec.name, (own,), (own,), differing)


def _differing(was: ClassSpec, spec: ClassSpec, names: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    old, new = class_to_plain(was), class_to_plain(spec)
    return {name: (old[name], new[name]) for name in names if old[name] != new[name]}
