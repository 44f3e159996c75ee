"""The labels of a snapshot as files of a format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.archives.targets import export_target
from panoptic.formats.base import ExportClass, ExportImage, ExportReport, Format, WriteOptions
from panoptic.formats.options import check_scheme
from panoptic.formats.problems import Problem, warn
from panoptic.parallel import map_shards
from tessera.progress import Progress, silent
from tessera.snapshot import Snapshot
from tessera.working_copy.erased import attributes_left, erased_parts, label_left, photo_left

_IMAGES_PER_SHARD = 16


def export_snapshot(
    snapshot: Snapshot,
    path: Path,
    label_format: Format,
    options: WriteOptions,
    *,
    progress: Progress = silent,
) -> ExportReport:
    """Write a snapshot's labels; what is at `path` must not exist.

    A path that ends in .zip or .tar becomes an archive. A format that is one file (and a folder
    beside it) is written into the folder `path`, unless `path` ends as such a file does.

    Raises
    ------
    InvalidOption, TargetExists, UnwrittenArchive
    """
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
    check_scheme(options.scheme, export_classes)
    with (
        export_target(label_format, path, progress) as target,
        label_format.create(target, export_classes, options) as writer,
    ):
        shards = _iter_shards(snapshot, writer.encode)
        records = chain.from_iterable(map_shards(_encode_shard, shards, os.cpu_count() or 1))
        for done, (item, record) in enumerate(zip(snapshot, records, strict=True), 1):
            writer.add(record, photo_left(snapshot, item) if options.photos else None)
            progress(done, len(snapshot))
        report = writer.close()
    return report._replace(problems=(*report.problems, *_erased_from(snapshot, options.photos)))


class _Shard(NamedTuple):
    """Some images, and what encodes them."""

    encode: Callable[[ExportImage], Any]
    images: list[ExportImage]


def _encode_shard(shard: _Shard) -> list[Any]:
    return [shard.encode(image) for image in shard.images]


def _iter_shards(snapshot: Snapshot, encode: Callable[[ExportImage], Any]) -> Iterator[_Shard]:
    images = (
        ExportImage(
            item.name,
            label_left(snapshot, item),
            item.height,
            item.width,
            attributes=attributes_left(snapshot, item),
            split=item.split or None,
        )
        for item in snapshot
    )
    while some := list(islice(images, _IMAGES_PER_SHARD)):
        yield _Shard(encode, some)


def _erased_from(snapshot: Snapshot, photos: bool) -> Iterator[Problem]:
    """Yield what an export lacks since it was erased."""
    for name, part in erased_parts(snapshot):
        if part != "photograph" or photos:
            message = f"its {part} was erased: it is exported without"
            yield warn("object_erased", message, image=name)
