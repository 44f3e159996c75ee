"""The labels of Mapillary Vistas: those of its config.json, those of its two official lists, and
those that the classes of an export become.

A label's place in the list, from 0, is its number in the PNGs. The numbers of a list mean what
the official ones do if it begins as that list does; then its scheme is that of the list, and
`mapillary` or `mapillary2` says which. Any other list has the scheme "": classes go by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.errors import MalformedFile, TooLarge
from panoptic.formats.base import ExportClass, FileClass, Kind
from panoptic.formats.class_lists import mapillary, mapillary2
from panoptic.formats.coco.fields import is_int, show
from panoptic.formats.color_maps.tables import read_text
from panoptic.label import Segment

VERSIONS = ("v1.2", "v2.0")
SCHEMES: Mapping[str, str] = {"v1.2": "mapillary", "v2.0": "mapillary2"}

VOID_NAME = "void--unlabeled"
# A number takes the high byte of 16 bits.
MAX_LABELS = 256


class VistasLabel(NamedTuple):
    """A label by the keys of config.json; `instances`: its regions are numbered."""

    name: str
    readable: str
    color: tuple[int, int, int]
    instances: bool
    evaluate: bool = True

    @property
    def kind(self) -> Kind:
        return "thing" if self.instances else "stuff"

    @property
    def parent(self) -> str | None:
        return self.name.partition("--")[0] if "--" in self.name else None

    @property
    def is_crowd(self) -> bool:
        """Whether a region may hold several objects, if it is read as a thing."""
        return not self.instances or "group" in self.name


Labels = tuple[VistasLabel, ...]


def official_labels(version: str) -> Labels:
    """The list of a version."""
    rows = {"v1.2": mapillary.ROWS, "v2.0": mapillary2.ROWS}[version]
    return tuple(
        VistasLabel(name, readable, _rgb(color), kind == "thing", not ignored)
        for name, readable, kind, color, *ignored in rows
    )


def read_config(path: Path) -> Labels:
    """The labels of a config.json; MalformedFile if it holds none, or something else."""
    text = read_text(path)
    try:
        entries = json.loads(text)["labels"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedFile(f"no list of labels: {error}", file=path.name) from None
    if not isinstance(entries, list) or not entries:
        raise MalformedFile("it has no list of labels", file=path.name)
    if len(entries) > MAX_LABELS:
        raise TooLarge(f"labels in {path.name}", actual=len(entries), limit=MAX_LABELS)
    return tuple(_read_label(entry, number, path) for number, entry in enumerate(entries))


def file_classes(labels: Labels) -> tuple[FileClass, ...]:
    """The classes of a list."""
    return tuple(
        FileClass(number, label.name, label.kind, label.color, label.parent)
        for number, label in enumerate(labels)
    )


def scheme_of(names: Iterable[tuple[int, str]], version: str) -> str:
    """The scheme of (number, name or readable name) pairs; "" for a list of its own.

    version : the list that they should be of; "": of either
    """
    pairs = tuple(names)
    for each in [version] if version else VERSIONS:
        known = official_labels(each)
        if all(number >= len(known) or name in known[number][:2] for number, name in pairs):
            return SCHEMES[each]
    return ""


class Listing(NamedTuple):
    """The list of an export, and the number of every class id."""

    labels: Labels
    numbers: Mapping[int, int]

    @property
    def void(self) -> int:
        """The number of pixels that no segment has."""
        return next(n for n, label in enumerate(self.labels) if label.name == VOID_NAME)

    def tells_apart(self, segment: Segment) -> bool:
        """Whether segments of this one's class have numbers of their own."""
        return self.labels[self.numbers[segment.class_id]].instances


def list_classes(classes: Sequence[ExportClass], version: str) -> Listing:
    """Give every class a number: its external one, else that of its name, else the next free one.

    Where official numbers are used the official list is written, its names too; a class keeps
    its own name as the readable one. Classes that it lacks follow it. Where none is used the
    list is that of the classes alone. A label for void comes last where it is lacking.

    Raises TooLarge for more than 256 labels.
    """
    official = official_labels(version)
    numbers = _official_numbers(classes, official, SCHEMES[version])
    known = official if numbers else ()
    length = max([len(known), *(number + 1 for number in numbers.values())])
    rest = [class_.class_id for class_ in classes if class_.class_id not in numbers]
    numbers.update({class_id: length + place for place, class_id in enumerate(rest)})
    by_number = {numbers[class_.class_id]: class_ for class_ in classes}
    labels = tuple(
        _label(number, by_number.get(number), known) for number in range(length + len(rest))
    )
    if not any(label.name == VOID_NAME for label in labels):
        labels += (official[-1],)
    if len(labels) > MAX_LABELS:
        raise TooLarge("labels in a Mapillary Vistas list", actual=len(labels), limit=MAX_LABELS)
    return Listing(labels, numbers)


def config_of(labels: Labels, version: str) -> dict[str, Any]:
    """The content of config.json."""
    return {
        "labels": [label._asdict() for label in labels],
        "version": version.removeprefix("v"),
        "mapping": "public",
        "folder_structure": "{split}/{content}/{image:s}.{extension}",
    }


def _official_numbers(
    classes: Sequence[ExportClass], official: Labels, scheme: str
) -> dict[int, int]:
    places = {name: number for number, label in enumerate(official) for name in label[:2]}
    taken: dict[int, int] = {}
    ordered = sorted(classes, key=lambda class_: class_.class_id)
    for class_ in ordered:
        number = class_.external.get(scheme)
        if is_int(number) and 0 <= number < MAX_LABELS:  # type: ignore[operator]
            taken.setdefault(number, class_.class_id)  # type: ignore[arg-type]
    placed = set(taken.values())
    for class_ in ordered:
        if class_.class_id not in placed and class_.name in places:
            taken.setdefault(places[class_.name], class_.class_id)
    return {class_id: number for number, class_id in taken.items()}


def _label(number: int, class_: ExportClass | None, official: Labels) -> VistasLabel:
    known = official[number] if number < len(official) else None
    if class_ is None:
        return known or VistasLabel(f"void--unused-{number}", "Unused", (0, 0, 0), False, False)
    own = VistasLabel(class_.name, class_.name, class_.color, class_.kind == "thing")
    if known is None:
        return own
    readable = known.readable if class_.name in known[:2] else class_.name
    return own._replace(name=known.name, readable=readable, evaluate=known.evaluate)


def _read_label(entry: Any, number: int, path: Path) -> VistasLabel:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
        raise MalformedFile(f"label {number} has no name: {show(entry)}", file=path.name)
    color = entry.get("color")
    if not (
        isinstance(color, list)
        and len(color) == 3
        and all(is_int(part) and 0 <= part <= 255 for part in color)
    ):
        reason = f"label {number} has the color {show(color)}, not three of 0 to 255"
        raise MalformedFile(reason, file=path.name)
    if not isinstance(entry.get("instances"), bool):
        reason = f"label {number} does not say by true or false whether it has instances"
        raise MalformedFile(reason, file=path.name)
    name = entry["name"]
    readable = str(entry.get("readable") or name)
    red, green, blue = color
    return VistasLabel(
        name, readable, (red, green, blue), entry["instances"], bool(entry.get("evaluate", True))
    )


def _rgb(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue
