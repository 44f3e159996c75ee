"""The README, the guides for ML teams and to large files, block by block, on the sample."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tessera.service import RemoteDataset
from tests.tessera.copies import free_port, wait_for

pytestmark = [
    # A service in processes of its own, and some sixty commands.
    pytest.mark.slow,
    # The lines of a guide leave to the interpreter's end what they opened.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

_ROOT = Path(__file__).resolve().parent.parent.parent
_README = _ROOT / "README.md"
_ML_TEAMS = _ROOT / "docs" / "guides" / "ml-teams.md"
_TRANSFERS = _ROOT / "docs" / "guides" / "transfers.md"
_TOLD_ADDRESS = "http://127.0.0.1:8000"
# These two are the house's own: the tests of the wheel and of CI run them.
_TRIED_ELSEWHERE = re.compile(r"^(pip install|make ).*$", re.MULTILINE)
_EXPECTED_CODE = re.compile(r"ends with (\d)")
_SIZE = re.compile(r"[\d.]+ (bytes|kB|MB)")


class Service(NamedTuple):
    """What `make run` starts; the token is its administrator's."""

    url: str
    secret: str
    environment: dict[str, str]


class Block(NamedTuple):
    """A fenced block: its language, what it says, its line in the file."""

    language: str
    text: str
    line: int


def blocks_of(path: Path) -> list[Block]:
    """The fenced blocks of a document, in order."""
    text = path.read_text()
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)
        for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


