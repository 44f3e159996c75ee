"""Uploads in pieces: the protocol, whose they are, and connections that really break."""

import base64
import hashlib
import io
import json
import random
import socket
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from tusclient.client import TusClient

from datasets_app.actions import uploads as actions
from datasets_app.jobs.running import run_job
from datasets_app.models import Job
from people_app.actions.roles import grant_role
from people_app.actions.tokens import create_token
from people_app.models import AuditEvent
from people_app.roles import Role
from store_app import uploads
from store_app.blobs import get_content
from store_app.models import Upload
from tests.api.builders import API, STREETS, build_world, client_of, person
from tests.api.test_transfers import masks

pytestmark = pytest.mark.django_db
UPLOADS = f"{STREETS}/uploads/"
PIECE = "application/offset+octet-stream"
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(autouse=True)
def _jobs_run_when_asked(monkeypatch):
    monkeypatch.setattr("datasets_app.jobs.queue._start", lambda job: None)


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def begin(client: APIClient, size: int | str, **headers: str) -> Any:
    sent = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size)}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(UPLOADS, headers=sent)


def begun(client: APIClient, size: int, **headers: str) -> str:
    response = begin(client, size, **headers)
    assert response.status_code == 201, response.content
    return response["Location"]


def patch(client: APIClient, url: str, data: bytes, offset: int | str = 0, **headers: str) -> Any:
    sent = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    kind = sent.pop("Content-Type", PIECE)
    return client.patch(url, data, content_type=kind, headers=sent)


def head(client: APIClient, url: str) -> Any:
    return client.head(url, headers={"Tus-Resumable": "1.0.0"})


def sent(client: APIClient, content: bytes, **headers: str) -> str:
    url = begun(client, len(content), **headers)
    assert patch(client, url, content).status_code == 204
    return url


# ---- the protocol ------------------------------------------------------------


def test_a_server_says_what_it_can(world, annotator, settings):
    settings.TESSERA_UPLOAD_LIMIT_BYTES = 1_000
    response = annotator.options(UPLOADS)
    assert response.status_code == 204
    said = {name: response[name] for name in response.headers if name.startswith("Tus-")}
    assert said == {
        "Tus-Resumable": "1.0.0",
        "Tus-Version": "1.0.0",
        "Tus-Extension": "creation,expiration,checksum,termination",
        "Tus-Max-Size": "1000",
        "Tus-Checksum-Algorithm": "sha256,sha1",
    }


def test_an_upload_is_announced_filled_and_complete(annotator):
    metadata = f"filename {b64('cells ä.zip')},is_new"
    url = begun(annotator, 6, Upload_Metadata=metadata)
    asked = head(annotator, url)
    assert (asked.status_code, asked["Upload-Offset"], asked["Upload-Length"]) == (200, "0", "6")
    assert (asked["Upload-Metadata"], asked["Cache-Control"]) == (metadata, "no-store")
    first = patch(annotator, url, b"abcd")
    assert (first.status_code, first["Upload-Offset"]) == (204, "4")
    assert first["Upload-Expires"].endswith("GMT")
    assert annotator.get(url).json()["state"] == "receiving"
    assert patch(annotator, url, b"ef", 4)["Upload-Offset"] == "6"
    body = annotator.get(url).json()
    digest = hashlib.sha256(b"abcdef").hexdigest()
    assert (body["state"], body["sha256"], body["file_name"]) == ("complete", digest, "cells ä.zip")
    assert get_content(bytes.fromhex(digest)) == b"abcdef"


def test_an_upload_without_bytes_is_complete_at_once(annotator):
    assert annotator.get(begun(annotator, 0)).json()["state"] == "complete"


