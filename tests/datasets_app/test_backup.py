"""The archive of a whole service: its form, what is refused, and where it may come back."""

import hashlib
import io
import json
import os
import tarfile
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from unittest.mock import Mock

import pytest
from django.db import connection
from django.utils import timezone

from datasets_app.backup import restoring, writing
from datasets_app.backup.errors import MalformedBackup, NotEmpty, OtherRelease, StoreChanged
from datasets_app.backup.restoring import restore_backup
from datasets_app.backup.tables import backed_up_models, label_of
from datasets_app.backup.writing import write_backup
from datasets_app.models import Branch, Dataset, Version
from store_app.erasure import destroy_erased, mark_erased
from store_app.errors import StorageFailed
from store_app.garbage import collect_garbage
from store_app.models import Lease, Pack
from store_app.verification import verify
from tests.datasets_app.builders import commit_to, dataset, names, put_bytes, put_label
from tests.scenarios.commands import refuse, run
from tests.store_app.builders import files_in, s3_server, use_bucket
from tests.store_app.cutting_proxy import cutting_proxy

pytestmark = pytest.mark.django_db(transaction=True)


def service_with_history(images: int = 3) -> Version:
    streets = dataset("streets")
    mask = put_label("112 112", {1: 1, 2: 2})
    changes = [
        change
        for number in range(images)
        for change in names(f"{number}.png", image=put_bytes(f"photo {number}"), label=mask)
    ]
    return commit_to(streets, changes)


