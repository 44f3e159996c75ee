"""Is everything there, and is it what was stored?"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import zstandard

from store_app import index
from store_app.codecs import CodecNumber
from store_app.durable import Files, blob_files, iter_chunks, measure
from store_app.errors import MalformedPack, StoreError
from store_app.listing import iter_shelves
from store_app.models import Pack
from store_app.packs import PackEntry, read_entries
from store_app.reading import decode_content, read_locations
from store_app.roots import Finding, Reference, iter_findings, iter_readable_roots

LEVELS = ("refs", "tree", "data")

Progress = Callable[[str, int, int | None], None]  # stage, done, total if known

_REFERENCES_AT_ONCE = 5_000


def verify(level: str = "refs", progress: Progress | None = None) -> Iterator[Finding]:
    """Yield what is wrong with the store; each level does the work of those before it.

    refs
        Every file of the index is in the storage with its size; the apps check their own roots.
    tree
        Every blob that somebody needs is in the index, and its file in the storage.
    data
        Every file is read and hashed; every blob decoded and its content hashed.
    """
    if level not in LEVELS:
        raise ValueError(f"level is one of {', '.join(LEVELS)}, not {level!r}")
    return _verify(level, progress or _silent)


def _verify(level: str, progress: Progress) -> Iterator[Finding]:
    files = blob_files()
    lost: set[int] = set()
    yield from _verify_files(files, lost, progress)
    yield from iter_findings(level)
    damaged: dict[bytes, Finding] = {}
    if level == "data":
        yield from _verify_data(files, lost, damaged, progress)
    if level != "refs":
        yield from _verify_references(lost, damaged, progress)


def _verify_files(files: Files, lost: set[int], progress: Progress) -> Iterator[Finding]:
    """Find files that are missing or of another size; those missing are added to `lost`."""
    total, done = Pack.objects.count(), 0
    for shelf in iter_shelves(files):
        for name, pack in shelf.packs.items():
            file = shelf.files.get(name)
            if pack.state != Pack.State.ACTIVE or (file and file.size == pack.size):
                continue
            if not Pack.objects.filter(pk=pack.pk, state=Pack.State.ACTIVE).exists():
                continue  # collected while we listed
            if file is None:
                lost.add(pack.pk)
                yield Finding("file_missing", "the file is not in the storage", name)
            else:
                message = f"the file has {file.size} bytes, not {pack.size}"
                yield Finding("file_truncated", message, name)
        done += len(shelf.packs)
        progress("files", done, total)


def _verify_data(
    files: Files, lost: set[int], damaged: dict[bytes, Finding], progress: Progress
) -> Iterator[Finding]:
    """Read everything; blobs that are not what was stored are added to `damaged`."""
    packs = Pack.objects.filter(state=Pack.State.ACTIVE).order_by("pk")
    total = packs.count()
    for done, pack in enumerate(packs.iterator(chunk_size=1000), start=1):
        if pack.pk not in lost:
            locations = index.locations_in(pack)
            check = _verify_pack if pack.kind == Pack.Kind.PACK else _verify_single
            try:
                yield from check(files, pack, locations, damaged)
            except FileNotFoundError:
                # It was there a moment ago; unless it was collected, something is wrong.
                if Pack.objects.filter(pk=pack.pk, state=Pack.State.ACTIVE).exists():
                    lost.add(pack.pk)
                    yield Finding("file_missing", "the file is not in the storage", pack.name)
        progress("data", done, total)


def _verify_pack(
    files: Files, pack: Pack, locations: list[index.Location], damaged: dict[bytes, Finding]
) -> Iterator[Finding]:
    data = files.read_range(pack.name, 0, pack.size)
    if hashlib.sha256(data).digest() != pack.digest:
        yield Finding("file_corrupt", "the sha256 of the file is not its name", pack.name)
    else:
        yield from _verify_table(data, pack, locations)
    for location in locations:
        _note_damage(location, data[location.start : location.start + location.length], damaged)


def _verify_table(data: bytes, pack: Pack, locations: list[index.Location]) -> Iterator[Finding]:
    """Compare the index with the pack's own table, from which it could be rebuilt."""
    try:
        entries = set(read_entries(data))
    except MalformedPack as error:
        yield Finding("file_corrupt", error.message, pack.name)
        return
    for location in locations:
        entry = PackEntry(
            location.digest,
            location.stored_digest,
            location.start,
            location.length,
            location.size,
            location.codec,
        )
        if entry not in entries:
            message = f"the index and the table of {pack.name} differ"
            yield Finding("index_mismatch", message, location.digest.hex(), pack.name)


def _note_damage(location: index.Location, stored: bytes, damaged: dict[bytes, Finding]) -> None:
    try:
        if hashlib.sha256(stored).digest() != location.stored_digest:
            damaged[location.digest] = _damage(
                location, "the sha256 of its stored bytes is another"
            )
        else:
            decode_content(location, stored)
    except StoreError as error:
        damaged[location.digest] = _damage(location, error.message)


def _verify_single(
    files: Files, pack: Pack, locations: list[index.Location], damaged: dict[bytes, Finding]
) -> Iterator[Finding]:
    with files.open(pack.name) as file:
        if measure(iter_chunks(file)) != (pack.digest, pack.size):
            yield Finding("file_corrupt", "the sha256 of the file is not its name", pack.name)
    for location in locations:
        if location.codec == CodecNumber.LABEL:
            try:
                decode_content(location, read_locations([location])[location.digest])
            except StoreError as error:
                damaged[location.digest] = _damage(location, error.message)
        elif not _has_content(files, location):
            damaged[location.digest] = _damage(location, "its content has another digest")


def _has_content(files: Files, location: index.Location) -> bool:
    """Hash the content of a file that may be larger than the memory."""
    with files.open(location.pack) as file:
        content: Any = file
        if location.codec == CodecNumber.ZSTD:
            content = zstandard.ZstdDecompressor().stream_reader(file)
        try:
            return measure(iter_chunks(content)) == (location.digest, location.size)
        except zstandard.ZstdError:
            return False


def _verify_references(
    lost: set[int], damaged: dict[bytes, Finding], progress: Progress
) -> Iterator[Finding]:
    """Find needed blobs that cannot be had, and say who needs those that are damaged."""
    unreadable: list[Finding] = []
    references, done = iter_readable_roots(unreadable), 0
    unclaimed = dict(damaged)
    while some := list(islice(references, _REFERENCES_AT_ONCE)):
        packs = index.packs_of(reference.digest for reference in some)
        for reference in some:
            unclaimed.pop(reference.digest, None)
            finding = _finding(reference, packs, lost, damaged)
            if finding is not None:
                yield finding
        done += len(some)
        progress("references", done, None)
    yield from unclaimed.values()
    yield from unreadable


def _finding(
    reference: Reference,
    packs: dict[bytes, int],
    lost: Iterable[int],
    damaged: dict[bytes, Finding],
) -> Finding | None:
    digest, parent, path = reference
    if digest in damaged:
        return damaged[digest]._replace(parent=parent, path=path)
    if digest not in packs:
        message = "it is not in the store"
    elif packs[digest] in lost:
        message = "its file is not in the storage"
    else:
        return None
    return Finding("object_missing", message, digest.hex(), parent, path)


def _damage(location: index.Location, reason: str) -> Finding:
    message = f"{reason} ({location.pack}, offset {location.start})"
    return Finding("object_corrupt", message, location.digest.hex())


def _silent(stage: str, done: int, total: int | None) -> None:
    pass
