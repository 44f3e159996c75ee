"""Which class of the taxonomy stands for which class of a file."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets_app.errors import NotFound
from labels_app.binding import bind_classes, specs_from_file
from labels_app.class_json import class_from_plain
from labels_app.classes import ClassSpec, settle_classes
from labels_app.models import TaxonomyVersion
from labels_app.reading import Reading, reading_of
from labels_app.rule_checks import closed_message
from labels_app.rules import LabelRule, stored_rules
from panoptic.errors import MalformedFile
from panoptic.formats.base import BoundClass, FileClass
from panoptic.formats.problems import Problem, warn


@dataclass(frozen=True)
class ClassPlan:
    """How an import reads classes.

    `version` is the taxonomy version that exists already; None means that a taxonomy of
    `specs` has to be created. `unknown` are classes of the file that nothing stands for, and
    `closed` those whose class takes no new segments. `rules` are what the labels must keep.
    """

    version: TaxonomyVersion | None
    specs: tuple[ClassSpec, ...]
    reading: Reading
    binding: dict[int | str, BoundClass]
    unknown: tuple[FileClass, ...]
    closed: tuple[FileClass, ...] = ()
    rules: tuple[LabelRule, ...] = ()

    @property
    def problems(self) -> Iterator[Problem]:
        """What is worth to know of the classes before any label is read."""
        for file_class in self.closed:
            class_id = self.binding[file_class.external_id].class_id
            message = closed_message(class_id, self.reading.classes)
            yield warn("class_not_open", f"new segments of {file_class.name}: {message}")


def plan_with_version(
    version: TaxonomyVersion, file_classes: Iterable[FileClass], scheme: str
) -> ClassPlan:
    """Bind the classes of a file to a taxonomy version that exists."""
    reading = reading_of(version)
    found = bind_classes(reading, file_classes, scheme)
    return ClassPlan(
        version,
        (),
        reading,
        dict(found.bound),
        found.unknown,
        found.closed,
        stored_rules(version.rules),
    )


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
        return tuple(class_from_plain(row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MalformedFile(f"this is no taxonomy: {error}", file=str(path)) from error


def _plan_new(
    specs: tuple[ClassSpec, ...], file_classes: tuple[FileClass, ...], scheme: str
) -> ClassPlan:
    # Settled now, so that labels can be made before the taxonomy exists; creating it
    # from the same list gives the same ids.
    settled = settle_classes(specs).classes
    reading = Reading.from_classes(settled)
    found = bind_classes(reading, file_classes, scheme)
    return ClassPlan(None, settled, reading, dict(found.bound), found.unknown, found.closed)
