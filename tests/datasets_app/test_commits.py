import pytest
from django.db import transaction

from datasets_app.actions import commits
from datasets_app.actions.branches import create_branch, delete_branch, protect_branch
from datasets_app.actions.commits import ImageChange, commit
from datasets_app.changelog import iter_changes
from datasets_app.entries import Status
from datasets_app.errors import (
    BranchMoved,
    BranchProtected,
    DatasetFull,
    InvalidChange,
    InvalidName,
    KeyReused,
    NameTaken,
    NotFound,
    NothingChanged,
    ObjectsMissing,
    TaxonomiesDiffer,
    UnknownClass,
)
from datasets_app.holdings import find_missing, hold_blobs
from datasets_app.models import (
    Branch,
    Change,
    ChangeSet,
    Dataset,
    DatasetBlob,
    DeletedBranch,
    Image,
    TreeNode,
    Version,
)
from datasets_app.nodes import SqlNodes
from datasets_app.tree import CAPACITY, iter_entries
from labels_app.actions.taxonomies import publish_version
from people_app.models import AuditEvent
from tests.datasets_app.builders import (
    author,
    colored,
    commit_to,
    dataset,
    digest,
    moment,
    names,
    put_bytes,
    put_label,
    taxonomy,
)
from tests.labels_app.builders import classes

pytestmark = pytest.mark.django_db


def content(version):
    """What a version says, by name."""
    numbers = dict(Image.objects.filter(dataset=version.dataset).values_list("image_no", "name"))
    return {numbers[image_no]: entry for image_no, entry in iter_entries(SqlNodes(), version.root)}


def test_a_first_commit_makes_version_1_and_moves_the_branch():
    streets = dataset()
    version = commit_to(streets, names("a.png", "b.png"))
    assert (version.number, version.image_count, version.parents.count()) == (1, 2, 0)
    assert Branch.objects.get(dataset=streets, name="main").head == version


def test_a_new_dataset_has_a_branch_and_no_version():
    streets = dataset()
    assert Branch.objects.get(dataset=streets).head is None
    assert streets.versions.count() == 0


def test_a_second_commit_has_the_first_one_as_parent():
    streets = dataset()
    first = commit_to(streets, names("a.png"))
    second = commit_to(streets, names("b.png"))
    assert (second.number, list(second.parents.all())) == (2, [first])
    assert sorted(content(second)) == ["a.png", "b.png"]


def test_an_absent_field_keeps_and_none_clears():
    streets = dataset()
    photo, mask = put_bytes("photo"), put_label("12", {1: 1, 2: 2})
    commit_to(streets, names("a.png", image=photo, label=mask, split="val"))
    commit_to(streets, names("a.png", split=None))
    found = content(Version.objects.get(number=2))["a.png"]
    assert (found.image, found.label, found.split) == (photo, mask, "")


def test_the_first_label_of_an_image_makes_it_labelled():
    streets = dataset()
    first = commit_to(streets, names("a.png"))
    second = commit_to(streets, names("a.png", label=put_label("1", {1: 1})))
    third = commit_to(streets, names("a.png", label=None))
    said = [content(version)["a.png"].status for version in (first, second, third)]
    assert said == [Status.UNLABELLED, Status.LABELLED, Status.UNLABELLED]


def test_another_label_keeps_what_people_said():
    streets = dataset()
    commit_to(streets, names("a.png", label=put_label("1", {1: 1}), status=Status.REVIEWED))
    second = commit_to(streets, names("a.png", label=put_label("2", {2: 2})))
    assert content(second)["a.png"].status == Status.REVIEWED


def test_an_image_that_is_deleted_and_added_again_keeps_its_number():
    streets = dataset()
    commit_to(streets, names("a.png", "b.png"))
    without = commit_to(streets, [ImageChange("a.png", delete=True)])
    again = commit_to(streets, names("a.png"))
    assert list(content(without)) == ["b.png"]
    assert sorted(content(again)) == ["a.png", "b.png"]
    assert Image.objects.filter(dataset=streets, name="a.png").count() == 1


def test_deleting_an_image_that_is_not_there_is_refused():
    streets = dataset()
    commit_to(streets, names("a.png"))
    with pytest.raises(NotFound, match=r"b\.png"):
        commit_to(streets, [ImageChange("b.png", delete=True)])


