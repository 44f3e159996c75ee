"""Write a version as label files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from datasets_app.exports.encoding import Encoder, encode_images
from datasets_app.exports.selection import iter_selected
from datasets_app.image_query import parse_query
from datasets_app.jobs.kinds import Progress, silent
from datasets_app.models import Version
from labels_app.reading import Reading, reading_of
from panoptic.archives.targets import export_target
from panoptic.formats.base import ExportClass, ExportReport
from panoptic.formats.options import check_scheme, parse_write_options
from panoptic.formats.problems import ProblemList
from panoptic.formats.recognition import get_writable


@dataclass(frozen=True)
class ExportRequest:
    """What to write: a filter as `parse_query` reads it, options by name."""

    format: str
    filter: str = ""
    options: Mapping[str, str] | None = None


def export_version(
    version: Version,
    path: Path,
    request: ExportRequest,
    *,
    reading: Reading | None = None,
    progress: Progress = silent,
) -> ExportReport:
    """Write the images of a version that the filter selects to `path`.

    `reading` says by which classes, the filter's among them; None: by the version's own.

    A path that ends in .zip or .tar becomes an archive. A format that is one file (and a folder
    beside it) is written into the folder `path`, unless `path` ends as such a file does.

    The same version, reading and request give the same bytes on every machine. The target
    appears only when it is complete. What was erased is left out, and is a problem of the report.

    Raises
    ------
    TargetExists
        An export overwrites nothing.
    InvalidFilter, InvalidOption, UnknownFormat, OneWayFormat, UnwrittenArchive
    """
    reading = reading or reading_of(version.taxonomy_version)
    wanted = parse_query(request.filter, reading)
    form = get_writable(request.format)
    options = parse_write_options(form, request.options or {})
    classes = export_classes(reading)
    check_scheme(options.scheme, classes)
    erased = ProblemList()

    def packed(done: int, total: int | None = None) -> None:
        progress(done, total, "files packed")

    with (
        export_target(form, path, packed) as target,
        form.create(target, classes, options) as writer,
    ):
        selected = iter_selected(version, wanted, reading)
        encoder = Encoder(writer.encode, reading.label_reading, photos=options.photos)
        done = 0
        for done, (record, photo) in enumerate(encode_images(encoder, selected, erased.add), 1):
            writer.add(record, photo)
            progress(done, version.image_count, "images written")
        progress(done, done, "images written")  # how many a filter selects is known now
        report = writer.close()
    return report._replace(problems=(*erased.as_tuple(), *report.problems))


def export_classes(reading: Reading) -> tuple[ExportClass, ...]:
    """Return the live classes as formats want them."""
    return tuple(
        ExportClass(
            class_id=spec.class_id,
            name=spec.name,
            kind=spec.kind,
            color=tuple(bytes.fromhex(spec.color[1:])),
            external=spec.external,
            parent=reading.heading_of(spec.class_id) or None,
        )
        for spec in reading.live_classes
    )