def empty_the_database() -> None:
    """Leave what `migrate` leaves."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            tables = ", ".join(f'"{m._meta.db_table}"' for m in backed_up_models())
            cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        else:
            with connection.constraint_checks_disabled():
                for model in backed_up_models():
                    cursor.execute(f'DELETE FROM "{model._meta.db_table}"')


def members_of(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as file:
        return {member.name: file.extractfile(member).read() for member in file}


def rewrite(archive: Path, members: dict[str, bytes]) -> None:
    """Write an archive with other members, each as it is given."""
    with tarfile.open(archive, "w") as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))


@pytest.fixture
def archive(tmp_path) -> Path:
    """An archive of a small service; the database is empty afterwards, the storage another."""
    service_with_history()
    write_backup(tmp_path / "backup.tar")
    empty_the_database()
    return tmp_path / "backup.tar"


@pytest.fixture
def new_folder(settings, tmp_path, archive) -> Path:
    """Another storage, empty."""
    settings.STORAGES = {
        **settings.STORAGES,
        "blobs": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "new")},
        },
    }
    return tmp_path / "new"


def nothing_is_left(folder: Path) -> bool:
    return files_in(folder) == [] and not Dataset.objects.exists() and not Pack.objects.exists()


def test_a_backup_restored_is_the_service_as_it_was(tmp_path):
    head = service_with_history().version_id
    report = write_backup(tmp_path / "backup.tar")
    empty_the_database()
    restored = restore_backup(tmp_path / "backup.tar")
    assert (restored.rows, restored.files, restored.bytes) == report[1:4]
    assert Branch.objects.get().head.version_id == head
    assert list(verify("data")) == []
    assert commit_to(Dataset.objects.get(), names("new.png")).number == 2


def test_an_archive_is_an_ordinary_tar_that_says_what_it_holds(archive):
    members = members_of(archive)
    assert next(iter(members)) == "tessera-backup.json"
    assert list(members)[-1] == "manifest.json"
    head = json.loads(members["tessera-backup.json"])
    assert (head["form"], head["tables"]) == (1, [label_of(m) for m in backed_up_models()])
    manifest = json.loads(members["manifest.json"])
    for member in manifest["members"]:
        assert hashlib.sha256(members[member["name"]]).hexdigest() == member["sha256"]
    stored = [name for name in members if name.startswith(("packs/", "objects/"))]
    assert manifest["stored"]["files"] == len(stored) > 0
    for name in stored:
        assert hashlib.sha256(members[name]).hexdigest() in name


def test_tables_come_after_those_that_they_refer_to():
    order = [label_of(model) for model in backed_up_models()]
    for earlier, later in [
        ("people_app.user", "datasets_app.version"),
        ("datasets_app.version", "datasets_app.branch"),
        ("store_app.pack", "store_app.blob"),
    ]:
        assert order.index(earlier) < order.index(later)


def test_sessions_and_leases_stay_where_they_are(archive):
    names_ = members_of(archive)
    assert "rows/sessions.session.jsonl.zst" not in names_
    assert "rows/store_app.lease.jsonl.zst" not in names_
    assert not any("upload" in name for name in names_)
    assert not Lease.objects.exists()


def test_a_database_that_was_used_is_refused(archive, new_folder):
    dataset("another")
    with pytest.raises(NotEmpty):
        restore_backup(archive)
    assert files_in(new_folder) == []


def test_an_archive_of_another_release_is_refused(archive, new_folder):
    members = members_of(archive)
    head = json.loads(members["tessera-backup.json"])
    head["migrations"].append("datasets_app.9999_later")
    members["tessera-backup.json"] = json.dumps(head).encode()
    rewrite(archive, members)
    with pytest.raises(OtherRelease, match=r"datasets_app\.9999_later"):
        restore_backup(archive)


def test_an_archive_cut_off_anywhere_is_refused_and_leaves_nothing(archive, new_folder):
    data = archive.read_bytes()
    with tarfile.open(archive) as file:
        end = file.getmember("manifest.json").offset_data
    for size in (0, 100, 512, 700, end // 2, end - 600, end - 512, end + 10):
        archive.write_bytes(data[:size])
        with pytest.raises(MalformedBackup):
            restore_backup(archive)
        assert nothing_is_left(new_folder)


def test_a_cut_is_told_by_the_member_before_it(archive, new_folder):
    with tarfile.open(archive) as file:
        members = file.getmembers()
    cut = next(n for n, member in enumerate(members) if member.name.startswith("packs/"))
    archive.write_bytes(archive.read_bytes()[: members[cut].offset])
    with pytest.raises(MalformedBackup) as caught:
        restore_backup(archive)
    assert caught.value.member == members[cut - 1].name


def test_one_altered_bit_of_any_member_is_refused_by_name(archive, new_folder):
    data = archive.read_bytes()
    with tarfile.open(archive) as file:
        members = [member for member in file if member.size]
    for member in members:
        altered = bytearray(data)
        altered[member.offset_data + member.size // 2] ^= 1
        archive.write_bytes(altered)
        with pytest.raises((MalformedBackup, OtherRelease)) as caught:
            restore_backup(archive)
        if member.name not in ("tessera-backup.json", "manifest.json"):
            assert caught.value.member == member.name
        assert nothing_is_left(new_folder)


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/outside", "packs/../../outside", "objects/ab/short", "rows/x.y"]
)
def test_a_member_of_any_other_name_is_refused(archive, new_folder, name):
    members = members_of(archive)
    manifest = members.pop("manifest.json")
    rewrite(archive, {**members, name: b"x", "manifest.json": manifest})
    with pytest.raises(MalformedBackup) as caught:
        restore_backup(archive)
    assert caught.value.member == name
    assert nothing_is_left(new_folder)


def test_a_link_is_refused(archive, new_folder):
    with tarfile.open(archive, "w") as file:
        info = tarfile.TarInfo("tessera-backup.json")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(info)
    with pytest.raises(MalformedBackup, match="not a plain file"):
        restore_backup(archive)


@pytest.mark.parametrize("prefix", ["packs/", "rows/datasets_app.branch"])
def test_a_member_that_was_removed_is_missed(archive, new_folder, prefix):
    members = members_of(archive)
    rewrite(archive, {n: data for n, data in members.items() if not n.startswith(prefix)})
    with pytest.raises(MalformedBackup):
        restore_backup(archive)
    assert nothing_is_left(new_folder)


def test_what_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "backup.tar"
    for data in (b"", b"hello", os.urandom(5_000)):
        path.write_bytes(data)
        with pytest.raises(MalformedBackup):
            restore_backup(path)


def test_a_failed_restore_deletes_no_file_that_was_there_before(archive, tmp_path):
    before = files_in(tmp_path / "blobs")
    archive.write_bytes(archive.read_bytes()[:-20_000])
    with pytest.raises(MalformedBackup):
        restore_backup(archive)
    assert files_in(tmp_path / "blobs") == before != []


def test_a_restore_that_was_killed_is_started_again(archive, new_folder, monkeypatch):
    # Who is killed deletes nothing: the files stay, and the rows were never committed.
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_delete_saved", lambda saved, files: None)
        patch.setattr(restoring, "_write_rows", Mock(side_effect=InterruptedError))
        with pytest.raises(InterruptedError):
            restore_backup(archive)
    left = files_in(new_folder)
    assert left
    left[0].write_bytes(b"half of it")
    restore_backup(archive)
    assert files_in(new_folder) == left
    assert list(verify("data")) == []


def test_what_a_killed_restore_left_is_garbage_where_nobody_restores_again(
    archive, new_folder, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_delete_saved", lambda saved, files: None)
        patch.setattr(restoring, "_write_rows", Mock(side_effect=InterruptedError))
        with pytest.raises(InterruptedError):
            restore_backup(archive)
    collect_garbage(dry_run=False, now=timezone.now() + timedelta(days=2))
    assert files_in(new_folder) == []


@pytest.fixture(scope="module")
def s3():
    with s3_server() as address:
        yield address


def test_a_service_moves_from_files_to_a_bucket_and_back(archive, new_folder, settings, s3):
    local = settings.STORAGES
    use_bucket(settings, s3, "moved")
    restore_backup(archive)
    assert list(verify("data")) == []
    again = archive.with_name("again.tar")
    write_backup(again)
    stored = {name: data for name, data in members_of(archive).items() if "rows/" not in name}
    for name, data in members_of(again).items():
        if name.startswith(("packs/", "objects/")):
            assert data == stored.pop(name)
    assert set(stored) == {"tessera-backup.json", "manifest.json"}
    empty_the_database()
    settings.STORAGES = local
    restore_backup(again)
    assert list(verify("data")) == []


def test_a_refused_archive_leaves_nothing_in_a_bucket(archive, settings, s3):
    client = use_bucket(settings, s3, "refused")
    archive.write_bytes(archive.read_bytes()[:-12_000])
    with pytest.raises(MalformedBackup):
        restore_backup(archive)
    assert "Contents" not in client.list_objects_v2(Bucket="refused")


def test_a_bucket_that_breaks_off_a_backup_leaves_no_archive(tmp_path, settings, s3):
    with cutting_proxy(s3) as proxy:
        use_bucket(settings, s3, "broken", through=proxy.address)
        service_with_history()
        proxy.cut_answers(1_000, after=40)
        with pytest.raises(StorageFailed):
            write_backup(tmp_path / "backup.tar")
    assert list(tmp_path.glob("*backup*")) == []


def test_people_work_while_a_backup_is_written_and_it_is_of_one_moment(tmp_path, monkeypatch):
    head = service_with_history().version_id
    reading, committed = Event(), Event()
    add_rows = writing._add_rows

    def wait_once(archive, model, folder):
        member = add_rows(archive, model, folder)
        if label_of(model) == "datasets_app.dataset":
            reading.set()
            assert committed.wait(20)
        return member

    monkeypatch.setattr(writing, "_add_rows", wait_once)

    def work():
        try:
            reading.wait(20)
            commit_to(Dataset.objects.get(), names("meanwhile.png", image=put_bytes("new")))
        finally:
            committed.set()
            connection.close()

    worker = Thread(target=work)
    worker.start()
    write_backup(tmp_path / "backup.tar")
    worker.join()
    assert Version.objects.count() == 2
    empty_the_database()
    restore_backup(tmp_path / "backup.tar")
    assert Version.objects.get().version_id == head
    assert list(verify("data")) == []


def test_an_erasure_meanwhile_breaks_the_backup_off(tmp_path, monkeypatch):
    service_with_history()
    photo = put_bytes("face")
    add_files = writing._add_files

    def erase_then_add(*args):
        mark_erased([photo], reason="asked")
        destroy_erased([photo])
        return add_files(*args)

    monkeypatch.setattr(writing, "_add_files", erase_then_add)
    with pytest.raises(StoreChanged):
        write_backup(tmp_path / "backup.tar")
    assert list(tmp_path.glob("*backup*")) == []


def test_an_archive_that_exists_is_not_replaced(tmp_path):
    path = tmp_path / "backup.tar"
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        write_backup(path)
    assert path.read_bytes() == b"precious"


def test_the_commands_say_what_they_did(tmp_path):
    service_with_history()
    path = tmp_path / "backup.tar"
    report = run("backup", path)
    assert report["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    empty_the_database()
    assert run("restore", path)["rows"] == report["rows"]
    assert refuse("restore", path)["code"] == "not_empty"
