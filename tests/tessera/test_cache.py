"""The cache: what goes in comes out or is named, whatever happens to its files."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tessera.cache import Cache, Place
from tessera.cache import files as files_of_cache
from tessera.errors import DamagedError, ObjectCorrupt, ObjectMissing, TesseraError
from tests.tessera.builders import blob, blobs, content_of, files_below, flip, mixed


@pytest.fixture
def cache(tmp_path):
    with Cache(tmp_path / "cache") as found:
        yield found


def put_file(cache: Cache, content: bytes) -> bytes:
    """Keep a large content as a file of its own."""
    path = cache.new_file()
    path.write_bytes(content)
    found = blob(content).digest
    cache.adopt(path, found)
    return found


def pack_of(cache: Cache):
    """The only pack."""
    [path] = (cache.folder / "packs").iterdir()
    return path


def test_what_was_added_is_read(cache):
    objects = mixed()
    cache.add_objects(objects)
    assert [cache.read(item.digest) for item in objects] == [content_of(item) for item in objects]
    assert cache.totals() == (3, sum(len(item.data) for item in objects))


def test_only_what_is_not_there_is_missing_each_once(cache):
    here, gone = blobs("here", "gone")
    cache.add_objects([here])
    assert cache.missing([gone.digest, here.digest, gone.digest]) == [gone.digest]


def test_what_is_not_there_is_named(cache):
    [gone] = blobs("gone")
    with pytest.raises(ObjectMissing, match=gone.digest.hex()) as caught:
        cache.read(gone.digest)
    assert caught.value.errors == [gone.digest.hex()]


def test_another_cache_of_the_folder_finds_it(cache):
    [item] = blobs("a")
    cache.add_objects([item])
    with Cache(cache.folder) as other:
        assert other.read(item.digest) == b"a"


def test_a_large_content_is_a_file_of_its_own(cache):
    found = put_file(cache, b"photograph" * 1000)
    assert cache.read(found) == b"photograph" * 1000
    assert cache.path_of(cache.locate([found])[found]).name == found.hex()


def test_a_file_that_is_something_else_is_not_adopted(cache):
    path = cache.new_file()
    path.write_bytes(b"other")
    with pytest.raises(ObjectCorrupt, match="arrived with another sha256"):
        cache.adopt(path, blob(b"photograph").digest)
    assert files_below(cache.folder / "new") == files_below(cache.folder / "objects") == {}


def test_of_what_arrives_the_damaged_is_named_and_the_rest_kept(cache):
    one, two, three = blobs("one", "two", "three")
    with pytest.raises(ObjectCorrupt, match=two.digest.hex()):
        cache.add_objects([one, two._replace(data=b"twx"), three])
    assert cache.missing([item.digest for item in (one, two, three)]) == [two.digest]


def test_nothing_is_left_in_the_folder_of_unfinished_files(cache):
    cache.add_objects(mixed())
    put_file(cache, b"photograph")
    assert files_below(cache.folder / "new") == {}


def test_bytes_are_on_the_disk_before_the_index_names_them(cache, monkeypatch):
    happened = []
    fsync, add = os.fsync, cache._index.add
    monkeypatch.setattr(os, "fsync", lambda handle: (happened.append("fsync"), fsync(handle)))
    monkeypatch.setattr(cache._index, "add", lambda places: (happened.append("add"), add(places)))
    cache.add_objects(mixed())
    # The pack, and the folder that it was renamed into.
    assert happened == ["fsync", "fsync", "add"]


# ---- damage ----------------------------------------------------------------------------


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_every_flipped_bit_of_a_pack_or_an_object_is_found(tmp_path_factory, data):
    with Cache(tmp_path_factory.mktemp("cache")) as cache:
        objects = mixed()
        cache.add_objects(objects)
        photo = put_file(cache, b"photograph" * 3)
        name = data.draw(st.sampled_from([f"packs/{pack_of(cache).name}", "object"]))
        path = cache.folder / name if name != "object" else path_of(cache, photo)
        bit = data.draw(st.integers(0, 8 * path.stat().st_size - 1))
        flip(path, bit)
        [found] = cache.verify()
        places = cache.locate([*(item.digest for item in objects), photo]).values()
        hit = [place for place in places if holds(cache, place, path, bit // 8)]
        assert cache.folder / found.file == path
        assert found.code == "object_corrupt"
        if hit:
            assert (found.digest, found.offset) == (hit[0].digest.hex(), hit[0].start)
            assert hit[0].digest.hex() in found.message
            with pytest.raises(ObjectCorrupt, match=f"offset {hit[0].start}"):
                cache.read(hit[0].digest)
        else:
            assert (found.digest, found.offset) == ("", bit // 8)


def path_of(cache: Cache, digest: bytes):
    """The file that a blob is in."""
    return cache.path_of(cache.locate([digest])[digest])


def holds(cache: Cache, place: Place, path, offset: int) -> bool:
    """Say whether a byte of a file is one of a blob's."""
    inside = place.start <= offset < place.start + place.length
    return cache.path_of(place) == path and inside


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_flipped_bit_of_the_index_never_gives_wrong_bytes_and_is_mended(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("cache")
    objects = [*mixed(), *blobs(*(f"blob {n}" for n in range(40)))]
    with Cache(folder) as cache:
        cache.add_objects(objects[:30])
        cache.add_objects(objects[30:])
    path = folder / "index.sqlite3"
    flip(path, data.draw(st.integers(0, 8 * path.stat().st_size - 1)))
    with Cache(folder) as cache:
        findings = list(cache.verify())
        harmed = [item for item in objects if not is_read(cache, item)]
        assert findings or not harmed
        for name in {finding.file for finding in findings}:
            cache.drop_file(name)
    with Cache(folder) as cache:
        assert list(cache.verify()) == []
        for item in objects:
            assert is_read(cache, item) or cache.missing([item.digest])


def is_read(cache: Cache, item) -> bool:
    """Say whether a blob is read; wrong bytes, or an error of another kind, fail the test."""
    try:
        assert cache.read(item.digest) == content_of(item)
    except DamagedError:
        return False
    return True


def test_a_whole_cache_has_no_findings(cache):
    cache.add_objects(mixed())
    cache.add_objects([*mixed(), *blobs("more")])  # some of it twice
    put_file(cache, b"photograph")
    assert list(cache.verify()) == []


def test_verifying_some_says_what_is_missing_and_what_is_damaged(cache):
    one, two, gone = blobs("one", "two", "gone")
    cache.add_objects([one, two])
    flip(pack_of(cache), 8 * cache.locate([two.digest])[two.digest].start)
    found = list(cache.verify([one.digest, gone.digest, two.digest]))
    assert [(one.code, one.digest) for one in found] == [
        ("object_missing", gone.digest.hex()),
        ("object_corrupt", two.digest.hex()),
    ]


def test_damage_is_forgotten_and_fetched_anew(cache):
    objects = blobs("one", "two")
    cache.add_objects(objects)
    flip(pack_of(cache), 100)
    [found] = cache.verify()
    cache.drop_file(found.file)
    assert len(cache.missing(item.digest for item in objects)) == 2
    cache.add_objects(objects)
    assert cache.read(objects[0].digest) == b"one"


def test_a_damaged_pack_that_no_index_names_does_not_stand_in_the_way(cache):
    objects = blobs("one", "two")
    cache.add_objects(objects)
    flip(pack_of(cache), 100)
    cache.rebuild()
    assert len(cache.missing(item.digest for item in objects)) == 2
    cache.add_objects(objects)
    assert list(cache.verify()) == []


def test_a_pack_that_is_cut_off_while_it_is_open_kills_nobody(cache):
    objects = [blob(bytes([n]) * 9_000) for n in range(8)]
    cache.add_objects(objects)
    assert cache.read(objects[-1].digest)
    os.truncate(pack_of(cache), 5_000)
    with pytest.raises(ObjectCorrupt, match="truncated, 0 of 9000 bytes are there"):
        cache.read(objects[-1].digest)
    assert {finding.code for finding in cache.verify()} == {"object_corrupt"}


def test_a_file_that_somebody_deleted_is_missing_and_comes_back(cache):
    [item] = blobs("one")
    cache.add_objects([item])
    cache.read(item.digest)
    cache._files.close()
    pack_of(cache).unlink()
    with pytest.raises(ObjectMissing, match="is gone from the cache, offset 8: pull again"):
        cache.read(item.digest)
    assert cache.missing([item.digest]) == [item.digest]
    cache.add_objects([item])
    assert cache.read(item.digest) == b"one"


def test_a_pack_that_another_process_mended_is_read_by_those_who_had_it_open(cache):
    objects = blobs("one", "two")
    cache.add_objects(objects)
    cache.read(objects[0].digest)
    flip(pack_of(cache), 8 * cache.locate([objects[1].digest])[objects[1].digest].start)
    with Cache(cache.folder) as other:
        other.drop_file(f"packs/{pack_of(cache).name}")
        other.add_objects(objects)
    assert cache.read(objects[1].digest) == b"two"


# ---- a lost index --------------------------------------------------------------------


def test_a_lost_index_is_made_anew_from_the_files(cache):
    objects = mixed()
    cache.add_objects(objects)
    photo = put_file(cache, b"photograph")
    cache.close()
    for path in cache.folder.glob("index*"):
        path.unlink()
    with Cache(cache.folder) as again:
        assert [again.read(item.digest) for item in objects] == [content_of(i) for i in objects]
        assert again.read(photo) == b"photograph"


def test_an_index_that_is_no_database_is_made_anew(cache):
    objects = mixed()
    cache.add_objects(objects)
    cache.close()
    (cache.folder / "index.sqlite3").write_bytes(b"not a database, not even nearly" * 100)
    with Cache(cache.folder) as again:
        assert again.missing(item.digest for item in objects) == []
        assert list(again.verify()) == []


def test_a_crash_while_the_index_is_made_anew_is_made_good(cache, monkeypatch):
    cache.add_objects(blobs("one"))
    cache.add_objects(blobs("two"))
    cache.close()
    (cache.folder / "index.sqlite3").unlink()
    real, seen = Cache._places_of_file, []

    def dies(self, name):
        seen.append(name)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(Cache, "_places_of_file", dies)
        with pytest.raises(KeyboardInterrupt):
            Cache(cache.folder)
    with Cache(cache.folder) as again:
        assert again.totals()[0] == 2


def test_what_a_crash_left_without_a_row_is_taken_in_by_sweeping(cache, monkeypatch):
    [item] = blobs("one")
    with monkeypatch.context() as patch:
        patch.setattr(cache._index, "add", lambda places: None)
        cache.add_objects([item])
    assert cache.missing([item.digest]) == [item.digest]
    cache.sweep()
    assert cache.read(item.digest) == b"one"


def test_sweeping_deletes_what_is_old_and_unfinished_and_nothing_else(cache):
    cache.add_objects(mixed())
    old, young, folder = cache.new_file(), cache.new_file(), cache.new_file()
    old.write_bytes(b"x")
    young.write_bytes(b"x")
    folder.mkdir()
    (folder / "names.npy").write_bytes(b"x")
    long_ago = time.time() - 2 * 24 * 3_600
    for path in (old, folder):
        os.utime(path, (long_ago, long_ago))
    cache.sweep()
    assert list((cache.folder / "new").iterdir()) == [young]
    assert list(cache.verify()) == []


def test_a_cleared_cache_is_empty_and_works(cache):
    objects = mixed()
    cache.add_objects(objects)
    put_file(cache, b"photograph")
    (cache.folder / "packs" / f"{'0' * 64}.pack").write_bytes(b"damaged, and in no index")
    cache.clear()
    assert cache.totals() == (0, 0)
    assert files_below(cache.folder / "packs") == files_below(cache.folder / "objects") == {}
    cache.add_objects(objects)
    assert cache.read(objects[0].digest) == b"photograph"


# ---- threads and processes -----------------------------------------------------------


def test_few_files_are_open_however_many_are_read(cache, monkeypatch):
    monkeypatch.setattr(files_of_cache, "_KEPT_OPEN", 4)
    photos = [put_file(cache, b"photograph %d" % n) for n in range(12)]
    before = len(os.listdir("/proc/self/fd"))
    for n, photo in enumerate(photos * 2):
        assert cache.read(photo) == b"photograph %d" % (n % 12)
    assert len(os.listdir("/proc/self/fd")) - before <= 4


def test_threads_read_and_write_at_once(cache, monkeypatch):
    monkeypatch.setattr(files_of_cache, "_KEPT_OPEN", 2)
    wrong = []

    def work(number):
        for step in range(10):
            items = blobs(*(f"{number % 2} {step} {n}" for n in range(5)))
            cache.add_objects(items)
            wrong.extend(item for item in items if cache.read(item.digest) != item.data)

    run([threading.Thread(target=work, args=(n,)) for n in range(4)])
    assert wrong == []
    assert cache.totals()[0] == 100


def run(workers):
    """Run threads or processes to their end."""
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)


