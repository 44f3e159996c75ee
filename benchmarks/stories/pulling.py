"""Pull labels over loopback, against cloning them as PNGs with git and pulling them with DVC."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from benchmarks.bench import Bench
from benchmarks.histories import History
from benchmarks.programs import commit_all, run_program
from benchmarks.rows import Goal, Row, left_out
from benchmarks.scenes import id_map_of
from benchmarks.service import the_user
from benchmarks.serving import serving
from benchmarks.timing import Cost, measure, median_wall
from labels_app.revisions import register_labels
from panoptic.codec import EncodedLabel, pack_label
from panoptic.label import Label, label_from_id_map
from panoptic.png import encode_panoptic_png
from panoptic.views import panoptic_runs
from people_app.actions.tokens import create_token
from tessera.config import Config
from tessera.service import RemoteDataset, connect

_GOAL = Goal(5)
_HEIGHT, _WIDTH = 240, 320
_ROUNDS = 3

# Brings the first version, then the second; what each cost.
Turn = Callable[[], tuple[Cost, Cost]]


class Small(NamedTuple):
    """A label that is stored, and its PNG."""

    packed: EncodedLabel
    png: bytes


class Sides(NamedTuple):
    """Two commits of the same labels; the second changes one in a hundred."""

    address: str
    token: str
    versions: tuple[str, str]
    files: tuple[dict[str, bytes], dict[str, bytes]]


def run(bench: Bench) -> Iterator[Row]:
    count = bench.scale.pulled
    changed = max(count // 100, 1)
    small = _small_labels(bench.scenes.normal, count + changed)
    database = bench.service.new_database("pulling")
    with bench.service.using(database):
        history = History(count, [one.packed for one in small[:count]])
        register_labels([one.packed for one in small[count:]])
        edits = [
            change._replace(label=one.packed.digest)
            for change, one in zip(history.edits(changed), small[count:], strict=True)
        ]
        history.commit(edits)
        token = create_token(user=the_user()).secret
    pngs = [one.png for one in small]
    before = {f"{n // 1000:05d}/{n:08d}.png": png for n, png in enumerate(pngs[:count])}
    names = [edit.name for edit in edits]
    after = before | dict(zip(names, pngs[count:], strict=True))
    ids = tuple(version.id_hex for version in history.versions)
    with serving(database) as address:
        sides = Sides(address, token, (ids[0], ids[1]), (before, after))
        rounds = min(bench.scale.rounds, _ROUNDS)
        _pull_twice(bench, sides)  # warms the service up
        for program in ("git", "dvc"):
            if shutil.which(program) is None:
                yield left_out(f"pulling/{program}", f"there is no {program}")
                continue
            pull_with_peer = _PEERS[program](bench, sides)
            # DVC takes a minute for what takes git seconds: once has to do.
            turns = [
                (_pull_twice(bench, sides), pull_with_peer())
                for _ in range(rounds if program == "git" else 1)
            ]
            ours, peer = zip(*turns, strict=True)
            yield _row(f"pulling/{program}", _nth(0, ours), _nth(0, peer), count)
            yield _row(f"pulling/{program}-again", _nth(1, ours), _nth(1, peer), count, changed)


def _nth(place: int, costs: Sequence[tuple[Cost, Cost]]) -> list[Cost]:
    return [both[place] for both in costs]


def _row(
    name: str, ours: Sequence[Cost], peer: Sequence[Cost], count: int, changed: int = 0
) -> Row:
    what = f"{changed:,} of {count:,} labels changed" if changed else f"{count:,} labels, no cache"
    theirs = (
        "git from a packed repository by file://, files written"
        if "git" in name
        else "dvc pull from a folder, its start included"
    )
    return Row(
        name,
        median_wall(ours) * 1e3,
        median_wall(peer) * 1e3,
        "ms",
        median(b.wall / a.wall for a, b in zip(ours, peer, strict=True)),
        _GOAL,
        None,
        f"{what}: our SDK from granian over loopback, verified and flushed to disk; {theirs}",
    )


def _pull_twice(bench: Bench, sides: Sides) -> tuple[Cost, Cost]:
    """Pull both versions into a new cache."""
    folder = bench.new_path("cache")
    config = Config(folder=folder, cache_dir=folder)
    dataset = connect(sides.address, sides.token, config=config).dataset("synthetic")
    costs = [
        measure(lambda rev=rev, files=files: _pull(dataset, rev, len(files)))
        for rev, files in zip(sides.versions, sides.files, strict=True)
    ]
    shutil.rmtree(folder)
    return costs[0], costs[1]


def _pull(dataset: RemoteDataset, rev: str, count: int) -> None:
    if len(dataset.pull(rev, labels_only=True)) != count:
        raise AssertionError("the snapshot has another number of images")


def _clone_with_git(bench: Bench, sides: Sides) -> Turn:
    source = bench.path("pull-git")
    run_program(source, "git", "init", "--quiet", "--initial-branch=main")
    _write(source / "labels", sides.files[0])
    commit_all(source)
    _write(source / "labels", sides.files[1])
    commit_all(source)
    run_program(source, "git", "branch", "before", "HEAD~1")
    run_program(source, "git", "repack", "-adq")
    url = f"file://{source}"

    def once() -> tuple[Cost, Cost]:
        target = bench.new_path("clone")
        clone = ("git", "clone", "--quiet", "--single-branch", "--branch", "before", url)
        first = measure(lambda: run_program(bench.folder, *clone, str(target)))
        again = measure(lambda: run_program(target, "git", "pull", "--quiet", url, "main"))
        _check(target / "labels", sides.files[1])
        shutil.rmtree(target)
        return first, again

    return once


def _pull_with_dvc(bench: Bench, sides: Sides) -> Turn:
    source, remote = bench.path("pull-dvc"), bench.path("pull-dvc-remote")
    run_program(source, "git", "init", "--quiet", "--initial-branch=main")
    run_program(source, "dvc", "init", "--quiet")
    run_program(source, "dvc", "remote", "add", "--quiet", "--default", "store", str(remote))
    for files in sides.files:
        _write(source / "labels", files)
        run_program(source, "dvc", "add", "--quiet", "labels")
        run_program(source, "dvc", "push", "--quiet")
        commit_all(source)

    def once() -> tuple[Cost, Cost]:
        target = bench.new_path("dvc-clone")
        run_program(bench.folder, "git", "clone", "--quiet", str(source), str(target))
        run_program(target, "git", "checkout", "--quiet", "HEAD~1")
        first = measure(lambda: run_program(target, "dvc", "pull", "--quiet"))
        run_program(target, "git", "checkout", "--quiet", "main")
        again = measure(lambda: run_program(target, "dvc", "pull", "--quiet"))
        _check(target / "labels", sides.files[1])
        shutil.rmtree(target)
        return first, again

    return once


_PEERS: dict[str, Callable[[Bench, Sides], Turn]] = {
    "git": _clone_with_git,
    "dvc": _pull_with_dvc,
}


def _small_labels(scenes: Sequence[Label], count: int) -> list[Small]:
    """Return windows of the scenes, each with another digest."""
    chance = np.random.default_rng(7)
    id_maps = [id_map_of(label) for label in scenes]
    found: dict[bytes, Small] = {}
    while len(found) < count:
        place = len(found) % len(scenes)
        id_map, rows = id_maps[place], scenes[place].segments
        top = int(chance.integers(0, id_map.shape[0] - _HEIGHT + 1))
        left = int(chance.integers(0, id_map.shape[1] - _WIDTH + 1))
        window = id_map[top : top + _HEIGHT, left : left + _WIDTH]
        window = window[:: int(chance.choice([-1, 1])), :: int(chance.choice([-1, 1]))]
        seen = set(np.unique(window).tolist())
        label = label_from_id_map(window, [row for row in rows if row.segment_id in seen])
        packed = pack_label(label)
        found.setdefault(packed.digest, Small(packed, encode_panoptic_png(panoptic_runs(label))))
    return list(found.values())


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write files that differ; a file that DVC made read-only is replaced."""
    for name, content in files.items():
        path = folder / name
        if path.exists():
            if path.read_bytes() == content:
                continue
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _check(folder: Path, files: dict[str, bytes]) -> None:
    if any((folder / name).read_bytes() != content for name, content in files.items()):
        raise AssertionError("the program brought other files")
