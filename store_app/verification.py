"""Is everything there, and is it what was stored?

The levels `refs` and `tree` read no content. `data` reads everything or a sample of it; it keeps
how far it is in a row, so that a run that was cut off goes on where it was.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import zstandard
from django.utils import timezone

from panoptic.blob_codecs import CodecNumber
from panoptic.errors import MalformedPack
from panoptic.packs import PackEntry, read_entries
from store_app import index
from store_app.durable import Files, blob_files, iter_chunks, measure
from store_app.errors import StoreError
from store_app.listing import iter_shelves
from store_app.models import Pack, Verification
from store_app.progress import Progress, silent
from store_app.reading import decode_content
from store_app.roots import Finding, Reference, iter_findings, iter_readable_roots
from store_app.upkeep import announce

LEVELS = ("refs", "tree", "data")
ERASED = "object_erased"  # the code of a finding that is no damage: somebody wanted it so

_REFERENCES_AT_ONCE = 5_000
_PACKS_AT_ONCE = 500
_SAVED_EVERY_SECONDS = 2.0


def start_verification(*, sample: float = 1.0, seed: int = 0) -> Verification:
    """Begin a run of level `data` that can be taken up again.

    `sample` is the share of the blobs that is read, above 0 and at most 1; the same `seed` chooses
    the same blobs, whatever else is in the store.
    """
    if not 0 < sample <= 1:
        raise ValueError("a sample is above 0 and at most 1")
    return Verification.objects.create(sample=sample, seed=seed, started_at=timezone.now())


def find_unfinished() -> Verification | None:
    """Return the newest run, if it was cut off."""
    newest = Verification.objects.order_by("-pk").first()
    return newest if newest is not None and newest.finished_at is None else None


def verify(
    level: str = "refs", progress: Progress | None = None, *, run: Verification | None = None
) -> Iterator[Finding]:
    """Yield what is wrong with the store; each level does the work of those before it.

    refs
        Every file of the index is in the storage with its size; the apps check their own roots.
    tree
        Every blob that somebody needs is in the index, and its file in the storage.
    data
        Every file is read and hashed; every blob decoded and its content hashed.

    With a `run` of `start_verification`, level `data` reads its sample, goes on where the run is,
    repeats what it found, and says in `run.covered` what was read of how much. Erased blobs
    that somebody names are findings of the code `object_erased`.
    """
    if level not in LEVELS:
        raise ValueError(f"level is one of {', '.join(LEVELS)}, not {level!r}")
    run = run or Verification()
    return _announced(_verify(level, progress or silent, run), level, run.sample)


def _announced(findings: Iterator[Finding], level: str, sample: float) -> Iterator[Finding]:
    damage = erased = 0
    for finding in findings:
        damage, erased = damage + (finding.code != ERASED), erased + (finding.code == ERASED)
        yield finding
    announce("verified", level, findings=damage, erased=erased, sample=sample)


def _verify(level: str, progress: Progress, run: Verification) -> Iterator[Finding]:
    files = blob_files()
    lost: set[int] = set()
    yield from _verify_files(files, lost, progress)
    yield from iter_findings(level)
    damaged: dict[bytes, Finding] = {}
    if level == "data":
        yield from _verify_data(files, lost, damaged, run, progress)
    if level != "refs":
        yield from _verify_references(lost, damaged, progress)
    if run.pk is not None:
        run.finished_at = timezone.now()
        run.save()


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
    files: Files,
    lost: set[int],
    damaged: dict[bytes, Finding],
    run: Verification,
    progress: Progress,
) -> Iterator[Finding]:
    """Read everything; blobs that are not what was stored are added to `damaged`."""
    for known in run.findings:
        finding = Finding(**known)
        if finding.code == "object_corrupt":
            damaged[bytes.fromhex(finding.object)] = finding
        else:
            yield finding
    packs = Pack.objects.filter(state=Pack.State.ACTIVE)
    total = packs.count()
    done = packs.filter(pk__lte=run.cursor).count()
    saved_at = time.monotonic()
    for pack, locations in _packs_after(run.cursor):
        if pack.pk not in lost:
            found = list(_verify_file(files, pack, locations, lost, damaged, run))
            yield from found
            bad = [damaged[place.digest] for place in locations if place.digest in damaged]
            run.findings += [finding._asdict() for finding in (*found, *bad)]
        run.cursor = pack.pk
        done += 1
        progress("data", done, total)
        if run.pk is not None and time.monotonic() - saved_at >= _SAVED_EVERY_SECONDS:
            run.save()
            saved_at = time.monotonic()


def _packs_after(cursor: int) -> Iterator[tuple[Pack, list[index.Location]]]:
    """Yield the files with what lies in them; files of one blob cost a query for 500."""
    packs = Pack.objects.filter(state=Pack.State.ACTIVE).order_by("pk")
    while some := list(packs.filter(pk__gt=cursor)[:_PACKS_AT_ONCE]):
        singles = index.locations_of([pack for pack in some if pack.kind == Pack.Kind.SINGLE])
        for pack in some:
            is_pack = pack.kind == Pack.Kind.PACK
            yield pack, index.locations_in(pack) if is_pack else singles.get(pack.pk, [])
        cursor = some[-1].pk


def _verify_file(
    files: Files,
    pack: Pack,
    locations: list[index.Location],
    lost: set[int],
    damaged: dict[bytes, Finding],
    run: Verification,
) -> Iterator[Finding]:
    chosen = [location for location in locations if _is_chosen(location.digest, run)]
    whole = run.sample >= 1 or (pack.kind == Pack.Kind.SINGLE and chosen)
    try:
        if whole and pack.kind == Pack.Kind.PACK:
            yield from _verify_pack(files, pack, locations, damaged)
        elif whole:
            yield from _verify_single(files, pack, locations, damaged)
        else:
            for location in chosen:
                stored = files.read_range(pack.name, location.start, location.length)
                _note_damage(location, stored, damaged)
    except FileNotFoundError:
        # It was there a moment ago; unless it was collected, something is wrong.
        if Pack.objects.filter(pk=pack.pk, state=Pack.State.ACTIVE).exists():
            lost.add(pack.pk)
            yield Finding("file_missing", "the file is not in the storage", pack.name)
        return
    read = pack.size if whole else sum(location.length for location in chosen)
    for field, count in (
        ("files", bool(whole or chosen)),
        ("blobs", len(chosen)),
        ("bytes", read),
        ("of_files", 1),
        ("of_blobs", len(locations)),
        ("of_bytes", pack.size),
    ):
        run.covered[field] = run.covered.get(field, 0) + count


def _is_chosen(digest: bytes, run: Verification) -> bool:
    """Choose by digest and seed alone, so that a run that goes on chooses alike."""
    if run.sample >= 1:
        return True
    salted = hashlib.sha256(run.seed.to_bytes(8, "big", signed=True) + digest).digest()
    return int.from_bytes(salted[:8], "big") < run.sample * 2**64


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
        yield Finding("file_corrupt", str(error), pack.name)
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
            stored = files.read_range(pack.name, location.start, location.length)
            _note_damage(location, stored, damaged)
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
        erased = index.erased_among(
            reference.digest for reference in some if reference.digest not in packs
        )
        for reference in some:
            unclaimed.pop(reference.digest, None)
            if reference.digest in erased:
                yield _erased(reference)
                continue
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


def _erased(reference: Reference) -> Finding:
    digest, parent, path = reference
    return Finding(ERASED, "its bytes were erased", digest.hex(), parent, path)


def _damage(location: index.Location, reason: str) -> Finding:
    message = f"{reason} ({location.pack}, offset {location.start})"
    return Finding("object_corrupt", message, location.digest.hex())
