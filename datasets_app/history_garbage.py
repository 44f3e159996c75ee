"""Rows of history that nobody can reach any more: versions, and the nodes of their trees.

A version that no branch, tag or lately deleted branch leads to is deleted a grace period after
it was first seen so; until then its blobs and nodes stay, for somebody who knows its id may make
a branch of it. A tree node goes a grace period after the last version that leads to it.

Two things could bring a dead node back: a commit that writes the same node again, and a new name
for a dead version. Both insert rows that refer to a dataset, which the deleting transaction
keeps out by locking all of them for the moment of the deletion. A large commit writes nodes long
before its version: it names the root of what it has written in its change set, batch by batch and
under the same lock, and what lies below such a root is alive as if a version named it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from django.db import connection, transaction
from django.db.models import Max, ProtectedError, RestrictedError

from datasets_app.bulk import batched, select_in
from datasets_app.models import Change, ChangeSet, Dataset, TreeNode, Version
from datasets_app.node_bytes import parse_node
from datasets_app.nodes import check_node
from datasets_app.roots import living_ids
from store_app.condemned import (
    condemn_rows,
    find_condemned,
    iter_condemned,
    pardon_living,
    pardon_rows,
)
from store_app.crash import crash_point
from store_app.roots import Sweep, SweepReport, register_sweeper
from store_app.scratch import ScratchSet, scratch_set

_VERSION, _NODE = "version", "tree node"
_VERSIONS_AT_ONCE = 50
_NODES_AT_ONCE = 5_000
_READ_AT_ONCE = 500


def register() -> None:
    """Tell the store what to sweep before it marks."""
    register_sweeper("datasets", sweep_history)


def sweep_history(sweep: Sweep) -> Iterator[SweepReport]:
    """Condemn dead versions and nodes, and delete those that were condemned a grace period ago.

    Raises
    ------
    NodeDamaged
        A node of a version cannot be read: what is below it is not known, so nothing is deleted.
    """
    yield _sweep_versions(sweep)
    yield _sweep_nodes(sweep)


# ---- versions ----------------------------------------------------------------


def _sweep_versions(sweep: Sweep) -> SweepReport:
    dead = _dead_versions()
    due = find_condemned(_VERSION, dead, sweep.before)
    condemned = len(dead) - len(find_condemned(_VERSION, dead, sweep.now))
    if sweep.dry_run:
        return SweepReport(_VERSION, condemned, 0, len(due))
    reprieved = _pardon_all_but(dead)
    condemn_rows(_VERSION, dead, sweep.now)
    deleted = 0
    # The newest first: no version loses a parent.
    for some in batched(sorted(due, reverse=True), _VERSIONS_AT_ONCE):
        deleted += _delete_versions(some)
        sweep.progress("versions", deleted, len(due))
    return SweepReport(_VERSION, condemned, reprieved, deleted)


def _dead_versions() -> set[bytes]:
    living = living_ids()
    keys = Version.objects.values_list("pk", flat=True)
    return {_key(pk) for pk in keys.iterator(chunk_size=_NODES_AT_ONCE) if pk not in living}


def _pardon_all_but(dead: Collection[bytes]) -> int:
    return pardon_rows(_VERSION, [key for key in iter_condemned(_VERSION) if key not in dead])


@transaction.atomic
def _delete_versions(keys: Collection[bytes]) -> int:
    """Delete versions that are still dead, unless something else holds on to them."""
    _lock_datasets()
    living = living_ids()
    deleted = 0
    for key in keys:
        pk = int.from_bytes(key, "big")
        version = Version.objects.filter(pk=pk, child_links=None).first()
        if pk in living or version is None:
            continue
        try:
            with transaction.atomic():
                version.delete()
                Change.objects.filter(change_set=version.change_set_id).delete()
                ChangeSet.objects.filter(pk=version.change_set_id).delete()
        except (ProtectedError, RestrictedError):
            continue  # another app needs it: it stays condemned
        pardon_rows(_VERSION, [key])
        deleted += 1
    return deleted


def _key(pk: int) -> bytes:
    return pk.to_bytes(8, "big")


# ---- nodes -------------------------------------------------------------------


def _sweep_nodes(sweep: Sweep) -> SweepReport:
    with scratch_set() as live:
        newest = _mark_trees(live, 0, sweep)
        reprieved = 0 if sweep.dry_run else pardon_living(_NODE, live.table)
        condemned = deleted = 0
        for dead in _iter_dead(live):
            due = find_condemned(_NODE, dead, sweep.before)
            condemned += len(dead) - len(find_condemned(_NODE, dead, sweep.now))
            if sweep.dry_run:
                deleted += len(due)
                continue
            condemn_rows(_NODE, dead, sweep.now)
            if due:
                some, newest = _delete_nodes(due, live, newest, sweep)
                deleted += some
            sweep.progress("nodes", deleted, None)
        return SweepReport(_NODE, condemned, reprieved, deleted)


def _mark_trees(live: ScratchSet, after: int, sweep: Sweep) -> int:
    """Add the nodes of unfinished commits, and of versions with an id above `after`.

    Returns the highest id. In this order: a commit that ends in between is a version then.
    """
    unfinished = ChangeSet.objects.filter(version__isnull=True, unfinished_root__isnull=False)
    for root in list(unfinished.values_list("unfinished_root", flat=True)):
        _mark_below(live, bytes(root))
    roots = Version.objects.filter(pk__gt=after, root__isnull=False).order_by("pk")
    newest = Version.objects.aggregate(newest=Max("pk"))["newest"] or after
    for done, root in enumerate(roots.values_list("root", flat=True).iterator(), start=1):
        _mark_below(live, bytes(root))
        sweep.progress("trees", done, None)
    return newest


def _mark_below(live: ScratchSet, root: bytes) -> None:
    """Add a node and all below it; what is in the set already is not opened again."""
    pending = live.add([root])
    while pending:
        batch = pending[-_READ_AT_ONCE:]
        del pending[-_READ_AT_ONCE:]
        found = {
            bytes(digest): (level, bytes(data))
            for digest, level, data in select_in(
                TreeNode, ("digest", "level", "data"), "digest", batch
            )
        }
        children: set[bytes] = set()
        leaves: set[bytes] = set()
        for digest in batch:
            level, data = found.get(digest, (0, None))
            data = check_node(digest, data)
            if level:
                below = parse_node(digest, level, data).values()
                (leaves if level == 1 else children).update(below)
        # Leaves name no node: they need not be read.
        live.add(leaves)
        pending.extend(live.add(children))


def _iter_dead(live: ScratchSet) -> Iterator[list[bytes]]:
    """Yield the digests of all nodes that are not in the set, in lists of bounded length."""
    table = connection.ops.quote_name(TreeNode._meta.db_table)
    last = b""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT n.digest FROM {table} n LEFT JOIN {live.table} l ON l.digest = n.digest"
                f" WHERE l.digest IS NULL AND n.digest > %s ORDER BY n.digest LIMIT %s",
                [last, _NODES_AT_ONCE],
            )
            dead = [bytes(digest) for (digest,) in cursor.fetchall()]
        if not dead:
            return
        yield dead
        last = dead[-1]


def _delete_nodes(
    due: Iterable[bytes], live: ScratchSet, newest: int, sweep: Sweep
) -> tuple[int, int]:
    """Delete nodes unless something has re-used them since they were marked.

    Returns how many, and up to which version is marked now.
    """
    with transaction.atomic():
        _lock_datasets()
        newest = _mark_trees(live, newest, sweep)
        doomed = live.lacking(due)
        crash_point("nodes_before_delete")
        for some in batched(doomed, 500):
            TreeNode.objects.filter(pk__in=some).delete()
        pardon_rows(_NODE, doomed)
    return len(doomed), newest


def _lock_datasets() -> None:
    """Keep out whoever inserts a row that refers to a dataset, to the end of the transaction."""
    locked = Dataset.objects.select_for_update(of=("self",)).order_by("pk")
    list(locked.values_list("pk", flat=True))
