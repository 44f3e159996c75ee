"""The wheel alone is the client: it installs into an empty environment, and starts at once."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).resolve().parent.parent.parent
_SERVER = ("config", "api", "web", "datasets_app", "labels_app", "people_app", "store_app")
# What the issue allows above a bare interpreter, in seconds; the median of this many runs.
_IMPORT_SECONDS = 0.3
_RUNS = 5


class Installed(NamedTuple):
    """An environment that holds the wheel and what it needs, nothing else."""

    wheel: Path
    scripts: Path

    def python(self, code: str) -> str:
        """Run Python code there, in a folder without our sources; return what it prints."""
        return run([self.scripts / "python", "-I", "-c", code], self.wheel.parent)


def run(command: Sequence[str | Path], folder: Path) -> str:
    """Run a command and return what it prints; a failure shows what it said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def skip_without_packages(done: subprocess.CompletedProcess[str]) -> None:
    """Skip where no package index answers; any other failure is ours."""
    told = done.stdout + done.stderr
    unreachable = ("No matching distribution", "Connection", "Temporary failure", "Max retries")
    if done.returncode and any(words in told for words in unreachable):
        pytest.skip(f"no package index answers: {told.strip().splitlines()[-1]}")
    assert done.returncode == 0, told


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of a copy: setuptools leaves folders beside what it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "manage.py"):
        shutil.copy(_ROOT / name, source)
    for package in (*_SERVER, "panoptic", "tessera"):
        ignored = shutil.ignore_patterns("__pycache__", "static")
        shutil.copytree(_ROOT / package, source / package, ignore=ignored)
    building = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, source]
    skip_without_packages(subprocess.run(building, capture_output=True, text=True))
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Installed:
    """An empty environment with the wheel installed into it."""
    place = wheel.parent / "environment"
    run([sys.executable, "-m", "venv", place], wheel.parent)
    scripts = place / "bin"
    installing = [scripts / "python", "-m", "pip", "install", "--quiet", wheel]
    skip_without_packages(subprocess.run(installing, capture_output=True, text=True))
    return Installed(wheel, scripts)


def members(wheel: Path) -> list[str]:
    """The paths in the wheel."""
    with zipfile.ZipFile(wheel) as opened:
        return opened.namelist()


def test_the_wheel_holds_the_core_and_the_client_alone(wheel):
    tops = {path.split("/")[0] for path in members(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"panoptic", "tessera"}


def test_the_wheel_holds_every_module_and_the_marks_of_its_types(wheel):
    ours = {
        path.relative_to(_ROOT).as_posix()
        for package in ("panoptic", "tessera")
        for path in (_ROOT / package).rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }
    assert {"panoptic/py.typed", "tessera/py.typed"} <= ours
    assert ours - set(members(wheel)) == set()


def test_the_installed_command_tells_its_version(installed):
    assert run([installed.scripts / "tessera", "--version"], installed.wheel.parent) == (
        "tessera, version 0.1.0\n"
    )


def test_every_command_tells_its_help_without_the_server(installed):
    code = """
import click
from tessera.commands.main import tessera
with click.Context(tessera) as context:
    for name in tessera.list_commands(context):
        tessera.get_command(context, name).get_help(context)
        print(name)
"""
    assert len(installed.python(code).split()) > 15


def test_every_module_imports_without_the_server_and_the_extras(installed):
    # A bridge is imported when somebody asks for it, with the package it leads to.
    code = """
import importlib, pkgutil, tessera
for found in pkgutil.walk_packages(tessera.__path__, "tessera."):
    if found.name != "tessera.__main__" and not found.name.startswith("tessera.bridges."):
        importlib.import_module(found.name)
"""
    installed.python(code)


def test_an_import_of_the_client_loads_nothing_heavy(installed):
    code = "import json, sys, tessera; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(installed.python(code)))
    assert loaded & {"django", "numba", "numpy", "PIL", "httpx", "click", "rich"} == set()


def test_a_client_that_reads_labels_needs_neither_django_nor_numba(installed):
    code = "import json, sys, tessera.snapshot; print(json.dumps(sorted(sys.modules)))"
    assert set(json.loads(installed.python(code))) & {"django", "numba"} == set()


def test_an_import_of_the_client_takes_no_longer_than_is_allowed(installed):
    def seconds(code: str) -> float:
        begin = time.perf_counter()
        installed.python(code)
        return time.perf_counter() - begin

    installed.python("import tessera")  # compiles what it imports
    # By turns, so that a busy moment of the machine is in both.
    runs = [(seconds("pass"), seconds("import tessera")) for _ in range(_RUNS)]
    bare, ours = (statistics.median(column) for column in zip(*runs, strict=True))
    assert ours - bare < _IMPORT_SECONDS
