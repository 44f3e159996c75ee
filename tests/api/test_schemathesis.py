"""The API keeps what its OpenAPI document promises, to whatever is made from that document.

An eighth of what covers the document is asked, and a few requests by chance. For a long run say
TESSERA_FUZZ_EXAMPLES=500: then all of the first, and so many by chance of each operation.
"""

import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from schemathesis.config import SchemathesisConfig

from datasets_app.actions.uploads import begin_dataset_upload
from datasets_app.models import Job, JobState
from datasets_app.models.webhook import Delivery, Webhook
from datasets_app.webhooks.managing import create_webhook, ping_webhook
from labels_app.actions.pictures import add_picture
from people_app.actions.teams import create_team
from people_app.actions.tokens import create_token
from store_app.models import Upload
from tests.api.builders import World, person, png
from tests.api.one_world import one_connection, one_storage, one_world, rolled_back

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

EXAMPLES = int(os.environ.get("TESSERA_FUZZ_EXAMPLES", "3"))
SHARE = 1 if "TESSERA_FUZZ_EXAMPLES" in os.environ else 8
DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"
UPLOAD, JOB, WEBHOOK, DELIVERY = (f"10000000-0000-4000-8000-00000000000{n}" for n in range(4))
# Paths that lead somewhere: others are 404, which the tests of names and numbers see to.
THERE = {
    "path.rev": "main~1",
    "path.spec": "v1..v3",
    "path.name": "main",
    "path.number": 1,
    "path.class_id": 1,
    "path.segment_id": 1,
    "path.username": "ada",
    "path.team": "crew",
    "path.target": "streets-classes",
    "path.upload_id": UPLOAD,
    "path.job_id": JOB,
    "path.webhook_id": WEBHOOK,
    "path.delivery_id": DELIVERY,
    "path.digest": hashlib.sha256(png(3, 4)).hexdigest(),
}
SLUGS = {"datasets": "streets", "taxonomies": "streets-classes", "teams": "crew"}
# Whether a request that fits is accepted is for other tests to say: most name what is not there.
# Headers and members that the document does not know are let pass. `use_after_free` would
# look for things that were rolled back.
NOT_ASKED = (
    "positive_data_acceptance",
    "negative_data_rejection",
    "missing_required_header",
    "use_after_free",
)


def contract(**phases: bool) -> Any:
    """The document, and what is made from it."""
    config = {
        "seed": 1,
        "parameters": THERE,
        "operations": [
            # It is not there for whom it is not for, whatever they ask.
            {"include-path": "/metrics", "checks": {"unsupported_method": {"enabled": False}}},
            *(
                {"include-path-regex": f"/{kind}/.slug", "parameters": {"path.slug": slug}}
                for kind, slug in SLUGS.items()
            ),
        ],
        "checks": {name: {"enabled": False} for name in NOT_ASKED},
        "phases": {
            **{name: {"enabled": enabled} for name, enabled in phases.items()},
            "coverage": {
                "enabled": phases.get("coverage", True),
                "unexpected-methods": ["DELETE", "TRACE"],
            },
        },
        "generation": {"max-examples": EXAMPLES, "deterministic": True, "no-shrink": True},
    }
    found = schemathesis.openapi.from_path(DOCUMENT, config=SchemathesisConfig.from_dict(config))
    found.app = get_wsgi_application()
    return found


schemathesis.serializer.alias(
    ["application/x-tessera-pack", "application/offset+octet-stream"], "application/octet-stream"
)
# Made when they are wanted: all requests that cover the document take ten seconds to collect.
everything = schemathesis.pytest.from_fixture("all_requests")
whatever = schemathesis.pytest.from_fixture("requests_by_chance")


@pytest.fixture(scope="module")
def _blob_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with one_storage(tmp_path_factory.mktemp("blobs")), one_connection():
        yield


@pytest.fixture(scope="module")
def world(_blob_folder, django_db_setup, django_db_blocker) -> Iterator[World]:
    with one_world(django_db_blocker) as found:
        furnish(found)
        yield found


def furnish(world: World) -> None:
    """Put there what `THERE` names."""
    ada, streets = person("ada"), world.dataset
    create_team(slug="crew", actor=ada)
    add_picture(taxonomy=streets.taxonomy, content=png(3, 4), actor=ada)
    Job.objects.create(
        id=JOB, kind="export", dataset=streets, requested_by=ada, state=JobState.FAILED
    )
    upload = begin_dataset_upload(streets, size=3, actor=ada)
    Upload.objects.filter(pk=upload.pk).update(id=UPLOAD)
    made = create_webhook(dataset=streets, url="https://example.org/x", events=[], actor=ada)
    Webhook.objects.filter(pk=made.webhook.pk).update(id=WEBHOOK)
    ping_webhook(webhook=Webhook.objects.get(), actor=ada)
    Delivery.objects.update(id=DELIVERY)


@pytest.fixture(autouse=True)
def _node_id(request: pytest.FixtureRequest) -> None:
    # schemathesis 4.32 asks for it, and pytest 9.2 calls it otherwise.
    if not hasattr(request.node, "_nodeid"):
        request.node._nodeid = request.node.nodeid


@pytest.fixture(scope="module")
def all_requests() -> Any:
    return contract()


@pytest.fixture(scope="module")
def requests_by_chance() -> Any:
    return contract(examples=False, coverage=False)


@pytest.fixture(scope="module")
def token(world: World) -> dict[str, str]:
    return {"Authorization": f"Token {create_token(user=person('ada')).secret}"}


@everything.parametrize()
def test_an_admin_is_answered_as_promised(token, case):
    if is_chosen(case):
        with rolled_back():
            case.call_and_validate(headers=token)


@whatever.parametrize()
def test_anybody_is_answered_as_promised(world, case):
    if is_chosen(case):
        with rolled_back():
            case.call_and_validate()


def is_chosen(case: Any) -> bool:
    """Choose every fourth request, and in each run the same ones."""
    said = (case.method, case.path_parameters, case.query, case.headers, case.body)
    return zlib.crc32(repr(said).encode()) % SHARE == 0
