from contextlib import suppress
from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import connection
from django.utils import timezone

from datasets_app import history_garbage
from datasets_app.actions import commits
from datasets_app.actions.branches import create_branch, delete_branch
from datasets_app.actions.cleanup import drop_unfinished_change_sets
from datasets_app.actions.commits import ImageChange
from datasets_app.models import Branch, Change, ChangeSet, DeletedBranch, TreeNode, Version
from datasets_app.nodes import SqlNodes
from datasets_app.tree import iter_entries
from datasets_app.verification import check_history
from store_app.blobs import get_content
from store_app.garbage import GarbageReport, collect_garbage
from store_app.models import Blob, CondemnedRow
from store_app.verification import verify
from tests.datasets_app.builders import author, commit_to, dataset, names, put_bytes

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def collect(days: float, *, dry_run: bool = False) -> GarbageReport:
    """Collect so many days from now."""
    return collect_garbage(dry_run=dry_run, now=timezone.now() + days * DAY)


def rows_of(report: GarbageReport) -> dict[str, tuple[int, int]]:
    return {rows.kind: (rows.condemned, rows.deleted) for rows in report.rows}


def history_with_a_lost_branch():
    """A dataset whose branch `other` was deleted long ago, with a photograph of its own."""
    streets = dataset()
    base = commit_to(streets, names(*(f"{n}" for n in range(100))))
    other = create_branch(dataset=streets, name="other", head=base, actor=author())
    photo = put_bytes("photo")
    lost = commit_to(streets, names("b", image=photo), branch="other")
    delete_branch(branch=other, actor=author())
    DeletedBranch.objects.update(deleted_at=timezone.now() - 31 * DAY)
    Blob.objects.update(touched_at=timezone.now() - 31 * DAY)
    return streets, lost, photo


def leave_nodes_of_a_large_commit(streets) -> set[bytes]:
    """Make a version and lose it, as a large commit that failed does; return its own nodes."""
    kept = set(TreeNode.objects.values_list("digest", flat=True))
    lost = commit_to(streets, names("lost"))
    Branch.objects.update(head=lost.parents.first())
    lost.delete()
    ChangeSet.objects.filter(version=None).update(written_at=timezone.now() - 9 * DAY)
    return set(TreeNode.objects.values_list("digest", flat=True)) - kept


def test_nodes_that_no_version_names_are_condemned_and_deleted_a_day_later():
    streets = dataset()
    commit_to(streets, names("a"))
    left = leave_nodes_of_a_large_commit(streets)
    assert rows_of(collect(0))["tree node"] == (len(left), 0)
    assert rows_of(collect(0.9))["tree node"] == (0, 0)
    assert rows_of(collect(1.1))["tree node"] == (0, len(left))
    assert not TreeNode.objects.filter(pk__in=left).exists()
    assert not CondemnedRow.objects.exists()
    assert list(check_history("tree")) == []


def test_a_dry_run_says_the_same_and_does_nothing():
    streets = dataset()
    commit_to(streets, names("a"))
    left = leave_nodes_of_a_large_commit(streets)
    assert rows_of(collect(0, dry_run=True))["tree node"] == (len(left), 0)
    assert not CondemnedRow.objects.exists()
    collect(0)
    assert rows_of(collect(2, dry_run=True))["tree node"] == (0, len(left))
    assert TreeNode.objects.filter(pk__in=left).count() == len(left)


def crash_a_large_commit(streets, monkeypatch, *wanted) -> ChangeSet:
    """Write a tree, and be killed before there is a version of it."""
    left = {}

    def die(draft, root, tally, change_set, counts):
        left.update(ChangeSet.objects.filter(pk=change_set.pk).values().get())
        raise InterruptedError

    with monkeypatch.context() as patch, suppress(InterruptedError):
        patch.setattr(commits, "BATCH", 1)
        patch.setattr(commits, "publish", die)
        commit_to(streets, [ImageChange(name, split="train") for name in wanted])
    return ChangeSet.objects.create(**left)  # nobody who is killed cleans up


def test_what_a_crashed_large_commit_wrote_stays_while_its_change_set_does(monkeypatch):
    streets = dataset()
    commit_to(streets, names("a"))
    kept = TreeNode.objects.count()
    left = crash_a_large_commit(streets, monkeypatch, "b", "c")
    for days in (0, 2):
        collect(days)
    assert len(dict(iter_entries(SqlNodes(), left.unfinished_root))) == 3
    left.delete()
    for days in (2, 4):
        collect(days)
    assert TreeNode.objects.count() == kept


def test_a_large_commit_that_crashes_every_day_leaves_a_bounded_number_of_nodes(monkeypatch):
    streets = dataset()
    commit_to(streets, names("a"))
    nodes = []
    for day in range(8):
        ChangeSet.objects.filter(version=None).update(written_at=timezone.now() - 1.1 * DAY)
        drop_unfinished_change_sets()  # as the worker does
        crash_a_large_commit(streets, monkeypatch, f"{day}-1", f"{day}-2")
        collect(day + day / 100)
        nodes.append(TreeNode.objects.count())
    assert nodes[-1] == nodes[-2] == nodes[-3]
    assert list(check_history("tree")) == []


