"""Who sees a team, what happened in it, and who has a role by it."""

import pytest

from people_app.actions.roles import grant_role, grant_team_role
from people_app.actions.teams import set_team_member
from people_app.audit_listing import visible_events
from people_app.models import AuditEvent, Membership, Team, TeamMember, User
from people_app.roles import Role, TeamRole
from tests.people_app.builders import crew, person

pytestmark = pytest.mark.django_db


def test_a_team_is_seen_by_who_is_in_it_and_by_operators():
    ada, bob, eve = person("ada"), person("bob"), person("eve")
    root = person("root", is_superuser=True)
    team = crew(ada, bob)
    for user in (ada, bob, root):
        assert list(Team.objects.visible_to(user)) == [team]
    assert not Team.objects.visible_to(eve).exists()


@pytest.mark.parametrize(
    ("role", "sees"), [(Role.READER, False), (Role.REVIEWER, False), (Role.ADMIN, True)]
)
def test_a_team_is_seen_by_the_admins_of_what_it_has_a_role_on(role, sees):
    ada, eve, streets, fields = (person(name) for name in ("ada", "eve", "streets", "fields"))
    team = crew(ada)
    grant_role(user=eve, resource=streets, role=role, actor=None)
    grant_role(user=eve, resource=fields, role=Role.ADMIN, actor=None)
    assert not Team.objects.visible_to(eve).exists()
    grant_team_role(team=team, resource=streets, role=Role.READER, actor=None)
    assert Team.objects.visible_to(eve).exists() == sees
    assert team.role_of(eve) is None


def test_an_admin_of_a_resource_of_another_kind_does_not_see_the_team():
    ada, eve, streets = person("ada"), person("eve"), person("streets")
    team = crew(ada)
    grant_role(user=eve, resource=streets, role=Role.ADMIN, actor=None)
    Membership.objects.create(
        team=team, resource_kind="dataset", resource_id=streets.pk, role=Role.READER
    )
    assert not Team.objects.visible_to(eve).exists()


def test_who_governs_through_a_team_sees_the_other_teams():
    ada, bob, streets = person("ada"), person("bob"), person("streets")
    first, second = crew(ada, slug="first"), crew(bob, slug="second")
    grant_team_role(team=first, resource=streets, role=Role.ADMIN, actor=None)
    grant_team_role(team=second, resource=streets, role=Role.READER, actor=None)
    assert list(Team.objects.visible_to(ada)) == [first, second]
    assert list(Team.objects.visible_to(bob)) == [second]


def test_maintainers_read_the_line_of_their_team_in_the_log():
    ada, bob, eve = person("ada"), person("bob"), person("eve")
    team = crew(ada, bob)
    assert {event.verb for event in visible_events(ada)} == {"team.created", "team.member_added"}
    assert not visible_events(bob).exists()
    set_team_member(team=team, user=eve, role=TeamRole.MAINTAINER, actor=ada)
    assert visible_events(eve).count() == 3


def test_admins_by_a_team_read_the_line_of_the_resource_in_the_log():
    ada, bob, streets = person("ada"), person("bob"), person("streets")
    grant_team_role(team=crew(bob), resource=streets, role=Role.ADMIN, actor=ada)
    Membership.objects.update(resource_kind="dataset")
    AuditEvent.objects.bulk_create(
        [AuditEvent(actor=ada, verb="tag.created", line_kind="dataset", line_id=str(streets.pk))]
    )
    assert "tag.created" in {event.verb for event in visible_events(bob)}


def test_people_are_listed_once_for_each_way_in_which_they_have_a_role():
    ada, bob, gone, streets = (person(name) for name in ("ada", "bob", "gone", "streets"))
    grant_role(user=ada, resource=streets, role=Role.ADMIN, actor=None)
    grant_team_role(team=crew(ada, bob, gone), resource=streets, role=Role.READER, actor=None)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    rows = Membership.objects.people_on("user", streets.pk)
    assert sorted(
        (row.username, row.role, row.team_slug or "by name") for row in rows.order_by("pk")
    ) == [
        ("ada", "admin", "by name"),
        ("ada", "reader", "crew"),
        ("bob", "reader", "crew"),
    ]


def test_a_team_with_nobody_in_it_gives_nobody_a_role():
    ada, streets = person("ada"), person("streets")
    team = crew(ada)
    grant_team_role(team=team, resource=streets, role=Role.ADMIN, actor=None)
    TeamMember.objects.all().delete()
    assert not Membership.objects.people_on("user", streets.pk).exists()
    assert Membership.objects.role_of(ada, "user", streets.pk) is None
