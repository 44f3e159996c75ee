"""Write the files of a version into a working copy: all of them, or those that differ."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from panoptic.formats.paths import member_path
from tessera.errors import ObjectErased
from tessera.items import Item
from tessera.progress import Progress, silent
from tessera.snapshot import Snapshot
from tessera.working_copy.copy import WorkingCopy
from tessera.working_copy.document import Document, row_of, write_document
from tessera.working_copy.index import CopyIndex, IndexRow, file_digest, stamp_of
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
            written = write_image(copy, item, pngs.get(item.name))
            index.put([written.row])
            spool.append(written.json)
            progress(done, len(snapshot))
        _write_json(copy, snapshot, lambda: spool, index)
    index.close()


def update_files(
    copy: WorkingCopy,
    snapshot: Snapshot,
    changed: Sequence[str],
    removed: Sequence[str],
    *,
    progress: Progress = silent,
) -> None:
    """Write the images that are changed in a version, and delete those that are not in it.

    What the JSON says of all others stays as it stands there, also where it was edited.
    """
    index = CopyIndex(copy.index_path)
    fresh: dict[str, JsonRow] = {}
    with index:
        taken = {
            row.png for row in index.rows() if row.png and row.name not in {*changed, *removed}
        }
        for done, name in enumerate(changed, 1):
            item = snapshot[name]
            before = index.get(name)
            png = None
            if item.is_labelled:
                png = before.png if before and before.png else _free_png(name, taken)
                taken.add(png)
            elif before is not None and before.png:
                (copy.png_folder / before.png).unlink(missing_ok=True)
            written = write_image(copy, item, png)
            index.put([written.row])
            fresh[name] = written.json
            progress(done, len(changed))
        for name in removed:
            _delete_files(copy, index.get(name), name)
        index.remove(removed)
        with Document(copy.document_path, copy.png_folder) as document:
            _write_json(copy, snapshot, lambda: _merged(document, fresh, set(removed)), index)
    index.close()


def write_image(copy: WorkingCopy, item: Item, png: str | None) -> Written:
    """Write the files of one image; photographs that were erased or left out are not there."""
    label = item.label if item.is_labelled else None
    json_row, content = encode_row(item.entry, label, item.attributes, png)
    png_path = None
    if content is not None and png is not None:
        png_path = member_path(copy.png_folder, png)
        _write(png_path, content)
    photo_path = _write_photo(copy, item)
    row = IndexRow(
        name=item.name,
        png=png if content is not None else None,
        png_stamp=None if png_path is None else stamp_of(png_path),
        png_sha256=None if png_path is None else file_digest(png_path),
        photo_stamp=None if photo_path is None else stamp_of(photo_path),
        photo_sha256=None if photo_path is None else item.entry.image,
        row_sha256=row_digest(json_row),
    )
    return Written(row, json_row)


def png_names(names: Iterable[str]) -> dict[str, str]:
    """Return the name of each image's PNG: its stem, or all of its name where two share a stem."""
    known = list(names)
    stems = Counter(_stem_png(name) for name in known)
    return {
        name: _stem_png(name) if stems[_stem_png(name)] == 1 else f"{name}.png" for name in known
    }


def _free_png(name: str, taken: set[str]) -> str:
    return _stem_png(name) if _stem_png(name) not in taken else f"{name}.png"


def _stem_png(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(".png"))


def _write_photo(copy: WorkingCopy, item: Item) -> Path | None:
    if item.entry.image is None or copy.origin.labels_only:
        return None
    path = member_path(copy.photo_folder, item.name)
    try:
        _write(path, item.photo_bytes)
    except ObjectErased:
        return None
    return path


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    os.replace(new, path)


def _delete_files(copy: WorkingCopy, row: IndexRow | None, name: str) -> None:
    if row is not None and row.png:
        member_path(copy.png_folder, row.png).unlink(missing_ok=True)
    if row is not None and row.photo_stamp:
        member_path(copy.photo_folder, name).unlink(missing_ok=True)


def _merged(
    document: Document, fresh: Mapping[str, JsonRow], removed: set[str]
) -> Iterator[JsonRow]:
    """Yield the rows of the document in their order, with what is new in place of the old."""
    met = set()
    for item in document.items():
        met.add(item.name)
        if item.name in fresh:
            yield fresh[item.name]
        elif item.name not in removed:
            yield row_of(item)
    yield from (row for name, row in fresh.items() if name not in met)


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
