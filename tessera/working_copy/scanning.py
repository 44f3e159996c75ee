"""What somebody edited in a working copy, as changes of labels and entries, never of files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.canonical_json import dump_canonical
from panoptic.codec import EncodedLabel, pack_label
from panoptic.errors import PanopticError
from panoptic.formats.base import BoundClass, ReadOptions
from panoptic.formats.coco.fields import OWN_KEYS, SEGMENT_KEYS
from panoptic.formats.coco.panoptic_reader import read_panoptic_item
from panoptic.formats.coco.source import CocoItem
from panoptic.formats.paths import find_photo
from panoptic.formats.problems import Problem, has_errors
from panoptic.images import read_header
from panoptic.label import Label
from panoptic.repainting import repaint
from tessera.entries import Entry
from tessera.errors import UsageError
from tessera.progress import Progress, silent
from tessera.snapshot import Snapshot
from tessera.working_copy.copy import WorkingCopy
from tessera.working_copy.document import Document, row_of
from tessera.working_copy.index import CopyIndex, IndexRow, file_digest, stamp_of
from tessera.working_copy.rows import JsonRow, read_facts, row_digest

# Attributes of these names have no place in the file, so their absence says nothing.
_UNTOLD = SEGMENT_KEYS - OWN_KEYS


class LocalChange(NamedTuple):
    """One image that is other than in the version; None: not there.

    label, photo, attributes : what is new, to be sent; None where the entry names nothing new
    """

    name: str
    old: Entry | None
    new: Entry | None
    label: EncodedLabel | None = None
    photo: Path | None = None
    attributes: bytes | None = None

    @property
    def facets(self) -> tuple[str, ...]:
        """What differs, where the image is on both sides."""
        if self.old is None or self.new is None:
            return ()
        pairs = (
            ("photo", self.old.image, self.new.image),
            ("label", self.old.label, self.new.label),
            ("split", self.old.split, self.new.split),
            ("status", self.old.status, self.new.status),
            ("attributes", self.old.attributes, self.new.attributes),
        )
        return tuple(name for name, before, after in pairs if before != after)

    @property
    def kind(self) -> str:
        """`added`, `removed` or `changed`."""
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"


class Scan(NamedTuple):
    """What was edited, by name; and what in the files cannot be read."""

    changes: list[LocalChange]
    problems: list[Problem]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was edited."""
        return not self.changes and not self.problems


def scan(copy: WorkingCopy, base: Snapshot, *, progress: Progress = silent) -> Scan:
    """Compare the files of a working copy with the version that they were made of.

    Files of the time and size that they were written with are not opened. A folder that is gone
    as a whole is a problem, never the deletion of all that was in it.
    """
    if not copy.document_path.exists():
        message = "it is gone: `tessera restore panoptic.json` writes it anew"
        return Scan([], [Problem("missing_file", message, "panoptic.json")])
    index = CopyIndex(copy.index_path)
    try:
        gone = list(_missing_folders(copy, index))
        if gone:
            return Scan([], gone)
        touched = set(_touched(copy, index))
        is_as_written = stamp_of(copy.document_path) == index.fact("document_stamp")
        # Images edited while a push travelled have no row: nobody knows what was written of them.
        if not touched and is_as_written and index.count() >= len(base):
            return Scan([], [])
        with Document(copy.document_path, copy.png_folder) as document:
            if has_errors(document.problems):
                return Scan([], list(document.problems))
            sure = index.names() - touched if is_as_written else frozenset[str]()
            return _Scanner(copy, base, index, touched, sure, progress).run(document)
    finally:
        index.close()


