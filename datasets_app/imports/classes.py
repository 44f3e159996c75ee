"""Which class of the taxonomy stands for which class of a file."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets_app.errors import NotFound
from labels_app.binding import bind_classes, specs_from_file
from labels_app.classes import ClassSpec, settle_classes
from labels_app.models import TaxonomyVersion
from labels_app.reading import Reading, reading_of
from panoptic.errors import MalformedFile
from panoptic.formats.base import BoundClass, FileClass


@dataclass(frozen=True)
class ClassPlan:
    """How an import reads classes.

    `version` is the taxonomy version that exists already; None means that a taxonomy of
    `specs` has to be created. `unknown` are classes of the file that nothing stands for.
    """

    version: TaxonomyVersion | None
    specs: tuple[ClassSpec, ...]
    binding: dict[int | str, BoundClass]
    unknown: tuple[FileClass, ...]


def plan_with_version(
    version: TaxonomyVersion, file_classes: Iterable[FileClass], scheme: str
) -> ClassPlan:
    """Bind the classes of a file to a taxonomy version that exists."""
    found = bind_classes(reading_of(version), file_classes, scheme)
    return ClassPlan(version, (), dict(found.bound), found.unknown)


def plan_from_file_classes(file_classes: Iterable[FileClass], scheme: str) -> ClassPlan:
    """Plan a taxonomy out of the classes of the label file."""
    file_classes = tuple(file_classes)
    return _plan_new(specs_from_file(file_classes, scheme), file_classes, scheme)


def plan_from_taxonomy_file(
    path: Path, file_classes: Iterable[FileClass], scheme: str
) -> ClassPlan:
    """Plan a taxonomy out of a JSON file: a list of classes, or `{"classes": […]}`."""
    return _plan_new(read_taxonomy_file(path), tuple(file_classes), scheme)


def find_taxonomy_version(text: str) -> TaxonomyVersion:
    """Return the taxonomy version named `SLUG@N`, or the newest one of `SLUG`."""
    slug, _, number = text.partition("@")
    versions = TaxonomyVersion.objects.filter(taxonomy__slug=slug)
    if number:
        versions = versions.filter(number=int(number)) if number.isdecimal() else versions.none()
    version = versions.select_related("taxonomy").order_by("-number").first()
    if version is None:
        raise NotFound("taxonomy", text)
    return version


def read_taxonomy_file(path: Path) -> tuple[ClassSpec, ...]:
    """Read classes from JSON; the keys of a class are those of the API."""
    try:
        data = json.loads(path.read_bytes())
        rows = data["classes"] if isinstance(data, dict) else data
        return tuple(_spec(row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MalformedFile(f"this is no taxonomy: {error}", file=str(path)) from error


def _plan_new(
    specs: tuple[ClassSpec, ...], file_classes: tuple[FileClass, ...], scheme: str
) -> ClassPlan:
    # Settled now, so that labels can be made before the taxonomy exists; creating it
    # from the same list gives the same ids.
    settled = settle_classes(specs).classes
    found = bind_classes(Reading.from_classes(settled), file_classes, scheme)
    return ClassPlan(None, settled, dict(found.bound), found.unknown)


def _spec(row: dict[str, Any]) -> ClassSpec:
    unknown = set(row) - {"id", *ClassSpec.__dataclass_fields__}
    if unknown:
        raise ValueError(f"a class has no field {min(unknown)!r}")
    fields = {key: value for key, value in row.items() if key != "id"}
    return ClassSpec(class_id=row.get("id"), **fields)
