import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from datasets_app.actions.commits import ImageChange
from datasets_app.actions.splits import (
    ByGroup,
    ByList,
    assign_splits,
    preview_splits,
    request_splits,
)
from datasets_app.attributes import put_attributes
from datasets_app.errors import BranchMoved, InvalidName, NothingChanged
from datasets_app.jobs.running import run_job
from datasets_app.models import JobState, Version
from datasets_app.named_images import iter_named_images
from datasets_app.splitting import LINE, GroupKey, InvalidSplitting, SplitRule, point_of
from tests.datasets_app.builders import author, commit_to, dataset, names
from tests.laws import examples

THREE = {"train": 0.8, "val": 0.1, "test": 0.1}
shares = st.lists(st.integers(0, 20), min_size=3, max_size=3).filter(any)
ratios = shares.map(
    lambda parts: dict(
        zip(("train", "val", "test"), (part / sum(parts) for part in parts), strict=True)
    )
)
keys = st.lists(st.text(max_size=12), min_size=1, max_size=60, unique=True)
points = st.integers(0, LINE - 1)


def splits_of(version):
    return {image.name: image.entry.split for image in iter_named_images(version, GroupKey())}


def assign(data, splitting, **fields):
    head = data.branches.get(name="main").head
    return assign_splits(
        dataset=data,
        branch="main",
        expected_head=bytes(head.version_id),
        splitting=splitting,
        author=author(),
        **fields,
    )


def by_folder(**fields):
    return ByGroup(SplitRule(THREE), GroupKey(folders=1), **fields)


# ---- the rule ---------------------------------------------------------------


@given(ratios, st.text(max_size=5), keys, keys)
def test_images_that_are_added_never_move_old_ones(ratios, seed, old, added):
    rule = SplitRule(ratios, seed)
    before = {key: rule.split_of(key) for key in old}
    after = {key: SplitRule(ratios, seed).split_of(key) for key in {*old, *added}}
    assert before.items() <= after.items()


@given(ratios, points)
def test_every_point_of_the_line_is_in_one_split(ratios, point):
    rule = SplitRule(ratios)
    held = [stretch.split for stretch in rule.stretches if stretch.start <= point < stretch.end]
    assert held == [rule.split_at(point)]


@given(ratios)
def test_the_line_has_no_gaps(ratios):
    stretches = SplitRule(ratios).stretches
    assert (stretches[0].start, stretches[-1].end) == (0, LINE)
    assert all(a.end == b.start for a, b in itertools.pairwise(stretches))


@given(ratios)
def test_each_split_has_its_share_of_the_line(ratios):
    for split, start, end in SplitRule(ratios).stretches:
        assert (end - start) / LINE == pytest.approx(ratios[split], abs=1e-9)


@given(ratios, st.integers(0, 999))
def test_the_order_in_which_ratios_are_written_does_not_matter(ratios, number):
    turned = dict(reversed(ratios.items()))
    assert SplitRule(ratios).split_of(str(number)) == SplitRule(turned).split_of(str(number))


@given(ratios, points, st.sampled_from(["val", "test"]), st.floats(0, 1))
def test_giving_to_one_split_moves_nothing_but_the_difference(ratios, point, gainer, share):
    given = ratios["train"] * share
    grown = {**ratios, "train": ratios["train"] - given, gainer: ratios[gainer] + given}
    old, new = SplitRule(ratios).split_at(point), SplitRule(grown).split_at(point)
    assert old == new or (old, new) == ("train", gainer)


def test_ratios_are_approached():
    rule = SplitRule(THREE, seed="7")
    found = [rule.split_of(f"scene {number}") for number in range(20_000)]
    for split, ratio in THREE.items():
        # Four standard deviations of a binomial law.
        spread = 4 * (20_000 * ratio * (1 - ratio)) ** 0.5
        assert abs(found.count(split) - 20_000 * ratio) < spread


def test_another_seed_spreads_groups_anew():
    old, new = SplitRule(THREE, "1"), SplitRule(THREE, "2")
    moved = sum(old.split_of(str(key)) != new.split_of(str(key)) for key in range(1_000))
    # 1 - (0.8² + 0.1² + 0.1²) of them.
    assert 260 < moved < 420


def test_where_groups_lie_is_part_of_the_contract():
    # Another function would move every group of every dataset: the first 16 digits of
    # `printf 1:1aachen | sha256sum`.
    assert point_of("aachen", "1") == 14_500_227_816_336_010_398


def test_seed_and_key_are_told_apart():
    assert point_of("b:c", "a") != point_of("c", "a:b")


@pytest.mark.parametrize(
    ("ratios", "reason"),
    [
        ({}, "1 to 16"),
        ({"train": 0.5}, "add up to 0.5"),
        ({"train": 1.5, "val": -0.5}, "from 0 to 1"),
        ({"train": float("nan"), "val": 1.0}, "from 0 to 1"),
    ],
)
def test_ratios_that_are_none_are_refused(ratios, reason):
    with pytest.raises(InvalidSplitting, match=reason):
        SplitRule(ratios)


