"""Bytes that travel: what a push sends, and what is had by digest."""

import hashlib
import io

import pytest

from api.blobs import PACK_TYPE
from datasets_app.actions.uploads import begin_dataset_upload
from panoptic.canonical_json import dump_canonical
from panoptic.codec import pack_label
from panoptic.packs import NewObject, seal_pack
from people_app.models import AuditEvent
from store_app.uploads import receive
from tests.api.builders import STREETS, build_world, client_of, person, png
from tests.builders import label

LABEL = pack_label(label("121 212", {1: 1, 2: 2}))
NOTHING = "0" * 64


def digest_of(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def label_object() -> NewObject:
    stored = LABEL.stored
    return NewObject(LABEL.digest, digest_of(stored), LABEL.canonical_size, 2, stored)


def raw_object(content: bytes) -> NewObject:
    return NewObject(digest_of(content), digest_of(content), len(content), 0, content)


def send(client, *objects: NewObject):
    pack = b"".join(seal_pack(objects).chunks)
    return client.generic("POST", f"{STREETS}/blobs/", pack, content_type=PACK_TYPE)


def missing(client, *digests: bytes) -> list[str]:
    body = {"digests": [digest.hex() for digest in digests]}
    return client.post(f"{STREETS}/blobs/missing/", body).json()["missing"]


def test_a_label_that_was_sent_can_be_committed(world, annotator):
    assert send(annotator, label_object()).json() == {"labels": 1, "photos": 0, "attributes": 0}
    change = {"name": "new.png", "label": LABEL.digest.hex()}
    body = {"expected_head": world.ids[-1], "message": "", "changes": [change]}
    answer = annotator.post(f"{STREETS}/branches/main/commits/", body)
    assert answer.status_code == 201


def test_a_photograph_that_was_sent_can_be_committed_and_read(world, annotator):
    photo = png(5, 6)
    assert send(annotator, raw_object(photo)).json()["photos"] == 1
    change = {"name": "new.png", "image": digest_of(photo).hex()}
    body = {"expected_head": world.ids[-1], "message": "", "changes": [change]}
    assert annotator.post(f"{STREETS}/branches/main/commits/", body).status_code == 201
    found = annotator.get(f"{STREETS}/blobs/{digest_of(photo).hex()}")
    assert b"".join(found.streaming_content) == photo


def test_attributes_are_told_by_their_form(world, annotator):
    attributes = dump_canonical({"scene": "night"})
    assert send(annotator, raw_object(attributes)).json()["attributes"] == 1


def test_what_was_sent_is_not_missing_any_more(world, annotator):
    assert missing(annotator, LABEL.digest) == [LABEL.digest.hex()]
    send(annotator, label_object())
    assert missing(annotator, LABEL.digest) == []


def test_what_only_another_dataset_has_is_missing(world, annotator):
    build_world("parks")
    send(client_of("ada"), label_object())
    body = {"digests": [LABEL.digest.hex()]}
    answer = client_of("ada").post("/api/v1/datasets/parks/blobs/missing/", body)
    assert answer.json()["missing"] == [LABEL.digest.hex()]


def test_a_lease_is_renewed_by_its_id(world, annotator):
    body = {"digests": [NOTHING]}
    lease = annotator.post(f"{STREETS}/blobs/missing/", body).json()["lease"]
    again = annotator.post(f"{STREETS}/blobs/missing/", {**body, "lease": lease})
    assert again.json()["lease"] == lease


def test_a_lease_that_ended_is_told(world, annotator):
    body = {"digests": [NOTHING], "lease": "00000000-0000-4000-8000-000000000000"}
    answer = annotator.post(f"{STREETS}/blobs/missing/", body)
    assert (answer.status_code, answer.json()["code"]) == (410, "lease_ended")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (label_object()._replace(digest=b"x" * 32), "its label has the digest"),
        (label_object()._replace(stored_digest=b"x" * 32), "another sha256"),
        (raw_object(b"no picture"), "a photograph"),
        (raw_object(b'{"b": 1}'), "RFC 8785"),
        (raw_object(b"{" * 100_000), ""),
        (raw_object(b""), "a photograph"),
        (raw_object(png(2, 2))._replace(codec=1), "codec 1 is not taken"),
        (raw_object(png(2, 2)[:40]), "a photograph"),
    ],
)
def test_an_object_that_is_not_what_it_says_is_refused_by_name(world, annotator, wrong, message):
    answer = send(annotator, raw_object(png(3, 3)), wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "objects_refused")
    [error] = answer.json()["errors"]
    assert error["digest"] == wrong.digest.hex()
    assert message in error["message"]


def test_one_wrong_object_keeps_all_of_a_pack_out(world, annotator):
    send(annotator, label_object(), raw_object(b"no picture"))
    assert missing(annotator, LABEL.digest) == [LABEL.digest.hex()]


@pytest.mark.parametrize("body", [b"", b"TESSPK", b"\0" * 200])
def test_a_body_that_is_no_pack_is_refused(world, annotator, body):
    answer = annotator.generic("POST", f"{STREETS}/blobs/", body, content_type=PACK_TYPE)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_pack")


def test_another_media_type_is_refused(world, annotator):
    assert annotator.post(f"{STREETS}/blobs/", {}).status_code == 415


def test_what_was_received_is_in_the_audit_log(world, annotator):
    send(annotator, label_object())
    event = AuditEvent.objects.filter(verb="objects.received").get()
    assert event.facts == {"labels": 1, "photos": 0, "attributes": 0}


def test_a_photograph_that_was_uploaded_in_parts_is_taken_by_its_digest(world, annotator):
    photo = png(7, 8)
    sender = person("a-annotator")
    upload = begin_dataset_upload(world.dataset, size=len(photo), actor=sender)
    receive(upload, io.BytesIO(photo), offset=0, length=len(photo))
    url = f"{STREETS}/blobs/{digest_of(photo).hex()}"
    answer = annotator.put(url, {"upload": str(upload.pk)})
    assert (answer.status_code, answer.json()["height"], answer.json()["width"]) == (201, 7, 8)


def test_an_upload_with_another_digest_is_refused(world, annotator):
    photo = png(7, 8)
    upload = begin_dataset_upload(world.dataset, size=len(photo), actor=person("a-annotator"))
    receive(upload, io.BytesIO(photo), offset=0, length=len(photo))
    answer = annotator.put(f"{STREETS}/blobs/{NOTHING}", {"upload": str(upload.pk)})
    assert (answer.status_code, answer.json()["code"]) == (422, "digest_mismatch")


def test_many_blobs_come_one_behind_the_other_in_the_order_asked_for(world, annotator):
    first, second = png(3, 3), png(4, 4)
    send(annotator, raw_object(first), raw_object(second))
    body = {"digests": [digest_of(second).hex(), digest_of(first).hex()]}
    answer = annotator.post(f"{STREETS}/blobs/fetch/", body)
    assert b"".join(answer.streaming_content) == second + first
    assert answer["Content-Length"] == str(len(first) + len(second))


def test_what_a_dataset_was_never_given_is_not_fetched(world, reader):
    answer = reader.post(f"{STREETS}/blobs/fetch/", {"digests": [NOTHING]})
    assert (answer.status_code, answer.json()["digests"]) == (404, [NOTHING])


def test_a_range_of_a_blob_is_had(world, reader):
    url = f"{STREETS}/blobs/{digest_of(world.photo).hex()}"
    answer = reader.get(url, headers={"Range": "bytes=2-5"})
    assert answer.status_code == 206
    assert b"".join(answer.streaming_content) == world.photo[2:6]