def test_every_answer_names_the_version_and_other_versions_are_refused(annotator, reader):
    url = begun(annotator, 6)
    for response in (
        annotator.post(UPLOADS, headers={"Upload-Length": "1"}),
        annotator.head(url, headers={"Tus-Resumable": "0.2.2"}),
        patch(annotator, url, b"x", Tus_Resumable="2.0.0"),
        annotator.delete(url),
    ):
        assert (response.status_code, response["Tus-Version"]) == (412, "1.0.0")
        assert response["Tus-Resumable"] == "1.0.0"
    assert begin(reader, 6)["Tus-Resumable"] == "1.0.0"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Upload_Offset": "3"}, 409, "offset_mismatch"),
        ({"Upload_Offset": "-1"}, 400, "invalid"),
        ({"Upload_Offset": ""}, 400, "invalid"),
        ({"Upload_Offset": "9" * 30}, 400, "invalid"),
        ({"Content_Type": "application/octet-stream"}, 415, "unsupported_media_type"),
        ({"Transfer_Encoding": "chunked"}, 411, "length_required"),
        ({"Upload_Checksum": f"sha256 {b64(hashlib.sha256(b'else').digest())}"}, 460,
         "checksum_mismatch"),
        ({"Upload_Checksum": f"md5 {b64(hashlib.md5(b'data').digest())}"}, 400, "invalid"),
        ({"Upload_Checksum": "sha256 !"}, 400, "invalid"),
        ({"Upload_Checksum": f"sha256 {b64(b'short')}"}, 400, "invalid"),
    ],
)  # fmt: skip
def test_a_piece_that_is_wrong_changes_nothing(annotator, headers, status, code):
    url = begun(annotator, 6)
    response = patch(annotator, url, b"data", **headers)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert head(annotator, url)["Upload-Offset"] == "0"


def test_more_bytes_than_announced_are_refused(annotator):
    response = patch(annotator, begun(annotator, 3), b"data")
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_a_piece_with_its_checksum_is_taken(annotator):
    url = begun(annotator, 4)
    checksum = f"sha1 {b64(hashlib.sha1(b'data').digest())}"
    assert patch(annotator, url, b"data", Upload_Checksum=checksum).status_code == 204


@pytest.mark.parametrize(
    ("size", "headers"),
    [("", {}), ("-1", {}), ("1e3", {}), ("9" * 19, {}), ("1", {"Upload_Metadata": "a,a"}),
     ("1", {"Upload_Metadata": "name ä"}), ("1", {"Upload_Metadata": "a b c"}),
     ("1", {"Upload_Metadata": ","}), ("1", {"Upload_Metadata": f"sha256 {b64('xyz')}"}),
     ("1", {"Upload_Metadata": f"a {'A' * 5_000}"})],
)  # fmt: skip
def test_an_announcement_that_means_nothing_is_refused(annotator, size, headers):
    assert begin(annotator, size, **headers).status_code == 400
    assert not Upload.objects.exists()


def test_a_file_of_another_digest_than_announced_is_refused_for_good(annotator):
    digest = hashlib.sha256(b"what was meant").hexdigest()
    url = begun(annotator, 4, Upload_Metadata=f"sha256 {b64(digest)}")
    response = patch(annotator, url, b"data")
    assert (response.status_code, response.json()["code"]) == (422, "digest_mismatch")
    assert annotator.get(url).json()["problem"] == "digest_mismatch"
    assert head(annotator, url).status_code == 410
    assert patch(annotator, url, b"", 4).status_code == 410


def test_an_upload_that_has_expired_is_gone(annotator):
    url = begun(annotator, 4)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert head(annotator, url).status_code == 410
    response = patch(annotator, url, b"data")
    assert (response.status_code, response.json()["code"]) == (410, "upload_ended")


def test_an_upload_can_be_deleted(annotator):
    url = sent(annotator, b"data")
    assert annotator.delete(url, headers={"Tus-Resumable": "1.0.0"}).status_code == 204
    assert head(annotator, url).status_code == 404


def test_clients_that_can_only_post_say_what_they_mean(annotator):
    url = begun(annotator, 4)
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert annotator.post(url, b"data", content_type=PIECE, headers=headers).status_code == 204
    assert annotator.post(url, b"data", content_type=PIECE).status_code == 405
    headers["X-HTTP-Method-Override"] = "DELETE"
    assert annotator.post(url, headers=headers).status_code == 204


# ---- whose it is, and how much -----------------------------------------------