def test_the_same_content_gives_the_same_root_in_any_order():
    streets = dataset()
    commit_to(streets, names("a.png", "b.png", "c.png"))
    create_branch(dataset=streets, name="other", head=Version.objects.get(), actor=author())
    commit_to(streets, names("a.png", split="val"))
    one = commit_to(streets, names("c.png", split="test"))
    commit_to(streets, names("c.png", split="test"), branch="other")
    two = commit_to(streets, names("a.png", split="val"), branch="other")
    assert one.root == two.root
    assert one.content_digest == two.content_digest
    assert one.version_id != two.version_id


def test_two_spellings_of_one_name_are_one_image():
    streets = dataset()
    with pytest.raises(InvalidChange, match="twice"):
        commit_to(streets, names("é.png", "é.png"))


@pytest.mark.parametrize("name", ["", "/a", "a//b", "a/../b", ".", "a\nb", "a\\b", "é" * 513])
def test_names_that_leave_the_rules_are_refused(name):
    streets = dataset()
    with pytest.raises(InvalidName):
        commit_to(streets, names(name))


def test_a_branch_that_moved_refuses_the_commit_and_says_where_it_is():
    streets = dataset()
    first = commit_to(streets, names("a.png"))
    second = commit_to(streets, names("b.png"))
    with pytest.raises(BranchMoved) as caught:
        commit(
            dataset=streets,
            branch="main",
            expected_head=first.version_id,
            changes=names("c.png"),
            message="",
            author=author(),
        )
    assert (caught.value.expected, caught.value.actual) == (first.id_hex, second.id_hex)


def test_a_branch_that_moves_while_a_commit_is_made_refuses_it(monkeypatch):
    streets = dataset()
    first = commit_to(streets, names("a.png"))
    later = Version.objects.get()

    def staged_meanwhile(*args, **kwargs):
        Branch.objects.filter(dataset=streets).update(head=commit_elsewhere())
        return real(*args, **kwargs)

    def commit_elsewhere():
        later.pk, later.number, later.version_id = None, 99, digest("other")
        later.change_set = ChangeSet.objects.create(dataset=streets)
        later.save()
        return later

    real = commits.stage_changes
    monkeypatch.setattr(commits, "stage_changes", staged_meanwhile)
    with pytest.raises(BranchMoved):
        commit(
            dataset=streets,
            branch="main",
            expected_head=first.version_id,
            changes=names("b.png"),
            message="",
            author=author(),
        )
    assert not Image.objects.filter(name="b.png").exists()


def test_a_commit_that_changes_nothing_makes_no_version():
    streets = dataset()
    commit_to(streets, names("a.png", split="val"))
    with pytest.raises(NothingChanged):
        commit_to(streets, names("a.png", split="val"))
    assert Version.objects.count() == 1


def test_a_commit_that_changes_nothing_can_be_wished_for():
    streets = dataset()
    commit_to(streets, names("a.png"))
    assert commit_to(streets, [], allow_empty=True).number == 2


def test_a_label_that_nobody_stored_is_missing():
    streets = dataset()
    with pytest.raises(ObjectsMissing) as caught:
        commit_to(streets, names("a.png", label=digest("nowhere")))
    assert caught.value.digests == [digest("nowhere").hex()]
    assert Version.objects.count() == 0


def test_bytes_that_are_no_label_are_no_label():
    streets = dataset()
    with pytest.raises(ObjectsMissing):
        commit_to(streets, names("a.png", label=put_bytes("a photograph")))


def test_a_digest_alone_gives_no_access_to_the_bytes_of_another_dataset():
    secret, streets = dataset(), dataset()
    photo = put_bytes("secret")
    commit_to(secret, names("a.png", image=photo))
    with pytest.raises(ObjectsMissing):
        commit_to(streets, names("a.png", image=photo), known_only=True)
    hold_blobs(streets, [photo])
    assert commit_to(streets, names("a.png", image=photo), known_only=True).number == 1


def test_what_a_dataset_lacks_is_listed_in_order():
    streets = dataset()
    photo = put_bytes("photo")
    hold_blobs(streets, [photo])
    wanted = [digest("x"), digest("y"), photo]
    assert find_missing(streets, wanted) == sorted([digest("x"), digest("y")])


