"""What is not yours is not there: no path, parameter, header or body tells it from what is not.

Every question is asked twice, with the name of something of another's and with a made-up name of
the same form. The answers are equal to the byte, but for that name.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from datasets_app.actions.datasets import create_dataset
from datasets_app.actions.uploads import begin_dataset_upload
from datasets_app.models import Job, JobState, Version
from datasets_app.models.webhook import Delivery
from datasets_app.staging import ImageChange
from datasets_app.webhooks.managing import create_webhook, ping_webhook
from labels_app.actions.pictures import add_picture
from labels_app.actions.taxonomies import create_taxonomy
from people_app.models import AuditEvent
from store_app.blobs import grant_lease
from store_app.erasure import mark_erased
from tests.api.builders import (
    API,
    CLASSES,
    FIRST,
    SECOND,
    World,
    client_of,
    person,
    png,
)
from tests.api.one_world import one_storage, one_world, rolled_back
from tests.api.test_rights import NOBODY, TABLE
from tests.datasets_app.builders import commit_to, digest, put_bytes, put_label

pytestmark = pytest.mark.django_db

MINE = f"{API}/datasets/mine"
MY_CLASSES = f"{API}/taxonomies/mine-classes"
OF_A_REQUEST = ("X-Request-ID", "Date", "Content-Length")


class Names(NamedTuple):
    """Names of things. Those of one form are as long as each other."""

    dataset: str
    taxonomy: str
    version: str
    short: str
    photo: str
    label: str
    attributes: str
    erased: str
    picture: str
    job: str
    webhook: str
    delivery: str
    upload: str
    lease: str
    token: str
    number: str
    person: str


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
        photo=entry_of(world, "image"),
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
    )


def entry_of(world: World, field: str) -> str:
    row = client_of("ada").post(f"{API}/datasets/streets/pull/", {"version": "v1"}).json()
    return next(entry[field] for entry in row["entries"] if entry["name"] == "a.png")


NOTHING = Names(
    dataset="nothing",
    taxonomy="nothing-classes",
    version="0123456789abcdef" * 4,
    short="0123456789",
    photo="1" * 64,
    label="2" * 64,
    attributes="3" * 64,
    erased="4" * 64,
    picture="5" * 64,
    job="10000000-0000-4000-8000-000000000001",
    webhook="10000000-0000-4000-8000-000000000002",
    delivery="10000000-0000-4000-8000-000000000003",
    upload="10000000-0000-4000-8000-000000000004",
    lease="10000000-0000-4000-8000-000000000005",
    token="0123456789abcdef",
    number="999999",
    person="nil",
)


def told(response: Any, asked: Names) -> tuple[int, dict[str, str], str]:
    """What an answer says, where what was asked for is called as what is not there."""
    text = response.getvalue().decode("latin-1")
    headers = {name: value for name, value in response.items() if name not in OF_A_REQUEST}
    for name, made_up in zip(asked, NOTHING, strict=True):
        text = text.replace(name, made_up)
        headers = {key: value.replace(name, made_up) for key, value in headers.items()}
    return response.status_code, headers, text


def ask(client: APIClient, method: str, url: str, body: Any = None, **headers: str) -> Any:
    with rolled_back():
        if isinstance(body, (bytes, dict)) and headers.get("content_type"):
            media_type = headers.pop("content_type")
            return client.generic(method.upper(), url, body, content_type=media_type, headers=headers)
        data = None if method == "get" else body
        return getattr(client, method)(url, data, headers=headers)


WALK = [
    pytest.param(method, path, id=f"{method} {path}")
    for method, path, _ in TABLE
    if "/streets" in path
]


@pytest.mark.parametrize(("method", "path"), WALK)
def test_no_path_tells_a_private_resource_from_none(world, eve, theirs, method, path):
    missing = path.replace("streets", "nothing")
    held = client_of("ada")
    etag = held.get(path).headers.get("ETag", '"x"') if method == "get" else '"x"'
    for caller in (APIClient(), eve):
        for headers in (
            {},
            {"If-None-Match": etag},
            {"If-None-Match": "*"},
            {"Range": "bytes=0-3"},
            {"Idempotency-Key": "used"},
        ):
            hidden = ask(caller, method, path, {}, **headers)
            assert hidden.status_code in (401, 404)
            none = ask(caller, method, missing, {}, **headers)
            assert told(hidden, theirs) == told(none, NOTHING)
