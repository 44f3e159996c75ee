import pytest

from datasets_app.actions.branches import create_branch
from datasets_app.actions.tags import create_tag
from datasets_app.errors import AmbiguousRevision, NotFound
from datasets_app.models import Version
from datasets_app.revs import Comparison, get_branch, resolve, split_comparison
from tests.datasets_app.builders import author, commit_to, dataset, names

pytestmark = pytest.mark.django_db


@pytest.fixture
def streets():
    """Versions v1 to v4 on main; tag `1.0` at v2."""
    made = dataset()
    for name in "abcd":
        commit_to(made, names(name))
    create_tag(dataset=made, name="1.0", version=made.versions.get(number=2), actor=author())
    return made


@pytest.mark.parametrize(
    ("rev", "number"),
    [
        ("main", 4),
        ("1.0", 2),
        ("v3", 3),
        ("main~1", 3),
        ("main~", 3),
        ("main~~", 2),
        ("main~1~2", 1),
        ("1.0~1", 1),
        ("v4~0", 4),
    ],
)
def test_a_revision_names_a_version(streets, rev, number):
    assert resolve(streets, rev).number == number


def test_ids_and_their_prefixes_name_versions(streets):
    third = streets.versions.get(number=3)
    for length in (64, 9, 8):
        assert resolve(streets, third.id_hex[:length]) == third
    assert resolve(streets, f"{third.id_hex[:8]}~2").number == 1


@pytest.mark.parametrize(
    "rev", ["", "~", "nothing", "v5", "v0", "main~4", "abc", "v99999999999", "a\x00b", "\udc80"]
)
def test_what_names_nothing_is_not_found(streets, rev):
    with pytest.raises(NotFound):
        resolve(streets, rev)


def test_a_prefix_of_less_than_eight_digits_is_a_name(streets):
    third = streets.versions.get(number=3)
    with pytest.raises(NotFound):
        resolve(streets, third.id_hex[:7])


def test_a_prefix_of_two_ids_is_ambiguous(streets):
    for number, ending in ((1, "00"), (2, "ff")):
        Version.objects.filter(dataset=streets, number=number).update(
            version_id=bytes.fromhex("abcdef01" + ending * 28)
        )
    with pytest.raises(AmbiguousRevision):
        resolve(streets, "abcdef01")
    assert resolve(streets, "abcdef01f").number == 2


def test_a_branch_goes_before_a_tag_of_its_name(streets):
    first = streets.versions.get(number=1)
    create_branch(dataset=streets, name="1.0", head=first, actor=author())
    assert resolve(streets, "1.0") == first


def test_names_of_another_dataset_name_nothing_here(streets):
    other = dataset()
    with pytest.raises(NotFound):
        resolve(other, "v1")
    with pytest.raises(NotFound):
        resolve(other, streets.versions.get(number=1).id_hex)


def test_a_name_may_contain_a_slash(streets):
    create_branch(
        dataset=streets, name="fix/cars", head=streets.versions.get(number=1), actor=author()
    )
    assert resolve(streets, "fix/cars").number == 1


@pytest.mark.parametrize(("rev", "queries"), [("main", 1), ("v3", 1), ("1.0", 2), ("1.0~1", 4)])
def test_resolving_takes_few_queries(streets, django_assert_num_queries, rev, queries):
    with django_assert_num_queries(queries):
        resolve(streets, rev)


def test_comparisons_are_taken_apart():
    assert split_comparison("main~1..main") == Comparison("main~1", "main", from_base=False)
    assert split_comparison("1.0...main") == Comparison("1.0", "main", from_base=True)


@pytest.mark.parametrize("spec", ["main", "..main", "main..", "...", ""])
def test_half_a_comparison_is_not_found(spec):
    with pytest.raises(NotFound):
        split_comparison(spec)


def test_a_branch_that_is_not_there_is_not_found(streets):
    assert get_branch(streets, "main").head.number == 4
    with pytest.raises(NotFound):
        get_branch(streets, "nothing")
