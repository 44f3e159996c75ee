import io
import os

import pytest

from panoptic.label_bytes import canonical_bytes
from panoptic.packs import NewObject, seal_pack
from store_app import verification
from store_app.blobs import get_blobs, new_blob, put_blobs, put_file
from store_app.durable import LocalFiles
from store_app.errors import ObjectCorrupt, StorageFailed
from store_app.models import Blob, Pack
from store_app.roots import Finding, register_roots
from store_app.verification import find_unfinished, start_verification, verify
from tests.builders import label
from tests.store_app.builders import digest_of, flip_bit, hold, many_blobs, raw

pytestmark = pytest.mark.django_db


def codes(level: str) -> list[str]:
    return [finding.code for finding in verify(level)]


@pytest.mark.parametrize("level", ["refs", "tree", "data"])
def test_an_empty_store_is_clean(level):
    assert codes(level) == []


def test_a_store_of_all_kinds_of_blobs_is_clean():
    put_blobs([*many_blobs(5), new_blob(b"json " * 9), raw(os.urandom(5_000_000))])
    put_blobs([new_blob(canonical_bytes(label("112 112", {1: 7, 2: 9})), "label")])
    put_file(io.BytesIO(b"photograph"))
    put_file(io.BytesIO(b"export " * 9), codec="zstd")
    hold(Blob.objects.values_list("digest", flat=True))
    assert codes("data") == []


def test_an_unknown_level_is_refused_at_once():
    with pytest.raises(ValueError, match="refs, tree, data"):
        verify("everything")


def test_a_blob_that_is_needed_and_not_indexed_is_found_by_its_path():
    hold([digest_of(b"never stored")], parent="streets v3")
    assert codes("refs") == []
    [finding] = verify("tree")
    assert finding == Finding(
        "object_missing",
        "it is not in the store",
        digest_of(b"never stored").hex(),
        "streets v3",
        "0.jpg",
    )


def test_a_flipped_bit_is_found_by_reading_and_says_who_needs_the_blob(blob_folder):
    blobs = many_blobs(3)
    put_blobs(blobs)
    hold([b.digest for b in blobs])
    pack = Pack.objects.get()
    flip_bit(blob_folder / pack.name, 8 + 60)
    assert codes("tree") == []
    file, blob = verify("data")
    assert (file.code, file.object) == ("file_corrupt", pack.name)
    assert (blob.code, blob.object) == ("object_corrupt", blobs[1].digest.hex())
    assert (blob.parent, blob.path) == ("streets v1", "1.jpg")
    assert f"{pack.name}, offset 68" in blob.message


def test_damage_that_nobody_needs_is_reported_too(blob_folder):
    put_blobs(many_blobs(1))
    flip_bit(blob_folder / Pack.objects.get().name, 8)
    assert codes("data") == ["file_corrupt", "object_corrupt"]


def test_a_truncated_pack_is_found_without_reading_it(blob_folder):
    put_blobs(many_blobs(3))
    path = blob_folder / Pack.objects.get().name
    os.truncate(path, 100)
    [finding] = verify("refs")
    assert finding.code == "file_truncated"
    assert finding.message.startswith("the file has 100 bytes, not ")
    assert codes("data").count("object_corrupt") == 2


def test_a_missing_pack_is_found_with_all_who_need_it(blob_folder):
    blobs = many_blobs(3)
    put_blobs(blobs)
    hold([blobs[0].digest, blobs[2].digest])
    (blob_folder / Pack.objects.get().name).unlink()
    assert codes("refs") == ["file_missing"]
    assert codes("tree") == codes("data") == ["file_missing", "object_missing", "object_missing"]


@pytest.mark.parametrize("codec", ["raw", "zstd"])
def test_a_damaged_file_of_its_own_is_found(blob_folder, codec):
    put_file(io.BytesIO(b"photograph " * 9), codec)
    flip_bit(blob_folder / Pack.objects.get().name, 12)
    assert codes("data") == ["file_corrupt", "object_corrupt"]


def test_a_label_whose_bytes_are_another_label_is_found():
    one = canonical_bytes(label("11 22", {1: 7, 2: 9}))
    other = canonical_bytes(label("12 12", {1: 7, 2: 9}))
    trusted = new_blob(one, "label")._replace(digest=digest_of(other), size=len(other))
    put_blobs([trusted])
    assert codes("data") == ["object_corrupt"]


def test_an_index_that_differs_from_the_table_of_a_pack_is_found():
    put_blobs([raw(b"content")])
    Blob.objects.update(codec=1)
    assert codes("data") == ["index_mismatch", "object_corrupt"]


def test_what_the_apps_find_wrong_is_reported():
    broken = Finding("branch_broken", "it points nowhere", "main", "streets", "")
    register_roots("datasets", list, check=lambda level: [broken] if level == "refs" else [])
    assert list(verify("refs")) == [broken]
    assert list(verify("tree")) == []


