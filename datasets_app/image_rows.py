"""What a list says of each image: from its entry, its label's facts and its photograph."""

from __future__ import annotations

from typing import NamedTuple

from datasets_app.entries import Entry
from datasets_app.live_counts import read_counts
from datasets_app.models import Version
from datasets_app.numbering import names_of
from datasets_app.photos import get_photos
from labels_app.models import LabelRevision
from labels_app.reading import Reading
from labels_app.revisions import revisions
from panoptic.class_counts import unpack_counts


class ImageRow(NamedTuple):
    """One image of a version. Height and width are the label's, else the photograph's.

    They are None where neither is known; `shape_digest` and `segment_count` are None
    without a label. Segments are those of live classes, if it is said what one reads by.
    """

    image_no: int
    name: str
    entry: Entry
    height: int | None
    width: int | None
    shape_digest: bytes | None
    segment_count: int | None


def read_rows(
    version: Version,
    reading: Reading | None,
    entries: dict[int, Entry],
    names: dict[int, str] | None,
) -> list[ImageRow]:
    """Return the rows of images by number; four queries at most, one less with `names`.

    `reading` counts their segments as a taxonomy reads them; None: as they are stored.
    """
    known = revisions(entry.label for entry in entries.values() if entry.label is not None)
    photos = get_photos(
        {
            entry.image
            for entry in entries.values()
            if entry.image is not None and entry.label is None
        }
    )
    names = names or names_of(version.dataset_id, list(entries))
    segments = _segment_counts(known, reading)
    rows = []
    for image_no, entry in entries.items():
        revision = known.get(entry.label) if entry.label is not None else None
        sized = revision or (photos.get(entry.image) if entry.image is not None else None)
        rows.append(
            ImageRow(
                image_no=image_no,
                name=names[image_no],
                entry=entry,
                height=sized.height if sized else None,
                width=sized.width if sized else None,
                shape_digest=revision.shape_digest if revision else None,
                segment_count=segments[entry.label] if revision else None,
            )
        )
    return rows


def _segment_counts(known: dict[bytes, LabelRevision], reading: Reading | None) -> dict[bytes, int]:
    if reading is None:
        return {digest: revision.segment_count for digest, revision in known.items()}
    counts = [unpack_counts(bytes(revision.counts)) for revision in known.values()]
    segments = read_counts(counts, reading.label_reading).segments_of_labels()
    return dict(zip(known, segments.tolist(), strict=True))
