"""What is left when a commit is cut off; the whole process is killed in tests/scenarios."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.utils import timezone

from datasets_app.actions import commits, publishing
from datasets_app.actions.branches import create_branch
from datasets_app.actions.cleanup import drop_old_keys, drop_unfinished_change_sets
from datasets_app.actions.commits import commit
from datasets_app.errors import BranchMoved
from datasets_app.models import Branch, Change, ChangeSet, IdempotencyKey, Version
from datasets_app.verification import check_history
from tests.datasets_app.builders import author, commit_to, dataset, names, put_label


class Crash(BaseException):
    """Nobody catches it."""


def crash_at(monkeypatch, name):
    def crash_point(reached):
        if reached == name:
            raise Crash

    for module in (commits, publishing):
        monkeypatch.setattr(module, "crash_point", crash_point)


@pytest.mark.django_db
def test_a_crash_before_the_end_of_the_transaction_leaves_no_version(monkeypatch):
    streets = dataset()
    first = commit_to(streets, names("a"))
    with monkeypatch.context() as patch:
        crash_at(patch, "before_commit_sql")
        with pytest.raises(Crash):
            commit_to(streets, names("b"))
    assert Branch.objects.get().head == first
    assert list(Version.objects.all()) == [first]
    assert commit_to(streets, names("b")).number == 2


@pytest.mark.django_db
def test_a_crash_after_the_transaction_leaves_the_version(monkeypatch):
    streets = dataset()
    crash_at(monkeypatch, "after_commit_sql")
    with pytest.raises(Crash):
        commit_to(streets, names("a"))
    assert Branch.objects.get().head == Version.objects.get()
    assert list(check_history("data")) == []


@pytest.mark.django_db
def test_change_sets_that_no_version_names_are_dropped_when_old():
    streets = dataset()
    commit_to(streets, names("a"))
    left = ChangeSet.objects.create(dataset=streets)
    Change.objects.create(change_set=left, dataset=streets, image_no=1)
    assert drop_unfinished_change_sets() == 0
    ChangeSet.objects.update(written_at=timezone.now() - timedelta(days=2))
    assert drop_unfinished_change_sets() == 1
    assert (ChangeSet.objects.count(), Change.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_old_keys_are_dropped():
    commit_to(dataset(), names("a"), idempotency_key="k")
    assert drop_old_keys() == 0
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert drop_old_keys() == 1


def in_threads(*tasks):
    """Run tasks at the same time, each with a connection of its own; return what came of them."""
    results = [None] * len(tasks)
    start = Barrier(len(tasks))

    def run(place, task):
        start.wait()
        try:
            results[place] = task()
        except BranchMoved as moved:
            results[place] = moved
        finally:
            connection.close()

    threads = [Thread(target=run, args=(place, task)) for place, task in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_of_writers_on_one_branch_one_wins_and_the_others_are_told():
    streets, writer = dataset(), author()
    head = commit_to(streets, names("base")).version_id

    def write(name):
        return lambda: commit(
            dataset=streets,
            branch="main",
            expected_head=head,
            changes=names(name),
            message="",
            author=writer,
        )

    results = in_threads(*map(write, "abcd"))
    won = [result for result in results if isinstance(result, Version)]
    assert len(won) == 1
    assert sum(isinstance(result, BranchMoved) for result in results) == 3
    assert Branch.objects.get().head == won[0]


@pytest.mark.django_db(transaction=True)
def test_writers_on_many_branches_all_win_and_share_one_index():
    streets, writer = dataset(), author()
    base = commit_to(streets, names("base"))
    masks = {
        name: put_label(number, {int(number): int(number)})
        for name, number in zip("abcd", "1231", strict=True)
    }
    for name in masks:
        create_branch(dataset=streets, name=name, head=base, actor=writer)

    def write(name):
        return lambda: commit(
            dataset=streets,
            branch=name,
            expected_head=base.version_id,
            changes=names(name, label=masks[name]),
            message="",
            author=writer,
        )

    results = in_threads(*map(write, masks))
    assert sorted(version.number for version in results) == [2, 3, 4, 5]
    assert list(check_history("data")) == []
