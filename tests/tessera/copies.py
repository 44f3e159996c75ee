"""A service with a small dataset, and working copies of it that commands run in."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from PIL import Image

from people_app.actions.tokens import create_token
from tessera.commands.main import main
from tests.api.builders import World, build_world, person

_ROOT = Path(__file__).resolve().parent.parent.parent


class Ran(NamedTuple):
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document that `--json` prints."""
        return json.loads(self.out)


class Desk:
    """A person at a folder; `tessera("status")` runs there."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], enter: Callable) -> None:
        self.folder, self._capsys, self._enter = folder, capsys, enter

    def tessera(self, *words: str) -> Ran:
        """Run a command in the folder."""
        self._enter(self.folder)
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        out, err = self._capsys.readouterr()
        return Ran(int(ended.value.code or 0), out, err)

    def ok(self, *words: str) -> Ran:
        """Run a command that must succeed."""
        ran = self.tessera(*words)
        assert ran.code == 0, ran.err
        return ran

    def png(self, name: str) -> Path:
        """Return the PNG of an image."""
        return self.folder / "panoptic" / Path(name).with_suffix(".png")

    def paint(self, name: str, pixel: tuple[int, int], segment_id: int) -> None:
        """Give a pixel (row, column) of an image to another segment, as an editor would."""
        with Image.open(self.png(name)) as opened:
            pixels = np.array(opened.convert("RGB"))
        pixels[pixel] = (segment_id % 256, segment_id // 256 % 256, segment_id // 65536)
        Image.fromarray(pixels).save(self.png(name))

    def document(self) -> dict[str, Any]:
        """Return what panoptic.json says."""
        return json.loads((self.folder / "panoptic.json").read_text())

    def keep(self, document: dict[str, Any]) -> None:
        """Write panoptic.json anew."""
        (self.folder / "panoptic.json").write_text(json.dumps(document))


class Office(NamedTuple):
    """A service, its dataset, and desks at it."""

    url: str
    world: World
    desk: Callable[[str], Desk]


@pytest.fixture
def office(
    transactional_db: None,
    live_server: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Office:
    """A service with the dataset "streets", signed in to as ada."""
    world = build_world()
    _, secret = create_token(user=person("ada"), name="desk", actor=person("ada"))
    monkeypatch.setenv("TESSERA_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("TESSERA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TESSERA_TOKEN", "")
    monkeypatch.setenv("TESSERA_URL", "")

    def sit(name: str) -> Desk:
        desk = Desk(tmp_path / name, capsys, monkeypatch.chdir)
        outside = Desk(tmp_path, capsys, monkeypatch.chdir)
        outside.ok("login", live_server.url, "--token", secret)
        outside.ok("clone", "streets", str(desk.folder))
        return desk

    return Office(live_server.url, world, sit)


class Room(NamedTuple):
    """A service for all tests of a module, a token for it, and a folder for their files."""

    url: str
    secret: str
    folder: Path


_BUILD = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from datasets_app.actions.branches import create_branch
from datasets_app.staging import ImageChange
from people_app.actions.tokens import create_token
from tests.api.builders import CAR, ROAD, SKY, build_world, person, put_label
from tests.datasets_app.builders import commit_to
world, ada = build_world(), person("ada")
for branch, drawing in (("ours", "3333 1111 1111"), ("theirs", "3333 1221 1221")):
    create_branch(dataset=world.dataset, name=branch, head=world.versions[1], actor=ada)
    classes = {1: ROAD, 2: CAR, 3: SKY} if "2" in drawing else {1: ROAD, 3: SKY}
    label = put_label(drawing, classes)
    commit_to(world.dataset, [ImageChange("a.png", label=label)], branch=branch, author=ada)
print(create_token(user=ada, name="desk", actor=ada).secret)
"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A service in processes of its own, made once; what a test makes there, it names itself.

    Beside the usual branches there are `ours` and `theirs`, which gave a.png two labels.
    """
    folder, port = tmp_path_factory.mktemp("room"), free_port()
    environment = {
        **os.environ,
        "TESSERA_DATA_DIR": str(folder / "data"),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "TESSERA_WORKERS": "1",
    }
    for name in ("DATABASE_URL", "TESSERA_STORAGE_URL"):
        environment.pop(name, None)
    building = [sys.executable, "-c", _BUILD]
    made = subprocess.run(
        building, cwd=_ROOT, env=environment, capture_output=True, text=True, check=True
    )
    serving = [sys.executable, "manage.py", "run_service", "--port", str(port)]
    with (folder / "service.log").open("w") as log:
        service = subprocess.Popen(
            [*serving, "--sample-images", "0"],
            cwd=_ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, service)
        yield Room(url, made.stdout.split()[-1], folder)
    finally:
        os.killpg(service.pid, signal.SIGTERM)
        service.wait(timeout=30)


def wait_for(url: str, service: subprocess.Popen[bytes]) -> None:
    """Wait until a service answers."""
    for _ in range(300):
        assert service.poll() is None, "the service ended"
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the service does not answer")


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture
def seat(room: Room, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """The clone of the room, which all tests of the module share."""
    monkeypatch.setenv("TESSERA_CONFIG_DIR", str(room.folder / "config"))
    monkeypatch.setenv("TESSERA_CACHE_DIR", str(room.folder / "cache"))
    monkeypatch.setenv("TESSERA_TOKEN", "")
    monkeypatch.setenv("TESSERA_URL", "")
    desk = Desk(room.folder / "one", capsys, monkeypatch.chdir)
    if not desk.folder.exists():
        outside = Desk(room.folder, capsys, monkeypatch.chdir)
        outside.ok("login", room.url, "--token", room.secret)
        outside.ok("clone", "streets", "one")
    return desk