def add_many(folder, begin, count):
    """Add blobs one pack each, as a process of its own."""
    with Cache(folder) as cache:
        for n in range(begin, begin + count):
            cache.add_objects(blobs(str(n), str(n + 1)))


def test_two_processes_add_at_once(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=add_many, args=(tmp_path, n, 20)) for n in (0, 10)]
    run(processes)
    assert [process.exitcode for process in processes] == [0, 0]
    with Cache(tmp_path) as cache:
        assert cache.totals()[0] == 31
        assert list(cache.verify()) == []


def test_a_process_that_is_killed_leaves_a_cache_that_is_whole(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=add_many, args=(tmp_path, 0, 100_000))
    process.start()
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "packs").glob("*.pack"))) < 20:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with Cache(tmp_path) as cache:
        assert list(cache.verify()) == []
        assert cache.totals()[0] >= 20


def test_the_child_of_a_fork_reads_while_a_thread_of_the_parent_held_the_lock(cache):
    [item] = blobs("one")
    cache.add_objects([item])
    held, let_go = threading.Event(), threading.Event()

    def hold():
        with cache._lock:
            held.set()
            let_go.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    pid = os.fork()
    if not pid:
        status = 1
        try:
            signal.alarm(20)
            status = 0 if cache.read(item.digest) == b"one" else 2
            cache.add_objects(blobs("of the child"))
        finally:
            os._exit(status)
    let_go.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    [of_child] = blobs("of the child")
    assert cache.read(of_child.digest) == b"of the child"
    assert cache.read(item.digest) == b"one"


def test_trouble_with_the_disk_is_not_called_damage(cache, monkeypatch):
    def full(*arguments):
        error = __import__("sqlite3").OperationalError("database or disk is full")
        error.sqlite_errorcode = 13
        raise error

    class Sql:
        execute = executemany = full
        in_transaction = False

        def close(self):
            """Nothing to close."""

    real, cache._index._sql = cache._index._sql, Sql()
    with pytest.raises(TesseraError) as caught:
        cache.add_objects(blobs("one"))
    cache._index._sql = real
    assert caught.value.code == "cache_unusable"
    shutil.rmtree(cache.folder / "packs")
