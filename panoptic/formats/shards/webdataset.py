"""The format `webdataset`: tar shards of photographs, id maps and JSON; only written.

`<split>-000000.tar` holds for every image, one after the other,

    <key>.jpg            the photograph as it came, with the suffix of its kind
    <key>.panoptic.png   the ids of the segments; see `shards`
    <key>.json           name, split, height, width, attributes, segments

and `classes.json` stands beside the shards. The library takes for the key what comes before the
first dot of the last part of a path, and leaves out names such as `__a__/b`, so that in a key
everything but letters, digits, `_`, `-` and `~` is written as %2E for a dot, %2F for a slash and
so on: `urllib.parse.unquote(key)` is the image's name, which the JSON tells as well.

The layout is that of the documentation of the library `webdataset`, and of POSIX (ustar; pax
headers where a name is too long for that). Every file has time 0, user 0 and mode 644, so that
equal images give equal shards.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from urllib.parse import quote

from panoptic.formats.base import Carries, Format
from panoptic.formats.file_trees import photo_suffix
from panoptic.formats.options import SCHEME, WITH_PHOTOS
from panoptic.formats.shards.writer import SHARD_BYTES, Shard, ShardRecord, ShardWriter


class WebDatasetWriter(ShardWriter):
    """Writes the folder `target`."""

    turns_photos = False

    def open_shard(self, split: str, number: int) -> Shard:
        return _TarShard(self.folder / f"{split}-{number:06d}.tar")


class _TarShard(Shard):
    """Written entry by entry: `tarfile.TarFile` would remember all of them."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")

    def append(self, record: ShardRecord, photo: bytes | None) -> None:
        key = encode_key(record.name)
        if photo is not None:
            # What is of no known kind still needs a suffix, or it would be no part of a sample.
            self._write(key + (photo_suffix(photo) or ".bin"), photo)
        if record.png is not None:
            self._write(f"{key}.panoptic.png", record.png)
        self._write(f"{key}.json", record.text)

    def close(self) -> None:
        with self._file:
            self._file.write(bytes(2 * tarfile.BLOCKSIZE))

    def _write(self, name: str, content: bytes) -> None:
        # A new entry has time, user and group 0 and no names of them.
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o644
        self._file.write(entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))
        self._file.write(content)
        self._file.write(bytes(-len(content) % tarfile.BLOCKSIZE))


def encode_key(name: str) -> str:
    """The key of an image: its name without any dot or slash; `urllib.parse.unquote` inverts."""
    return quote(name, safe="").replace(".", "%2E")


WEBDATASET = Format(
    name="webdataset",
    title="WebDataset",
    has_classes=True,
    has_ids=True,
    file_name=None,
    create=WebDatasetWriter,
    write_options=(SCHEME, WITH_PHOTOS, SHARD_BYTES),
    carries=Carries(
        void="id 0",
        crowd="`iscrowd`; several crowds of a class stay several",
        overlap="the visible part of every segment",
        loses="hidden pixels and segments; it is only written",
    ),
)
