"""Blobs for tools that speak Git LFS."""

import hashlib
import json
import shutil
import subprocess

import pytest

from api.lfs import MEDIA_TYPE
from people_app.actions.tokens import create_token
from tests.api.builders import STREETS, build_world, person


def batch(client, *objects, operation="download"):

    body = json.dumps({"operation": operation, "transfers": ["basic"], "objects": list(objects)})
    return client.generic("POST", f"{STREETS}/lfs/objects/batch", body, content_type=MEDIA_TYPE)


def test_an_object_of_the_dataset_has_an_address(world, reader):
    oid = hashlib.sha256(world.photo).hexdigest()
    answer = batch(reader, {"oid": oid, "size": len(world.photo)})
    assert answer["Content-Type"] == MEDIA_TYPE
    [found] = answer.json()["objects"]
    assert found["actions"]["download"]["href"] == f"http://testserver{STREETS}/blobs/{oid}"
    assert found["size"] == len(world.photo)


def test_an_object_that_is_not_there_is_said_so_beside_the_others(world, reader):
    [found] = batch(reader, {"oid": "0" * 64, "size": 1}).json()["objects"]
    assert found["error"]["code"] == 404


def test_sending_is_for_push(world, annotator):
    answer = batch(annotator, {"oid": "0" * 64, "size": 1}, operation="upload")
    assert (answer.status_code, answer.json()["code"]) == (422, "download_only")


def test_a_stranger_sees_no_dataset(world, stranger):
    assert batch(stranger, {"oid": "0" * 64, "size": 1}).status_code == 404


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="the Debian package git-lfs is missing")
def test_git_lfs_fetches_a_photograph(transactional_db, live_server, tmp_path, monkeypatch):
    world = build_world()
    _, secret = create_token(user=person("ada"), name="lfs", actor=person("ada"))
    monkeypatch.setenv("HOME", str(tmp_path))

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet")
    git("config", "user.name", "ada")
    git("config", "user.email", "ada@example.org")
    git("config", "lfs.url", f"{live_server.url}{STREETS}/lfs")
    git("config", f"http.{live_server.url}/.extraheader", f"Authorization: Token {secret}")
    oid = hashlib.sha256(world.photo).hexdigest()
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"
    (tmp_path / "a.png").write_text(pointer.format(oid, len(world.photo)))
    git("add", "a.png")
    git("commit", "--quiet", "--message", "pointer")
    (tmp_path / ".gitattributes").write_text("*.png filter=lfs -text\n")
    git("add", ".gitattributes")
    git("commit", "--quiet", "--message", "attributes")
    git("lfs", "install", "--local")
    git("lfs", "pull")
    assert (tmp_path / "a.png").read_bytes() == world.photo
