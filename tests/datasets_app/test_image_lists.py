import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from datasets_app.actions.commits import ImageChange
from datasets_app.entries import Status
from datasets_app.errors import InvalidCursor, NotFound
from datasets_app.image_lists import find_image_no, get_image, list_images
from datasets_app.image_query import ClassCondition, ImageQuery
from datasets_app.models import ImageIndex
from datasets_app.nodes import SqlNodes
from datasets_app.photos import PhotoInfo, register_photos
from tests.datasets_app.builders import commit_to, dataset, names, put_bytes, put_label
from tests.datasets_app.counting import count_rows
from tests.laws import examples

pytestmark = pytest.mark.django_db

HAS = {class_id: ClassCondition(class_id, (class_id,)) for class_id in (1, 2, 3)}


def pages(version, wanted, limit=3):
    """All pages of a list, as names."""
    cursor = None
    for _ in range(200):
        page = list_images(version, wanted, limit=limit, cursor=cursor)
        yield [row.name for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            return
    raise AssertionError("the list does not end")


def listed(version, limit=3, **fields):
    return list(itertools.chain(*pages(version, ImageQuery(**fields), limit)))


def test_a_list_has_every_image_once_and_full_pages():
    version = commit_to(dataset(), names(*"gfedcba"))
    assert list(pages(version, ImageQuery())) == [["g", "f", "e"], ["d", "c", "b"], ["a"]]


def test_a_row_says_what_is_known():
    streets = dataset()
    photo, mask = put_bytes("photo"), put_label("112 112", {1: 1, 2: 2})
    register_photos([PhotoInfo(photo, "image/png", 40, 30, 30, 40)])
    version = commit_to(
        streets,
        [ImageChange("a", image=photo), ImageChange("b", image=photo, label=mask), *names("c")],
    )
    sizes = [
        (row.height, row.width, row.segment_count) for row in list_images(version, limit=9).rows
    ]
    assert sizes == [(40, 30, None), (2, 3, 2), (None, None, None)]


def test_images_are_found_by_class_split_and_status():
    streets = dataset()
    road, car = put_label("1", {1: 1}), put_label("12", {1: 1, 2: 2})
    commit_to(streets, names("a", "b", label=road, split="val"))
    commit_to(streets, names("c", "d", label=car, split="val"))
    version = commit_to(streets, names("d", "e", split="train", status=Status.REVIEWED))
    assert listed(version, classes=(HAS[2],)) == ["c", "d"]
    assert listed(version, classes=(HAS[1], HAS[2])) == ["c", "d"]
    assert listed(version, split="val") == ["a", "b", "c"]
    assert listed(version, split="train", classes=(HAS[2],)) == ["d"]
    assert listed(version, status=Status.REVIEWED) == ["d", "e"]
    assert listed(version, status=Status.REVIEWED, classes=(HAS[3],)) == []


def test_an_older_version_is_filtered_by_what_it_says():
    streets = dataset()
    first = commit_to(streets, names("a", split="val"))
    second = commit_to(streets, names("a", split="train"))
    assert (listed(first, split="val"), listed(second, split="val")) == (["a"], [])
    assert (listed(first, split="train"), listed(second, split="train")) == ([], ["a"])


def test_a_prefix_lists_by_name():
    version = commit_to(dataset(), names("b/2", "a/1", "b/1", "b/10", "c", "b", "B/1"))
    assert listed(version, prefix="b/") == ["b/1", "b/10", "b/2"]
    assert listed(version, prefix="é") == []


def test_a_prefix_and_a_class_that_few_or_many_have_list_alike():
    streets = dataset()
    road = put_label("1", {1: 1})
    version = commit_to(
        streets,
        [*names(*(f"x{n:02}" for n in range(60)), label=road), *names("y", label=road)],
    )
    expected = [f"x{n:02}" for n in range(60)]
    # 61 candidates are few for pages of 50 and many for pages of 2.
    for limit in (50, 2):
        assert listed(version, limit, prefix="x", classes=(HAS[1],)) == expected


def test_pages_end_although_most_candidates_left_the_class():
    streets = dataset()
    many = [f"{n:03}" for n in range(300)]
    commit_to(streets, names(*many, split="val"))
    version = commit_to(streets, names(*many[:-1], split="train"))
    assert listed(version, limit=2, split="val") == ["299"]


def test_one_image_is_found_by_name_and_number():
    streets = dataset()
    first = commit_to(streets, names("a", "b"))
    second = commit_to(streets, [ImageChange("a", delete=True)])
    assert find_image_no(first, "a") == 1
    assert get_image(first, 1).name == "a"
    assert find_image_no(second, "a") is None
    with pytest.raises(NotFound):
        get_image(second, 1)


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "٣", "99999999999999"])
def test_a_cursor_that_no_list_gave_is_refused(cursor):
    with pytest.raises(InvalidCursor):
        list_images(commit_to(dataset(), names("a")), limit=3, cursor=cursor)


