"""Walk all images of a version with what a group key needs: names and attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from datasets_app.attributes import Attributes, get_attributes
from datasets_app.bulk import batched
from datasets_app.entries import Entry
from datasets_app.jobs.kinds import Progress, silent
from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.splitting import GroupKey
from datasets_app.tree import iter_entries

_BATCH = 5_000


class NamedImage(NamedTuple):
    """An image of a version; `attributes` are None where nobody asked for them or it has none."""

    image_no: int
    name: str
    entry: Entry
    attributes: Attributes | None


def iter_named_images(
    version: Version, key: GroupKey, progress: Progress = silent
) -> Iterator[NamedImage]:
    """Yield all images by number, with attributes where `key` needs them; in bounded batches."""
    done = 0
    for batch in batched(iter_entries(SqlNodes(), version.root), _BATCH):
        names = names_of(version.dataset_id, [image_no for image_no, _ in batch])
        found: dict[bytes, Attributes] = {}
        if key.needs_attributes:
            digests = {e.attributes for _, e in batch if e.attributes is not None}
            found = get_attributes(digests) if digests else {}
        for image_no, entry in batch:
            attributes = found.get(entry.attributes) if entry.attributes else None
            yield NamedImage(image_no, names[image_no], entry, attributes)
        done += len(batch)
        progress(done, version.image_count, "images read")
