"""Compare the pixels of two versions: at once when little differs, else as a job."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

from django.db import transaction

from datasets_app.actions.unions import run_unions_job
from datasets_app.bulk import batched
from datasets_app.comparison import diff_versions
from datasets_app.jobs.kinds import Progress, job_kind, silent
from datasets_app.jobs.queue import enqueue
from datasets_app.label_facts import label_facts
from datasets_app.models import Job, JobState, Version
from datasets_app.models.pixel_comparison import PixelComparison
from datasets_app.pixels.listing import forget_lists, keep_lists, list_image
from datasets_app.pixels.pairs import find_missing_pairs, get_pair_counts, pair_of
from datasets_app.pixels.totals import Totals, are_enough
from datasets_app.stats import LiveStats, get_live_stats
from datasets_app.taxonomy_access import ReadBy, get_read_by
from labels_app.reading import Reading
from panoptic.diff import ALGORITHM_VERSION

JOB_KIND = "compare"
# As many pairs as a request may wait for: some 2.5 ms each, and reading their labels.
PAIRS_AT_ONCE = 100
_CHANGES_PER_BATCH = 1_024


def get_pixel_comparison(
    old: Version, new: Version, *, actor: Any, read_by: ReadBy | None = None
) -> PixelComparison:
    """Return the pixel comparison of two versions of one dataset.

    If it is not kept and much differs, a job is asked for: then `totals` is None and `job`
    says how far it is.

    Parameters
    ----------
    read_by
        How both are read; None: by the later of their taxonomy versions, so that comparing
        back is the mirror of comparing.
    """
    read_by = read_by or get_read_by([old, new], user=None)
    reading = read_by.reading
    found = find_pixel_comparison(old, new, reading)
    if found is not None and (found.is_ready or _is_under_way(found.job)):
        return found
    if _is_small(old, new, reading):
        stats = get_live_stats(old, reading, actor=actor)
        if are_enough(stats):
            return _compute(old, new, reading, stats, silent)
    with transaction.atomic():
        comparison, _ = PixelComparison.objects.get_or_create(**_key(old, new, reading))
        job = enqueue(
            JOB_KIND,
            {"old": old.pk, "new": new.pk, "taxonomy": read_by.name},
            actor=actor if actor.is_authenticated else None,
            dataset=new.dataset,
        )
        comparison.job = job
        comparison.save(update_fields=["job"])
    # Where the queue works at once, as in tests, it is ready already.
    comparison.refresh_from_db()
    return comparison


def find_pixel_comparison(
    old: Version, new: Version, reading: Reading | None = None
) -> PixelComparison | None:
    """Return what is kept of a comparison, ready or not; `reading` as for computing it."""
    reading = reading or get_read_by([old, new], user=None).reading
    found = PixelComparison.objects.filter(**_key(old, new, reading))
    return found.select_related("job").first()


def compute_pixel_comparison(
    old: Version,
    new: Version,
    progress: Progress = silent,
    *,
    reading: Reading | None = None,
) -> PixelComparison:
    """Compare every image whose label differs, and keep the sums and the sorted list.

    `reading` is how both are read; None: by the later of their taxonomy versions.
    """
    reading = reading or get_read_by([old, new], user=None).reading
    stats = get_live_stats(old, reading)
    if not are_enough(stats):
        # The job that counts may be behind this one in the queue.
        run_unions_job(stats.job, progress)
        stats = get_live_stats(old, reading)
    return _compute(old, new, reading, stats, progress)


def _compute(
    old: Version, new: Version, reading: Reading, stats: LiveStats, progress: Progress
) -> PixelComparison:
    totals = Totals()
    image_counts: Counter[str] = Counter()
    expected = _count_changes(old, new)
    done = 0
    with transaction.atomic():
        comparison, _ = PixelComparison.objects.select_for_update().get_or_create(
            **_key(old, new, reading)
        )
        forget_lists(comparison)
    for batch in batched(diff_versions(old, new), _CHANGES_PER_BATCH):
        pairs = {change.image_no: pair_of(change) for change in batch}
        counts = get_pair_counts(
            list({pair for pair in pairs.values() if pair is not None}), reading
        )
        facts = label_facts({pair.old for pair in pairs.values() if pair and pair.old})
        for change in batch:
            pair = pairs[change.image_no]
            if pair is not None:
                totals.add(change, counts[pair])
        olds = [facts[pair.old].counts for pair in pairs.values() if pair and pair.old]
        totals.take_away(olds, reading.label_reading)
        listed = [
            list_image(change, counts.get(pairs[change.image_no]), reading) for change in batch
        ]
        keep_lists(comparison, listed)
        image_counts.update(key for one in listed for key in one.keys)
        done += len(batch)
        progress(done, expected, "images compared")
    comparison.totals = totals.to_json(stats, reading.label_reading.kinds)
    comparison.image_counts = dict(image_counts)
    comparison.save(update_fields=["totals", "image_counts"])
    return comparison


@job_kind(JOB_KIND)
def run_compare_job(job: Job, progress: Progress) -> dict[str, Any]:
    """Compute a comparison that was too large for a request."""
    versions = Version.objects.select_related("dataset", "change_set", "taxonomy_version__taxonomy")
    old, new = (versions.get(pk=job.arguments[side]) for side in ("old", "new"))
    # Who asked was allowed to. A draft that was edited since is asked for again as it is now.
    read_by = get_read_by([old, new], user=None, under=job.arguments.get("taxonomy", ""))
    compute_pixel_comparison(old, new, progress, reading=read_by.reading)
    return {"old": old.id_hex, "new": new.id_hex}


def _count_changes(old: Version, new: Version) -> int | None:
    """Return how many images differ, None where no log tells it."""
    if not new.parent_links.filter(parent=old, position=0).exists():
        return None
    return new.change_set.added + new.change_set.removed + new.change_set.changed


def _key(old: Version, new: Version, reading: Reading) -> dict[str, Any]:
    return {
        "old": old,
        "new": new,
        "algorithm": ALGORITHM_VERSION,
        "reading": reading.label_reading.digest,
    }


def _is_under_way(job: Job | None) -> bool:
    return job is not None and job.state in (JobState.QUEUED, JobState.RUNNING)


def _is_small(old: Version, new: Version, reading: Reading) -> bool:
    """Say whether so little differs, or is not known yet, that a request can wait for it."""
    changes = list(itertools.islice(diff_versions(old, new), 50 * PAIRS_AT_ONCE + 1))
    if len(changes) > 50 * PAIRS_AT_ONCE:
        return False
    pairs = [pair for change in changes if (pair := pair_of(change)) is not None]
    missing = find_missing_pairs(pairs, reading)
    return len(missing) <= PAIRS_AT_ONCE
