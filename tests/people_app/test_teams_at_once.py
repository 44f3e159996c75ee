"""Teams that several people change at the same moment."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from people_app.actions.roles import grant_role, grant_team_role, revoke_role
from people_app.actions.teams import (
    create_team,
    delete_team,
    remove_team_member,
    set_team_member,
)
from people_app.errors import LastAdmin, LastMaintainer, RightsError, TeamIsGone
from people_app.models import AuditEvent, Membership, TeamMember
from people_app.roles import Role, TeamRole
from tests.people_app.builders import person

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], Any]) -> list[type[RightsError]]:
    """Do all acts, each in a thread, and return what was refused."""
    together, refused, failures = threading.Barrier(len(acts)), [], []

    def do(act):
        try:
            together.wait()
            act()
        except RightsError as error:
            refused.append(type(error))
        except Exception as error:  # noqa: BLE001 (a thread's errors would be lost)
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return refused


def test_of_two_maintainers_who_leave_at_once_one_stays():
    ada, bob = person("ada"), person("bob")
    team = create_team(slug="crew", actor=ada)
    set_team_member(team=team, user=bob, role=TeamRole.MAINTAINER, actor=ada)
    refused = at_once(
        lambda: remove_team_member(team=team, user=ada, actor=ada),
        lambda: remove_team_member(team=team, user=bob, actor=bob),
    )
    assert refused == [LastMaintainer]
    assert TeamMember.objects.get().role == TeamRole.MAINTAINER


def test_of_two_admins_who_leave_at_once_one_stays():
    ada, bob, streets = person("ada"), person("bob"), person("streets")
    for user in (ada, bob):
        grant_role(user=user, resource=streets, role=Role.ADMIN, actor=None)
    refused = at_once(
        lambda: revoke_role(user=ada, resource=streets, actor=ada),
        lambda: revoke_role(user=bob, resource=streets, actor=bob),
    )
    assert refused == [LastAdmin]
    assert Membership.objects.get().role == Role.ADMIN


def test_a_team_that_is_deleted_while_it_is_given_roles_leaves_none():
    ada = person("ada")
    team = create_team(slug="crew", actor=ada)
    resources = [person(f"streets-{number}") for number in range(4)]
    grants = [
        lambda resource=resource: grant_team_role(
            team=team, resource=resource, role=Role.READER, actor=ada
        )
        for resource in resources
    ]
    refused = at_once(*grants, lambda: delete_team(team=team, actor=ada))
    assert set(refused) <= {TeamIsGone}
    assert not Membership.objects.exists()
    verbs = list(AuditEvent.objects.filter(verb__startswith="role.").values_list("verb", flat=True))
    assert verbs.count("role.granted") == verbs.count("role.revoked") == 4 - len(refused)
