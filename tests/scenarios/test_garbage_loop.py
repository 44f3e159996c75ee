"""Garbage collection in a loop against four writers: nothing is lost, and garbage has a bound.

TESSERA_GARBAGE_ROUNDS=1000 for the long run. Only the clock is mocked: each round is half a day,
and no writer takes longer than 18 hours from storing bytes to naming them.
"""

import io
import os
import random
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Condition, Thread
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import IntegrityError, connection
from django.db.models import Sum
from django.utils import timezone

from datasets_app.actions import commits
from datasets_app.actions.branches import advance_branch, create_branch, delete_branch
from datasets_app.actions.commits import ImageChange
from datasets_app.errors import NameTaken
from datasets_app.models import Branch, Dataset, TreeNode, Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.roots import living_ids
from datasets_app.tree import iter_entries
from store_app.blobs import get_content, new_blob, put_blobs, put_file
from store_app.compaction import compact_packs
from store_app.garbage import GarbageReport, collect_garbage
from store_app.models import CondemnedRow, Pack
from store_app.verification import verify
from tests.datasets_app.builders import author, commit_to, dataset, put_bytes

ROUNDS = int(os.environ.get("TESSERA_GARBAGE_ROUNDS", "20"))
WRITERS = 4
ROUND = timedelta(hours=12)
LONGEST_WORK = timedelta(hours=18)
KEPT = 2 * 30  # rounds for which a deleted branch holds what it held

real_now = datetime.now