def test_an_upload_is_seen_by_its_sender_and_by_admins(world, annotator, admin, reader):
    grant_role(user=person("other"), resource=world.dataset, role=Role.REVIEWER, actor=None)
    other, url = client_of("other"), sent(annotator, b"data")
    for client, status, count in [(annotator, 200, 1), (admin, 200, 1), (other, 404, 0)]:
        assert client.get(url).status_code == head(client, url).status_code == status
        assert len(client.get(UPLOADS).json()["results"]) == count
    assert patch(other, url, b"", 4).status_code == 404
    assert other.delete(url, headers={"Tus-Resumable": "1.0.0"}).status_code == 404
    assert post_import(other, url.split("/")[-2]).status_code == 404
    assert (reader.get(url).status_code, begin(reader, 1).status_code) == (403, 403)


def test_a_token_that_is_not_an_admins_sees_its_owners_uploads_only(annotator, admin):
    url = sent(annotator, b"data")
    narrow = client_of("ada", read_only=True)
    assert (admin.get(url).status_code, narrow.get(url).status_code) == (200, 404)


def test_an_upload_belongs_to_one_dataset(annotator, admin):
    build_world("parks", "public")
    upload_id = sent(annotator, b"data").split("/")[-2]
    assert admin.get(f"{API}/datasets/parks/uploads/{upload_id}/").status_code == 404


def test_uploads_have_limits(annotator, settings):
    settings.TESSERA_UPLOAD_LIMIT_BYTES, settings.TESSERA_OPEN_UPLOADS = 100, 2
    assert begin(annotator, 101).json()["code"] == "too_large"
    urls = [begun(annotator, 4), begun(annotator, 4)]
    response = begin(annotator, 4)
    assert (response.status_code, response.json()["code"]) == (409, "too_many_uploads")
    patch(annotator, urls[0], b"data")
    assert begin(annotator, 4).status_code == 201


def test_the_audit_log_tells_of_uploads(annotator):
    url = sent(annotator, b"data")
    annotator.delete(url, headers={"Tus-Resumable": "1.0.0"})
    verbs = AuditEvent.objects.filter(verb__startswith="upload.").order_by("pk")
    assert [(event.verb, event.facts["upload"]) for event in verbs] == [
        (f"upload.{what}", url.split("/")[-2]) for what in ("begun", "completed", "deleted")
    ]


# ---- imports -----------------------------------------------------------------


def post_import(client: APIClient, upload: str, **fields: Any) -> Any:
    body = {"upload": upload, "format": "instance_masks", "class_name": "car", **fields}
    return client.post(f"{STREETS}/imports/", body)


def test_an_import_reads_an_upload(annotator):
    upload_id = sent(annotator, masks().read()).split("/")[-2]
    job = Job.objects.get(pk=post_import(annotator, upload_id).json()["id"])
    assert job.arguments["upload"] == annotator.get(f"{UPLOADS}{upload_id}/").json()["sha256"]


def test_an_import_waits_for_no_bytes(annotator, world):
    url = begun(annotator, 100)
    patch(annotator, url, b"data")
    response = post_import(annotator, url.split("/")[-2])
    assert (response.status_code, response.json()["code"]) == (409, "upload_incomplete")
    assert response.json()["received_bytes"] == 4
    assert post_import(annotator, NOBODY).status_code == 404


def test_an_import_names_a_file_or_an_upload(annotator):
    upload_id = sent(annotator, b"data").split("/")[-2]
    both = {"upload": upload_id, "file": masks(), "format": "instance_masks"}
    for body in (both, {"format": "instance_masks"}):
        response = annotator.post(f"{STREETS}/imports/", body, format="multipart")
        assert response.status_code == 400


def test_a_large_upload_is_put_together_by_a_job(annotator, monkeypatch):
    monkeypatch.setattr(actions, "AT_ONCE_BYTES", 3)
    url = sent(annotator, b"data")
    assert annotator.get(url).json()["state"] == "assembling"
    response = post_import(annotator, url.split("/")[-2])
    assert (response.status_code, response.json()["code"]) == (409, "upload_incomplete")
    job = Job.objects.get()
    run_job(str(job.pk))
    assert annotator.get(url).json()["state"] == "complete"
    job.refresh_from_db()
    assert job.result["sha256"] == hashlib.sha256(b"data").hexdigest()


