"""Give many images their splits at once: by a list, or by the group that they are of."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import orjson

from datasets_app.actions.commits import ImageChange, commit
from datasets_app.bulk import batched
from datasets_app.entries import Entry
from datasets_app.errors import BranchMoved
from datasets_app.jobs.asking import AskedOnce
from datasets_app.jobs.kinds import Progress, job_kind, silent
from datasets_app.jobs.queue import enqueue
from datasets_app.models import Dataset, Job, Version
from datasets_app.named_images import NamedImage, iter_named_images
from datasets_app.names import clean_image_name, clean_split
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import find_numbers
from datasets_app.revs import get_branch
from datasets_app.split_counts import GroupSplits, SplitCounts
from datasets_app.splitting import GroupKey, InvalidSplitting, SplitRule, point_of
from datasets_app.tree import get_entries
from people_app.models import User
from people_app.roles import Role
from store_app.blobs import get_content, put_file

JOB_KIND = "splits"
# As many images as a request may wait for: one batch of a commit, about a second.
IMAGES_AT_ONCE = 5_000
_NAMES_TOLD = 20
EACH_ALONE = GroupKey()


@dataclass(frozen=True)
class ByGroup:
    """Every image gets the split of its group.

    only_unassigned : leave images that have a split. The others of a group join those that
        have one (the split of most of them), so that a group is not divided by what people
        assigned by hand; groups without any are spread by the rule
    alone : what has no key is a group of its own, known by its name; else it is left
    """

    by: ClassVar[str] = "group"
    rule: SplitRule
    key: GroupKey = EACH_ALONE
    only_unassigned: bool = False
    alone: bool = False


@dataclass(frozen=True)
class ByList:
    """Images that are named get the split that is named with them; "" takes it away.

    skip_unknown : pass over names that the version does not have; else they are refused
    """

    by: ClassVar[str] = "list"
    splits: Mapping[str, str]
    only_unassigned: bool = False
    skip_unknown: bool = False

    def __post_init__(self) -> None:
        if not self.splits:
            raise InvalidSplitting("splits", "it names no image")
        cleaned = {clean_image_name(name): clean_split(s) for name, s in self.splits.items()}
        if len(cleaned) != len(self.splits):
            raise InvalidSplitting("splits", "two of its names are two spellings of one")
        object.__setattr__(self, "splits", cleaned)


Splitting = ByGroup | ByList


class Assigned(NamedTuple):
    """What came of it: `version` is None where it was only tried."""

    version: Version | None
    counts: SplitCounts


def assign_splits(
    *,
    dataset: Dataset,
    branch: str,
    expected_head: bytes,
    splitting: Splitting,
    author: User,
    message: str = "",
    idempotency_key: str | None = None,
    body_sha256: bytes | None = None,
    progress: Progress = silent,
) -> Assigned:
    """Make one version in which images have their new splits; nothing else changes.

    Reads the version in batches: memory grows by 10 bytes per image, for counting groups.

    Raises
    ------
    InvalidSplitting
        A list names images that are not there.
    NothingChanged, BranchMoved, NotFound, KeyReused
        As `commit` says.
    """
    base = _get_base(dataset, branch, expected_head)
    counts = SplitCounts(splitting.by)
    version = commit(
        dataset=dataset,
        branch=branch,
        expected_head=expected_head,
        changes=_iter_changes(base, splitting, counts, progress),
        message=message or default_message(splitting),
        author=author,
        idempotency_key=idempotency_key,
        body_sha256=body_sha256,
    )
    if not counts.images:  # the version that this key made before
        for _ in _iter_changes(base, splitting, counts, progress):
            pass
    return Assigned(version, counts)


def preview_splits(
    *,
    dataset: Dataset,
    branch: str,
    expected_head: bytes,
    splitting: Splitting,
    progress: Progress = silent,
) -> Assigned:
    """Count what `assign_splits` would do; it raises the same, but for `NothingChanged`."""
    head = get_branch(dataset, branch).head
    if head is None or head.version_id != expected_head:
        actual = head.id_hex if head else None
        raise BranchMoved(branch, expected=expected_head.hex(), actual=actual)
    counts = SplitCounts(splitting.by)
    for _ in _iter_changes(head, splitting, counts, progress):
        pass
    return Assigned(None, counts)


def is_large(dataset: Dataset, expected_head: bytes, splitting: Splitting) -> bool:
    """Say whether a request should not wait for it."""
    if isinstance(splitting, ByList):
        return len(splitting.splits) > IMAGES_AT_ONCE
    base = Version.objects.filter(dataset=dataset, version_id=expected_head).first()
    return base is not None and base.image_count > IMAGES_AT_ONCE


def default_message(splitting: Splitting) -> str:
    """Return the message of a commit whose author gave none."""
    if isinstance(splitting, ByList):
        return f"Assign splits to {len(splitting.splits)} images by a list"
    ratios = ", ".join(f"{split} {ratio:g}" for split, ratio in splitting.rule.ratios.items())
    key = splitting.key
    if key.folders is not None:
        group = "leading folder" if key.folders == 1 else f"{key.folders} leading folders"
    else:
        group = key.pattern or key.attribute or "image"
    seed = f", seed {splitting.rule.seed}" if splitting.rule.seed else ""
    return f"Assign splits by {group}: {ratios}{seed}"


# ---- as a job ---------------------------------------------------------------


def request_splits(
    *,
    dataset: Dataset,
    branch: str,
    expected_head: bytes,
    splitting: Splitting,
    author: User,
    message: str = "",
    dry_run: bool = False,
    idempotency_key: str | None = None,
    body_sha256: bytes | None = None,
) -> Job:
    """Ask for a job that assigns splits or, with `dry_run`, counts; the same key finds the same."""
    arguments: dict[str, Any] = {
        "branch": branch,
        "expected_head": expected_head.hex(),
        "splitting": _to_plain(splitting),
        "message": message,
        "dry_run": dry_run,
        "key": idempotency_key,
        "body": body_sha256.hex() if body_sha256 else None,
    }
    if isinstance(splitting, ByList):
        # A root of garbage collection until the job is settled (`jobs.roots`).
        listed = io.BytesIO(orjson.dumps(splitting.splits))
        arguments["upload"] = put_file(listed, "zstd").hex()
    once = None
    if idempotency_key is not None and body_sha256 is not None:
        kind = f"{JOB_KIND}:{branch}"
        once = AskedOnce(author, dataset, kind, idempotency_key, body_sha256)
    return enqueue(JOB_KIND, arguments, actor=author, dataset=dataset, once=once)


@job_kind(JOB_KIND, needs=Role.ANNOTATOR)
def run_splits_job(job: Job, progress: Progress) -> dict[str, Any]:
    """Assign splits of a version that was too large for a request."""
    arguments = job.arguments
    values: dict[str, Any] = {
        "dataset": job.dataset,
        "branch": arguments["branch"],
        "expected_head": bytes.fromhex(arguments["expected_head"]),
        "splitting": _from_plain(arguments),
        "progress": progress,
    }
    if arguments["dry_run"]:
        found = preview_splits(**values)
    else:
        # A worker may die between the commit and the result: the next one finds the version.
        key, body = arguments["key"], arguments["body"]
        found = assign_splits(
            **values,
            author=job.requested_by,
            message=arguments["message"],
            idempotency_key=key or f"job {job.pk}",
            body_sha256=bytes.fromhex(body) if body else bytes(32),
        )
    version = found.version.id_hex if found.version else None
    return {"version": version, "assignment": found.counts.to_json()}


def _to_plain(splitting: Splitting) -> dict[str, Any]:
    if isinstance(splitting, ByList):
        flags = {"skip_unknown": splitting.skip_unknown}
        return {"by": "list", "only_unassigned": splitting.only_unassigned, **flags}
    rule, key = splitting.rule, splitting.key
    return {
        "by": "group",
        "ratios": dict(rule.ratios),
        "seed": rule.seed,
        "group": {"folders": key.folders, "pattern": key.pattern, "attribute": key.attribute},
        "only_unassigned": splitting.only_unassigned,
        "alone": splitting.alone,
    }


def _from_plain(arguments: Mapping[str, Any]) -> Splitting:
    plain = dict(arguments["splitting"])
    if plain.pop("by") == "list":
        listed = orjson.loads(get_content(bytes.fromhex(arguments["upload"])))
        return ByList(listed, **plain)
    rule = SplitRule(plain.pop("ratios"), plain.pop("seed"))
    return ByGroup(rule, GroupKey(**plain.pop("group")), **plain)


# ---- walking the images -----------------------------------------------------


def _get_base(dataset: Dataset, branch: str, expected_head: bytes) -> Version:
    base = Version.objects.filter(dataset=dataset, version_id=expected_head).first()
    if base is None:
        head = get_branch(dataset, branch).head
        actual = head.id_hex if head else None
        raise BranchMoved(branch, expected=expected_head.hex(), actual=actual)
    return base


def _iter_changes(
    base: Version, splitting: Splitting, counts: SplitCounts, progress: Progress
) -> Iterator[ImageChange]:
    """Yield the changes of splits, and count all images that are looked at."""
    if isinstance(splitting, ByList):
        return _iter_listed(base, splitting, counts, progress)
    return _iter_grouped(base, splitting, counts, progress)


def _iter_grouped(
    base: Version, splitting: ByGroup, counts: SplitCounts, progress: Progress
) -> Iterator[ImageChange]:
    rule = splitting.rule
    held = _held_groups(base, splitting, progress) if splitting.only_unassigned else None
    for image in iter_named_images(base, splitting.key, progress):
        old = image.entry.split
        key = _key_of(image, splitting)
        if key is None:
            counts.add_keyless(image.name, old)
            continue
        point = point_of(key, rule.seed)
        new = rule.split_at(point)
        if held is not None:
            new = old or held.find(point) or new
        counts.add(old, new, point)
        if new != old:
            yield ImageChange(image.name, split=new)


def _held_groups(base: Version, splitting: ByGroup, progress: Progress) -> GroupSplits:
    """Return the splits of the groups of which some image has one."""
    held = GroupSplits()
    for image in iter_named_images(base, splitting.key, progress):
        if image.entry.split and (key := _key_of(image, splitting)) is not None:
            held.add(point_of(key, splitting.rule.seed), image.entry.split)
    return held


def _key_of(image: NamedImage, splitting: ByGroup) -> str | None:
    key = splitting.key.find(image.name, image.attributes)
    # A name never is the key of a group by accident: no key starts with a slash.
    return f"/{image.name}" if key is None and splitting.alone else key


def _iter_listed(
    base: Version, splitting: ByList, counts: SplitCounts, progress: Progress
) -> Iterator[ImageChange]:
    if not splitting.skip_unknown:
        _refuse_unknown(base, splitting.splits)
    done = 0
    for batch in batched(splitting.splits.items(), IMAGES_AT_ONCE):
        entries = _entries_of(base, [name for name, _ in batch])
        for name, new in batch:
            if name not in entries:
                counts.unknown += 1
                continue
            old = entries[name].split
            kept = old if splitting.only_unassigned and old else new
            counts.add(old, kept)
            if kept != old:
                yield ImageChange(name, split=kept)
        done += len(batch)
        progress(done, len(splitting.splits), "images read")


def _refuse_unknown(base: Version, splits: Mapping[str, str]) -> None:
    told: list[str] = []
    missing = 0
    for batch in batched(splits, IMAGES_AT_ONCE):
        entries = _entries_of(base, batch)
        absent = [name for name in batch if name not in entries]
        missing += len(absent)
        told += absent[: _NAMES_TOLD - len(told)]
    if told:
        more = missing - len(told)
        rest = f" and {more} more" if more else ""
        raise InvalidSplitting("splits", f"there is no image {', '.join(told)}{rest}")


def _entries_of(base: Version, names: list[str]) -> dict[str, Entry]:
    numbers = find_numbers(base.dataset_id, names)
    entries = get_entries(SqlNodes(), base.root, numbers.values())
    return {name: entries[no] for name, no in numbers.items() if no in entries}
