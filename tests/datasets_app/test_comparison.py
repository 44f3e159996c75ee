import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from datasets_app.actions.branches import advance_branch, create_branch
from datasets_app.actions.commits import ImageChange
from datasets_app.changelog import history, iter_changes, log
from datasets_app.comparison import (
    ImageChangeKind,
    changed_page,
    count_images,
    diff_versions,
    find_renames,
    merge_base,
)
from datasets_app.entries import Facet, Status
from datasets_app.errors import BranchMoved, NoCommonAncestor, NotFound
from datasets_app.models import Branch
from datasets_app.nodes import SqlNodes
from datasets_app.tree import diff_roots
from tests.datasets_app.builders import author, commit_to, dataset, names, put_bytes, put_label
from tests.datasets_app.counting import count_rows
from tests.laws import examples

pytestmark = pytest.mark.django_db


def branch(streets, name, version):
    return create_branch(dataset=streets, name=name, head=version, actor=author())


def test_images_are_counted_by_what_became_of_them():
    streets = dataset()
    old = commit_to(streets, names(*"abcd"))
    new = commit_to(streets, [ImageChange("a", delete=True), *names("b", "e", split="val")])
    counts = count_images(old, new)
    assert (counts.added, counts.removed, counts.changed, counts.unchanged) == (1, 1, 1, 2)
    assert counts.facets == {Facet.SPLIT: 1}


def test_a_comparison_backwards_swaps_added_and_removed():
    streets = dataset()
    old = commit_to(streets, names(*"abc"))
    new = commit_to(streets, [ImageChange("a", delete=True), *names("b", split="val")])
    counts = count_images(new, old)
    assert (counts.added, counts.removed, counts.changed, counts.unchanged) == (1, 0, 1, 1)


def test_a_changed_image_says_which_facets_changed():
    streets = dataset()
    old = commit_to(streets, names("a", label=put_label("1", {1: 1})))
    new = commit_to(
        streets,
        names(
            "a",
            image=put_bytes("photo"),
            label=put_label("2", {2: 2}),
            split="val",
            status=Status.REVIEWED,
            attributes=put_bytes("{}"),
        ),
    )
    (image,) = changed_page(old, new, limit=10).images
    assert (image.name, image.kind) == ("a", ImageChangeKind.CHANGED)
    assert image.facets == tuple(Facet)


def test_a_removed_and_an_added_image_of_one_photograph_are_a_rename():
    streets = dataset()
    one, two = put_bytes("one"), put_bytes("two")
    old = commit_to(streets, [*names("a", image=one), *names("b", image=two), *names("c")])
    new = commit_to(
        streets,
        [ImageChange(name, delete=True) for name in "abc"]
        + [*names("x", "y", image=two), *names("z", image=one), *names("w")],
    )
    assert find_renames(changed_page(old, new, limit=10).images) == {"x": "b", "z": "a"}


def test_changed_images_come_in_pages():
    streets = dataset()
    old = commit_to(streets, names(*"abcdefg"))
    commit_to(streets, names(*"gfedc", split="val"))
    new = commit_to(streets, names("x"))
    for start, end in ((old, new), (new, old)):
        found, after = [], -1
        while after is not None:
            page = changed_page(start, end, limit=2, after=after)
            assert len(page.images) <= 2
            found += [image.name for image in page.images]
            after = page.after
        assert found == [*"cdefgx"]


def test_changed_images_are_filtered_by_kind_and_facet():
    streets = dataset()
    old = commit_to(streets, names(*"abc"))
    new = commit_to(
        streets, [*names("a", split="val"), *names("b", status=Status.REVIEWED), *names("d")]
    )
    added = changed_page(old, new, limit=10, kind=ImageChangeKind.ADDED)
    assert [image.name for image in added.images] == ["d"]
    split = changed_page(old, new, limit=10, facet=Facet.SPLIT)
    assert [image.name for image in split.images] == ["a"]


def test_equal_content_does_not_differ():
    streets = dataset()
    first = commit_to(streets, names("a"))
    second = commit_to(streets, [], allow_empty=True)
    assert list(diff_versions(first, second)) == []


def test_neighbours_are_compared_by_the_change_log():
    streets = dataset()
    old = commit_to(streets, names(*(str(n) for n in range(200))))
    new = commit_to(streets, names("7", "100", split="val"))
    nodes = SqlNodes()
    with count_rows() as cost:
        assert count_images(old, new, nodes).changed == 2
    assert (nodes.reads, cost.queries) == (0, 2)


def test_a_page_of_a_comparison_reads_in_proportion_to_what_it_shows():
    streets = dataset()
    old = commit_to(streets, names(*(f"{n}" for n in range(5_000))))
    commit_to(streets, names(*(f"{n}" for n in range(0, 5_000, 5)), split="val"))
    new = commit_to(streets, names("x"))
    with count_rows() as cost:
        page = changed_page(old, new, limit=20, after=2_500)
    assert len(page.images) == 20
    assert cost.rows <= 20 * len(page.images)
    assert cost.queries <= 7


