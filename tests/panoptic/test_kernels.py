from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from panoptic import kernels

STORIES = ["codec", "geometry", "runs", "spans"]


@pytest.mark.parametrize("story", STORIES)
def test_both_twins_have_the_same_functions(story):
    pytest.importorskip("numba", reason="numba is not installed: there is one twin only")
    plain, compiled = (
        importlib.import_module(f"panoptic.kernels.{story}_{twin}") for twin in ("numpy", "numba")
    )
    for name, function in inspect.getmembers(plain, inspect.isfunction):
        if function.__module__ != plain.__name__ or name.startswith("_"):
            continue
        parameters = list(inspect.signature(getattr(compiled, name).py_func).parameters)
        assert parameters == list(inspect.signature(function).parameters), name


def test_the_cache_of_compiled_kernels_is_private(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(kernels.tempfile, "mkdtemp", lambda prefix: "another")
    folder = Path(kernels._private_folder())
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o077 == 0
    assert kernels._private_folder() == str(folder)
    folder.chmod(0o777)
    assert kernels._private_folder() == "another"


def test_a_link_is_no_folder_to_trust(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(kernels.tempfile, "mkdtemp", lambda prefix: "another")
    folder = Path(kernels._private_folder())
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert kernels._private_folder() == "another"


def test_where_nothing_is_writable_the_cache_moves(monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)
    monkeypatch.setattr(kernels, "_is_writable", lambda folder: False)
    monkeypatch.setattr(kernels, "_private_folder", lambda: "private")
    # setenv first, so that what is written below is undone with it.
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    del kernels.os.environ["NUMBA_CACHE_DIR"]
    kernels._ensure_cache_folder()
    assert kernels.os.environ["NUMBA_CACHE_DIR"] == "private"
