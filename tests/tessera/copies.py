"""A service with a small dataset, and working copies of it that commands run in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from people_app.actions.tokens import create_token
from tessera.commands.main import main
from tests.api.builders import World, build_world, person


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
