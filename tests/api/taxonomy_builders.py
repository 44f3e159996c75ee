"""The draft of "streets-classes" through the API, as curators edit it."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from people_app.actions.roles import grant_role
from people_app.roles import Role
from tests.api.builders import API, World, client_of, person

TAXONOMIES = f"{API}/taxonomies/"
STREETS = f"{TAXONOMIES}streets-classes"
DRAFT = f"{STREETS}/draft/"


def member_of_taxonomy(world: World, name: str, role: Role) -> APIClient:
    """A client of somebody with this role in the taxonomy."""
    grant_role(user=person(name), resource=world.dataset.taxonomy, role=role, actor=None)
    return client_of(name)


def edit(client: APIClient, *operations: Any, draft: str = DRAFT) -> dict[str, Any]:
    """Apply operations to the draft as it is, and return it."""
    response = try_edit(client, *operations, draft=draft)
    assert response.status_code == 200, response.content
    return response.json()


def try_edit(client: APIClient, *operations: Any, draft: str = DRAFT, seen: Any = None) -> Any:
    """Apply operations to the draft, and return the answer."""
    revision = client.get(draft).json()["revision"] if seen is None else seen
    body = {"expected_revision": revision, "operations": list(operations)}
    return client.post(f"{draft}operations/", body)


def publish(client: APIClient, *operations: Any, draft: str = DRAFT, **fields: Any) -> Any:
    """Edit the draft and publish it; return the answer."""
    if operations:
        edit(client, *operations, draft=draft)
    revision = client.get(draft).json()["revision"]
    return client.post(
        f"{draft}publish/", {"expected_revision": revision, "message": "Better", **fields}
    )


def by_name(draft: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The live classes of a draft or a version by their names."""
    return {row["name"]: row for row in draft["classes"] if not row["retired"]}


def by_id(draft: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """All classes of a draft or a version by their ids."""
    return {row["id"]: row for row in draft["classes"]}
