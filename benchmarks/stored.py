"""Labels in the store of a new database, and the same labels as files of COCO panoptic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.bench import Bench
from benchmarks.dense import Annotation, read_annotations
from benchmarks.scenes import write_coco
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from panoptic.label import Label


class StoredLabels(NamedTuple):
    """`digests` are in the store of `database`; `annotations` name PNGs in `folder`.

    The PNGs are by our writer: Pillow decodes them as it does its own.
    """

    database: Any
    digests: list[bytes]
    folder: Path
    annotations: list[Annotation]


def store_labels(bench: Bench, name: str, labels: Sequence[Label]) -> StoredLabels:
    """Store labels and write them as files."""
    database = bench.service.new_database(name)
    packed = [pack_label(label) for label in labels]
    with bench.service.using(database):
        register_labels(packed)
    target = bench.path(name) / "panoptic.json"
    write_coco(target, list(labels))
    digests = [label.digest for label in packed]
    return StoredLabels(database, digests, target.with_suffix(""), read_annotations(target))
