"""Answer how many images hold any of some classes: at once where cheap, else by a job."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import Any

from datasets_app.candidates import class_key, find_sizes
from datasets_app.jobs.queue import enqueue
from datasets_app.models import Job, JobState, Version
from datasets_app.models.job import SETTLED
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.unions.counting import count_small
from datasets_app.unions.kept import derive_counts, find_kept, keep_counts
from datasets_app.unions.sources import (
    HeldImages,
    SourceSet,
    UnionCounts,
    digest_of,
    held_images,
)

JOB_KIND = "unions"


def get_union_counts(
    version: Version,
    source_sets: Iterable[Iterable[int]],
    *,
    actor: Any = None,
    held: HeldImages | None = None,
) -> UnionCounts:
    """Return for each set of stored classes how many images hold any of them, by split.

    Whatever the number of sets, a constant number of queries. What would take longer than a
    request may wait is None, and a job that counts it is asked for, or found again.

    Parameters
    ----------
    source_sets
        Stored class ids; a set with 0 in it is void (`datasets_app.unions`).
    actor
        Who asks for the job; None and anonymous users for nobody.
    held
        What the version holds, if the caller has read it.
    """
    held = held or held_images(version)
    images: dict[SourceSet, dict[str, int | None]] = {
        sources: {split: held.find_union(split, sources) for split in held.splits}
        for sources in map(frozenset, source_sets)
    }
    unsettled = [sources for sources, by_split in images.items() if None in by_split.values()]
    if not unsettled:
        return UnionCounts(images)
    keys = {class_key(class_id) for class_id in frozenset().union(*unsettled)}
    sizes = find_sizes(version.dataset_id, keys)
    # Classes that the dataset never had make no other set: so retiring one of them leaves
    # what is counted of the rest.
    ever = {
        sources: frozenset(
            class_id
            for class_id in sources
            if class_id == VOID_CLASS or class_key(class_id) in sizes
        )
        for sources in unsettled
    }
    wanted = set(ever.values())
    counts = find_kept(version, wanted)
    fresh = derive_counts(version, wanted - counts.keys()) if wanted - counts.keys() else {}
    if left := wanted - counts.keys() - fresh.keys():
        fresh |= count_small(version, left, held, sizes)
    keep_counts(version, fresh)
    counts |= fresh
    job = None
    if left := wanted - counts.keys():
        job = _ask(version, left, actor)
        if job.state == JobState.DONE:  # where the queue works at once, as in tests
            counts |= find_kept(version, left)
    for sources in unsettled:
        if (by_split := counts.get(ever[sources])) is not None:
            images[sources] = {split: by_split.get(split, 0) for split in held.splits}
    answer = UnionCounts(images, job)
    return answer if answer.pending else UnionCounts(images)


def _ask(version: Version, sets: Collection[SourceSet], actor: Any) -> Job:
    """Ask for a job; find the one that was asked for, unless it ended without a result."""
    digest = hashlib.sha256(b"".join(sorted(map(digest_of, sets)))).hexdigest()
    key = f"{JOB_KIND}:{version.pk}:{digest}"
    ended = Job.objects.filter(idempotency_key__startswith=f"{key}:", state__in=SETTLED).count()
    job = enqueue(
        JOB_KIND,
        {"version": version.pk, "sources": sorted(sorted(sources) for sources in sets)},
        actor=actor if actor is not None and actor.is_authenticated else None,
        dataset=version.dataset,
        idempotency_key=f"{key}:{ended}",
    )
    job.refresh_from_db()
    return job
