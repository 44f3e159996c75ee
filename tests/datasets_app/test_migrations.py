"""Branches that move to another version of their taxonomy, by actions and by commands."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datasets_app.actions.commits import ImageChange
from datasets_app.actions.datasets import update_dataset
from datasets_app.actions.migrations import (
    BranchCannotMove,
    BranchMove,
    migrate_branch,
    preview_migration,
    publish_and_migrate,
)
from datasets_app.errors import (
    BranchMoved,
    NotFound,
    NothingChanged,
    TaxonomiesDiffer,
    UnknownClass,
)
from datasets_app.models import Branch, TreeNode, Version
from labels_app.actions.drafts import edit_draft, get_draft
from labels_app.models import LabelRevision, Taxonomy, TaxonomyVersion
from labels_app.reading import reading_of
from people_app.models import AuditEvent
from tests.datasets_app.builders import author, commit_to, dataset, names, put_label, taxonomy

pytestmark = pytest.mark.django_db
ROAD, CAR, SKY = 1, 2, 3
RENAME = {"op": "rename", "class": CAR, "name": "automobile"}


def streets():
    """A dataset with one image of road, car and sky."""
    found = dataset(slug="streets")
    label = put_label("3333 1221 1111", {1: ROAD, 2: CAR, 3: SKY})
    commit_to(found, [ImageChange("a.png", label=label)])
    return found


def head_of(found, branch="main"):
    return (
        Branch.objects.select_related("head__taxonomy_version").get(dataset=found, name=branch).head
    )


def edit(found, *operations):
    revision = get_draft(found.taxonomy).revision
    return edit_draft(
        taxonomy=found.taxonomy,
        expected_revision=revision,
        operations=list(operations),
        actor=author(),
    )


def publish(found, *operations, moves=(), message="Better"):
    draft = edit(found, *operations)
    return publish_and_migrate(
        taxonomy=found.taxonomy,
        expected_revision=draft.revision,
        message=message,
        moves=moves,
        actor=author(),
    )


def migrate(found, version, **fields):
    fields = {"expected_head": bytes(head_of(found).version_id), "author": author(), **fields}
    return migrate_branch(dataset=found, branch="main", taxonomy_version=version, **fields)


def test_a_migration_changes_how_labels_read_and_nothing_else():
    found = streets()
    before = head_of(found)
    blobs = set(LabelRevision.objects.values_list("digest", flat=True))
    second = publish(found, RENAME).taxonomy_version
    made = migrate(found, second)
    assert head_of(found) == made
    assert (made.root, made.image_count) == (before.root, before.image_count)
    assert made.content_digest != before.content_digest
    assert made.taxonomy_version == second
    assert (made.change_set.added, made.change_set.changed, made.change_set.removed) == (0, 0, 0)
    assert set(LabelRevision.objects.values_list("digest", flat=True)) == blobs


def test_a_migration_says_what_was_said_of_the_taxonomy_version():
    found = streets()
    second = publish(found, RENAME, message="Words of the law\n\nAt length").taxonomy_version
    made = migrate(found, second)
    assert made.message == f"Move to {found.taxonomy.slug}@2: Words of the law"
    third = publish(found, {**RENAME, "name": "auto"}).taxonomy_version
    assert migrate(found, third, message="Ours").message == "Ours"


def test_going_there_and_back_gives_the_old_content():
    found = streets()
    first = head_of(found)
    second = publish(found, {"op": "merge", "classes": [ROAD, SKY], "into": ROAD}).taxonomy_version
    migrate(found, second)
    back = migrate(found, first.taxonomy_version)
    assert back.content_digest == first.content_digest


def test_a_taxonomy_version_that_lacks_classes_of_the_labels_is_refused_with_counts():
    found = streets()
    first = head_of(found).taxonomy_version
    second = publish(found, {"op": "add", "name": "bus", "kind": "thing"}).taxonomy_version
    migrate(found, second)
    commit_to(found, [ImageChange("b.png", label=put_label("12", {1: 4, 2: 4}))])
    with pytest.raises(UnknownClass) as caught:
        migrate(found, first)
    assert caught.value.segments == {4: 2}
    preview = preview_migration(dataset=found, branch="main", taxonomy_version=first)
    assert (preview.unknown_classes, preview.goes_back) == ({4: 2}, True)


def test_a_preview_tells_what_happened_to_classes_and_writes_nothing():
    found = streets()
    second = publish(found, RENAME).taxonomy_version
    with CaptureQueriesContext(
        connection,
    ) as queries:
        preview = preview_migration(dataset=found, branch="main", taxonomy_version=second)
    assert all(query["sql"].startswith("SELECT") for query in queries)
    assert [(change.kind, change.name) for change in preview.changes] == [("renamed", "automobile")]
    assert (preview.unknown_classes, preview.goes_back) == ({}, False)


def test_a_branch_that_moved_meanwhile_is_told():
    found = streets()
    stale = bytes(head_of(found).version_id)
    commit_to(found, names("b.png"))
    second = publish(found, RENAME).taxonomy_version
    with pytest.raises(BranchMoved):
        migrate(found, second, expected_head=stale)


def test_another_taxonomy_is_refused_whatever_the_dataset_says_meanwhile():
    found = streets()
    other = taxonomy("1:sky/stuff 2:road/stuff 3:car")
    with pytest.raises(TaxonomiesDiffer):
        migrate(found, other)
    # The dataset's taxonomy is that of a first version; this branch has one.
    update_dataset(dataset=found, actor=author(), taxonomy=other.taxonomy)
    with pytest.raises(TaxonomiesDiffer):
        migrate(found, other)


def test_where_the_branch_is_already_nothing_changes():
    found = streets()
    first = head_of(found).taxonomy_version
    with pytest.raises(NothingChanged):
        migrate(found, first)
    with pytest.raises(NothingChanged):
        preview_migration(dataset=found, branch="main", taxonomy_version=first)


def test_a_branch_that_is_not_there_or_holds_nothing_cannot_move():
    found = dataset(slug="empty")
    version = found.taxonomy.versions.get()
    with pytest.raises(NothingChanged):
        migrate_branch(
            dataset=found,
            branch="main",
            expected_head=None,
            taxonomy_version=version,
            author=author(),
        )
    with pytest.raises(NotFound):
        preview_migration(dataset=found, branch="nothing", taxonomy_version=version)
    with pytest.raises(BranchCannotMove, match="has this content already"):
        publish(found, RENAME, moves=[BranchMove(found, "main")])


def test_publishing_and_moving_is_all_or_nothing():
    found = streets()
    commit_to(found, names("b.png"), branch="night")
    stale = BranchMove(found, "main", b"\x01" * 32)
    with pytest.raises(BranchCannotMove, match="streets, branch main: main is at") as caught:
        publish(found, RENAME, moves=[BranchMove(found, "night"), stale])
    error = caught.value
    assert (error.code, error.status) == ("branch_moved", 409)
    assert (error.facts["dataset"], error.facts["branch"]) == ("streets", "main")
    assert TaxonomyVersion.objects.count() == 1
    assert head_of(found, "night").taxonomy_version.number == 1
    assert not AuditEvent.objects.filter(verb="taxonomy.published", facts__number=2).exists()


def test_branches_of_several_datasets_move_together_and_are_told_in_the_order_asked():
    found = streets()
    others = []
    for slug in ("parks", "alleys"):
        other = dataset(slug=slug)
        update_dataset(dataset=other, actor=author(), taxonomy=found.taxonomy)
        commit_to(other, names("a.png"))
        others.append(other)
    moves = [
        BranchMove(others[1], "main"),
        BranchMove(found, "main"),
        BranchMove(others[0], "main"),
    ]
    publication = publish(found, RENAME, moves=moves)
    assert [moved.dataset.slug for moved in publication.moved] == ["alleys", "streets", "parks"]
    for moved in publication.moved:
        assert head_of(moved.dataset) == moved.version
        assert moved.version.taxonomy_version == publication.taxonomy_version


def cost_of_a_migration(images):
    """Return (queries, tree nodes written) of publishing a merge and moving a branch to it."""
    found = dataset(slug=f"streets-{images}")
    labels = [put_label("12", {1: ROAD, 2: CAR}), put_label("11 23", {1: ROAD, 2: CAR, 3: SKY})]
    commit_to(
        found,
        [ImageChange(f"{n:05}.png", label=labels[n % 2]) for n in range(images)],
    )
    head = bytes(head_of(found).version_id)
    reading_of(head_of(found).taxonomy_version)
    draft = edit(found, {"op": "merge", "classes": [ROAD, SKY], "into": ROAD})
    nodes = TreeNode.objects.count()
    with CaptureQueriesContext(connection) as queries:
        publish_and_migrate(
            taxonomy=found.taxonomy,
            expected_revision=draft.revision,
            message="Merge",
            moves=[BranchMove(found, "main", head)],
            actor=author(),
        )
    read = [query["sql"] for query in queries if "treenode" in query["sql"].lower()]
    return len(queries), TreeNode.objects.count() - nodes, len(read)


def test_a_migration_of_3000_images_costs_what_one_of_10_costs():
    few, many = cost_of_a_migration(10), cost_of_a_migration(3_000)
    assert few == many
    assert few[1:] == (0, 0)


# Commands -------------------------------------------------------------------------------


def run(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_moves_a_branch():
    found = streets()
    publish(found, RENAME)
    said = json.loads(
        run("migrate_branch", "streets", "main", f"{found.taxonomy.slug}@2", "--json")
    )
    head = head_of(found)
    assert said["version"] == {"id": head.id_hex, "number": 2}
    assert said["taxonomy"]["new"] == f"{found.taxonomy.slug}@2"
    assert [change["kind"] for change in said["changes"]] == ["renamed"]
    assert head.author_name == "operator"


def test_the_command_tells_people_what_it_did():
    found = streets()
    publish(found, RENAME)
    said = run(
        "migrate_branch", "streets", "main", found.taxonomy.slug, "-m", "Now", "--user", "ada"
    )
    assert "renamed automobile" in said
    assert (head_of(found).message, head_of(found).author_name) == ("Now", "ada")


def test_a_dry_run_of_the_command_moves_nothing():
    found = streets()
    publish(found, RENAME)
    name = f"{found.taxonomy.slug}@2"
    said = json.loads(run("migrate_branch", "streets", "main", name, "--dry-run", "--json"))
    assert (said["version"], said["dry_run"]) == (None, True)
    assert "Would be" in run("migrate_branch", "streets", "main", name, "--dry-run")
    assert Version.objects.count() == 1


def test_the_command_fails_with_counts_where_classes_are_lacking(capsys):
    found = streets()
    publish(found, {"op": "add", "name": "bus", "kind": "thing"}, moves=[BranchMove(found, "main")])
    commit_to(found, [ImageChange("b.png", label=put_label("1", {1: 4}))])
    out = io.StringIO()
    with pytest.raises(CommandError, match="unknown_class"):
        call_command(
            "migrate_branch", "streets", "main", f"{found.taxonomy.slug}@1", "--json", stdout=out
        )
    said = json.loads(out.getvalue())
    assert (said["code"], said["version"], said["goes_back"]) == ("unknown_class", None, True)
    assert said["unknown_classes"] == [{"class_id": 4, "segments": 1}]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing", "main", "x@1"),
        ("streets", "nothing", "{}@1"),
        ("streets", "main", "{}@9"),
        ("streets", "main", "{}@draft"),
        ("streets", "main", "no such"),
        ("streets", "main", "{}@1"),
    ],
)
def test_the_command_fails_where_something_is_not_there(arguments):
    slug = streets().taxonomy.slug
    with pytest.raises(CommandError):
        run("migrate_branch", *(one.format(slug) for one in arguments))


def test_a_preset_becomes_a_taxonomy_of_the_operator():
    said = json.loads(run("import_taxonomy", "coco", "--preset", "coco", "--json"))
    assert {name: said[name] for name in ("slug", "number", "classes", "things", "stuff")} == {
        "slug": "coco",
        "number": 1,
        "classes": 133,
        "things": 80,
        "stuff": 53,
    }
    version = Taxonomy.objects.get().versions.get()
    assert (version.author.get_username(), version.message) == ("operator", "Import of coco")


def test_a_file_becomes_a_taxonomy(tmp_path):
    path = tmp_path / "classes.json"
    classes = [{"name": "car", "kind": "thing"}, {"name": "road", "kind": "stuff"}]
    rules = [{"rule": "smallest_area", "classes": ["car"], "value": 9}]
    path.write_text(json.dumps({"classes": classes, "rules": rules}))
    assert "2 classes, 1 things, 1 stuff" in run("import_taxonomy", "small", str(path))
    [rule] = Taxonomy.objects.get().versions.get().rules
    assert (rule["classes"], rule["value"]) == ([1], 9)


@pytest.mark.parametrize("content", [None, "no JSON", "{}", '[{"name": 1}]'])
def test_a_file_that_is_no_taxonomy_makes_none(tmp_path, content):
    path = tmp_path / "classes.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CommandError):
        run("import_taxonomy", "small", str(path))
    assert not Taxonomy.objects.exists()


def test_a_taxonomy_is_imported_once():
    run("import_taxonomy", "voc", "--preset", "voc")
    with pytest.raises(CommandError, match="taxonomy_exists"):
        run("import_taxonomy", "voc", "--preset", "voc")


def test_a_command_takes_one_source():
    for arguments in ((), ("x.json", "--preset", "voc")):
        with pytest.raises(CommandError):
            run("import_taxonomy", "voc", *arguments)