def test_text_that_no_name_can_have_finds_nothing():
    version = commit_to(dataset(), names("a"))
    assert listed(version, prefix="\x00") == []
    assert find_image_no(version, "\udc80") is None


def test_the_index_of_a_rare_class_takes_few_bytes():
    streets = dataset()
    commit_to(streets, names(*map(str, range(5))))
    commit_to(streets, names("3", label=put_label("2", {2: 2})))
    (row,) = ImageIndex.objects.filter(key="class:2")
    assert (row.chunk, bytes(row.bits)) == (0, b"\x10")  # the number of "3" is 4


# ---- cost -------------------------------------------------------------------


def many(images):
    """A version with as many images; every 10,007th has the rare class 3."""
    streets = dataset()
    road, rare = put_label("12", {1: 1, 2: 2}), put_label("3", {3: 3})
    return commit_to(
        streets,
        (
            ImageChange(
                f"{n % 7}/{n:06}",
                label=rare if n % 10_007 == 10_006 else road,
                split="val" if n % 10 == 0 else "train",
            )
            for n in range(images)
        ),
    )


@pytest.mark.slow
def test_a_page_of_100_000_images_reads_at_most_20_rows_per_row_shown():
    version = many(100_000)
    commit_to(version.dataset, names("0/000000", split="val", label=None))
    for wanted, limit in [
        (ImageQuery(), 50),
        (ImageQuery(classes=(HAS[1],)), 50),
        (ImageQuery(classes=(HAS[3],)), 50),
        (ImageQuery(classes=(HAS[3],), split="train"), 5),
        (ImageQuery(split="val", status=Status.LABELLED), 50),
        (ImageQuery(prefix="3/"), 50),
        (ImageQuery(prefix="3/", split="val"), 50),
        (ImageQuery(prefix="0/", classes=(HAS[3],)), 50),
    ]:
        with count_rows() as cost:
            page = list_images(version, wanted, limit=limit)
        assert page.rows
        assert cost.rows <= 20 * len(page.rows), wanted
        assert cost.queries <= 25, wanted


@pytest.mark.parametrize(
    ("wanted", "queries"),
    [
        (ImageQuery(), 7),
        (ImageQuery(split="val"), 9),
        (ImageQuery(classes=(HAS[1],), split="val"), 10),
        (ImageQuery(prefix="a"), 7),
    ],
)
def test_the_queries_of_a_page_do_not_grow_with_it(wanted, queries):
    streets = dataset()
    road = put_label("1", {1: 1})
    version = commit_to(streets, names(*(f"a{n}" for n in range(70)), label=road, split="val"))
    for limit in (2, 70):
        with count_rows() as cost:
            assert len(list_images(version, wanted, limit=limit).rows) == limit
        assert cost.queries == queries


def test_a_page_reads_no_more_nodes_than_it_shows():
    version = commit_to(dataset(), names(*(f"a{n}" for n in range(1_000))))
    nodes = SqlNodes()
    list_images(version, limit=10, cursor="500", nodes=nodes)
    assert nodes.reads <= 4 + 2


NAMES = st.text("ab", min_size=1, max_size=3)
IMAGES = st.dictionaries(
    NAMES,
    st.tuples(st.sampled_from(["", "val"]), st.sampled_from(Status), st.sampled_from("123")),
    min_size=1,
    max_size=12,
)


class Laws(TestCase):
    @examples(15)
    @given(
        IMAGES,
        IMAGES,
        st.none() | st.sampled_from(["", "val"]),
        st.none() | st.sampled_from(Status),
        st.sampled_from([None, HAS[1], HAS[2], HAS[3]._replace(negated=True)]),
        st.sampled_from(["", "a", "ab"]),
        st.integers(1, 4),
    )
    def test_the_pages_of_a_filter_are_all_that_match(
        self, before, after, split, status, condition, prefix, limit
    ):
        streets = dataset()
        for images in (before, after):
            gone = [name for name in before if images is after and name not in after]
            changes = [ImageChange(name, delete=True) for name in gone]
            for name, (of, said, drawing) in images.items():
                mask = put_label(drawing, {int(drawing): int(drawing)})
                changes.append(ImageChange(name, label=mask, split=of, status=said))
            version = commit_to(streets, changes, allow_empty=True)
        found = listed(
            version,
            limit,
            split=split,
            status=status,
            classes=(condition,) if condition else (),
            prefix=prefix,
        )
        assert len(found) == len(set(found))
        assert set(found) == {
            name
            for name, (of, said, drawing) in after.items()
            if split in (None, of)
            and status in (None, said)
            and (not condition or condition.holds(int(drawing) == condition.class_id))
            and name.startswith(prefix)
        }