def test_a_commit_holds_what_it_names():
    streets = dataset()
    photo, mask = put_bytes("photo"), put_label("1", {1: 1})
    commit_to(streets, names("a.png", image=photo, label=mask))
    held = DatasetBlob.objects.filter(dataset=streets).values_list("digest", flat=True)
    assert set(held) == {photo, mask}


def test_a_label_with_a_class_that_the_taxonomy_lacks_is_refused_with_counts():
    streets = dataset()
    with pytest.raises(UnknownClass) as caught:
        commit_to(streets, names("a.png", label=put_label("12", {1: 2, 2: 77})))
    assert caught.value.segments == {77: 1}


def test_moving_back_to_a_taxonomy_version_that_lacks_classes_is_refused():
    streets = dataset()
    older = streets.taxonomy.versions.get()
    newer = publish_version(
        taxonomy=streets.taxonomy,
        classes=colored(classes("1:road/stuff 2:car 3:sky/stuff dog")),
        actor=author(),
        message="",
    )
    dog = names("a.png", label=put_label("14", {1: 1, 4: 4}))
    commit_to(streets, dog, taxonomy_version=newer)
    with pytest.raises(UnknownClass) as caught:
        commit_to(streets, [], taxonomy_version=older)
    assert caught.value.segments == {4: 1}


def test_a_new_taxonomy_alone_is_a_new_version():
    streets = dataset()
    first = commit_to(streets, names("a.png"))
    newer = publish_version(
        taxonomy=streets.taxonomy,
        classes=colored(classes("1:road/stuff 2:car 3:sky/stuff dog")),
        actor=author(),
        message="",
    )
    second = commit_to(streets, [], taxonomy_version=newer)
    assert second.root == first.root
    assert second.content_digest != first.content_digest
    assert commit_to(streets, names("b.png")).taxonomy_version == newer


def test_the_same_key_answers_the_same_version():
    streets = dataset()
    first = commit_to(streets, names("a.png"), idempotency_key="k", body_sha256=digest("body"))
    again = commit(
        dataset=streets,
        branch="main",
        expected_head=None,
        changes=names("a.png"),
        message="",
        author=author(),
        idempotency_key="k",
        body_sha256=digest("body"),
    )
    assert again == first


def test_a_key_with_another_body_is_refused():
    streets = dataset()
    commit_to(streets, names("a.png"), idempotency_key="k", body_sha256=digest("body"))
    with pytest.raises(KeyReused):
        commit_to(streets, names("b.png"), idempotency_key="k", body_sha256=digest("other"))


def test_keys_of_two_people_are_apart():
    streets = dataset()
    commit_to(streets, names("a.png"), idempotency_key="k", body_sha256=digest("body"))
    second = commit_to(
        streets,
        names("b.png"),
        author=author("bob"),
        idempotency_key="k",
        body_sha256=digest("other"),
    )
    assert second.number == 2


def test_the_same_commit_on_two_branches_is_one_version():
    streets = dataset()
    first = commit_to(streets, names("a.png"))
    create_branch(dataset=streets, name="other", head=first, actor=author())
    one = commit_to(streets, names("b.png"), created_at=moment())
    two = commit_to(streets, names("b.png"), branch="other", created_at=moment())
    assert one == two
    assert Branch.objects.get(name="other").head == one
    assert ChangeSet.objects.count() == 2


def test_the_change_log_says_what_a_version_changed():
    streets = dataset()
    commit_to(streets, names("a.png", "b.png", "c.png"))
    second = commit_to(
        streets, [*names("a.png", split="val"), ImageChange("b.png", delete=True), *names("d.png")]
    )
    kinds = [(no, old is None, new is None) for no, old, new in iter_changes(second)]
    assert kinds == [(1, False, False), (2, False, True), (4, True, False)]
    changed = second.change_set
    assert (changed.added, changed.removed, changed.changed) == (1, 1, 1)


def test_a_dataset_without_room_refuses_names():
    streets = dataset()
    Dataset.objects.filter(pk=streets.pk).update(next_image_no=CAPACITY - 1)
    commit_to(streets, names("last.png"))
    with pytest.raises(DatasetFull):
        commit_to(streets, names("beyond.png"))


def test_a_commit_is_in_the_audit_log():
    streets = dataset()
    version = commit_to(streets, names("a.png"))
    event = AuditEvent.objects.get(verb="version.committed")
    assert (event.object_id, event.facts["version"]) == (str(streets.pk), version.id_hex)


