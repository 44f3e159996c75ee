import pytest
from hypothesis import given
from hypothesis import strategies as st

from people_app.actions.roles import grant_role, revoke_role
from people_app.errors import LastAdmin, UnknownRole
from people_app.models import AuditEvent, Membership
from people_app.roles import Role
from tests.people_app.builders import person

pytestmark = pytest.mark.django_db

LADDERS = {kind: Role.of_kind(kind) for kind in ("dataset", "taxonomy")}
roles = st.sampled_from(LADDERS["dataset"])


def test_each_kind_of_resource_has_its_ladder():
    assert LADDERS == {
        "dataset": ("reader", "annotator", "reviewer", "admin"),
        "taxonomy": ("reader", "curator", "owner"),
    }


@pytest.mark.parametrize("kind", list(LADDERS))
def test_ranks_follow_the_ladder(kind):
    assert [role.rank for role in LADDERS[kind]] == list(range(len(LADDERS[kind])))


def test_roles_of_two_ladders_say_nothing_about_each_other():
    assert not Role.ADMIN.covers(Role.CURATOR)
    assert not Role.OWNER.covers(Role.ANNOTATOR)
    assert Role.OWNER.covers(Role.READER)


@given(roles, roles, roles)
def test_covering_is_a_total_order(a, b, c):
    assert a.covers(b) or b.covers(a)
    assert not (a.covers(b) and b.covers(a)) or a == b
    assert not (a.covers(b) and b.covers(c)) or a.covers(c)


def test_a_role_of_another_kind_of_resource_is_refused():
    ada, streets = person("ada"), person("streets")
    with pytest.raises(UnknownRole, match="a user has the roles reader"):
        grant_role(user=ada, resource=streets, role=Role.OWNER, actor=None)


@given(roles, roles)
def test_at_least_lists_what_covers_a_role(a, b):
    assert (a in Role.at_least(b)) == a.covers(b)


def test_a_role_is_found_on_its_resource_only():
    # Any model object can be a resource; two users stand for two datasets here.
    ada, streets, fields = person("ada"), person("streets"), person("fields")
    grant_role(user=ada, resource=streets, role=Role.REVIEWER, actor=None)
    assert Membership.objects.role_of(ada, "user", streets.pk) == Role.REVIEWER
    assert Membership.objects.role_of(ada, "user", fields.pk) is None
    assert Membership.objects.role_of(ada, "dataset", streets.pk) is None


def test_resources_are_listed_by_the_role_that_is_needed(django_assert_num_queries):
    ada, one, two = person("ada"), person("one"), person("two")
    grant_role(user=ada, resource=one, role=Role.READER, actor=None)
    grant_role(user=ada, resource=two, role=Role.ADMIN, actor=None)
    people = type(ada).objects.order_by("pk")
    with django_assert_num_queries(2):
        readable = people.filter(pk__in=Membership.objects.resources_of(ada, "user"))
        assert list(readable) == [one, two]
        writable = Membership.objects.resources_of(ada, "user", at_least=Role.ANNOTATOR)
        assert list(people.filter(pk__in=writable)) == [two]


def test_who_is_not_signed_in_or_not_active_has_no_role():
    from django.contrib.auth.models import AnonymousUser

    gone, streets = person("gone"), person("streets")
    grant_role(user=gone, resource=streets, role=Role.ADMIN, actor=None)
    gone.is_active = False
    for user in (gone, AnonymousUser()):
        assert not Membership.objects.resources_of(user, "user").exists()
        assert Membership.objects.role_of(user, "user", streets.pk) is None


def test_a_second_grant_takes_the_place_of_the_first():
    ada, bob, streets = person("ada"), person("bob"), person("streets")
    grant_role(user=ada, resource=streets, role=Role.READER, actor=bob)
    grant_role(user=ada, resource=streets, role=Role.REVIEWER, actor=bob)
    assert Membership.objects.get(user=ada).role == Role.REVIEWER
    assert AuditEvent.objects.last().facts == {
        "user": "ada",
        "role": "reviewer",
        "before": "reader",
    }


def test_granting_the_role_that_one_has_is_no_event():
    ada, streets = person("ada"), person("streets")
    grant_role(user=ada, resource=streets, role=Role.READER, actor=None)
    grant_role(user=ada, resource=streets, role=Role.READER, actor=None)
    assert AuditEvent.objects.count() == 1


def test_the_last_admin_can_neither_step_down_nor_leave():
    ada, streets = person("ada"), person("streets")
    grant_role(user=ada, resource=streets, role=Role.ADMIN, actor=None)
    with pytest.raises(LastAdmin, match="ada is the last admin of user"):
        grant_role(user=ada, resource=streets, role=Role.READER, actor=ada)
    with pytest.raises(LastAdmin):
        revoke_role(user=ada, resource=streets, actor=ada)
    assert Membership.objects.role_of(ada, "user", streets.pk) == Role.ADMIN


def test_one_of_two_admins_may_leave():
    ada, bob, streets = person("ada"), person("bob"), person("streets")
    for user in (ada, bob):
        grant_role(user=user, resource=streets, role=Role.ADMIN, actor=None)
    assert revoke_role(user=ada, resource=streets, actor=ada)
    assert not revoke_role(user=ada, resource=streets, actor=ada)
    assert AuditEvent.objects.filter(verb="role.revoked").count() == 1
