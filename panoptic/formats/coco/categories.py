"""The categories of COCO files: what a class of the file is, and what a class becomes in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from panoptic.formats.base import ExportClass, FileClass, Kind
from panoptic.formats.coco.fields import is_int, show
from panoptic.formats.problems import Problem, ProblemList, warn


def read_categories(
    entries: Sequence[Any], file: str, problems: ProblemList, default: Kind = "thing"
) -> tuple[FileClass, ...]:
    """The classes of a file, in its order.

    `isthing` may be 0, 1, false or true. Where no category has it every class is of the
    `default` kind; where only some have it each one without is an error: a guess would decide
    how segments are joined.
    """
    classes: list[FileClass] = []
    seen: set[int] = set()
    entries = [entry for entry in entries if _is_category(entry, file, problems)]
    has_kinds = any("isthing" in entry for entry in entries)
    for entry in entries:
        external_id = entry["id"]
        if external_id in seen:
            message = f"two categories have the id {external_id}"
            problems.add(Problem("duplicate_category", message, file))
            continue
        seen.add(external_id)
        kind = _kind(entry, file, problems) if has_kinds else default
        parent = entry.get("supercategory")
        classes.append(
            FileClass(
                external_id,
                entry["name"],
                kind,
                _color(entry, file, problems),
                parent if isinstance(parent, str) and parent else None,
            )
        )
    if not classes:
        problems.add(Problem("no_categories", "the file declares no categories", file))
    return tuple(classes)


def kinds_are_missing(entries: Sequence[Any]) -> bool:
    """Whether no category says if it is a thing."""
    return not any(isinstance(entry, Mapping) and "isthing" in entry for entry in entries)


def _is_category(entry: object, file: str, problems: ProblemList) -> bool:
    if not isinstance(entry, Mapping) or not is_int(entry.get("id")) or entry["id"] < 0:
        message = f"a category without an id of 0 or more: {show(entry)}"
    elif not isinstance(entry.get("name"), str) or not entry["name"]:
        message = f"category {entry['id']} has no name"
    else:
        return True
    problems.add(Problem("invalid_category", message, file))
    return False


def _kind(entry: Mapping[str, Any], file: str, problems: ProblemList) -> Kind:
    value = entry.get("isthing")
    if isinstance(value, int) and value in (0, 1):  # bool is an int
        return "thing" if value else "stuff"
    message = f"category {entry['id']} has isthing {show(value)}, which is neither 0 nor 1"
    problems.add(Problem("invalid_category", message, file))
    return "thing"


def _color(
    entry: Mapping[str, Any], file: str, problems: ProblemList
) -> tuple[int, int, int] | None:
    color = entry.get("color")
    if color is None:
        return None
    if (
        isinstance(color, list)
        and len(color) == 3
        and all(is_int(part) and 0 <= part <= 255 for part in color)
    ):
        return color[0], color[1], color[2]
    message = f"category {entry['id']} has the color {show(color)}, not three of 0 to 255"
    problems.add(warn("invalid_category", message, file=file))
    return None


def category_ids(classes: Sequence[ExportClass], scheme: str) -> dict[int, int]:
    """class id → category id: the external id where there is one, else the class id.

    No two collide: external ids come first (of two equal ones the lower class keeps it), then
    class ids that are free; what is left is numbered on from the highest.
    """
    taken: dict[int, int] = {}
    ordered = sorted(classes, key=lambda class_: class_.class_id)
    for class_ in ordered:
        external = class_.external.get(scheme)
        if is_int(external) and external >= 0:  # type: ignore[operator]
            taken.setdefault(external, class_.class_id)  # type: ignore[arg-type]
    placed = set(taken.values())
    rest = [class_.class_id for class_ in ordered if class_.class_id not in placed]
    late = [class_id for class_id in rest if taken.setdefault(class_id, class_id) != class_id]
    highest = max(taken, default=0)
    taken.update(enumerate(late, highest + 1))
    return {class_id: category_id for category_id, class_id in taken.items()}


def write_categories(classes: Sequence[ExportClass], scheme: str) -> list[dict[str, Any]]:
    """Category entries by ascending id, in the official key order, `isthing` as 0 or 1."""
    ids = category_ids(classes, scheme)
    entries = [
        {
            "supercategory": class_.parent or "",
            "color": list(class_.color),
            "isthing": int(class_.kind == "thing"),
            "id": ids[class_.class_id],
            "name": class_.name,
        }
        for class_ in classes
    ]
    return sorted(entries, key=lambda entry: entry["id"])
