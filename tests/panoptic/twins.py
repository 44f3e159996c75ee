"""Run one test body over the compiled kernels and over their plain twins."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

# The fixture below is not reset between examples and need not be; compiling takes its time.
law = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(params=["numpy", "numba"])
def twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every module of the core uses this twin of its kernels."""
    if request.param == "numba":
        pytest.importorskip("numba", reason="numba is not installed: only the plain twins run")
    for name, module in list(sys.modules.items()):
        if not name.startswith("panoptic.") or name.startswith("panoptic.kernels."):
            continue
        for attribute, value in list(vars(module).items()):
            if isinstance(value, ModuleType) and value.__name__.startswith("panoptic.kernels."):
                twin_name = f"{value.__name__.rpartition('_')[0]}_{request.param}"
                # A part of a story, such as `deflate` of `png`, has no numba file of its own.
                if importlib.util.find_spec(twin_name):
                    monkeypatch.setattr(module, attribute, importlib.import_module(twin_name))
    return str(request.param)
