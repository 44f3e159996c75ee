"""Every path that changes something, walked through once: each success is told in the log."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import get_resolver

import api.urls
from datasets_app.models import Job, JobState
from labels_app.actions.taxonomies import create_taxonomy
from panoptic.blob_codecs import CodecNumber
from panoptic.codec import pack_label
from panoptic.label_bytes import canonical_bytes
from panoptic.packs import NewObject, seal_pack
from people_app.models import AuditEvent
from tests.api.builders import API, STREETS, World, build_world, client_of, person, png
from tests.api.test_transfers import masks
from tests.builders import label
from tests.datasets_app.builders import commit_to, names
from tests.labels_app.builders import classes

pytestmark = pytest.mark.django_db

MAIN = f"{STREETS}/branches/main"
TAXONOMY = f"{API}/taxonomies/streets-classes"
DRAFT = f"{TAXONOMY}/draft"
CREW = f"{API}/teams/crew"
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"
CHANGING = ("post", "put", "patch", "delete")

# What is a POST or a DELETE for its body's sake and changes nothing that anybody would see:
# questions, and leases of readers, which end by themselves.
QUESTIONS = {
    ("post", "api/v1/datasets/<slug:slug>/lfs/objects/batch"),
    ("post", "api/v1/datasets/<slug:slug>/pull/"),
    ("delete", "api/v1/datasets/<slug:slug>/pull/leases/<uuid:lease_id>/"),
    ("post", "api/v1/datasets/<slug:slug>/blobs/fetch/"),
    ("post", "api/v1/datasets/<slug:slug>/blobs/missing/"),
    ("post", "api/v1/taxonomies/<slug:slug>/draft/preview/"),
    # X-HTTP-Method-Override: a PATCH or DELETE of the same path.
    ("post", "api/v1/datasets/<slug:slug>/uploads/<uuid:upload_id>/"),
    # A piece of an upload; its beginning and its end are told.
    ("patch", "api/v1/datasets/<slug:slug>/uploads/<uuid:upload_id>/"),
}


class Walker:
    """Ada, who does one thing after the other, and reads in the log that she did."""

    def __init__(self) -> None:
        self.client = client_of("ada", name="walker")
        self.walked: set[tuple[str, str]] = set()
        self._resolver = get_resolver("api.urls")

    def do(self, verb: str, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        """Do an act; it must succeed, and the log tell of it by this verb."""
        asked = urlsplit(path).path
        self.walked.add((method, self._resolver.resolve(asked).route))
        newest = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first()
        response = getattr(self.client, method)(path, body, **extra)
        assert 200 <= response.status_code < 300, (method, path, response.content)
        told = AuditEvent.objects.filter(pk__gt=newest or 0, verb=verb)
        assert told.exists(), f"{method} {path}: {verb} is not in the log"
        event = told.first()
        assert (event.actor, event.token_name) == (person("ada"), "walker")
        assert (event.request_id, event.address) == (response["X-Request-ID"], "127.0.0.1")
        return response


def walk_datasets(ada: Walker, world: World) -> None:
    body = {"slug": "fields", "taxonomy": "streets-classes"}
    ada.do("dataset.created", "post", f"{API}/datasets/", body)
    ada.do("dataset.updated", "patch", f"{STREETS}/", {"title": "Streets by night"})
    person("bob")
    ada.do("role.granted", "put", f"{STREETS}/members/bob/", {"role": "annotator"})
    ada.do("role.revoked", "delete", f"{STREETS}/members/bob/")
    ada.do("role.granted", "put", f"{STREETS}/teams/crew/", {"role": "reader"})
    ada.do("role.revoked", "delete", f"{STREETS}/teams/crew/")
    ada.do("tag.created", "post", f"{STREETS}/tags/", {"name": "paper", "version": "main"})


def walk_versions(ada: Walker, world: World) -> None:
    def head() -> str:
        return ada.client.get(f"{MAIN}/").json()["head"]

    def body(**fields: Any) -> dict[str, Any]:
        return {"expected_head": head(), "message": "Work", **fields}

    commit_to(world.dataset, names("dusk.png"), branch="feature/night", author=person("ada"))
    wanted = [{"name": "a.png", "split": "val"}]
    ada.do("version.committed", "post", f"{MAIN}/commits/", body(changes=wanted))
    ada.do("version.committed", "post", f"{MAIN}/merges/", body(**{"from": "feature/night"}))
    ada.do("version.committed", "post", f"{MAIN}/reverts/", body(version="v3"))
    rule = body(by="group", ratios={"train": 1.0}, seed="1")
    ada.do("version.committed", "post", f"{MAIN}/splits/", rule)
    taxonomy = {"slug": "streets-classes", "number": 2}
    ada.do("version.committed", "post", f"{MAIN}/migrations/", body(taxonomy=taxonomy))
    ada.do("branch.created", "post", f"{STREETS}/branches/", {"name": "fix", "head": "main"})
    fix = f"{STREETS}/branches/fix/"
    ada.do("branch.protected", "patch", fix, {"protected": True})
    ada.do("branch.protected", "patch", fix, {"protected": False})
    ada.do("branch.deleted", "delete", fix)


def walk_taxonomies(ada: Walker, world: World) -> None:
    body = {"slug": "small", "preset": "voc"}
    ada.do("taxonomy.created", "post", f"{API}/taxonomies/", body)
    ada.do("taxonomy.described", "patch", f"{TAXONOMY}/", {"description": "What cars see"})
    ada.do("role.granted", "put", f"{TAXONOMY}/members/bob/", {"role": "curator"})
    ada.do("role.revoked", "delete", f"{TAXONOMY}/members/bob/")
    ada.do("role.granted", "put", f"{TAXONOMY}/teams/crew/", {"role": "reader"})
    ada.do("role.revoked", "delete", f"{TAXONOMY}/teams/crew/")
    rename = {"op": "rename", "class": 2, "name": "automobile"}
    edit = {"expected_revision": 0, "operations": [rename]}
    ada.do("taxonomy.draft_edited", "post", f"{DRAFT}/operations/", edit)
    ada.do("taxonomy.draft_discarded", "delete", f"{DRAFT}/?expected_revision=1")
    draft = ada.client.get(f"{DRAFT}/").json()
    draft["classes"][0]["description"] = "Where one drives"
    whole = {"expected_revision": draft["revision"], "classes": draft["classes"]}
    edited = ada.do("taxonomy.draft_edited", "put", f"{DRAFT}/", whole).json()
    publish = {"expected_revision": edited["revision"], "message": "Clearer"}
    ada.do("taxonomy.published", "post", f"{DRAFT}/publish/", publish)
    create_taxonomy(slug="tiny", classes=classes("ground/stuff thing"), actor=person("ada"))
    entries = {"road": "ground", "car": "thing", "sky": None}
    mapping = {"target": "tiny", "entries": entries}
    ada.do("taxonomy.mapped", "post", f"{TAXONOMY}/mappings/", mapping)
    picture = {"content_type": "image/png"}
    ada.do("taxonomy.picture_added", "post", f"{TAXONOMY}/pictures/", png(6, 8), **picture)


def walk_jobs(ada: Walker, world: World) -> None:
    form = {"file": masks(), "format": "instance_masks", "class_name": "car"}
    asked = ada.do("job.enqueued", "post", f"{STREETS}/imports/", form, format="multipart")
    job = f"{API}/jobs/{asked.json()['id']}"
    ada.do("job.cancelled", "post", f"{job}/cancel/")
    Job.objects.filter(pk=asked.json()["id"]).update(state=JobState.FAILED)
    ada.do("job.retried", "post", f"{job}/retry/")
    export = {"version": "v1", "format": "coco_panoptic"}
    ada.do("job.enqueued", "post", f"{STREETS}/exports/", export)
    ada.do("job.enqueued", "post", f"{STREETS}/versions/v1/leaks/", {})


def walk_uploads(ada: Walker, world: World) -> None:
    uploads, photograph = f"{STREETS}/uploads/", png(3, 4)
    sized = {"headers": TUS | {"Upload-Length": str(len(photograph))}}
    begun = ada.do("upload.begun", "post", uploads, None, **sized)["Location"]
    ada.do("upload.deleted", "delete", begun, None, headers=TUS)
    begun = ada.do("upload.begun", "post", uploads, None, **sized)["Location"]
    piece = {"content_type": PIECE, "headers": TUS | {"Upload-Offset": "0"}}
    ada.do("upload.completed", "patch", begun, photograph, **piece)
    path = f"{STREETS}/blobs/{hashlib.sha256(photograph).hexdigest()}"
    ada.do("objects.received", "put", path, {"upload": begun.split("/")[-2]})
    pack = {"content_type": "application/x-tessera-pack"}
    ada.do("objects.received", "post", f"{STREETS}/blobs/", sealed_pack(), **pack)


def walk_webhooks(ada: Walker, world: World) -> None:
    hooks = f"{STREETS}/webhooks/"
    body = {"url": "https://example.org/", "events": ["tag.created"]}
    hook = f"{hooks}{ada.do('webhook.created', 'post', hooks, body).json()['id']}/"
    ada.do("webhook.updated", "patch", hook, {"events": ["job.finished"]})
    ada.do("webhook.secret_renewed", "post", f"{hook}secret/")
    delivery = ada.do("webhook.tested", "post", f"{hook}test/").json()["id"]
    ada.do("webhook.redelivered", "post", f"{hook}deliveries/{delivery}/redeliver/")
    ada.do("webhook.deleted", "delete", hook)


def walk_people(ada: Walker, world: World) -> None:
    ada.do("team.created", "post", f"{API}/teams/", {"slug": "crew", "name": "Night crew"})
    ada.do("team.updated", "patch", f"{CREW}/", {"name": "Day crew"})
    person("eve")
    ada.do("team.member_added", "put", f"{CREW}/members/eve/", {"role": "member"})
    ada.do("team.member_removed", "delete", f"{CREW}/members/eve/")
    token = ada.do("token.created", "post", f"{API}/tokens/", {"name": "cluster"}).json()
    ada.do("token.revoked", "delete", f"{API}/tokens/{token['id']}/")


def sealed_pack() -> bytes:
    """A pack with the label of one image."""
    drawn = label("1122 1122", {1: 1, 2: 2})
    packed, size = pack_label(drawn), len(canonical_bytes(drawn))
    stored = hashlib.sha256(packed.stored).digest()
    entry = NewObject(packed.digest, stored, size, CodecNumber.LABEL, packed.stored)
    return b"".join(seal_pack([entry]).chunks)


def test_every_act_on_every_path_is_told_in_the_log(monkeypatch):
    monkeypatch.setattr("datasets_app.jobs.queue._start", lambda job: None)
    world, ada = build_world(), Walker()
    walk_people(ada, world)
    walk_datasets(ada, world)
    walk_taxonomies(ada, world)
    walk_versions(ada, world)
    walk_jobs(ada, world)
    walk_uploads(ada, world)
    walk_webhooks(ada, world)
    ada.do("team.deleted", "delete", f"{CREW}/")
    there = {
        (method, str(pattern.pattern))
        for pattern in api.urls.urlpatterns
        for method in CHANGING
        if pattern.callback.cls is not api.urls.Nothing and hasattr(pattern.callback.cls, method)
    }
    assert there - QUESTIONS == ada.walked - QUESTIONS
    assert there >= QUESTIONS
