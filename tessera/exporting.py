"""The labels of a snapshot as files of a format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args, get_type_hints

from panoptic.formats.base import ExportClass, ExportImage, ExportReport, WriteOptions
from panoptic.formats.registry import get_format
from tessera.errors import UsageError
from tessera.progress import Progress, silent
from tessera.snapshot import Snapshot

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
            label = item.label if item.is_labelled else None
            image = ExportImage(
                item.name, label, item.height, item.width, attributes=item.attributes
            )
            writer.add(writer.encode(image))
            progress(done, len(snapshot))
        return writer.close()


def _write_options(options: Mapping[str, str]) -> WriteOptions:
    known = get_type_hints(WriteOptions)
    for name, value in options.items():
        if name not in _OPTIONS:
            raise UsageError(f"no option is named {name!r}; there are {', '.join(_OPTIONS)}")
        choices = get_args(known[name])
        if choices and value not in choices:
            raise UsageError(f"{name}: {value!r} is none of {', '.join(choices)}")
    return WriteOptions(**options)  # type: ignore[arg-type]
