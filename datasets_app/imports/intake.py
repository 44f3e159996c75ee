"""Take an import in: labels into the store while they are read, all else after them."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from datasets_app.attributes import encode_attributes
from datasets_app.errors import InvalidName
from datasets_app.imports.checking import CheckedLabel
from datasets_app.imports.photographs import store_photos
from datasets_app.imports.planning import StoredImage
from datasets_app.imports.reading import PhotoFile, ReadImage
from datasets_app.imports.request import ImportReport
from datasets_app.imports.spill import Spill
from datasets_app.jobs.kinds import Progress
from datasets_app.names import clean_image_name, clean_split
from labels_app.revisions import register_labels
from panoptic.codec import EncodedLabel
from panoptic.formats.problems import Problem
from store_app.blobs import new_blob, put_blobs
from store_app.crash import crash_point


class TakenImage(NamedTuple):
    """One image whose label is stored; its photograph and attributes are not yet."""

    name: str
    label: bytes | None
    photo: PhotoFile | None
    attributes: bytes | None  # RFC 8785
    checked: CheckedLabel
    split: str | None = None


def take_in(
    images: Iterator[ReadImage],
    spill: Spill[TakenImage],
    report: ImportReport,
    *,
    total: int | None,
    store: bool,
    progress: Progress,
) -> None:
    """Count every image in `report`; store the labels, if `store`, until the first error.

    Labels stream from the readers into packs. After an error nothing will be committed:
    the rest is read for its problems only.
    """
    labels = _iter_labels(images, spill, report, total, progress)
    if store:
        register_labels(labels)
    else:
        for _ in labels:
            pass


def iter_stored(spill: Spill[TakenImage], *, store: bool) -> Iterator[list[StoredImage]]:
    """Yield the images with the digests of all they have, storing it, a thousand at a time.

    Without `store` the digests are computed and nothing is written.
    """
    for batch in spill.iter_batches():
        photos = [image.photo for image in batch if image.photo is not None]
        attributes = {image.attributes for image in batch if image.attributes is not None}
        if store:
            put_blobs(new_blob(content, "raw") for content in sorted(attributes))
            digests = store_photos(photos)
        else:
            digests = [_digest_of_file(photo) for photo in photos]
        found = iter(digests)
        yield [
            StoredImage(
                image.name,
                label=image.label,
                photo=None if image.photo is None else next(found),
                attributes=_digest(image.attributes),
                checked=image.checked,
                split=image.split,
            )
            for image in batch
        ]


def _iter_labels(
    images: Iterator[ReadImage],
    spill: Spill[TakenImage],
    report: ImportReport,
    total: int | None,
    progress: Progress,
) -> Iterator[EncodedLabel]:
    for done, image in enumerate(images, 1):
        crash_point("import_image")
        name = _count(image, report)
        split = _clean_split(image, report)
        progress(done, total, image.name)
        if report.error_count:
            continue
        attributes = encode_attributes(image.attributes) if image.attributes else None
        label = image.encoded.digest if image.encoded else None
        spill.add(TakenImage(name, label, image.photo, attributes, image.checked, split))
        if image.encoded is not None:
            yield image.encoded


def _count(image: ReadImage, report: ImportReport) -> str:
    """Add an image to the report; return its name as the dataset writes it."""
    for problem in image.problems:
        report.add_problem(problem)
    report.lost_pixels += image.lost_pixels
    if image.hidden_pixels:
        report.hidden_pixels += image.hidden_pixels
        if len(report.hidden_by_image) < report.MOST_PROBLEMS:
            report.hidden_by_image[image.name] = image.hidden_pixels
    if image.encoded is not None:
        report.segments += image.encoded.segment_count
    try:
        return clean_image_name(image.name)
    except InvalidName as error:
        report.add_problem(Problem(error.code, str(error), image=image.name))
        return image.name


def _clean_split(image: ReadImage, report: ImportReport) -> str | None:
    """Return the split that the files put an image in; one of no proper name is a problem."""
    try:
        return clean_split(image.split) if image.split else None
    except InvalidName as error:
        report.add_problem(Problem(error.code, str(error), image=image.name))
        return None


def _digest(content: bytes | None) -> bytes | None:
    return None if content is None else hashlib.sha256(content).digest()


def _digest_of_file(photo: PhotoFile) -> bytes:
    with photo.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
