import io
import json
import os

import pytest
from django.core.management import CommandError, call_command

from store_app.blobs import put_blobs
from store_app.erasure import destroy_erased, mark_erased
from store_app.models import Blob, Pack
from store_app.verification import start_verification
from tests.store_app.builders import flip_bit, hold, many_blobs

pytestmark = pytest.mark.django_db


def output_of(command: str, *args: str) -> str:
    out = io.StringIO()
    call_command(command, *args, stdout=out)
    return out.getvalue()


def test_verify_store_says_that_all_is_well():
    put_blobs(many_blobs(3))
    assert output_of("verify_store", "--level", "data") == (
        "Read 3 of 3 blobs, 0.0 MB of 0.0 MB, in 1 of 1 files.\nThe store is clean (level data).\n"
    )
    report = json.loads(output_of("verify_store", "--json"))
    assert report == {"level": "refs", "findings": [], "erased": []}


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
    assert (report["dry_run"], report["condemned"]["files"]) == (False, 1)
    assert Pack.objects.get().condemned_at is not None


def test_collect_garbage_refuses_a_store_without_roots():
    with pytest.raises(CommandError, match="no roots are registered"):
        call_command("collect_garbage")


def test_verify_store_reads_a_sample_and_says_so():
    put_blobs(many_blobs(200))
    report = json.loads(output_of("verify_store", "--level", "data", "--sample", "10%", "--json"))
    assert (report["sample"], report["seed"]) == (0.1, 0)
    assert 0 < report["covered"]["blobs"] < report["covered"]["of_blobs"] == 200


@pytest.mark.parametrize("sample", ["0", "200%", "some"])
def test_verify_store_refuses_a_sample_that_is_no_share(sample):
    with pytest.raises(CommandError, match="--sample is a share"):
        call_command("verify_store", "--level", "data", "--sample", sample)


def test_verify_store_resumes_only_what_was_cut_off():
    with pytest.raises(CommandError, match="nothing to resume"):
        call_command("verify_store", "--level", "data", "--resume")
    put_blobs(many_blobs(3))
    start_verification()
    assert "Read 3 of 3 blobs" in output_of("verify_store", "--level", "data", "--resume")


def test_erased_blobs_are_told_and_are_no_failure():
    blobs = many_blobs(2)
    put_blobs(blobs)
    hold([blobs[0].digest])
    mark_erased([blobs[0].digest], reason="asked")
    destroy_erased([blobs[0].digest])
    report = json.loads(output_of("verify_store", "--level", "tree", "--json"))
    assert report["findings"] == []
    assert [finding["path"] for finding in report["erased"]] == ["0.jpg"]


def test_compact_packs_rewrites_what_is_mostly_dead():
    blobs = many_blobs(10)
    put_blobs(blobs)
    Blob.objects.update(touched_at="2020-01-01T00:00:00Z")
    hold([blobs[0].digest])
    assert "1 of 1 files would be rewritten: 0.0 MB" in output_of("compact_packs", "--dry-run")
    report = json.loads(output_of("compact_packs", "--json"))
    assert (report["dry_run"], report["rewritten"], report["moved_blobs"]) == (False, 1, 1)


def test_compact_packs_fails_where_a_pack_is_damaged(blob_folder):
    blobs = many_blobs(10)
    put_blobs(blobs)
    Blob.objects.update(touched_at="2020-01-01T00:00:00Z")
    hold([blobs[0].digest])
    flip_bit(blob_folder / Pack.objects.get().name, 8)
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 packs cannot be read"):
        call_command("compact_packs", stdout=out)
    assert out.getvalue().startswith(f"object_corrupt: {Pack.objects.get().name}: ")


@pytest.mark.parametrize("threshold", ["0", "2"])
def test_compact_packs_refuses_a_threshold_that_is_no_share(threshold):
    hold([])
    with pytest.raises(CommandError, match="threshold"):
        call_command("compact_packs", "--threshold", threshold)
