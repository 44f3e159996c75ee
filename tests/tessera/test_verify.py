"""`tessera verify`: a flipped bit is named, and mended by the command that the message names."""

from __future__ import annotations

from pathlib import Path

import pytest

import tessera
from people_app.actions.tokens import create_token
from tessera.config import load_config
from tests.api.builders import person
from tests.tessera.answering import forwarding
from tests.tessera.builders import flip
from tests.tessera.copies import Desk, office  # noqa: F401  (fixture)

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(office) -> Desk:  # noqa: F811
    """A clone of the dataset."""
    return office.desk("one")


def file_of_cache(pattern: str) -> Path:
    """The first file of the cache of this kind."""
    return min(load_config().cache_dir.glob(pattern))


def findings_of(desk: Desk, *words: str) -> list[tuple[str, str]]:
    """What a verify that fails finds: codes and files."""
    ran = desk.tessera("verify", "--json", *words)
    assert ran.code == 7
    return [(found["code"], found["file"]) for found in ran.json["findings"]]


@pytest.mark.parametrize("column", ["labels.npy", "entries.json"])
def test_damage_of_the_snapshot_itself_is_named_and_mended(desk, column):
    path = file_of_cache(f"snapshots/*/*/{column}")
    flip(path, 8 * (path.stat().st_size - 2))
    told = desk.tessera("status")
    assert (told.code, "`tessera verify --repair` mends it" in told.err) == (7, True)
    [(code, file)] = findings_of(desk)
    assert (code, file.endswith(f"/{column}")) == ("snapshot_corrupt", True)
    assert desk.ok("verify", "--repair", "--json").json["repaired"]
    assert desk.ok("verify", "--json").json["findings"] == []
    assert desk.ok("status", "--json").json["images"] == []


def test_of_a_damaged_pack_only_the_damaged_object_is_fetched_again(desk):
    pack = file_of_cache("packs/*.pack")
    flip(pack, 8 * 60)
    [(code, file)] = findings_of(desk)
    assert (code, file) == ("object_corrupt", f"packs/{pack.name}")
    ran = desk.ok("verify", "--repair")
    assert "1 finding" in ran.out
    assert desk.ok("verify", "--all", "--json").json["findings"] == []


def test_all_of_the_cache_is_verified_and_mended_outside_of_working_copies(desk):
    pack = file_of_cache("packs/*.pack")
    flip(pack, 8 * (pack.stat().st_size - 1))  # in its table, which is of no object
    snapshot = file_of_cache("snapshots/*/*/sizes.npy")
    flip(snapshot, 8 * 10)
    outside = Desk(desk.folder.parent, desk._capsys, desk._enter)
    assert outside.tessera("verify").code == 4
    found = findings_of(outside, "--all")
    assert found[0] == ("object_corrupt", f"packs/{pack.name}")
    assert found[1][0] == "snapshot_corrupt"
    outside.ok("verify", "--all", "--repair")
    assert outside.ok("verify", "--all", "--json").json["findings"] == []
    assert desk.ok("status", "--json").json["images"] == []


def test_what_was_pulled_needs_no_service(office, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setenv("TESSERA_TOKEN", create_token(user=person("ada")).secret)
    outside = Desk(tmp_path, capsys, monkeypatch.chdir)
    with forwarding(office.url) as service:
        cloned = outside.ok("clone", f"{service.url}/streets", "one", "--json").json
    desk = Desk(tmp_path / "one", capsys, monkeypatch.chdir)
    assert desk.ok("status", "--json").json["images"] == []
    assert desk.ok("verify", "--json").json["findings"] == []
    desk.ok("export", str(tmp_path / "labels.json"), "--format", "coco_panoptic")
    pulled = tessera.connect(service.url).dataset("streets").pull(cloned["version"]["id"])
    assert len(pulled) == cloned["images"]


def test_what_is_wrong_in_a_snapshot_does_not_get_into_the_next_one(
    office,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    monkeypatch.setenv("TESSERA_TOKEN", create_token(user=person("ada")).secret)
    first = tessera.connect(office.url).dataset("streets").pull("v1")
    flip(first.folder / "numbers.npy", 8 * 128)
    found = tessera.connect(office.url).dataset("streets").pull("v2")
    again = tessera.connect(office.url).dataset("streets").pull("v1")
    monkeypatch.setenv("TESSERA_CACHE_DIR", str(tmp_path / "another cache"))
    service = tessera.connect(office.url).dataset("streets")
    assert list(found.table) == list(service.pull("v2").table)
    assert list(again.table) == list(service.pull("v1").table)
