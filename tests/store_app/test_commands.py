import io
import json
import os

import pytest
from django.core.management import CommandError, call_command

from store_app.blobs import put_blobs
from store_app.models import Pack
from tests.store_app.builders import hold, many_blobs

pytestmark = pytest.mark.django_db


def output_of(command: str, *args: str) -> str:
    out = io.StringIO()
    call_command(command, *args, stdout=out)
    return out.getvalue()


def test_verify_store_says_that_all_is_well():
    put_blobs(many_blobs(3))
    assert output_of("verify_store", "--level", "data") == "The store is clean (level data).\n"
    assert json.loads(output_of("verify_store", "--json")) == {"level": "refs", "findings": []}


def test_verify_store_fails_and_names_object_parent_and_path(blob_folder):
    blobs = many_blobs(3)
    put_blobs(blobs)
    hold([blobs[0].digest])
    (blob_folder / Pack.objects.get().name).unlink()
    out = io.StringIO()
    with pytest.raises(CommandError, match="2 findings") as caught:
        call_command("verify_store", "--level", "tree", "--json", stdout=out)
    assert caught.value.returncode == 1
    needed = json.loads(out.getvalue())["findings"][1]
    assert needed["object"] == blobs[0].digest.hex()
    assert (needed["parent"], needed["path"]) == ("streets v1", "0.jpg")


def test_verify_store_writes_a_sentence_for_each_finding(blob_folder):
    put_blobs(many_blobs(3))
    name = Pack.objects.get().name
    os.truncate(blob_folder / name, 100)
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("verify_store", stdout=out)
    assert out.getvalue().startswith(f"file_truncated: {name}: the file has 100 bytes, not")


def test_collect_garbage_is_a_dry_run_unless_told_to_delete(blob_folder):
    hold([])
    put_blobs(many_blobs(3))
    Pack.objects.get().blobs.update(touched_at="2020-01-01T00:00:00Z")
    assert f"would be condemned: {Pack.objects.get().name}" in output_of("collect_garbage")
    assert Pack.objects.get().condemned_at is None
    report = json.loads(output_of("collect_garbage", "--delete", "--json"))
    assert (report["dry_run"], len(report["condemned"])) == (False, 1)
    assert Pack.objects.get().condemned_at is not None


def test_collect_garbage_refuses_a_store_without_roots():
    with pytest.raises(CommandError, match="no roots are registered"):
        call_command("collect_garbage")