def test_a_branch_that_is_deleted_leaves_its_head():
    streets = dataset()
    first = commit_to(streets, names("a.png"))
    branch = create_branch(dataset=streets, name="other", head=first, actor=author())
    delete_branch(branch=branch, actor=author())
    assert DeletedBranch.objects.get().head == first
    assert not Branch.objects.filter(name="other").exists()


def test_protected_and_default_branches_are_not_deleted():
    streets = dataset()
    branch = create_branch(dataset=streets, name="other", head=None, actor=author())
    protect_branch(branch=branch, protected=True, actor=author())
    for kept in Branch.objects.all():
        with pytest.raises(BranchProtected):
            delete_branch(branch=kept, actor=author())


@pytest.mark.parametrize("name", ["v12", "deadbeef", "a..b", "a~1", "a@b", "a:b", "a b", "a//b"])
def test_names_that_look_like_revisions_are_refused(name):
    with pytest.raises(InvalidName):
        create_branch(dataset=dataset(), name=name, head=None, actor=author())


def test_a_branch_exists_once():
    streets = dataset()
    with pytest.raises(NameTaken):
        create_branch(dataset=streets, name="main", head=None, actor=author())


# ---- commits of more than one batch -----------------------------------------


@pytest.fixture
def _batches_of_three(monkeypatch):
    monkeypatch.setattr(commits, "BATCH", 3)


@pytest.mark.usefixtures("_batches_of_three")
def test_a_commit_in_batches_is_the_same_as_one_at_once(monkeypatch):
    mask = put_label("12", {1: 1, 2: 2})
    changes = names(*(f"{n * 37 % 100}.png" for n in range(20)), label=mask, split="val")
    streets = dataset()
    first = commit_to(streets, changes)
    second = commit_to(streets, names(*(change.name for change in changes[::2]), split="x"))
    monkeypatch.setattr(commits, "BATCH", 1000)
    other = dataset()
    assert commit_to(other, changes).root == first.root
    assert (
        commit_to(other, names(*(change.name for change in changes[::2]), split="x")).root
        == second.root
    )
    assert second.change_set.changed == 10


@pytest.mark.usefixtures("_batches_of_three")
def test_an_image_that_comes_twice_in_two_batches_is_refused():
    streets = dataset()
    with pytest.raises(InvalidChange, match="twice"):
        commit_to(streets, names("a", "b", "c", "d", "e", "a"))
    assert (Version.objects.count(), ChangeSet.objects.count(), Change.objects.count()) == (0, 0, 0)


@pytest.mark.usefixtures("_batches_of_three")
def test_a_source_that_fails_leaves_no_version():
    def failing():
        yield from names(*"abcdefg")
        raise OSError("the disk is gone")

    streets = dataset()
    with pytest.raises(OSError, match="gone"):
        commit_to(streets, failing())
    assert (Version.objects.count(), ChangeSet.objects.count(), Change.objects.count()) == (0, 0, 0)


@pytest.mark.usefixtures("_batches_of_three")
def test_a_commit_in_batches_inside_a_broken_transaction_raises_its_own_error():
    streets = dataset()
    with pytest.raises(ObjectsMissing), transaction.atomic():
        commit_to(streets, [*names(*"abcdef"), *names("g", label=digest("nowhere"))])


def test_a_commit_reads_nodes_and_asks_queries_in_proportion_to_its_changes(
    django_assert_max_num_queries,
):
    streets = dataset()
    commit_to(streets, names(*(f"{n:05}.png" for n in range(3_000))))
    before = TreeNode.objects.count()
    with django_assert_max_num_queries(45):
        commit_to(streets, names(*(f"{n:05}.png" for n in range(0, 3_000, 300)), split="val"))
    assert TreeNode.objects.count() - before <= 10 + 1 + 3


def test_a_taxonomy_of_another_line_is_refused():
    streets = dataset()
    road = put_label("1", {1: 1})
    commit_to(streets, names("a", label=road))
    other = taxonomy("1:sky/stuff 2:road/stuff")
    with pytest.raises(TaxonomiesDiffer):
        commit_to(streets, names("b", label=road), taxonomy_version=other)
    assert Version.objects.filter(dataset=streets).count() == 1
