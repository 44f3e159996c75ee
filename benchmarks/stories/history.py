"""Commit, migration, diff and statistics at several sizes: what must not grow with the images.

SQLite as in production, `synchronous=FULL`, one database per size. Images have tiny labels that
the store knows, so that the tree, the change log, indexes and statistics are what is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any, NamedTuple

from django.test.utils import CaptureQueriesContext

from benchmarks.bench import Bench
from benchmarks.histories import History, tiny_labels
from benchmarks.rows import Goal, Row
from benchmarks.timing import Cost, measure, median_wall
from datasets_app.comparison import diff_versions, with_names
from datasets_app.entries import EntryChange
from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.stats import get_stats
from datasets_app.tree import diff_roots

_COMMIT, _DIFF = Goal(2.5, at_most=True), Goal(2, at_most=True)
# Reads of half a millisecond: constant, up to what timing can tell.
_STATS = Goal(1.5, at_most=True)
_READS = 5
_WRITING = ("commit", "rename", "merge")


class _Place(NamedTuple):
    """One size: its database, its history, and what was measured, by what was done."""

    database: Any
    history: History
    costs: dict[str, list[Cost]]
    queries: dict[str, int]


def run(bench: Bench) -> Iterator[Row]:
    labels = tiny_labels()
    places = [_build(bench, images, labels) for images in bench.scale.history]
    for turn in range(bench.scale.rounds + 1):
        for place in places:
            with bench.service.using(place.database):
                _take_turn(place, bench.scale.edits, counted=turn > 0)
    edits = f"{bench.scale.edits} edits"
    what = {
        "commit": (f"commit of {edits}", _COMMIT),
        "rename": ("a class renamed, published and the branch moved to it", _COMMIT),
        "merge": ("two classes merged, published and the branch moved to it", _COMMIT),
        "diff-log": (f"diff of two versions, {edits} apart, with names, by the change log", _DIFF),
        "diff-trees": (f"diff of two versions, {edits} apart, with names, by the trees", _DIFF),
        "statistics": ("statistics of a version", _STATS),
    }
    for name, (note, goal) in what.items():
        yield from _rows(places, name, note, goal)


def _build(bench: Bench, images: int, labels: Sequence[Any]) -> _Place:
    database = bench.service.new_database(f"history-{images}")
    with bench.service.using(database):
        history = History(images, labels)
        while len(history.versions) < 3:
            history.commit(history.edits(bench.scale.edits))
        # Else the log of the build is folded into the database during somebody's turn.
        with database.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return _Place(database, history, {}, {})


def _take_turn(place: _Place, edits: int, *, counted: bool) -> None:
    history = place.history
    changes = history.edits(edits)
    doing: dict[str, Callable[[], object]] = {
        "commit": lambda: history.commit(changes),
        "rename": history.rename_class,
        "merge": history.merge_classes,
    }
    # The tree that the readings compare is that of the commit: a migration changes none.
    edited = len(history.versions)
    for _ in range(_READS):
        doing["diff-log"] = lambda: _diff_by_log(*history.versions[edited - 1 : edited + 1])
        doing["diff-trees"] = lambda: _diff_by_trees(*history.versions[edited - 1 : edited + 1])
        doing["statistics"] = lambda: get_stats(history.head)
        for name, do in doing.items():
            cost = measure(do)
            if counted:
                place.costs.setdefault(name, []).append(cost)
            elif name not in place.queries and name not in _WRITING:
                place.queries[name] = _count_queries(place.database, do)
        for name in _WRITING:
            doing.pop(name, None)
    # Later edits bring labels of the class that is merged now.
    history.unmerge_classes()


def _diff_by_log(old: Version, new: Version) -> None:
    """As the service compares neighbours."""
    _name_all(new, diff_versions(old, new))


def _diff_by_trees(old: Version, new: Version) -> None:
    """As the service compares all others."""
    _name_all(new, diff_roots(SqlNodes(), old.root, new.root))


def _name_all(new: Version, changes: Iterator[EntryChange]) -> None:
    if not with_names(new.dataset_id, list(changes)):
        raise AssertionError("two versions do not differ")


def _count_queries(database: Any, do: Callable[[], object]) -> int:
    with CaptureQueriesContext(database) as queries:
        do()
    return len(queries)


def _rows(places: Sequence[_Place], name: str, note: str, goal: Goal) -> Iterator[Row]:
    smallest = places[0]
    base = smallest.costs[name]
    for place in places[1:]:
        costs = place.costs[name]
        pairs = list(zip(costs, base, strict=True))
        queries = ""
        if name in place.queries:
            queries = f"; {place.queries[name]} queries, {smallest.queries[name]} at the smaller"
        yield Row(
            f"history/{name}-{place.history.images}",
            median_wall(costs) * 1e3,
            median_wall(base) * 1e3,
            "ms",
            median(large.wall / small.wall for large, small in pairs),
            goal,
            median(large.cpu / small.cpu for large, small in pairs),
            f"{note}: {place.history.images:,} images over {smallest.history.images:,}{queries}",
        )
