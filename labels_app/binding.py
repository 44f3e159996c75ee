"""Which class of a taxonomy a class of a label file is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from labels_app.classes import ClassSpec, hex_color, successor_of, tidy_name
from labels_app.reading import Reading
from panoptic.formats.base import BoundClass, FileClass


@dataclass(frozen=True)
class FileBinding:
    """How the classes of a file meet a taxonomy.

    bound
        The live class for each external id that was matched.
    unknown
        The classes of the file that the taxonomy does not know, or knows two ways.
    closed
        Those among the bound ones whose class is deprecated: labels that hold it can be read,
        and new segments of it are refused.
    """

    bound: Mapping[int | str, BoundClass]
    unknown: tuple[FileClass, ...]
    closed: tuple[FileClass, ...] = ()


def bind_classes(reading: Reading, file_classes: Iterable[FileClass], scheme: str) -> FileBinding:
    """Match the classes of a file by their id in the file's scheme, else by name.

    An exact name comes before an exact synonym, and that before a name or synonym that differs
    in upper and lower case only; what says two classes says nothing. Retired classes bind to
    the live class that they forward to, where no live one matches. A class whose id says one
    class and whose name says another one is unknown: a file may have the form of a scheme and
    a list of its own, and a wrong class is worse than none.
    """
    index = _index_of(reading, scheme)
    bound: dict[int | str, BoundClass] = {}
    unknown: list[FileClass] = []
    closed: list[FileClass] = []
    for file_class in file_classes:
        by_id = index.by_external.get(file_class.external_id)
        by_name = index.find_named(file_class.name)
        found = by_id or by_name
        if found is None or (by_id and by_name and by_id != by_name):
            unknown.append(file_class)
            continue
        bound[file_class.external_id] = found
        if not reading.classes[found.class_id].is_open:
            closed.append(file_class)
    return FileBinding(bound, tuple(unknown), tuple(closed))


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
    """Where to look for a class of a file; None says that a key leads to several classes."""

    by_external: Mapping[int | str, BoundClass | None]
    by_name: Mapping[int | str, BoundClass | None]
    by_synonym: Mapping[int | str, BoundClass | None]
    by_folded: Mapping[int | str, BoundClass | None]

    def find_named(self, name: str) -> BoundClass | None:
        """Return the class of a name; the strictest way of matching that knows it decides."""
        tidied = tidy_name(name)
        for keys, key in (
            (self.by_name, name),
            (self.by_name, tidied),
            (self.by_synonym, tidied),
            (self.by_folded, tidied.casefold()),
        ):
            if key in keys:
                return keys[key]
        return None


@lru_cache(maxsize=64)
def _index_of(reading: Reading, scheme: str) -> _Index:
    def index(
        keys_of: Callable[[ClassSpec], Iterable[int | str]],
    ) -> dict[int | str, BoundClass | None]:
        return _unambiguous(
            reading, ((key, spec) for spec in reading.classes.values() for key in keys_of(spec))
        )

    return _Index(
        index(lambda spec: [spec.external[scheme]] if scheme in spec.external else []),
        index(lambda spec: [spec.name]),
        index(lambda spec: spec.synonyms),
        index(lambda spec: [name.casefold() for name in (spec.name, *spec.synonyms)]),
    )


def _unambiguous(
    reading: Reading, pairs: Iterable[tuple[int | str, ClassSpec]]
) -> dict[int | str, BoundClass | None]:
    """Return the live class that each key leads to, None for several; live ones come first."""
    live: dict[int | str, set[int]] = defaultdict(set)
    forwarded: dict[int | str, set[int]] = defaultdict(set)
    for key, spec in pairs:
        if not spec.retired and spec.class_id is not None:
            live[key].add(spec.class_id)
        elif (successor := successor_of(spec)) is not None:
            forwarded[key].add(successor)
    found: dict[int | str, BoundClass | None] = {}
    for key, class_ids in (forwarded | live).items():
        only = next(iter(class_ids)) if len(class_ids) == 1 else None
        found[key] = None if only is None else BoundClass(only, reading.classes[only].kind)
    return found
