"""Operations on a draft in words: what others did to it, and what one tried oneself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from labels_app.class_spec import ClassSpec, id_of

_MOST_TOLD = 20


def tell_operations(operations: Any, classes: Iterable[ClassSpec]) -> list[str]:
    """Return each operation as a sentence; more than twenty are counted."""
    names = {id_of(spec): spec.name for spec in classes}
    rows = [one for one in operations if isinstance(one, Mapping)]
    told = [_tell(one, names) for one in rows[:_MOST_TOLD]]
    if len(rows) > _MOST_TOLD:
        told.append(f"and {len(rows) - _MOST_TOLD} more")
    return told


def _tell(operation: Mapping[str, Any], names: Mapping[int, str]) -> str:
    act = operation.get("op")

    def name(value: Any) -> str:
        if isinstance(value, Mapping):
            value = value.get("name", value.get("id"))
        return names.get(value, f"class {value}") if isinstance(value, int) else f"{value}"

    def listed(values: Any) -> str:
        return ", ".join(name(one) for one in values) if isinstance(values, list) else ""

    own = name(operation.get("class"))
    told = {
        "add": lambda: f"Add {operation.get('name')} ({operation.get('kind')})",
        "rename": lambda: f"Rename {own} to {operation.get('name')}",
        "recolor": lambda: f"Give {own} another colour",
        "reparent": lambda: f"Move {own}",
        "edit": lambda: f"Edit {own}: {', '.join(sorted(set(operation) - {'op', 'class'}))}",
        "merge": lambda: (
            f"Merge {listed(operation.get('classes'))} into {name(operation.get('into'))}"
        ),
        "split": lambda: f"Split {own} into {listed(operation.get('into'))}",
        "retire": lambda: (
            f"Retire {own}, which reads as "
            + (name(operation["into"]) if operation.get("into") else "void")
        ),
        "flip": lambda: f"Flip {own} between stuff and thing",
        "revive": lambda: f"Revive {own}",
        "remove": lambda: f"Remove {own}",
        "import": lambda: f"Import {operation.get('preset') or 'a list of classes'}",
        "rules": lambda: "Set the label rules",
        "undo": lambda: f"Undo version {operation.get('number')}",
        "replace": lambda: _tell_replacement(operation),
        "publish": lambda: f"Publish: {operation.get('message')}",
        "discard": lambda: "Discard the draft",
    }.get(act if isinstance(act, str) else "")
    return told() if told is not None else "Something that this page has no words for"


def _tell_replacement(operation: Mapping[str, Any]) -> str:
    changes = operation.get("changes")
    if not isinstance(changes, list):
        return "Replace the classes"
    told = [f"{one.get('name')} {one.get('kind')}" for one in changes[:_MOST_TOLD]]
    return "Replace the classes: " + (", ".join(told) or "nothing differs")
