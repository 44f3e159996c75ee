from datetime import timedelta

import pytest
from django.utils import timezone

from datasets_app.actions.branches import create_branch, delete_branch
from datasets_app.actions.commits import ImageChange
from datasets_app.actions.tags import create_tag
from datasets_app.errors import NodeDamaged
from datasets_app.models import Branch, DeletedBranch, Image, TreeNode, Version
from datasets_app.roots import iter_references, living_versions
from datasets_app.verification import check_history
from tests.datasets_app.builders import author, commit_to, dataset, names, put_bytes, put_label

pytestmark = pytest.mark.django_db


def referenced():
    return {reference.digest for reference in iter_references()}


def test_all_that_a_version_names_is_alive():
    streets = dataset("streets")
    photo, mask, facts = put_bytes("photo"), put_label("1", {1: 1}), put_bytes("{}")
    commit_to(streets, names("a.png", image=photo, label=mask, attributes=facts))
    found = {(one.digest, one.parent, one.path) for one in iter_references()}
    assert found == {
        (photo, "streets v1", "a.png: image"),
        (mask, "streets v1", "a.png: label"),
        (facts, "streets v1", "a.png: attributes"),
    }


def test_what_an_older_version_names_is_alive():
    streets = dataset()
    photo = put_bytes("photo")
    commit_to(streets, names("a", image=photo))
    commit_to(streets, [ImageChange("a", delete=True)])
    assert referenced() == {photo}


def test_a_deleted_branch_is_alive_for_30_days():
    streets = dataset()
    photo = put_bytes("photo")
    base = commit_to(streets, names("a"))
    other = create_branch(dataset=streets, name="other", head=base, actor=author())
    commit_to(streets, names("b", image=photo), branch="other")
    delete_branch(branch=other, actor=author())
    assert referenced() == {photo}
    DeletedBranch.objects.update(deleted_at=timezone.now() - timedelta(days=30, seconds=1))
    assert referenced() == set()


def test_a_tag_keeps_its_version_alive():
    streets = dataset()
    photo = put_bytes("photo")
    base = commit_to(streets, names("a"))
    create_branch(dataset=streets, name="other", head=base, actor=author())
    tagged = commit_to(streets, names("b", image=photo), branch="other")
    create_tag(dataset=streets, name="1.0", version=tagged, actor=author())
    Branch.objects.filter(name="other").delete()
    assert referenced() == {photo}


def test_parents_of_a_merge_are_alive():
    streets = dataset()
    base = commit_to(streets, names("a"))
    create_branch(dataset=streets, name="other", head=base, actor=author())
    other = commit_to(streets, names("b"), branch="other")
    commit_to(streets, names("b"), other_parents=[other])
    Branch.objects.filter(name="other").delete()
    assert [version.number for version in living_versions()] == [1, 2, 3]


def test_a_damaged_tree_stops_the_walk():
    streets = dataset()
    version = commit_to(streets, names("a"))
    TreeNode.objects.filter(digest=version.root).delete()
    with pytest.raises(NodeDamaged):
        list(iter_references())


def test_a_whole_history_has_nothing_wrong():
    streets = dataset()
    first = commit_to(streets, names("a", "b", label=put_label("1", {1: 1})))
    create_branch(dataset=streets, name="other", head=first, actor=author())
    other = commit_to(streets, names("b", split="val"), branch="other")
    commit_to(streets, names("c"), other_parents=[other])
    for level in ("refs", "tree", "data"):
        assert list(check_history(level)) == []


def test_a_missing_and_an_altered_node_are_named():
    streets = dataset("streets")
    commit_to(streets, names(*(f"{n}" for n in range(100))))
    one, two = TreeNode.objects.filter(level=0)
    TreeNode.objects.filter(pk=one.pk).delete()
    TreeNode.objects.filter(pk=two.pk).update(data=bytes(two.data)[:-1])
    found = {(finding.object, finding.message, finding.parent) for finding in check_history("tree")}
    assert found == {
        (one.digest.hex(), "tree node is missing", "streets v1"),
        (two.digest.hex(), "tree node was altered", "streets v1"),
    }


def test_a_version_that_was_altered_is_named():
    version = commit_to(dataset("streets"), names("a"))
    Version.objects.update(message="Something else")
    (finding,) = check_history("refs")
    assert (finding.code, finding.object) == ("version_altered", version.id_hex)


def test_an_image_whose_name_was_altered_is_named():
    commit_to(dataset("streets"), names("a"))
    Image.objects.update(name="b")
    (finding,) = check_history("tree")
    assert (finding.code, finding.path) == ("name_altered", "b")