def test_a_split_needs_a_name():
    with pytest.raises(InvalidName):
        SplitRule({"": 1.0})


# ---- keys -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "name", "found"),
    [
        (GroupKey(), "a/b.png", "a/b.png"),
        (GroupKey(folders=1), "a/b/c.png", "a"),
        (GroupKey(folders=2), "a/b/c.png", "a/b"),
        (GroupKey(folders=2), "a/b.png", None),
        (GroupKey(pattern="{key}_*"), "aachen_000001_000019.png", "aachen"),
        (GroupKey(pattern="*/{key}_{key}_*"), "val/ulm_7_9.png", "ulm\x1f7"),
        (GroupKey(pattern="{key}.png"), "a.b.png", "a.b"),
        (GroupKey(pattern="{key}/*.png"), "a/b.png", "a"),
        (GroupKey(pattern="video-{key}"), "video-12", "12"),
        (GroupKey(pattern="video-{key}"), "clip-12", None),
        (GroupKey(pattern="{key}_*"), "_1.png", None),
        (GroupKey(pattern="a{key}a"), "a", None),
    ],
)
def test_the_key_of_a_name(key, name, found):
    assert key.find(name) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [("night", "night"), (7, "7"), (True, "true"), (None, None), ("", None), ([1], None)],
)
def test_the_key_of_an_attribute(value, found):
    assert GroupKey(attribute="scene").find("a.png", {"scene": value}) == found


def test_a_long_name_takes_no_longer_than_it_is_long():
    # What a regular expression would try in 10^12 ways.
    pattern = GroupKey(pattern="*a*a*a*a{key}b")
    assert pattern.find("a" * 1_000) is None


@pytest.mark.parametrize("pattern", ["", "*", "{key}{key}", "*{key}", "x" * 201 + "{key}"])
def test_patterns_that_are_none_are_refused(pattern):
    with pytest.raises(InvalidSplitting):
        GroupKey(pattern=pattern)


def test_one_thing_groups_images():
    with pytest.raises(InvalidSplitting, match="not both"):
        GroupKey(folders=1, attribute="scene")


# ---- versions ---------------------------------------------------------------


@pytest.fixture
def streets(db):
    """Thirty folders of three images each."""
    data = dataset()
    given = [f"scene{scene:02d}/{frame}.png" for scene in range(30) for frame in range(3)]
    commit_to(data, names(*given))
    return data


def groups_of(splits):
    groups: dict[str, set[str]] = {}
    for name, split in splits.items():
        groups.setdefault(name.partition("/")[0], set()).add(split)
    return groups


def test_all_images_of_a_group_come_into_one_split(streets):
    made = assign(streets, by_folder())
    groups = groups_of(splits_of(made.version))
    assert {len(splits) for splits in groups.values()} == {1}
    assert {split for splits in groups.values() for split in splits} <= THREE.keys()


def test_assigning_again_after_more_images_came_moves_nothing(streets):
    before = splits_of(assign(streets, by_folder()).version)
    commit_to(streets, names("scene05/9.png", "scene99/0.png"))
    made = assign(streets, by_folder())
    after = splits_of(made.version)
    assert before.items() <= after.items()
    assert after["scene05/9.png"] == after["scene05/0.png"]
    assert made.counts.changed == 2


scenes = st.lists(st.integers(0, 9), min_size=1, max_size=12)


class Laws(TestCase):
    """A class, for hypothesis undoes each example only in Django's own test cases."""

    @examples(15)
    @given(ratios, st.text("ab", max_size=3), st.lists(scenes, min_size=2, max_size=4))
    def test_images_that_are_added_move_none_that_were_there(self, wanted, seed, arrivals):
        data, before, count = dataset(), {}, itertools.count()
        for arrival in arrivals:
            commit_to(data, names(*(f"scene{scene}/{next(count)}.png" for scene in arrival)))
            made = assign(data, ByGroup(SplitRule(wanted, seed), GroupKey(folders=1)))
            after = splits_of(made.version)
            assert before.items() <= after.items()
            assert {len(splits) for splits in groups_of(after).values()} == {1}
            before = after


def test_one_version_is_made_and_nothing_else_of_an_image_changes(streets):
    old = {i.name: i.entry for i in iter_named_images(Version.objects.get(), GroupKey())}
    made = assign(streets, by_folder())
    new = {i.name: i.entry for i in iter_named_images(made.version, GroupKey())}
    assert {name: entry._replace(split="") for name, entry in new.items()} == old
    assert Version.objects.count() == 2


def test_a_second_time_there_is_nothing_to_change(streets):
    assign(streets, by_folder())
    with pytest.raises(NothingChanged):
        assign(streets, by_folder())


def test_a_preview_counts_what_is_done_then(streets):
    head = Version.objects.get()
    wanted = {"dataset": streets, "branch": "main", "expected_head": bytes(head.version_id)}
    tried = preview_splits(**wanted, splitting=by_folder())
    assert tried.version is None
    assert Version.objects.count() == 1
    counts = tried.counts.to_json()
    assert (counts["images"], counts["changed"], counts["groups"]) == (90, 90, 30)
    assert sum(row["groups"] for row in counts["splits"]) == 30
    assert all(row["from"] is None for row in counts["moves"])
    assert assign(streets, by_folder()).counts.to_json() == counts