def test_what_a_crash_kept_from_being_put_together_is_so_later(annotator, monkeypatch):
    monkeypatch.setattr("api.resumable_uploads.complete_upload", lambda *args, **fields: None)
    url = sent(annotator, masks().read())
    assert annotator.get(url).json()["state"] == "assembling"
    assert post_import(annotator, url.split("/")[-2]).status_code == 202


# ---- over the wire -----------------------------------------------------------


@pytest.fixture
def wire(live_server):
    """A token of an annotator, and the address of a real server."""
    build_world()
    return live_server.url, f"Token {create_token(user=person('ada')).secret}"


@pytest.mark.django_db(transaction=True)
def test_the_client_of_tus_uploads_and_resumes(wire):
    address, token = wire
    content = random.Random(1).randbytes(300_000)
    client = TusClient(f"{address}{UPLOADS}", headers={"Authorization": token})
    fields = {"chunk_size": 40_000, "metadata": {"filename": "a.zip"}, "upload_checksum": True}
    uploader = client.uploader(file_stream=io.BytesIO(content), **fields)
    uploader.upload(stop_at=100_000)
    assert uploader.offset == 100_000
    again = client.uploader(file_stream=io.BytesIO(content), url=uploader.url, **fields)
    assert again.offset == 100_000
    again.upload()
    upload = Upload.objects.get()
    assert upload.digest == hashlib.sha256(content).digest()
    assert get_content(upload.digest) == content


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_breaks_off_at_random_ends_with_the_same_digest(wire, monkeypatch):
    monkeypatch.setattr(uploads, "PART_BYTES", 30_000)
    breaks = 0
    for seed in range(3):
        order = random.Random(seed)
        content = order.randbytes(order.randint(100_000, 300_000))
        line = Line(*wire)
        path = line.ask("POST", UPLOADS, **{"Upload-Length": len(content)})["location"]
        while (offset := int(line.ask("HEAD", path)["upload-offset"])) < len(content):
            rest = content[offset:]
            sent_bytes = order.randint(0, len(rest)) if order.random() < 0.8 else len(rest)
            breaks += sent_bytes < len(rest)
            answered = line.send(path, rest, offset, sent_bytes, resets=order.random() < 0.5)
            assert answered in (None, 204, 409)  # 409: what was read of the last try moved it
        told = json.loads(line.ask("GET", path)["body"])
        assert (told["state"], told["sha256"]) == (
            "complete",
            hashlib.sha256(content).hexdigest(),
        )
    assert breaks > 5


class Line:
    """HTTP by hand, so that a connection can end anywhere."""

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        self.place = (parts.hostname, parts.port)
        self.head = f"Host: {parts.netloc}\r\nAuthorization: {token}\r\nTus-Resumable: 1.0.0\r\n"

    def ask(self, method: str, path: str, **headers: Any) -> dict[str, Any]:
        """Return the headers of an answer, by names in small letters, and its `body`."""
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection(self.place, timeout=20) as line:
            line.sendall(
                f"{method} {path} HTTP/1.1\r\n{self.head}{more}Connection: close\r\n"
                "Content-Length: 0\r\n\r\n".encode()
            )
            head_, _, body = line.makefile("rb").read().partition(b"\r\n\r\n")
        first, *lines = head_.decode().split("\r\n")
        assert first.split()[1] in ("200", "201"), first
        pairs = (line.partition(": ") for line in lines)
        return {name.lower(): value for name, _, value in pairs} | {"body": body}

    def send(self, path: str, rest: bytes, offset: int, size: int, *, resets: bool) -> int | None:
        """Announce all bytes and send some; return the status where all were sent."""
        with socket.create_connection(self.place, timeout=20) as line:
            line.sendall(
                f"PATCH {path} HTTP/1.1\r\n{self.head}Upload-Offset: {offset}\r\n"
                f"Content-Type: {PIECE}\r\nConnection: close\r\n"
                f"Content-Length: {len(rest)}\r\n\r\n".encode()
            )
            line.sendall(rest[:size])
            if size == len(rest):
                return int(line.makefile("rb").read().split()[1])
            if resets:
                # Closing sends RST instead of FIN.
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return None
