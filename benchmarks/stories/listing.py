"""List what differs between two versions of 5,000 labels with 1 % changed, against git and DVC."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.histories import History, tiny_labels
from benchmarks.programs import commit_all, run_program
from benchmarks.rows import Goal, Row, left_out
from benchmarks.timing import duel
from datasets_app.comparison import diff_versions, with_names


def run(bench: Bench) -> Iterator[Row]:
    count = bench.scale.listed
    changed = max(count // 200, 1)  # twice: half of them in each of two commits
    labels = tiny_labels()
    database = bench.service.new_database("listing")
    with bench.service.using(database):
        history = History(count, labels)
        edits = [history.edits(changed), history.edits(changed)]
        for changes in edits:
            history.commit(changes)
        names = {change.name for changes in edits for change in changes}
        rows = [
            ("listing/git", "git", Goal(1), _git_side),
            ("listing/dvc", "dvc", Goal(50), _dvc_side),
        ]
        for name, program, goal, prepare in rows:
            if shutil.which(program) is None:
                yield left_out(name, f"there is no {program}")
                continue
            folder = bench.path(f"listing-{program}")
            peer = prepare(folder, names, count)
            yield _row(bench, name, history, names, peer, goal)


def _row(
    bench: Bench,
    name: str,
    history: History,
    names: set[str],
    peer: Callable[[], object],
    goal: Goal,
) -> Row:
    def ours() -> None:
        changes = list(diff_versions(history.versions[0], history.head))
        if {image.name for image in with_names(history.head.dataset_id, changes)} != names:
            raise AssertionError("the listing does not name what was changed")

    found = duel(ours, peer, 4 * bench.scale.rounds)
    note = (
        f"{len(names)} of {history.images:,} labels, two commits apart: in the running service; "
        f"the program, its start included"
    )
    return Row(
        name,
        found.ours.wall * 1e3,
        found.peer.wall * 1e3,
        "ms",
        found.ratio,
        goal,
        None,
        note,
    )


def _git_side(folder: Path, names: set[str], count: int) -> Callable[[], object]:
    _write_files(folder / "labels", count)
    run_program(folder, "git", "init", "--quiet")
    commit_all(folder)
    _change_files(folder / "labels", names)
    commit_all(folder)
    return lambda: run_program(folder, "git", "diff", "--name-status", "HEAD~1", "HEAD")


def _dvc_side(folder: Path, names: set[str], count: int) -> Callable[[], object]:
    _write_files(folder / "labels", count)
    run_program(folder, "git", "init", "--quiet")
    run_program(folder, "dvc", "init", "--quiet")
    run_program(folder, "dvc", "add", "--quiet", "labels")
    commit_all(folder)
    _change_files(folder / "labels", names)
    run_program(folder, "dvc", "add", "--quiet", "labels")
    commit_all(folder)
    return lambda: run_program(folder, "dvc", "diff", "HEAD~1", "HEAD")


def _write_files(folder: Path, count: int) -> None:
    """One file of about the size of a stored label per image, its content its own."""
    for index in range(count):
        path = folder / f"{index // 1000:05d}" / f"{index:08d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(str(index).encode() * (3000 // len(str(index))))


def _change_files(folder: Path, names: set[str]) -> None:
    for name in names:
        path = folder / name
        path.write_bytes(path.read_bytes() + b"changed")
