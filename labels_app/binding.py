"""Which class of a taxonomy a class of a label file is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from labels_app.classes import ClassSpec, hex_color, successor_of
from labels_app.reading import Reading
from panoptic.formats.base import BoundClass, FileClass


@dataclass(frozen=True)
class FileBinding:
    """How the classes of a file meet a taxonomy.

    bound
        The live class for each external id that was matched.
    unknown
        The classes of the file that the taxonomy does not know, or knows two ways.
    """

    bound: Mapping[int | str, BoundClass]
    unknown: tuple[FileClass, ...]


def bind_classes(reading: Reading, file_classes: Iterable[FileClass], scheme: str) -> FileBinding:
    """Match the classes of a file by their id in the file's scheme, else by exact name.

    Retired classes bind to the live class that they forward to, where no live one matches.
    A class whose id says one class and whose name says another one is unknown: a file may
    have the form of a scheme and a list of its own, and a wrong class is worse than none.
    """
    index = _index_of(reading, scheme)
    bound: dict[int | str, BoundClass] = {}
    unknown: list[FileClass] = []
    for file_class in file_classes:
        by_id = index.by_external.get(file_class.external_id)
        by_name = index.by_name.get(file_class.name)
        found = by_id or by_name
        if found is None or (by_id and by_name and by_id != by_name):
            unknown.append(file_class)
        else:
            bound[file_class.external_id] = found
    return FileBinding(bound, tuple(unknown))


def specs_from_file(file_classes: Iterable[FileClass], scheme: str) -> tuple[ClassSpec, ...]:
    """Return new classes as a file describes them, known by their ids in its scheme.

    A parent that is a class of the file too becomes the parent, any other its heading.
    """
    file_classes = tuple(file_classes)
    names = {file_class.name for file_class in file_classes}
    specs = []
    for file_class in file_classes:
        # COCO calls the supercategory of the class "person" "person", too.
        above = file_class.parent if file_class.parent != file_class.name else None
        specs.append(
            ClassSpec(
                name=file_class.name,
                kind=file_class.kind,
                color=hex_color(file_class.color) if file_class.color else None,
                parent=above if above in names else None,
                heading="" if above in names else file_class.parent or "",
                external={scheme: file_class.external_id},
            )
        )
    return tuple(specs)


@dataclass(frozen=True)
class _Index:
    by_external: Mapping[int | str, BoundClass]
    by_name: Mapping[str, BoundClass]


@lru_cache(maxsize=64)
def _index_of(reading: Reading, scheme: str) -> _Index:
    external: list[tuple[int | str, ClassSpec]] = [
        (spec.external[scheme], spec)
        for spec in reading.classes.values()
        if scheme in spec.external
    ]
    names: list[tuple[int | str, ClassSpec]] = [
        (spec.name, spec) for spec in reading.classes.values()
    ]
    by_name = _unambiguous(reading, names)
    return _Index(
        _unambiguous(reading, external),
        {key: bound for key, bound in by_name.items() if isinstance(key, str)},
    )


def _unambiguous(
    reading: Reading, pairs: Iterable[tuple[int | str, ClassSpec]]
) -> dict[int | str, BoundClass]:
    """Keep the keys that lead to one live class; live classes win over retired ones."""
    live: dict[int | str, set[int]] = defaultdict(set)
    forwarded: dict[int | str, set[int]] = defaultdict(set)
    for key, spec in pairs:
        if not spec.retired and spec.class_id is not None:
            live[key].add(spec.class_id)
        elif (successor := successor_of(spec)) is not None:
            forwarded[key].add(successor)
    found = forwarded | live
    return {
        key: BoundClass(class_id, reading.classes[class_id].kind)
        for key, class_ids in found.items()
        if len(class_ids) == 1
        for class_id in class_ids
    }