class _Scanner:
    """One walk over the JSON, and what was found on the way."""

    def __init__(
        self,
        copy: WorkingCopy,
        base: Snapshot,
        index: CopyIndex,
        touched: Set[str],
        sure: Set[str],
        progress: Progress,
    ) -> None:
        self._copy, self._base, self._index = copy, base, index
        # Nobody can have edited those that are sure: neither their files nor the JSON.
        self._touched, self._sure, self._progress = touched, sure, progress
        self._problems: list[Problem] = []
        images = None if copy.origin.labels_only else copy.photo_folder
        self._options = ReadOptions(labels=copy.png_folder, images=images)
        self._binding: dict[int | str, BoundClass] = {
            class_id: BoundClass(class_id, "stuff" if one.is_stuff else "thing")
            for class_id, one in base.taxonomy.classes.items()
        }

    def run(self, document: Document) -> Scan:
        changes: list[LocalChange] = []
        met: set[str] = set()
        for category in document.category_ids:
            if category not in self._binding:
                message = f"no class has the id {category}; classes are made in taxonomies"
                self._problems.append(Problem("unknown_class", message, "panoptic.json"))
        for done, item in enumerate(document.items(), 1):
            met.add(item.name)
            change = None if item.name in self._sure else self._compare(item)
            if change is not None:
                changes.append(change)
            self._progress(done)
        changes += [
            LocalChange(entry.name, entry, None)
            for entry in self._base.table
            if entry.name not in met
        ]
        changes.sort(key=lambda change: change.name.encode())
        return Scan(changes, self._problems)

    def _compare(self, item: CocoItem) -> LocalChange | None:
        row, known = row_of(item), self._index.get(item.name)
        if (
            known is not None
            and known.row_sha256 == row_digest(row)
            and item.name not in self._touched
        ):
            return None
        place = self._base.table.find(item.name)
        old = None if place is None else self._base.table[place]
        try:
            return self._read(item, row, known, old)
        except (PanopticError, UsageError) as error:
            self._problems.append(
                Problem(getattr(error, "code", "invalid"), str(error), item.file, item.name)
            )
            return None

    def _read(
        self, item: CocoItem, row: JsonRow, known: IndexRow | None, old: Entry | None
    ) -> LocalChange | None:
        found = read_panoptic_item(item, self._binding, self._options)
        # A size that does not fit and a photograph that is not there are told with the label.
        self._problems += [problem for problem in found.problems if problem.severity == "error"]
        if has_errors(found.problems):
            return None
        facts = read_facts(row, item.name)
        label = self._label(found.label, known, old)
        photo = self._photo(item.name, known, old)
        attributes = self._attributes(facts.attributes, old)
        entry = Entry(
            name=item.name,
            number=0 if old is None else old.number,
            image=photo.digest,
            label=label.digest,
            attributes=attributes.digest,
            split=facts.split,
            status=_status(facts.status, old, label.digest),
            height=found.height,
            width=found.width,
        )
        if old is not None:
            entry = entry._replace(height=old.height, width=old.width)
            if entry == old:
                return None
        return LocalChange(item.name, old, entry, label.encoded, photo.path, attributes.encoded)

    def _label(self, shown: Label | None, known: IndexRow | None, old: Entry | None) -> _LabelState:
        before = None if old is None else old.label
        is_erased = before in self._base.erased
        if shown is None:
            # One that was never written, for it was erased, is not missed.
            was_there = known is not None and known.png is not None
            return _LabelState(before if is_erased and not was_there else None, None)
        if old is not None and before is not None and not is_erased:
            base = self._base.item_of(old).label
            if base.shape == shown.shape:
                shown = repaint(base, shown, untold=_UNTOLD)
                if shown == base:
                    return _LabelState(before, None)
        encoded = pack_label(shown)
        return _LabelState(encoded.digest, None if encoded.digest == before else encoded)

    def _attributes(self, told: Mapping[str, Any], old: Entry | None) -> _AttributesState:
        before = None if old is None else old.attributes
        if not told:
            return _AttributesState(before if before in self._base.erased else None, None)
        encoded = dump_canonical(dict(told))
        digest = hashlib.sha256(encoded).digest()
        return _AttributesState(digest, None if digest == before else encoded)

    def _photo(self, name: str, known: IndexRow | None, old: Entry | None) -> _PhotoState:
        before = None if old is None else old.image
        if self._copy.origin.labels_only:
            return _PhotoState(before, None)
        path = self._find_photo(name)
        if path is None:
            # One that was never written, for it was erased, is not missed.
            was_there = known is not None and known.photo_stamp is not None
            return _PhotoState(None if was_there else before, None)
        if known is not None and known.photo_stamp == stamp_of(path):
            return _PhotoState(before, None)
        digest = file_digest(path)
        if digest == before:
            return _PhotoState(before, None)
        read_header(path)  # raises where it is no photograph
        return _PhotoState(digest, path)

    def _find_photo(self, name: str) -> Path | None:
        """Return the file of this name, else one of this stem that no other image is called."""
        folder = self._copy.photo_folder
        path = find_photo(folder, name)
        if path is None:
            return None
        found = path.relative_to(folder).as_posix()
        is_of_another = found != name and self._base.table.find(found) is not None
        return None if is_of_another else path


class _LabelState(NamedTuple):
    digest: bytes | None
    encoded: EncodedLabel | None


class _AttributesState(NamedTuple):
    digest: bytes | None
    encoded: bytes | None


class _PhotoState(NamedTuple):
    digest: bytes | None
    path: Path | None


def _missing_folders(copy: WorkingCopy, index: CopyIndex) -> Iterator[Problem]:
    has_pngs, has_photos = index.has_files()
    for folder, was_written in ((copy.png_folder, has_pngs), (copy.photo_folder, has_photos)):
        if was_written and not folder.exists():
            message = "the folder is gone: `tessera restore --all` writes it anew"
            yield Problem("missing_folder", message, f"{folder.name}/")


def _touched(copy: WorkingCopy, index: CopyIndex) -> Iterator[str]:
    """Yield the images one of whose files is other than it was written, and the new ones."""
    # Texts, as a `Path` for each costs more than to ask the disk: all files are asked for here.
    pngs, photos = f"{copy.png_folder}/", f"{copy.photo_folder}/"
    for name, png, png_stamp, photo_stamp in index.stamps():
        other_png = png is not None and stamp_of(pngs + png) != png_stamp
        other_photo = photo_stamp is not None and stamp_of(photos + name) != photo_stamp
        if not (other_png or other_photo):
            continue
        row = index.get(name)
        assert row is not None
        if (other_png and _is_touched(pngs + (png or ""), row.png_sha256)) or (
            other_photo and _is_touched(photos + name, row.photo_sha256)
        ):
            yield name


def _is_touched(path: str, sha256: bytes | None) -> bool:
    """Say whether a file of another time or size holds other bytes, too, or is gone."""
    return stamp_of(path) is None or file_digest(Path(path)) != sha256


def _status(told: str | None, old: Entry | None, label: bytes | None) -> str:
    """Return the status that an image has after the edit.

    Who gives an image its first label makes it labelled without saying so, as in a commit.
    """
    if old is not None and (label is None) == (old.label is None):
        return told or old.status
    default = "unlabelled" if label is None else "labelled"
    before = "unlabelled" if old is None else old.status
    return default if told is None or told == before else told


def facts_of(change: LocalChange) -> Mapping[str, Any]:
    """Return what `--json` prints of a change."""
    return {"name": change.name, "kind": change.kind, "facets": list(change.facets)}
