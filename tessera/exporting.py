"""The labels of a snapshot as files of a format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args, get_type_hints

from panoptic.formats.base import (
    WARNING,
    ExportClass,
    ExportImage,
    ExportReport,
    Problem,
    WriteOptions,
)
from panoptic.formats.registry import get_format
from tessera.errors import UsageError
from tessera.progress import Progress, silent
from tessera.snapshot import Snapshot
from tessera.working_copy.erased import attributes_left, erased_parts, label_left

_OPTIONS = ("scheme", "geometry")


def export_snapshot(
    snapshot: Snapshot,
    path: Path,
    format_name: str,
    options: Mapping[str, str],
    *,
    progress: Progress = silent,
) -> ExportReport:
    """Write a snapshot's labels; what is at `path` must not exist.

    Raises
    ------
    UsageError, UnknownFormat, TargetExists
    """
    label_format = get_format(format_name)
    scheme = options.get("scheme")
    if scheme is not None and scheme not in snapshot.taxonomy.schemes:
        known = ", ".join(snapshot.taxonomy.schemes) or "no other lists"
        raise UsageError(f"no class has an id of {scheme!r}; there are {known}")
    classes = snapshot.taxonomy.classes
    export_classes = tuple(
        ExportClass(
            class_id=one.class_id,
            name=one.name,
            kind="stuff" if one.is_stuff else "thing",
            color=one.color,
            external=one.external,
            parent=classes[one.parent].name if one.parent is not None else None,
        )
        for one in snapshot.classes
    )
    with label_format.create(path, export_classes, _write_options(options)) as writer:
        for done, item in enumerate(snapshot, 1):
            label, attributes = label_left(snapshot, item), attributes_left(snapshot, item)
            image = ExportImage(item.name, label, item.height, item.width, attributes=attributes)
            writer.add(writer.encode(image))
            progress(done, len(snapshot))
        report = writer.close()
    return report._replace(problems=(*report.problems, *_erased_from(snapshot)))


def _erased_from(snapshot: Snapshot) -> Iterator[Problem]:
    """Yield what an export lacks since it was erased; photographs are in none."""
    for name, part in erased_parts(snapshot):
        if part != "photograph":
            message = f"its {part} was erased: it is exported without"
            yield Problem("object_erased", message, image=name, severity=WARNING)


def _write_options(options: Mapping[str, str]) -> WriteOptions:
    known = get_type_hints(WriteOptions)
    for name, value in options.items():
        if name not in _OPTIONS:
            raise UsageError(f"no option is named {name!r}; there are {', '.join(_OPTIONS)}")
        choices = get_args(known[name])
        if choices and value not in choices:
            raise UsageError(f"{name}: {value!r} is none of {', '.join(choices)}")
    return WriteOptions(**options)  # type: ignore[arg-type]