class Clock:
    """Time that goes by rounds, and waits for who has been at work for too long."""

    def __init__(self) -> None:
        self.round = 0
        self.is_over = False
        self._changed = Condition()
        self._at_work: dict[int, int] = {}
        self._rounds_began = [0.0]

    def now(self) -> datetime:
        return real_now(UTC) + self.round * ROUND

    def moved(self, moment: datetime) -> datetime:
        """Return what the clock showed at a moment of the real time, as of a file."""
        return moment + (bisect_right(self._rounds_began, moment.timestamp()) - 1) * ROUND

    def advance(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: not self._would_be_late(), timeout=60)
            self.round += 1
            self._rounds_began.append(real_now(UTC).timestamp())
            self._changed.notify_all()

    def skip(self, rounds: int) -> None:
        """Let rounds go by at once, when nobody works any more."""
        assert self.is_over
        self.round += rounds
        self._rounds_began += [real_now(UTC).timestamp()] * rounds

    def _would_be_late(self) -> bool:
        ages = (self.round + 1 - began for began in self._at_work.values())
        return any(age * ROUND > LONGEST_WORK for age in ages)

    def end(self) -> None:
        with self._changed:
            self.is_over = True
            self._changed.notify_all()

    @contextmanager
    def working(self, writer: int) -> Iterator[None]:
        with self._changed:
            self._at_work[writer] = self.round
        try:
            yield
        finally:
            with self._changed:
                del self._at_work[writer]
                self._changed.notify_all()

    def wait_for_round(self, after: int) -> bool:
        """Wait until a round after this one; say whether there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_over or self.round > after)
            return not self.is_over


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()

    class Clocked(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return clock.now()

    # Below `timezone.now`, which models hold on to as the default of their fields.
    monkeypatch.setattr(timezone, "datetime", Clocked)
    modified = FileSystemStorage.get_modified_time
    monkeypatch.setattr(
        FileSystemStorage,
        "get_modified_time",
        lambda storage, name: clock.moved(modified(storage, name)),
    )
    return clock


class Writer(Thread):
    """Somebody who works on branches of their own, and knows what each version should hold."""

    def __init__(self, number: int, clock: Clock, streets: Dataset, held: dict[int, dict]) -> None:
        super().__init__()
        self.number, self.clock, self.streets = number, clock, streets
        self.chance = random.Random(number)
        self.held = held  # by version: content by name
        self.old: list[bytes] = []  # contents stored once, perhaps gone since
        self.undone: list[tuple[int, dict[str, bytes]]] = []  # with the round of each
        self.own = f"writer-{number}"
        self.error: BaseException | None = None
        self.acts = 0

    def run(self) -> None:
        try:
            while self.clock.wait_for_round(self.acts):
                self.acts = self.clock.round
                act = self.chance.choice(self.acts_to_choose())
                with self.clock.working(self.number):
                    act()
        except BaseException as error:
            self.error = error
            raise
        finally:
            connection.close()

    def acts_to_choose(self) -> list[Callable[[], None]]:
        often = [self.re_use, self.try_out, self.redo] * 2
        return [*often, self.add, self.add_many, self.go_back, self.abandon, self.find_lost]

    def new_content(self) -> bytes:
        content = self.chance.randbytes(600)
        self.old.append(content)
        return content

    def commit(self, branch: str, contents: list[bytes]) -> dict[str, bytes]:
        """Store contents and commit them under new names, which are returned."""
        named = {f"{self.number}-{self.chance.getrandbits(60)}": one for one in contents}
        self.commit_named(branch, named)
        return named

    def commit_named(self, branch: str, named: dict[str, bytes]) -> None:
        digests = []
        for content in named.values():
            blob = new_blob(content, "raw")
            if self.chance.random() < 0.3:
                assert put_file(io.BytesIO(content)) == blob.digest
            else:
                put_blobs([blob])
            digests.append(blob.digest)
        self.hesitate()
        changes = [
            ImageChange(name, image=digest) for name, digest in zip(named, digests, strict=True)
        ]
        before = Branch.objects.get(dataset=self.streets, name=branch).head_id
        version = commit_to(self.streets, changes, branch=branch)
        self.held[version.pk] = self.held[before] | named

    def hesitate(self) -> None:
        """Between storing and naming, let the collector get to work, and come in its midst."""
        if self.chance.random() < 0.4 and self.clock.round == self.acts:
            self.clock.wait_for_round(self.clock.round)
            time.sleep(self.chance.random() * 0.1)

    def some_old(self) -> bytes:
        return self.chance.choice(self.old) if self.old else self.new_content()

    def add(self) -> None:
        self.commit(self.own, [self.new_content(), self.some_old()])

    def add_many(self) -> None:
        """A large commit, in many transactions."""
        self.undo(self.commit(self.own, [self.new_content() for _ in range(7)]))

    def re_use(self) -> None:
        self.undo(self.commit(self.own, [self.some_old()]))

    def redo(self) -> None:
        """Commit again what was undone, when its nodes are about to be deleted: the same ones."""
        ripe = [one for began, one in self.undone if 2 <= self.acts - began <= 6]
        named = self.chance.choice(ripe) if ripe else {}
        if not named:
            return self.re_use()
        self.commit_named(self.own, named)
        return self.undo(named)

    def undo(self, named: dict[str, bytes]) -> None:
        self.go_back()
        self.undone.append((self.acts, named))

    def try_out(self) -> None:
        """Branch, work there, and delete the branch."""
        own = Branch.objects.get(dataset=self.streets, name=self.own)
        name = f"{self.own}-{self.chance.getrandbits(40)}x"
        branch = create_branch(dataset=self.streets, name=name, head=own.head, actor=author())
        self.commit(name, [self.new_content(), self.some_old()])
        delete_branch(branch=branch, actor=author())

    def go_back(self) -> None:
        """Move the branch to the parent, so that nothing names its last version."""
        branch = Branch.objects.select_related("head").get(dataset=self.streets, name=self.own)
        parent = branch.head.parents.first()
        if parent is not None:
            advance_branch(branch=branch, expected=branch.head, new=parent, actor=author())

    def abandon(self) -> None:
        """Store what nobody commits."""
        put_blobs([new_blob(self.new_content(), "raw") for _ in range(3)])
        put_file(io.BytesIO(self.new_content()))

    def find_lost(self) -> None:
        """Bring a version back that no name leads to, if it is still there; then let it go."""
        living = living_ids()
        lost = [version for version in Version.objects.order_by("-pk") if version.pk not in living]
        if not lost:
            return
        name = f"found-{self.number}"
        Branch.objects.filter(dataset=self.streets, name=name).delete()
        head = self.chance.choice(lost)
        self.hesitate()
        with suppress(IntegrityError, NameTaken):  # it was deleted just now
            create_branch(dataset=self.streets, name=name, head=head, actor=author())


def needed_bytes(report: GarbageReport) -> int:
    return report.live.bytes - report.dead_bytes


def stored_bytes() -> int:
    stored = Pack.objects.filter(state=Pack.State.ACTIVE).aggregate(size=Sum("size"))
    return stored["size"] or 0


def collect(clock: Clock, done: Counter[str]) -> int:
    """Pass half a day, collect, compact now and then; return the bytes of garbage."""
    clock.advance()
    if clock.round % 5 == 0:
        done["rewritten"] += compact_packs(dry_run=False).rewritten
    report = collect_garbage(dry_run=False)
    done["files"] += report.deleted.files
    done["reprieved"] += report.reprieved.files
    done.update({rows.kind: rows.deleted for rows in report.rows})
    return stored_bytes() - needed_bytes(report)


def check_heads(held: dict[int, dict]) -> None:
    """Every branch holds what its writer put there, byte by byte."""
    for branch in Branch.objects.exclude(head=None).select_related("head"):
        entries = dict(iter_entries(SqlNodes(), branch.head.root))
        names = names_of(branch.dataset_id, list(entries))
        found = {names[no]: get_content(entry.image) for no, entry in entries.items()}
        assert found == held[branch.head_id], branch.name


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_nothing_reachable_is_lost_and_garbage_has_a_bound(clock, monkeypatch):
    monkeypatch.setattr(commits, "BATCH", 3)
    streets = dataset("streets")
    base = commit_to(streets, [ImageChange("base", image=put_bytes("base"))])
    first = commit_to(streets, [ImageChange("base", delete=True)])
    held: dict[int, dict] = {base.pk: {"base": b"base"}, first.pk: {}}
    writers = [Writer(number, clock, streets, held) for number in range(WRITERS)]
    for writer in writers:
        create_branch(dataset=streets, name=writer.own, head=first, actor=author())
        writer.start()
    garbage = []
    done: Counter[str] = Counter()
    try:
        for number in range(ROUNDS):
            garbage.append(collect(clock, done))
            if number % 20 == 19:
                assert list(verify("tree")) == []
            if any(writer.error for writer in writers):
                break
    finally:
        clock.end()
        for writer in writers:
            writer.join()
    assert [writer.error for writer in writers] == [None] * WRITERS
    assert list(verify("data")) == []
    check_heads(held)
    assert min(done[kind] for kind in ("files", "version", "tree node", "rewritten")) > ROUNDS // 4
    # Half of a pack may be dead before it is rewritten; beside that what a few rounds leave.
    needed = needed_bytes(collect_garbage())
    assert max(garbage) < needed + 40 * WRITERS * 8 * 700
    # When nobody works any more, all that is left is what is needed.
    Branch.objects.filter(name__startswith="found").delete()
    clock.skip(KEPT)
    for _ in range(12):
        collect(clock, done)
    assert set(Version.objects.values_list("pk", flat=True)) == living_ids()
    assert not CondemnedRow.objects.exists()
    report = collect_garbage()
    assert report.rows[1].condemned == report.condemned.files == 0
    assert stored_bytes() - needed_bytes(report) <= needed_bytes(report)
    assert TreeNode.objects.count() <= 5 * Version.objects.count()
    assert list(verify("data")) == []
    check_heads(held)