class Reader:
    """Somebody who does what a document says, from an empty folder on."""

    def __init__(self, folder: Path, service: Service) -> None:
        self.folder, self.url, self._secret = folder, service.url, service.secret
        self._state = folder / ".state"
        self.names: dict[str, Any] = {}
        self.environment = {
            **service.environment,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TESSERA_CONFIG_DIR": str(folder / ".config"),
            "TESSERA_CACHE_DIR": str(folder / ".cache"),
            "TOKEN": service.secret,
            "SECRET": service.secret,
        }
        for name in ("TESSERA_URL", "TESSERA_TOKEN"):
            self.environment.pop(name, None)

    @property
    def place(self) -> Path:
        """The folder that the last command ended in."""
        found = re.search(r"^cd '?(.*?)'?$", self._text_of_state(), re.MULTILINE)
        return Path(found[1]) if found else self.folder

    def sh(self, text: str) -> str:
        """Run lines as bash does, with what the blocks before left; return what they print.

        A line whose comment says `ends with 5` must.
        """
        return self._bash("\n".join(map(_checked, self._here(text).splitlines())))

    def console(self, text: str) -> list[tuple[str, str, str]]:
        """Run the lines that begin with `$`; return each with what it prints and what was told."""
        parts = re.split(r"^\$ ", self._here(text), flags=re.MULTILINE)[1:]
        told = [part.partition("\n")[::2] for part in parts]
        return [(line, self._bash(line), expected) for line, expected in told]

    def python(self, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Run Python lines with the names that the blocks before made."""
        monkeypatch.chdir(self.place)
        for name in ("TESSERA_CONFIG_DIR", "TESSERA_CACHE_DIR", "TOKEN"):
            monkeypatch.setenv(name, self.environment[name])
        monkeypatch.delenv("TESSERA_TOKEN", raising=False)
        monkeypatch.delenv("TESSERA_URL", raising=False)
        exec(compile(self._here(text), "guide", "exec"), self.names)

    def close(self) -> None:
        """Close the connections that Python lines have left open."""
        for value in self.names.values():
            if isinstance(value, httpx.Client):
                value.close()
            elif isinstance(value, RemoteDataset):
                value._service.connection.close()

    def _here(self, text: str) -> str:
        text = text.replace(_TOLD_ADDRESS, self.url).replace("https://labels.example.org", self.url)
        manage = f"{sys.executable} {_ROOT / 'manage.py'}"
        return text.replace(".venv/bin/python manage.py", manage)

    def _bash(self, text: str) -> str:
        keep = f"{{ declare -f; export -p; declare -p; echo \"cd '$PWD'\"; }} > {self._state}"
        lines = f"set -e -o pipefail\n{_TRIED_ELSEWHERE.sub('', text)}\n{keep}\n"
        before = f". {self._state} 2>/dev/null\n" if self._state.exists() else ""
        done = subprocess.run(
            ["bash", "-c", before + lines], input=self._secret + "\n", cwd=self.folder,
            env=self.environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _text_of_state(self) -> str:
        return self._state.read_text() if self._state.exists() else ""


def _checked(line: str) -> str:
    """A line that must end with what its comment says."""
    command, sign, comment = line.partition("  #")
    code = _EXPECTED_CODE.search(comment)
    if not sign or code is None:
        return line
    return f"{{ {command} && ended=0 || ended=$?; }}; test $ended = {code[1]}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with its sample, in processes of its own."""
    folder, port = tmp_path_factory.mktemp("service"), free_port()
    environment = {
        **os.environ,
        "TESSERA_DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "TESSERA_WORKERS": "1",
    }
    for name in ("DATABASE_URL", "TESSERA_STORAGE_URL"):
        environment.pop(name, None)
    manage = [sys.executable, "manage.py"]
    with (folder / "service.log").open("w") as log:
        process = subprocess.Popen(
            [*manage, "run_service", "--port", str(port)],
            cwd=_ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        while "Sign in as" not in (folder / "service.log").read_text():
            assert process.poll() is None, (folder / "service.log").read_text()
            time.sleep(0.2)
        wait_for(url, process)
        made = subprocess.run(
            [*manage, "create_token", "admin", "--name", "reader"],
            cwd=_ROOT, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        yield Service(url, made.stdout.split()[-1], environment)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


@pytest.fixture
def reader(service: Service, tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path, service)
    yield made
    made.close()


def edit_of_the_guide() -> str:
    """The script with which the guide makes a car wider."""
    [found] = [one.text for one in blocks_of(_ML_TEAMS) if "np.roll" in one.text]
    return found


def test_the_readme_tells_a_session_as_it_goes(reader, monkeypatch):
    blocks = blocks_of(_README)
    [session] = [one.text for one in blocks if one.language == "console"]
    (reader.folder / "widen_a_car.py").write_text(edit_of_the_guide())
    session = session.replace("python widen_a_car.py", "python ../widen_a_car.py")
    for line, printed, told in reader.console(session):
        if told:
            assert _SIZE.sub("…", printed) == _SIZE.sub("…", told), line
    [snippet] = [one.text for one in blocks if one.language == "python"]
    if find_spec("torch") is None:
        snippet = "\n".join(line for line in snippet.splitlines() if "torch" not in line)
    reader.python(snippet, monkeypatch)


def test_the_readme_brings_own_labels(reader, monkeypatch):
    reader.sh(f"tessera login {_TOLD_ADDRESS}\ntessera clone streets own")
    own = reader.folder / "own"
    shutil.copytree(own / "images", reader.folder / "val2017")
    for name in ("panoptic_val2017", "mended"):
        shutil.copytree(own / "panoptic", reader.folder / name)
        shutil.copy(own / "panoptic.json", reader.folder / f"{name}.json")
        reader.sh(f"cd {own}")
        reader.python(edit_of_the_guide(), monkeypatch)  # what is mended in the second
        reader.sh(f"cd {reader.folder}")
    [bring] = [one.text for one in blocks_of(_README) if "import_labels" in one.text]
    reader.sh(bring)
    assert list((reader.folder / "out").iterdir()) != []


def test_the_guide_to_large_files_runs_as_it_stands(reader, monkeypatch):
    monkeypatch.setenv("API", f"{reader.url}/api/v1")
    reader.sh(f"tessera login {_TOLD_ADDRESS}\nexport API={_TOLD_ADDRESS}/api/v1")
    [making] = [one.text for one in blocks_of(_ML_TEAMS) if one.text.startswith("JOB=")]
    [helpers] = [one.text for one in blocks_of(_ML_TEAMS) if "ask()" in one.text]
    reader.sh(helpers + making.replace("coco.zip", "whole.zip"))
    for block in blocks_of(_TRANSFERS):
        if block.language == "python":
            reader.python(block.text, monkeypatch)
            reader.sh(f"ID={reader.names['uploader'].url.rstrip('/').rpartition('/')[2]}")
        else:
            reader.sh(block.text)
    assert (reader.folder / "coco.zip").read_bytes() == (reader.folder / "whole.zip").read_bytes()


def test_the_guide_for_ml_teams_runs_as_it_stands(reader, monkeypatch):
    ran = 0
    for block in blocks_of(_ML_TEAMS):
        if block.language == "python" and "import torch" in block.text and not find_spec("torch"):
            continue
        try:
            if block.language == "sh":
                reader.sh(block.text)
            elif block.language == "python":
                reader.python(block.text, monkeypatch)
        except Exception as error:
            raise AssertionError(f"{_ML_TEAMS.name}, line {block.line}: {error}") from error
        ran += 1
    assert ran > 15