def test_two_branches_meet_at_their_merge_base():
    # v1 -- v2 -- v3      main
    #         \-- v4      other
    streets = dataset()
    commit_to(streets, names("a"))
    base = commit_to(streets, names("b"))
    branch(streets, "other", base)
    main = commit_to(streets, names("c"))
    other = commit_to(streets, names("d"), branch="other")
    assert merge_base(main, other) == merge_base(other, main) == base
    assert merge_base(main, base) == base
    assert [change.image_no for change in diff_versions(base, other)] == [4]


def test_a_merge_moves_the_merge_base():
    streets = dataset()
    base = commit_to(streets, names("a"))
    branch(streets, "other", base)
    commit_to(streets, names("b"))
    other = commit_to(streets, names("c"), branch="other")
    merged = commit_to(streets, names("c"), other_parents=[other])
    later = commit_to(streets, names("d"), branch="other")
    assert merge_base(merged, later) == other


def test_versions_without_common_history_have_no_merge_base():
    one, two = commit_to(dataset(), names("a")), commit_to(dataset(), names("a"))
    with pytest.raises(NoCommonAncestor):
        merge_base(one, two)


def test_the_log_of_a_version_is_its_line_newest_first():
    streets = dataset()
    for name in "abcde":
        version = commit_to(streets, names(name))
    first_page = log(version, limit=3)
    assert [each.number for each in first_page] == [5, 4, 3]
    assert [each.number for each in log(first_page[-1], limit=3, skip_first=True)] == [2, 1]


@pytest.mark.parametrize("limit", [2, 8])
def test_the_queries_of_a_log_do_not_grow_with_it(limit):
    streets = dataset()
    for name in "abcdefgh":
        version = commit_to(streets, names(name))
    with count_rows() as cost:
        found = log(version, limit=limit)
        said = [
            (link.parent.id_hex, each.taxonomy_version.taxonomy.slug, each.author.username)
            for each in found
            for link in each.parent_links.all()
        ]
    assert len(said) >= limit - 1
    assert cost.queries == 3


def test_the_history_of_an_image_is_what_changed_it():
    streets = dataset()
    commit_to(streets, names("a", "b"))
    commit_to(streets, names("b", split="val"))
    third = commit_to(streets, names("a", split="val"))
    last = commit_to(streets, [ImageChange("a", delete=True)])
    found = history(streets, last, 1)
    assert [each.version.number for each in found] == [4, 3, 1]
    assert found[1].change.facets == (Facet.SPLIT,)
    assert [each.version.number for each in history(streets, third, 1)] == [3, 1]
    assert [each.version.number for each in history(streets, last, 1, limit=1, before=4)] == [3]


def test_the_history_of_an_image_leaves_other_branches_out():
    streets = dataset()
    base = commit_to(streets, names("a"))
    branch(streets, "other", base)
    commit_to(streets, names("a", split="val"), branch="other")
    main = commit_to(streets, names("a", split="train"))
    with count_rows() as cost:
        assert [each.version.number for each in history(streets, main, 1)] == [3, 1]
    assert cost.queries == 3


def test_a_branch_advances_from_where_its_writer_believed_it():
    streets = dataset()
    first = commit_to(streets, names("a"))
    other = branch(streets, "other", first)
    second = commit_to(streets, names("b"))
    advance_branch(branch=other, expected=first, new=second, actor=author())
    assert Branch.objects.get(name="other").head == second
    with pytest.raises(BranchMoved):
        advance_branch(branch=other, expected=first, new=second, actor=author())
    elsewhere = commit_to(dataset(), names("a"))
    with pytest.raises(NotFound):
        advance_branch(branch=other, expected=second, new=elsewhere, actor=author())


EDITS = st.dictionaries(
    st.sampled_from("abcdef"), st.sampled_from(["", "train", "val", None]), max_size=6
)


class Laws(TestCase):
    @examples(20)
    @given(st.lists(EDITS, min_size=1, max_size=4))
    def test_the_change_log_says_what_the_trees_say(self, commits):
        streets = dataset()
        versions, present = [], set()
        for splits in commits:
            changes = [
                ImageChange(name, split=split or "", delete=split is None)
                for name, split in splits.items()
                if split is not None or name in present
            ]
            present |= {change.name for change in changes if not change.delete}
            present -= {change.name for change in changes if change.delete}
            versions.append(commit_to(streets, changes, allow_empty=True))
        root = None
        for version in versions:
            assert list(iter_changes(version)) == list(diff_roots(SqlNodes(), root, version.root))
            root = version.root
        assert versions[-1].image_count == len(present)
        for old in versions:
            for new in versions:
                assert list(diff_versions(old, new)) == list(
                    diff_roots(SqlNodes(), old.root, new.root)
                )
