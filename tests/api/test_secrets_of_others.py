"""What is not yours is not there: no path, parameter, header or body tells it from what is not.

Every question is asked twice, with the name of something of another's and with a made-up name of
the same form. The answers are equal to the byte, but for that name. Left out is what cannot be
hidden: that the slug which somebody wants is taken, and that somebody who is invited has an
account.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from datasets_app.actions.datasets import create_dataset
from datasets_app.actions.uploads import begin_dataset_upload
from datasets_app.models import Job, JobState, Version
from datasets_app.models.webhook import Delivery
from datasets_app.staging import ImageChange
from datasets_app.webhooks.managing import create_webhook, ping_webhook
from labels_app.actions.pictures import add_picture
from labels_app.actions.taxonomies import create_taxonomy
from people_app.actions.teams import create_team
from store_app.blobs import grant_lease
from store_app.erasure import mark_erased
from tests.api.builders import (
    API,
    CLASSES,
    FIRST,
    World,
    client_of,
    person,
    png,
)
from tests.api.names_of_others import NOTHING, Names, ask, filled, told
from tests.api.one_world import one_storage, one_world, rolled_back
from tests.api.questions import HARMLESS, MINE, NAMING, QUESTIONS
from tests.api.test_rights import TABLE
from tests.datasets_app.builders import commit_to, digest, put_bytes, put_label

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def _blob_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with one_storage(tmp_path_factory.mktemp("blobs")):
        yield


@pytest.fixture(scope="module")
def world(_blob_folder, django_db_setup, django_db_blocker) -> Iterator[World]:
    with one_world(django_db_blocker) as found:
        make_my_dataset()
        yield found


def make_my_dataset() -> Version:
    """Eve, a stranger to "streets", has a dataset and a taxonomy of her own."""
    eve = person("eve")
    taxonomy = create_taxonomy(slug="mine-classes", classes=CLASSES, actor=eve).taxonomy
    dataset = create_dataset(slug="mine", taxonomy=taxonomy, actor=eve)
    first = commit_to(dataset, [ImageChange("a.png", label=put_label("11", {1: 1}))], author=eve)
    again = [ImageChange("a.png", label=put_label("12", {1: 1, 2: 2}))]
    commit_to(dataset, again, message="Again", author=eve)
    return first


@pytest.fixture(scope="module")
def eve(world: World) -> APIClient:
    return client_of("eve")


@pytest.fixture(scope="module")
def theirs(world: World) -> Names:
    """What Ada has."""
    dataset, ada = world.dataset, person("ada")
    erased = put_bytes("gone")
    mark_erased([erased], reason="a judge said so")
    picture = add_picture(taxonomy=dataset.taxonomy, content=png(5, 6), actor=ada)
    webhook = create_webhook(
        dataset=dataset, url="https://example.org/x", events=["tag.created"], actor=ada
    ).webhook
    ping_webhook(webhook=webhook, actor=ada)
    finished = {"digest": digest("archive").hex(), "file_name": "streets.zip"}
    job = Job.objects.create(
        kind="export",
        dataset=dataset,
        requested_by=ada,
        state=JobState.DONE,
        result=finished,
        finished_at=timezone.now(),
    )
    upload = begin_dataset_upload(dataset, size=3, actor=ada)
    client_of("ada")
    return Names(
        dataset="streets",
        taxonomy="streets-classes",
        version=world.ids[0],
        short=world.ids[0][:10],
        photo=entry_of(world, "images"),
        label=put_label(*FIRST).hex(),
        attributes=entry_of(world, "attributes"),
        erased=erased.hex(),
        picture=bytes(picture.digest).hex(),
        job=str(job.pk),
        webhook=str(webhook.pk),
        delivery=str(Delivery.objects.get().pk),
        upload=str(upload.pk),
        lease=str(grant_lease("pull of streets")),
        token=ada.auth_token_set.first().public_id,
        number=f"{dataset.pk:06}",
        person="ada",
        team=create_team(slug="the-crew", actor=ada).slug,
    )


def entry_of(world: World, column: str) -> str:
    row = client_of("ada").post(f"{API}/datasets/streets/pull/", {"version": "v1"}).json()
    place = row["entries"]["names"].index("a.png")
    return row["entries"][column][64 * place :][:64]


WALK = [
    pytest.param(method, path, id=f"{method} {path}")
    for method, path, _ in TABLE
    if "/streets" in path
]


@pytest.mark.parametrize(("method", "path"), WALK)
def test_no_path_tells_a_private_resource_from_none(world, eve, theirs, method, path):
    missing = path.replace("streets", "nothing")
    questions = [(method, {}), ("options", {}), (method, {"Idempotency-Key": "used"})]
    if method == "get":
        etag = client_of("ada").get(path).headers.get("ETag", '"x"')
        sent = ({"If-None-Match": etag}, {"If-None-Match": "*"}, {"Range": "bytes=0-3"})
        questions = [(method, {}), ("head", {}), *((method, headers) for headers in sent)]
    for caller in (APIClient(), eve):
        for asked, headers in questions:
            hidden = ask(caller, asked, path, {}, **headers)
            none = ask(caller, asked, missing, {}, **headers)
            assert hidden.status_code in (401, 404) or asked == "options"
            assert told(hidden, theirs) == told(none, NOTHING)


@pytest.mark.parametrize(
    "question", [pytest.param(row, id=" ".join(map(str, row))[:100]) for row in QUESTIONS]
)
def test_no_name_tells_what_others_have_from_what_nobody_has(eve, theirs, question):
    method, url, body, headers = (*question, {}, {})[:4] if len(question) < 4 else question
    head = eve.get(f"{MINE}/branches/main/").json()["head"]
    answers = [
        told(
            ask(eve, method, *filled((url, body), names, head), **filled(headers, names, head)),
            names,
        )
        for names in (theirs, NOTHING)
    ]
    assert answers[0] == answers[1]


def test_an_archive_by_a_taxonomy_of_others_is_theirs_though_the_dataset_is_public(world, eve):
    ada = client_of("ada")
    entries = {"road": "road", "car": "car", "sky": "sky"}
    body = {"target": "streets-classes", "entries": entries, "message": "x"}
    with rolled_back():
        assert ada.post(f"{API}/taxonomies/parks-classes/mappings/", body).status_code == 201
        asked = {"version": "v1", "format": "coco_panoptic"}
        for taxonomy, status in (("", 200), ("streets-classes", 404)):
            body = {**asked, "taxonomy": taxonomy}
            job = ada.post(f"{API}/datasets/parks/exports/", body).json()["id"]
            result = {"digest": put_bytes("a").hex(), "file_name": "a.zip", "size_bytes": 1}
            Job.objects.filter(pk=job).update(
                state=JobState.DONE, result=result, finished_at=timezone.now()
            )
            assert eve.get(f"{API}/jobs/{job}/download/").status_code == status
            assert ada.get(f"{API}/jobs/{job}/download/").status_code == 200


def test_every_parameter_of_the_api_was_thought_of():
    document = SchemaGenerator().get_schema(request=None, public=True)
    told = {name for operation in operations_of(document) for name in parts_of(document, operation)}
    assert told == NAMING | HARMLESS


def operations_of(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in document["paths"].values():
        yield from operations.values()


def parts_of(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    """Name what an operation takes: in its path, query, headers and body."""
    for parameter in operation.get("parameters", ()):
        yield parameter["name"]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield from members_of(document, content.get("schema", {}), set())


def members_of(document: dict[str, Any], schema: dict[str, Any], seen: set[str]) -> Iterator[str]:
    if (name := schema.get("$ref", "").rpartition("/")[2]) and name not in seen:
        seen.add(name)
        schema = document["components"]["schemas"][name]
    for part in filter(None, (schema.get("items"), *schema.get("allOf", ()))):
        yield from members_of(document, part, seen)
    for name, member in schema.get("properties", {}).items():
        yield name
        yield from members_of(document, member, seen)
