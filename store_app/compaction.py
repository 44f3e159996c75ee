"""Rewrite packs that are mostly dead, and join small ones.

What lives in such packs is copied into new packs; the old ones are condemned with what is dead in
them and go with garbage collection, a grace period later and when the leases of those who may
read them have ended. Until then their ranges can be read.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.utils import timezone

from panoptic.packs import MAX_PACK_BYTES, MAX_PACK_OBJECTS, NewObject
from store_app import index
from store_app.errors import NoRoots, ObjectCorrupt, ObjectMissing
from store_app.garbage import GRACE, check_grace
from store_app.marking import PackShare, iter_shares, marked
from store_app.models import Blob, Pack
from store_app.progress import Progress, silent
from store_app.rewriting import Rewritten, fits, read_objects, rewrite
from store_app.roots import Finding, has_roots
from store_app.scratch import ScratchSet
from store_app.upkeep import announce

THRESHOLD = 0.5
# Small packs are joined when so many of them wait: each blob is then copied a few times in
# its life, however small the commits are.
SMALL_PACKS_JOINED = 8
_SMALL_BYTES = MAX_PACK_BYTES // SMALL_PACKS_JOINED
_SMALL_OBJECTS = MAX_PACK_OBJECTS // SMALL_PACKS_JOINED


class CompactionReport(NamedTuple):
    """What was done, or in a dry run would be.

    `rewritten` packs of `rewritten_bytes` are replaced by `new_packs` of `new_bytes` (in a dry run
    not known: 0). `problems` are packs that cannot be read as they were stored, and stay.
    """

    dry_run: bool
    packs: int = 0
    rewritten: int = 0
    rewritten_bytes: int = 0
    dead_bytes: int = 0
    moved_blobs: int = 0
    new_packs: int = 0
    new_bytes: int = 0
    problems: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {**self._asdict(), "problems": [problem._asdict() for problem in self.problems]}


def compact_packs(
    *,
    threshold: float = THRESHOLD,
    dry_run: bool = True,
    grace: timedelta = GRACE,
    now: datetime | None = None,
    progress: Progress = silent,
) -> CompactionReport:
    """Rewrite the packs whose dead share is `threshold` or more, and join small packs.

    Blobs that were touched within `grace` count as alive. It may run beside writers, readers and
    garbage collection, and may be killed at any time; the next run goes on.

    Raises
    ------
    NoRoots
        Nobody has registered what is alive.
    ValueError
        `threshold` is not above 0 and at most 1, or `grace` is too short.
    """
    if not has_roots():
        raise NoRoots
    check_grace(grace)
    if not 0 < threshold <= 1:
        raise ValueError("threshold is above 0 and at most 1")
    moment = now or timezone.now()
    before = moment - grace
    report = CompactionReport(dry_run)
    with marked(progress) as live:
        chosen = list(_candidates(live, before, threshold))
        report = report._replace(packs=Pack.objects.filter(state=Pack.State.ACTIVE).count())
        done = 0
        for group in _groups(chosen):
            if len(group) == 1 and not group[0].dead_bytes:
                continue  # a small one that found nobody to be joined with
            report = _rewrite_group(report, group, live, before, now)
            done += len(group)
            progress("rewrite", done, len(chosen))
    if not dry_run:
        facts = report.to_json() | {"problems": len(report.problems)}
        announce("compacted", "packs", **facts)
    return report


def _candidates(live: ScratchSet, before: datetime, threshold: float) -> Iterator[PackShare]:
    """Yield the packs to rewrite; one in which nothing is alive is left to garbage collection."""
    small = []
    for share in iter_shares(live, before):
        if share.kind != Pack.Kind.PACK or share.is_condemned:
            continue
        if not share.live_blobs + share.young_blobs:
            continue
        if share.dead_share >= threshold:
            yield share
        elif share.size < _SMALL_BYTES and share.blobs < _SMALL_OBJECTS:
            small.append(share)
            if len(small) == SMALL_PACKS_JOINED:
                yield from small
                small = []


def _groups(shares: Iterable[PackShare]) -> Iterator[list[PackShare]]:
    """Put together packs whose living blobs fill one new pack."""
    group: list[PackShare] = []
    blobs = size = 0
    for share in shares:
        more_blobs = share.live_blobs + share.young_blobs
        more_bytes = share.live_bytes + share.young_bytes
        if group and not fits(blobs + more_blobs, size + more_bytes):
            yield group
            group, blobs, size = [], 0, 0
        group.append(share)
        blobs, size = blobs + more_blobs, size + more_bytes
    if group:
        yield group


def _rewrite_group(
    report: CompactionReport,
    group: list[PackShare],
    live: ScratchSet,
    before: datetime,
    now: datetime | None,
) -> CompactionReport:
    kept: list[NewObject] = []
    moved = 0
    readable = []
    for share in group:
        locations = _kept(share, live, before)
        if not report.dry_run:
            try:
                # Damage must neither be carried along nor stop the others.
                kept += read_objects(locations)
            except (ObjectMissing, ObjectCorrupt) as error:
                if Blob.objects.filter(pack=share.pack_id).exists():  # else: collected meanwhile
                    problem = Finding(error.code, error.message, share.name)
                    report = report._replace(problems=(*report.problems, problem))
                continue
        readable.append(share)
        moved += len(locations)
    if not readable:
        return report
    report = report._replace(
        rewritten=report.rewritten + len(readable),
        rewritten_bytes=report.rewritten_bytes + sum(share.size for share in readable),
        dead_bytes=report.dead_bytes + sum(share.dead_bytes for share in readable),
    )
    if report.dry_run:
        return report._replace(moved_blobs=report.moved_blobs + moved)
    new = rewrite(
        [share.pack_id for share in readable],
        kept,
        condemn=now or timezone.now(),
        before=before,
    )
    return report if new is None else _with_new(report, new)


def _with_new(report: CompactionReport, new: Rewritten) -> CompactionReport:
    return report._replace(
        new_packs=report.new_packs + 1,
        new_bytes=report.new_bytes + new.size,
        moved_blobs=report.moved_blobs + new.moved,
    )


def _kept(share: PackShare, live: ScratchSet, before: datetime) -> list[index.Location]:
    """Return the blobs of a pack that are alive or young, in their order there."""
    pack = Pack.objects.get(pk=share.pack_id)
    wanted = index.among_set(share.pack_id, live.table)
    young = pack.blobs.filter(touched_at__gt=before).values_list("digest", flat=True)
    wanted.update(young)
    return [location for location in index.locations_in(pack) if location.digest in wanted]
