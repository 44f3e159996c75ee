"""The API keeps what its OpenAPI document promises, to whatever is made from that document.

`make fuzz` makes far more of the same against a server of its own.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from schemathesis.config import SchemathesisConfig

from people_app.actions.tokens import create_token
from tests.api.builders import World, person
from tests.api.one_world import one_connection, one_storage, one_world, rolled_back

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"
THERE = {
    "path.rev": "main~1",
    "path.spec": "v1..v3",
    "path.name": "main",
    "path.number": 1,
    "path.class_id": 1,
    "path.segment_id": 1,
    "path.username": "ada",
    "path.target": "streets-classes",
}
SLUGS = {"datasets": "streets", "taxonomies": "streets-classes"}


def contract(phases: dict[str, Any], examples: int) -> Any:
    """The document, and how much is made from it."""
    config = {
        "seed": 1,
        # Paths that lead somewhere: others are 404, which tests of names and numbers see to.
        "parameters": THERE,
        "operations": [
            {"include-path-regex": f"/{kind}/.slug", "parameters": {"path.slug": slug}}
            for kind, slug in SLUGS.items()
        ],
        # Whether a request that fits is accepted is for the other tests to say: most name what
        # is not there. Headers and members that are not in the document are let pass.
        "checks": {
            name: {"enabled": False}
            for name in (
                "positive_data_acceptance",
                "negative_data_rejection",
                "missing_required_header",
                "use_after_free",
            )
        },
        "phases": phases,
        "generation": {"max-examples": examples, "deterministic": True, "no-shrink": True},
    }
    found = schemathesis.openapi.from_path(DOCUMENT, config=SchemathesisConfig.from_dict(config))
    found.app = get_wsgi_application()
    return found


everything = contract({}, examples=5)


@pytest.fixture(scope="module")
def _blob_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with one_storage(tmp_path_factory.mktemp("blobs")), one_connection():
        yield


@pytest.fixture(scope="module")
def world(_blob_folder, django_db_setup, django_db_blocker) -> Iterator[World]:
    with one_world(django_db_blocker) as found:
        yield found


@pytest.fixture(scope="module")
def token(world: World) -> dict[str, str]:
    return {"Authorization": f"Token {create_token(user=person('ada')).secret}"}


@everything.parametrize()
def test_an_admin_is_answered_as_promised(token, case):
    with rolled_back():
        case.call_and_validate(headers=token)