def test_a_walker_that_gives_up_is_a_finding_and_the_others_go_on():
    def walker():
        raise StorageFailed("node 12", "it is unreadable")
        yield

    register_roots("datasets", walker)
    hold([digest_of(b"never stored")])
    missing, gave_up = verify("tree")
    assert missing.code == "object_missing"
    assert gave_up == Finding("roots_unreadable", "node 12: it is unreadable", "datasets")


def test_progress_reaches_its_end():
    put_blobs(many_blobs(3))
    hold(b.digest for b in many_blobs(3))
    seen = []
    list(verify("data", lambda *step: seen.append(step)))
    assert seen == [("files", 1, 1), ("files", 1, 1), ("data", 1, 1), ("references", 3, None)]


def test_verification_and_reading_agree_on_what_is_corrupt(blob_folder):
    blobs = many_blobs(4)
    put_blobs(blobs)
    name = Pack.objects.get().name
    for offset in range(8, 8 + 4 * 60, 30):
        flip_bit(blob_folder / name, offset)
        with pytest.raises(ObjectCorrupt) as caught:
            get_blobs(b.digest for b in blobs)
        [blob] = [f for f in verify("data") if f.code == "object_corrupt"]
        assert blob.object == caught.value.digest.hex()
        flip_bit(blob_folder / name, offset)
    assert codes("data") == []


def test_a_file_that_is_no_pack_inside_is_found(blob_folder):
    put_blobs([raw(b"content")])
    pack = Pack.objects.get()
    sealed = seal_pack([NewObject(digest_of(b"x"), digest_of(b"x"), 1, 0, b"x")])
    data = b"".join(sealed.chunks)[:-1] + b"!"
    pack.digest, pack.size = digest_of(data), len(data)
    (blob_folder / pack.name).parent.mkdir(exist_ok=True)
    (blob_folder / pack.name).write_bytes(data)
    pack.save()
    findings = {finding.code: finding for finding in verify("data")}
    assert "does not end like one" in findings["file_corrupt"].message


def test_a_run_that_was_cut_off_goes_on_where_it_was_and_repeats_what_it_found(
    blob_folder, monkeypatch
):
    monkeypatch.setattr(verification, "_SAVED_EVERY_SECONDS", 0)
    for blob in many_blobs(4):
        put_blobs([blob])
    for pack in Pack.objects.filter(pk__in=[Pack.objects.first().pk, Pack.objects.last().pk]):
        flip_bit(blob_folder / pack.name, 10)
    wanted = list(verify("data"))
    run = start_verification()
    reads = count_reads(monkeypatch)

    def stop(stage, done, total):
        if (stage, done) == ("data", 3):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(verify("data", stop, run=run))
    unfinished = find_unfinished()
    assert unfinished.cursor == Pack.objects.order_by("pk")[1].pk
    assert list(verify("data", run=unfinished)) == wanted
    assert len(reads) == 3 + 2  # the third pack was read when its progress was told
    assert find_unfinished() is None


def count_reads(monkeypatch) -> list[str]:
    """Note each read of part of a file."""
    reads = []
    read_range = LocalFiles.read_range

    def counted(files, name, start, length):
        reads.append(name)
        return read_range(files, name, start, length)

    monkeypatch.setattr(LocalFiles, "read_range", counted)
    return reads


def test_a_sample_says_what_it_covered_and_chooses_alike_each_time():
    put_blobs(many_blobs(1_000))
    runs = [start_verification(sample=0.1, seed=seed) for seed in (1, 1, 2)]
    for run in runs:
        assert list(verify("data", run=run)) == []
    first, again, other = (run.covered for run in runs)
    assert first == again != other
    assert 60 < first["blobs"] < 140
    assert (first["of_blobs"], first["of_files"]) == (1_000, 1)
    assert first["bytes"] == 60 * first["blobs"] < first["of_bytes"]


def test_damage_is_found_by_a_sample_that_holds_it(blob_folder):
    put_blobs(many_blobs(20))
    flip_bit(blob_folder / Pack.objects.get().name, 8)
    found = [list(verify("data", run=start_verification(sample=0.3, seed=n))) for n in range(12)]
    assert 0 < sum(len(findings) for findings in found) < 12
    assert {finding.code for findings in found for finding in findings} == {"object_corrupt"}


def test_a_full_run_covers_everything():
    put_blobs(many_blobs(3))
    put_file(io.BytesIO(b"photograph"))
    run = start_verification()
    list(verify("data", run=run))
    for field in ("files", "blobs", "bytes"):
        assert run.covered[field] == run.covered[f"of_{field}"] > 0


@pytest.mark.parametrize("sample", [0, -1, 1.5])
def test_a_sample_that_is_no_share_is_refused(sample):
    with pytest.raises(ValueError, match="sample"):
        start_verification(sample=sample)
