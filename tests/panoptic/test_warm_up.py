"""After warming up nothing is left to compile."""

from __future__ import annotations

import subprocess
import sys

import pytest

_COLD = """
import importlib, pkgutil
from numba.core.dispatcher import Dispatcher
from panoptic import kernels
from panoptic.warm_up import warm_up
warm_up()
for module in pkgutil.iter_modules(kernels.__path__):
    if module.name.endswith("_numba"):
        twin = importlib.import_module(f"panoptic.kernels.{module.name}")
        for name, kernel in vars(twin).items():
            if isinstance(kernel, Dispatcher) and name[0] != "_" and not kernel.signatures:
                print(module.name, name)
"""


def test_every_kernel_is_compiled() -> None:
    pytest.importorskip("numba", reason="numba is not installed: there is nothing to compile")
    cold = subprocess.run([sys.executable, "-c", _COLD], capture_output=True, text=True, check=True)
    assert cold.stdout == ""


def test_without_numba_nothing_is_done() -> None:
    code = "import os, sys; os.environ['TESSERA_KERNELS'] = 'numpy'\n"
    code += "from panoptic.warm_up import warm_up; warm_up(); assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