def test_a_condemned_node_that_a_version_names_again_is_reprieved():
    streets = dataset()
    commit_to(streets, names("a"))
    leave_nodes_of_a_large_commit(streets)
    collect(0)
    commit_to(streets, names("lost"))
    report = collect(2).rows[1]
    assert (report.reprieved > 0, report.deleted) == (True, 0)
    assert list(check_history("tree")) == []


def test_a_commit_between_mark_and_deletion_saves_the_nodes_that_it_re_uses(monkeypatch):
    streets = dataset()
    commit_to(streets, names("a"))
    leave_nodes_of_a_large_commit(streets)
    collect(0)
    delete_nodes = history_garbage._delete_nodes

    def commit_then_delete(*args):
        commit_to(streets, names("lost"))
        return delete_nodes(*args)

    monkeypatch.setattr(history_garbage, "_delete_nodes", commit_then_delete)
    assert collect(2).rows[1].deleted == 0
    assert list(check_history("tree")) == []


def test_what_a_deleted_branch_alone_held_goes_step_by_step():
    _, lost, photo = history_with_a_lost_branch()
    nodes = TreeNode.objects.count()
    rows = rows_of(collect(0))
    assert (rows["version"], rows["tree node"]) == ((1, 0), (0, 0))
    assert get_content(photo) == b"photo"
    report = collect(1.1)
    assert rows_of(report)["version"] == (0, 1)
    assert rows_of(report)["tree node"][0] > 0
    assert report.condemned.files == 1
    assert not Version.objects.filter(pk=lost.pk).exists()
    report = collect(2.2)
    assert report.deleted.files == 1
    assert TreeNode.objects.count() < nodes
    assert (ChangeSet.objects.count(), Change.objects.count()) == (1, 100)
    assert list(verify("data")) == []


def test_a_dead_version_may_be_named_again_until_it_is_deleted():
    streets, lost, photo = history_with_a_lost_branch()
    collect(0)
    create_branch(dataset=streets, name="found", head=lost, actor=author())
    for days in (2, 4, 6):
        collect(days)
    assert get_content(photo) == b"photo"
    assert list(verify("data")) == []


def test_a_version_that_another_row_protects_stays(monkeypatch):
    _, lost, photo = history_with_a_lost_branch()
    # As a branch does that the walk does not see: `Branch.head` is RESTRICT.
    Branch.objects.filter(name="main").update(head=lost)
    monkeypatch.setattr(history_garbage, "living_ids", set)
    for days in (0, 2, 4, 6):
        collect(days)
    assert Version.objects.filter(pk=lost.pk).exists()
    assert get_content(photo) == b"photo"


def test_of_a_lost_line_the_newest_version_goes_first():
    streets = dataset()
    base = commit_to(streets, names("a"))
    other = create_branch(dataset=streets, name="other", head=base, actor=author())
    for name in "bcd":
        commit_to(streets, names(name), branch="other")
    delete_branch(branch=other, actor=author())
    DeletedBranch.objects.update(deleted_at=timezone.now() - 31 * DAY)
    collect(0)
    assert collect(2).rows[0].deleted == 3
    assert commit_to(streets, names("e")).number == 5
    assert list(check_history("tree")) == []


@pytest.mark.django_db(transaction=True)
def test_a_large_commit_keeps_the_nodes_that_it_writes_while_garbage_is_collected(monkeypatch):
    """The commit has written its nodes, all of them old and condemned, and no version yet."""
    streets = dataset()
    first = commit_to(streets, names("a"))
    left = leave_nodes_of_a_large_commit(streets)
    collect(0)
    monkeypatch.setattr(commits, "BATCH", 1)
    written, collected = Event(), Event()
    iter_kept = commits._iter_kept

    def iter_then_wait(change_set):
        yield from iter_kept(change_set)
        # All nodes are written and in the database; the version comes next.
        written.set()
        collected.wait(20)

    monkeypatch.setattr(commits, "_iter_kept", iter_then_wait)

    def write():
        try:
            changes = [ImageChange("lost"), ImageChange("a", split="")]
            commits.commit(
                dataset=streets,
                branch="main",
                expected_head=first.version_id,
                changes=changes,
                message="",
                author=author(),
            )
        finally:
            connection.close()

    writer = Thread(target=write)
    writer.start()
    assert written.wait(20)
    assert collect(2).rows[1].reprieved > 0
    collected.set()
    writer.join()
    assert Branch.objects.get().head != first
    assert TreeNode.objects.filter(pk__in=left).exists()
    assert list(check_history("tree")) == []
