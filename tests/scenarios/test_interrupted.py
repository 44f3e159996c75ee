"""Ctrl-C in a terminal: an import and an export stop, say so, and leave nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from panoptic.archives.packing import write_archive
from tests.panoptic.formats.files import panoptic_json, write_panoptic

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).resolve().parent.parent.parent
_IMAGES = 1_500  # so many that the work goes on while the signal comes


class Terminal:
    """Commands of an installation of its own."""

    def __init__(self, folder: Path) -> None:
        self.room = folder / "room"  # where temporary files are
        self.room.mkdir()
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            "TESSERA_DATA_DIR": str(folder / "var"),
            "TESSERA_SECRET_KEY": "only-for-tests",
            "TESSERA_WORKERS": "1",
            "TMPDIR": str(self.room),
        }

    def run(self, *words: object) -> Any:
        """Run a command to its end; return what it prints as JSON, else as text."""
        done = subprocess.run(
            self._command(words), cwd=_ROOT, env=self._environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout) if "--json" in words else done.stdout

    def interrupt(self, *words: object, when: Path, pattern: str) -> tuple[int, str]:
        """Run a command until a file of this pattern is there, then press Ctrl-C; return its exit
        code and what it says."""
        process = subprocess.Popen(
            self._command(words), cwd=_ROOT, env=self._environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_hear_interrupts,
        )  # fmt: skip
        while process.poll() is None and not any(when.glob(pattern)):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        return process.returncode, told

    def _command(self, words: tuple[object, ...]) -> list[str]:
        return [sys.executable, "manage.py", *map(str, words)]


def _hear_interrupts() -> None:
    """What a shell runs in the background hears no Ctrl-C, nor do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    terminal = Terminal(tmp_path_factory.mktemp("interrupted"))
    terminal.run("migrate", "--verbosity", 0)
    return terminal


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    drawings = {f"{number:05d}.jpg": "112" for number in range(_IMAGES)}
    (folder / "labels").mkdir()
    write_panoptic(folder / "labels", panoptic_json(drawings, {1: 1, 2: 3}), drawings)
    write_archive(folder / "labels", folder / "labels.zip")
    return folder / "labels.zip"


def test_an_interrupted_import_leaves_nothing_and_can_be_repeated(
    terminal: Terminal, archive: Path
) -> None:
    asked = ("import_labels", "streets", archive, "--create")

    code, told = terminal.interrupt(*asked, when=terminal.room, pattern="tessera-import-*/*/*.json")

    assert (code, told.strip().splitlines()[-1]) == (130, "CommandError: stopped")
    assert list(terminal.room.iterdir()) == []
    report = terminal.run(*asked, "--json")
    assert (report["version"]["number"], report["images"]["added"]) == (1, _IMAGES)
    assert (report["format"], report["path"]) == ("coco_panoptic", "labels.json")


@pytest.mark.parametrize("name", ["deep/out", "out.zip"])
def test_an_interrupted_export_leaves_nothing(
    terminal: Terminal, tmp_path: Path, name: str
) -> None:
    """The version is that of the test before."""
    asked = ("export_version", "streets", "main", tmp_path / name, "--format", "coco_panoptic")

    code, told = terminal.interrupt(*asked, when=tmp_path, pattern="**/.*.partial")

    assert (code, told.strip().splitlines()[-1]) == (130, "CommandError: stopped")
    assert list(tmp_path.iterdir()) == []
    assert list(terminal.room.iterdir()) == []
