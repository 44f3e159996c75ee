import pytest
from django.contrib.auth.models import AnonymousUser

from datasets_app.actions.branches import create_branch, delete_branch
from datasets_app.actions.datasets import create_dataset, update_dataset
from datasets_app.actions.tags import create_tag
from datasets_app.errors import InvalidName, NameTaken
from datasets_app.models import Branch, Dataset, Version, Visibility
from people_app.actions.roles import grant_role
from people_app.models import AuditEvent
from people_app.roles import Role
from tests.datasets_app.builders import (
    author,
    commit_to,
    dataset,
    names,
    put_label,
    taxonomy,
)

pytestmark = pytest.mark.django_db


def visible(user, **fields):
    return sorted(Dataset.objects.visible_to(user, **fields).values_list("slug", flat=True))


def test_the_maker_of_a_dataset_is_its_admin():
    streets = dataset("streets")
    assert streets.role_of(author()) == Role.ADMIN


def test_a_private_dataset_is_seen_by_its_members_only():
    streets = dataset("streets")
    bob = author("bob")
    assert (visible(bob), visible(AnonymousUser()), streets.role_of(bob)) == ([], [], None)
    grant_role(user=bob, resource=streets, role=Role.READER, actor=author())
    assert (visible(bob), streets.role_of(bob)) == (["streets"], Role.READER)


def test_a_public_dataset_is_read_by_anybody_and_changed_by_members():
    streets = dataset("streets")
    update_dataset(dataset=streets, actor=author(), visibility=Visibility.PUBLIC)
    assert visible(AnonymousUser()) == ["streets"]
    assert streets.role_of(AnonymousUser()) == Role.READER
    assert visible(author("bob"), at_least=Role.ANNOTATOR) == []


def test_a_superuser_sees_all():
    streets = dataset("streets")
    root = author("root")
    root.is_superuser = True
    assert (visible(root), streets.role_of(root)) == (["streets"], Role.ADMIN)


def test_who_may_see_it_is_asked_in_one_query(django_assert_num_queries):
    for _ in range(3):
        dataset()
    me = author()
    with django_assert_num_queries(1):
        assert len(visible(me)) == 3


def test_a_slug_exists_once():
    dataset("streets")
    with pytest.raises(NameTaken):
        dataset("streets")


@pytest.mark.parametrize("slug", ["", "a b", "a/b", "ä", "x" * 101])
def test_slugs_that_no_url_can_have_are_refused(slug):
    with pytest.raises(InvalidName):
        create_dataset(slug=slug, taxonomy=taxonomy().taxonomy, actor=author())


def test_a_dataset_is_described_anew():
    streets = dataset("streets")
    update_dataset(dataset=streets, actor=author(), title="Streets", default_branch="trunk")
    streets.refresh_from_db()
    assert (streets.title, streets.default_branch, streets.description) == ("Streets", "trunk", "")
    event = AuditEvent.objects.get(verb="dataset.updated")
    assert event.facts == {"title": "Streets", "default_branch": "trunk"}


def test_a_dataset_starts_with_its_default_branch():
    create_dataset(
        slug="streets", taxonomy=taxonomy().taxonomy, actor=author(), default_branch="trunk"
    )
    assert Branch.objects.get().name == "trunk"


def test_a_dataset_can_be_deleted_with_all_its_history():
    streets = dataset()
    version = commit_to(streets, names("a", "b", label=put_label("1", {1: 1})))
    other = create_branch(dataset=streets, name="other", head=version, actor=author())
    create_tag(dataset=streets, name="1.0", version=version, actor=author())
    commit_to(streets, names("c"), idempotency_key="k")
    delete_branch(branch=other, actor=author())
    streets.delete()
    assert Version.objects.count() == 0
