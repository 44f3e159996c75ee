"""Take back what one taxonomy version changed, in a later list of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from labels_app.classes import ClassSpec, id_of

_FIELDS = tuple(one.name for one in fields(ClassSpec) if one.name != "class_id")


def undo_changes(
    classes: Sequence[ClassSpec], *, old: Sequence[ClassSpec], new: Sequence[ClassSpec]
) -> list[ClassSpec]:
    """Return `classes` without what happened from `old` to `new`, two settled lists.

    A class that was added stays, since labels may hold it meanwhile (RULES 5.4); where it took
    the name of one that comes back, it reads as that one.

    Raises
    ------
    ValueError
        A field was changed again since; the message names the class and the field.
    """
    before = {id_of(spec): spec for spec in old}
    after = {id_of(spec): spec for spec in new}
    undone = [_undo(spec, before.get(id_of(spec)), after.get(id_of(spec))) for spec in classes]
    back = {
        spec.name: id_of(spec)
        for spec, now in zip(undone, classes, strict=True)
        if now.retired and not spec.retired
    }
    return [
        replace(spec, retired=True, forwards_to=back[spec.name], parent=None)
        if not spec.retired and back.get(spec.name, spec.class_id) != spec.class_id
        else spec
        for spec in undone
    ]


def _undo(spec: ClassSpec, was: ClassSpec | None, became: ClassSpec | None) -> ClassSpec:
    if was is None or became is None or was == became:
        return spec
    undone: dict[str, Any] = {}
    for name in _FIELDS:
        old, new, now = (getattr(side, name) for side in (was, became, spec))
        if old == new or now == old:
            continue
        if now != new:
            raise ValueError(f"{spec.name}: {name} was changed again since")
        undone[name] = old
    return replace(spec, **undone)
