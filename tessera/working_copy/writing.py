"""Write the files of a version into a working copy: all of them, or those that differ."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from panoptic.formats.paths import member_path
from tessera.errors import ObjectErased
from tessera.items import Item
from tessera.progress import Progress, silent
from tessera.snapshot import Snapshot
from tessera.working_copy.copy import WorkingCopy
from tessera.working_copy.document import Document, row_of, write_document
from tessera.working_copy.erased import attributes_left, label_left
from tessera.working_copy.index import CopyIndex, IndexRow, file_digest, stamp_of
from tessera.working_copy.naming import TakenNames, free_png, png_names, stem_png
from tessera.working_copy.pending import Pending, Seen
from tessera.working_copy.rows import JsonRow, encode_row, row_digest


class Written(NamedTuple):
    """An image that was written: what the index keeps, and what the JSON says."""

    row: IndexRow
    json: JsonRow


def write_snapshot(copy: WorkingCopy, snapshot: Snapshot, *, progress: Progress = silent) -> None:
    """Write all files of a version into a new working copy."""
    pngs = png_names(entry.name for entry in snapshot.table if entry.label is not None)
    spool: list[JsonRow] = []
    index = CopyIndex(copy.index_path)
    with index:
        for done, item in enumerate(snapshot, 1):
            written = write_image(copy, snapshot, item, pngs.get(item.name))
            index.put([written.row])
            spool.append(written.json)
            progress(done, len(snapshot))
        _write_json(copy, snapshot, lambda: spool, index)
    index.close()


def update_files(
    copy: WorkingCopy, snapshot: Snapshot, pending: Pending, *, progress: Progress = silent
) -> None:
    """Write the images that are changed in a version, and delete those that are not in it.

    What the JSON says of all others stays as it stands there, also where it was edited. It may be
    done again, from the beginning, after it was broken off anywhere.
    """
    index = CopyIndex(copy.index_path)
    known = {name: index.get(name) for name in (*pending.changed, *pending.removed)}
    fresh: dict[str, JsonRow] = {}
    with index:
        taken = TakenNames(row.png for row in index.rows() if row.png and row.name not in known)
        # First: where `a` was a file, `a/b.jpg` may need a folder.
        for name in pending.removed:
            before = known[name]
            if before is not None and before.png:
                _delete(member_path(copy.png_folder, before.png), pending.seen[name].png)
            _delete(member_path(copy.photo_folder, name), pending.seen[name].photo)
        for done, name in enumerate(pending.changed, 1):
            item, before, seen = snapshot[name], known[name], pending.seen[name]
            png = None
            if label_left(snapshot, item) is not None:
                png = before.png if before and before.png else free_png(stem_png(name), taken)
                taken.add(png)
            elif before is not None and before.png:
                _delete(member_path(copy.png_folder, before.png), seen.png)
            written = write_image(copy, snapshot, item, png, seen)
            index.put([written.row])
            fresh[name] = written.json
            progress(done, len(pending.changed))
        index.remove(pending.removed)
        with Document(copy.document_path, copy.png_folder) as document:
            merging = _Merging(document, pending, known, fresh)
            _write_json(copy, snapshot, merging.rows, index)
    index.close()


def write_document_anew(copy: WorkingCopy, snapshot: Snapshot) -> None:
    """Write the JSON as the version has it, and touch no other file."""
    index = CopyIndex(copy.index_path)
    pngs = {row.name: row.png for row in index.rows()}
    spool = []
    for item in snapshot:
        label, attributes = label_left(snapshot, item), attributes_left(snapshot, item)
        row, _ = encode_row(item.entry, label, attributes, pngs.get(item.name))
        spool.append(row)
    with index:
        _write_json(copy, snapshot, lambda: spool, index)
    index.close()


def write_image(
    copy: WorkingCopy, snapshot: Snapshot, item: Item, png: str | None, seen: Seen | None = None
) -> Written:
    """Write the files of one image; what was erased or left out is not there.

    seen : the files that may be overwritten; None: whatever is there
    """
    label, attributes = label_left(snapshot, item), attributes_left(snapshot, item)
    json_row, content = encode_row(item.entry, label, attributes, png)
    png_stamp = png_sha256 = None
    if content is not None and png is not None:
        png_sha256 = hashlib.sha256(content).digest()
        path = member_path(copy.png_folder, png)
        png_stamp = _write(copy, path, content, png_sha256, seen and (seen.png,))
    photo, photo_stamp = _photo(copy, item), None
    if photo is not None:
        assert item.entry.image is not None
        path = member_path(copy.photo_folder, item.name)
        photo_stamp = _write(copy, path, photo, item.entry.image, seen and (seen.photo,))
    row = IndexRow(
        name=item.name,
        png=None if png_sha256 is None else png,
        png_stamp=png_stamp,
        png_sha256=png_sha256,
        photo_stamp=photo_stamp,
        photo_sha256=None if photo is None else item.entry.image,
        row_sha256=row_digest(json_row),
    )
    return Written(row, json_row)


def _photo(copy: WorkingCopy, item: Item) -> bytes | None:
    if item.entry.image is None or copy.origin.labels_only:
        return None
    try:
        return item.photo_bytes
    except ObjectErased:
        return None


def _write(
    copy: WorkingCopy, path: Path, content: bytes, sha256: bytes, seen: tuple[str | None] | None
) -> str:
    """Write a file all at once; return its stamp, "" for one that was edited and stays.

    No file has the stamp "": the next scan opens it, and finds the edit.
    """
    if seen is not None:
        now = stamp_of(path)
        if now is not None and now != seen[0] and file_digest(path) != sha256:
            return ""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not beside it: the longest name that a file may have leaves no room for a longer one.
    new = copy.state_folder / "file.new"
    new.write_bytes(content)
    os.replace(new, path)
    return stamp_of(path) or ""


def _delete(path: Path, seen: str | None) -> None:
    """Delete a file, unless it was edited since."""
    if stamp_of(path) == seen:
        path.unlink(missing_ok=True)


class _Merging:
    """The document with what is new in place of the old."""

    def __init__(
        self,
        document: Document,
        pending: Pending,
        known: Mapping[str, IndexRow | None],
        fresh: Mapping[str, JsonRow],
    ) -> None:
        self._document, self._known, self._fresh = document, known, fresh
        self._removed = set(pending.removed)
        self._is_as_seen = document.stamp == pending.document_stamp

    def rows(self) -> Iterator[JsonRow]:
        """Yield the rows in the document's order, then those of new images."""
        met = set()
        for item in self._document.items():
            met.add(item.name)
            row = row_of(item)
            if item.name not in self._known or self._was_edited(item.name, row):
                yield row
            elif item.name not in self._removed:
                yield self._fresh[item.name]
        yield from (row for name, row in self._fresh.items() if name not in met)

    def _was_edited(self, name: str, row: JsonRow) -> bool:
        """Say whether somebody changed a row after the update was decided."""
        if self._is_as_seen:
            return False
        before = self._known[name]
        own = {before.row_sha256} if before else set()
        if name in self._fresh:
            own.add(row_digest(self._fresh[name]))
        return row_digest(row) not in own


def _write_json(
    copy: WorkingCopy,
    snapshot: Snapshot,
    rows: Callable[[], Iterable[JsonRow]],
    index: CopyIndex,
) -> None:
    info = {
        "description": f"{snapshot.dataset} v{snapshot.version['number']}, by Tessera",
        "url": copy.origin.url,
        "version": snapshot.version["id"],
    }
    write_document(copy.document_path, snapshot.taxonomy, info, rows)
    index.keep_fact("document_stamp", stamp_of(copy.document_path) or "")