def test_a_preview_of_a_branch_that_moved_is_refused(streets):
    old = Version.objects.get()
    commit_to(streets, names("x.png"))
    with pytest.raises(BranchMoved):
        preview_splits(
            dataset=streets,
            branch="main",
            expected_head=bytes(old.version_id),
            splitting=by_folder(),
        )


def test_only_unassigned_images_join_what_people_said_of_their_group(streets):
    commit_to(streets, [ImageChange("scene03/1.png", split="holdout")])
    splits = splits_of(assign(streets, by_folder(only_unassigned=True)).version)
    assert groups_of(splits)["scene03"] == {"holdout"}


def test_without_that_a_group_goes_where_the_rule_says(streets):
    commit_to(streets, [ImageChange("scene03/1.png", split="holdout")])
    made = assign(streets, by_folder())
    assert groups_of(splits_of(made.version))["scene03"] == {SplitRule(THREE).split_of("scene03")}


def test_groups_that_people_divided_are_counted(streets):
    commit_to(streets, [ImageChange("scene03/1.png", split="val")])
    commit_to(streets, [ImageChange("scene03/2.png", split="test")])
    counts = assign(streets, by_folder(only_unassigned=True)).counts.to_json()
    assert counts["divided_groups"] == 1


def test_images_without_a_key_are_left_and_named(streets):
    commit_to(streets, names("alone.png"))
    made = assign(streets, by_folder())
    assert splits_of(made.version)["alone.png"] == ""
    assert made.counts.to_json()["without_key"] == {"images": 1, "names": ["alone.png"]}


def test_or_each_is_a_group_of_its_own(streets):
    commit_to(streets, names("alone.png"))
    made = assign(streets, by_folder(alone=True))
    assert splits_of(made.version)["alone.png"] in THREE
    assert made.counts.to_json()["groups"] == 31


def test_images_are_grouped_by_an_attribute(db):
    data = dataset()
    [day, night] = put_attributes([{"scene": "day"}, {"scene": "night", "lanes": 2}])
    commit_to(data, names("a.png", "b.png", attributes=day) + names("c.png", attributes=night))
    rule = SplitRule({"train": 0.5, "val": 0.5})
    made = assign(data, ByGroup(rule, GroupKey(attribute="scene")))
    expected = {"a.png": "day", "b.png": "day", "c.png": "night"}
    assert splits_of(made.version) == {n: rule.split_of(key) for n, key in expected.items()}


def test_many_images_are_more_than_one_batch(streets, monkeypatch):
    for module in ("datasets_app.named_images._BATCH", "datasets_app.actions.commits.BATCH"):
        monkeypatch.setattr(module, 7)
    made = assign(streets, by_folder())
    rule = SplitRule(THREE)
    assert splits_of(made.version) == {
        name: rule.split_of(name.partition("/")[0]) for name in splits_of(made.version)
    }


def test_a_list_says_the_split_of_each_name(streets):
    made = assign(streets, ByList({"scene00/0.png": "val", "scene01/0.png": "test"}))
    splits = splits_of(made.version)
    assert (splits["scene00/0.png"], splits["scene01/0.png"]) == ("val", "test")
    assert splits["scene02/0.png"] == ""


def test_a_list_takes_splits_away(streets):
    assign(streets, ByList({"scene00/0.png": "val"}))
    made = assign(streets, ByList({"scene00/0.png": ""}))
    assert splits_of(made.version)["scene00/0.png"] == ""


def test_a_list_with_unknown_names_changes_nothing(streets):
    with pytest.raises(InvalidSplitting, match=r"no image nothing\.png"):
        assign(streets, ByList({"scene00/0.png": "val", "nothing.png": "val"}))
    assert Version.objects.count() == 1


def test_unknown_names_of_a_list_are_passed_over_if_asked(streets):
    wanted = ByList({"scene00/0.png": "val", "nothing.png": "val"}, skip_unknown=True)
    made = assign(streets, wanted)
    assert (made.counts.changed, made.counts.unknown) == (1, 1)


def test_two_spellings_of_a_name_are_refused():
    with pytest.raises(InvalidSplitting, match="two spellings"):
        ByList({"caf\u00e9.png": "val", "cafe\u0301.png": "test"})


@pytest.mark.parametrize(
    "splitting", [by_folder(), ByList({"scene00/0.png": "val"})], ids=["group", "list"]
)
def test_a_job_that_runs_twice_makes_one_version(streets, splitting):
    job = request_splits(
        dataset=streets,
        branch="main",
        expected_head=bytes(Version.objects.get().version_id),
        splitting=splitting,
        author=author(),
    )
    run_job(str(job.pk))
    job.refresh_from_db()
    first = job.result
    # Its worker died after the commit and before the result.
    type(job).objects.filter(pk=job.pk).update(state=JobState.QUEUED, result=None)
    run_job(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.result) == (JobState.DONE, first)
    assert Version.objects.count() == 2
