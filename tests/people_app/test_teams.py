"""Teams: what they give, who is in them, and what goes when they or their people go."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from people_app.actions.roles import (
    grant_role,
    grant_team_role,
    revoke_role,
    revoke_team_role,
)
from people_app.actions.teams import (
    create_team,
    delete_team,
    remove_team_member,
    set_team_member,
    update_team,
)
from people_app.errors import (
    InvalidTeam,
    LastAdmin,
    LastMaintainer,
    TeamExists,
    TeamIsGone,
    UnknownRole,
)
from people_app.models import AuditEvent, Membership, Team, TeamMember, User
from people_app.roles import Role, TeamRole
from tests.people_app.builders import crew, person

pytestmark = pytest.mark.django_db

MEMBER, MAINTAINER = TeamRole.MEMBER, TeamRole.MAINTAINER
DATASET_ROLES = Role.of_kind("dataset")


def role_of(user: User, resource: User) -> Role | None:
    # Any model object can be a resource; users stand for datasets here.
    return Membership.objects.role_of(user, "user", resource.pk)


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("pk")


# What a team gives


def test_everybody_in_a_team_has_its_role():
    ada, bob, eve, streets = (person(name) for name in ("ada", "bob", "eve", "streets"))
    team = crew(ada, bob)
    grant_team_role(team=team, resource=streets, role=Role.ANNOTATOR, actor=None)
    assert role_of(ada, streets) == role_of(bob, streets) == Role.ANNOTATOR
    assert role_of(eve, streets) is None


def test_a_role_of_a_team_is_on_its_resource_only():
    ada, streets, fields = person("ada"), person("streets"), person("fields")
    grant_team_role(team=crew(ada), resource=streets, role=Role.ADMIN, actor=None)
    assert role_of(ada, fields) is None
    assert Membership.objects.role_of(ada, "dataset", streets.pk) is None
    assert list(Membership.objects.resources_of(ada, "user")) == [streets.pk]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    own=st.sampled_from([None, *DATASET_ROLES]),
    theirs=st.lists(st.sampled_from(DATASET_ROLES), max_size=3),
)
def test_the_highest_of_ones_own_and_the_teams_roles_counts(own, theirs):
    with transaction.atomic():
        ada, other, streets = person("ada"), person("other"), person("streets")
        if own is not None:
            grant_role(user=ada, resource=streets, role=own, actor=None)
        grant_role(user=other, resource=streets, role=Role.ADMIN, actor=None)
        for number, role in enumerate(theirs):
            team = crew(ada, slug=f"crew-{number}")
            grant_team_role(team=team, resource=streets, role=role, actor=None)
        everything = [role for role in (own, *theirs) if role is not None]
        highest = max(everything, key=DATASET_ROLES.index, default=None)
        assert role_of(ada, streets) == highest
        for role in DATASET_ROLES:
            found = Membership.objects.resources_of(ada, "user", at_least=role)
            assert (streets.pk in found) == (highest is not None and highest.covers(role))
        transaction.set_rollback(True)


def test_a_resource_that_one_has_in_two_ways_is_listed_once():
    ada, streets = person("ada"), person("streets")
    grant_role(user=ada, resource=streets, role=Role.READER, actor=None)
    grant_team_role(team=crew(ada), resource=streets, role=Role.READER, actor=None)
    mine = Membership.objects.resources_of(ada, "user")
    assert list(User.objects.filter(pk__in=mine)) == [streets]


def test_roles_by_teams_take_no_query_more(django_assert_num_queries):
    ada, streets = person("ada"), person("streets")
    grant_team_role(team=crew(ada), resource=streets, role=Role.READER, actor=None)
    with django_assert_num_queries(1):
        assert role_of(ada, streets) == Role.READER
    with django_assert_num_queries(1):
        assert Membership.objects.roles_on(ada, "user", [1, streets.pk]) == {streets.pk: "reader"}
    with django_assert_num_queries(1):
        mine = Membership.objects.resources_of(ada, "user")
        assert list(User.objects.filter(pk__in=mine)) == [streets]


def test_who_leaves_a_team_loses_what_it_gave_at_once():
    ada, bob, streets = person("ada"), person("bob"), person("streets")
    team = crew(ada, bob)
    grant_team_role(team=team, resource=streets, role=Role.REVIEWER, actor=None)
    grant_role(user=bob, resource=streets, role=Role.READER, actor=None)
    assert role_of(bob, streets) == Role.REVIEWER
    assert remove_team_member(team=team, user=bob, actor=ada)
    assert role_of(bob, streets) == Role.READER


def test_who_is_not_active_has_nothing_by_a_team():
    ada, streets = person("ada"), person("streets")
    grant_team_role(team=crew(ada), resource=streets, role=Role.ADMIN, actor=None)
    ada.is_active = False
    for user in (ada, AnonymousUser()):
        assert role_of(user, streets) is None
        assert not Membership.objects.resources_of(user, "user").exists()
        assert not Team.objects.visible_to(user).exists()


def test_an_operator_has_the_highest_role_while_they_are_active(django_assert_num_queries):
    root, streets = person("root", is_superuser=True), person("streets")
    with django_assert_num_queries(0):
        assert role_of(root, streets) == Role.ADMIN
        assert Membership.objects.role_of(root, "taxonomy", 1) == Role.OWNER
    root.is_active = False
    assert role_of(root, streets) is None


def test_a_second_grant_to_a_team_takes_the_place_of_the_first():
    ada, streets = person("ada"), person("streets")
    team = crew(ada)
    grant_team_role(team=team, resource=streets, role=Role.ADMIN, actor=ada)
    grant_team_role(team=team, resource=streets, role=Role.READER, actor=ada)
    assert role_of(ada, streets) == Role.READER
    assert last_event().facts == {"team": "crew", "role": "reader", "before": "admin"}


def test_taking_a_role_from_a_team_is_recorded_once():
    ada, streets = person("ada"), person("streets")
    team = crew(ada)
    grant_team_role(team=team, resource=streets, role=Role.ADMIN, actor=ada)
    assert revoke_team_role(team=team, resource=streets, actor=ada)
    assert not revoke_team_role(team=team, resource=streets, actor=ada)
    assert [event.facts for event in AuditEvent.objects.filter(verb="role.revoked")] == [
        {"team": "crew", "before": "admin"}
    ]


def test_a_team_has_the_roles_of_the_ladder():
    with pytest.raises(UnknownRole):
        grant_team_role(
            team=crew(person("ada")), resource=person("streets"), role=Role.OWNER, actor=None
        )


@pytest.mark.parametrize("both", [True, False])
def test_a_role_is_of_a_person_or_of_a_team(both):
    ada = person("ada")
    holder = {"user": ada, "team": crew(ada)} if both else {}
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(**holder, resource_kind="user", resource_id=1, role="reader")


def test_a_team_has_one_role_on_a_resource():
    fields = {"team": crew(person("ada")), "resource_kind": "user", "resource_id": 1}
    Membership.objects.create(**fields, role="reader")
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(**fields, role="admin")


# A resource keeps an admin


def test_a_team_is_never_the_last_admin_of_a_resource():
    ada, bob, streets = person("ada"), person("bob"), person("streets")
    grant_role(user=ada, resource=streets, role=Role.ADMIN, actor=None)
    grant_team_role(team=crew(bob), resource=streets, role=Role.ADMIN, actor=None)
    with pytest.raises(LastAdmin, match="ada is the last admin"):
        revoke_role(user=ada, resource=streets, actor=bob)


def test_who_is_admin_by_a_team_can_name_themselves_and_let_the_last_one_go():
    ada, bob, streets = person("ada"), person("bob"), person("streets")
    grant_role(user=ada, resource=streets, role=Role.ADMIN, actor=None)
    grant_team_role(team=crew(bob), resource=streets, role=Role.ADMIN, actor=None)
    grant_role(user=bob, resource=streets, role=Role.ADMIN, actor=bob)
    assert revoke_role(user=ada, resource=streets, actor=bob)


def test_a_team_may_lose_its_admin_role_whoever_is_in_it():
    ada, bob, streets = person("ada"), person("bob"), person("streets")
    grant_role(user=ada, resource=streets, role=Role.ADMIN, actor=None)
    team = crew(bob)
    grant_team_role(team=team, resource=streets, role=Role.ADMIN, actor=ada)
    assert grant_team_role(team=team, resource=streets, role=Role.READER, actor=ada)
    assert revoke_team_role(team=team, resource=streets, actor=ada)


def test_an_admin_who_was_deactivated_does_not_let_the_last_active_one_go():
    ada, gone, streets = person("ada"), person("gone"), person("streets")
    for user in (ada, gone):
        grant_role(user=user, resource=streets, role=Role.ADMIN, actor=None)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    with pytest.raises(LastAdmin):
        grant_role(user=ada, resource=streets, role=Role.READER, actor=ada)
    assert revoke_role(user=gone, resource=streets, actor=ada)


# Making a team and saying who is in it


def test_who_makes_a_team_maintains_it():
    ada = person("ada")
    team = create_team(slug="crew", actor=ada, name=" Night crew ", description="Labels nights")
    assert team.role_of(ada) == MAINTAINER
    assert team.name == "Night crew"
    event = last_event()
    assert (event.verb, event.line_kind, event.line_id) == ("team.created", "team", str(team.pk))
    assert (event.facts["slug"], event.facts["maintainer"]) == ("crew", "ada")


def test_the_slug_of_a_team_is_taken_once():
    ada, bob = person("ada"), person("bob")
    create_team(slug="crew", actor=ada)
    with pytest.raises(TeamExists, match="crew"):
        create_team(slug="crew", actor=bob)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("slug", "a b"),
        ("slug", ""),
        ("slug", "x" * 101),
        ("name", "x" * 201),
        ("name", "two\nlines"),
        ("name", "half \ud800"),
        ("description", "nul \x00"),
        ("description", "half \udfff"),
        ("description", "x" * 10_001),
    ],
)
def test_what_no_database_or_list_takes_is_refused(field, text):
    with pytest.raises(InvalidTeam) as refused:
        create_team(**{"slug": "crew", "actor": person("ada"), field: text})
    assert refused.value.field == field


def test_what_is_said_about_a_team_changes_and_what_stays_is_no_event():
    ada = person("ada")
    team = create_team(slug="crew", actor=ada, name="Crew")
    team = update_team(team=team, actor=ada, name="Crew", description="at\nnight")
    assert (team.name, team.description) == ("Crew", "at\nnight")
    assert (last_event().verb, last_event().facts) == ("team.updated", {"description": "at\nnight"})
    update_team(team=team, actor=ada, name="Crew")
    assert AuditEvent.objects.filter(verb="team.updated").count() == 1


def test_coming_changing_and_leaving_are_told_in_the_line_of_the_team():
    ada, bob = person("ada"), person("bob")
    team = crew(ada, bob)
    set_team_member(team=team, user=bob, role=MAINTAINER, actor=ada)
    set_team_member(team=team, user=bob, role=MAINTAINER, actor=ada)
    remove_team_member(team=team, user=bob, actor=bob)
    line = AuditEvent.objects.filter(line_kind="team", line_id=str(team.pk)).order_by("pk")
    assert [(event.verb, event.facts.get("role")) for event in line] == [
        ("team.created", None),
        ("team.member_added", "member"),
        ("team.member_changed", "maintainer"),
        ("team.member_removed", None),
    ]
    assert not remove_team_member(team=team, user=bob, actor=bob)


def test_the_last_maintainer_neither_steps_down_nor_leaves():
    ada, bob = person("ada"), person("bob")
    team = crew(ada, bob)
    with pytest.raises(LastMaintainer, match="ada is the last maintainer of team crew"):
        set_team_member(team=team, user=ada, role=MEMBER, actor=ada)
    with pytest.raises(LastMaintainer):
        remove_team_member(team=team, user=ada, actor=ada)
    set_team_member(team=team, user=bob, role=MAINTAINER, actor=ada)
    assert remove_team_member(team=team, user=ada, actor=ada)


def test_a_maintainer_who_was_deactivated_maintains_nothing():
    ada, gone = person("ada"), person("gone")
    team = crew(ada)
    set_team_member(team=team, user=gone, role=MAINTAINER, actor=ada)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    with pytest.raises(LastMaintainer):
        remove_team_member(team=team, user=ada, actor=ada)
    assert remove_team_member(team=team, user=gone, actor=ada)


# Deleting a team


def test_a_team_that_is_deleted_takes_its_roles_with_it_and_each_resource_is_told():
    ada, streets, fields = person("ada"), person("streets"), person("fields")
    team = crew(ada)
    for resource in (streets, fields):
        grant_team_role(team=team, resource=resource, role=Role.ANNOTATOR, actor=None)
    delete_team(team=team, actor=ada)
    assert role_of(ada, streets) is None
    assert not Team.objects.exists()
    assert not TeamMember.objects.exists()
    assert not Membership.objects.exists()
    told = AuditEvent.objects.filter(verb="role.revoked", facts__because="team.deleted")
    assert {event.object_id for event in told} == {str(streets.pk), str(fields.pk)}
    assert (last_event().verb, last_event().facts["members"]) == ("team.deleted", ["ada"])


def test_nothing_can_be_done_with_a_team_that_is_gone():
    ada, streets = person("ada"), person("streets")
    team = crew(ada)
    delete_team(team=Team.objects.get(), actor=ada)
    for act in (
        lambda: update_team(team=team, actor=ada, name="New"),
        lambda: set_team_member(team=team, user=ada, role=MEMBER, actor=ada),
        lambda: remove_team_member(team=team, user=ada, actor=ada),
        lambda: delete_team(team=team, actor=ada),
        lambda: grant_team_role(team=team, resource=streets, role=Role.READER, actor=ada),
    ):
        with pytest.raises(TeamIsGone):
            act()
