from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Everything that the server or an extra brings; the core must do without.
SCRIPT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"numba", "django", "rest_framework", "pycocotools"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())

import importlib, pkgutil
import numpy as np
import panoptic

for module in pkgutil.walk_packages(panoptic.__path__, "panoptic."):
    if not module.name.endswith("_numba"):
        importlib.import_module(module.name)

from panoptic.codec import PLAIN, DEFAULT_CODEC, decode_label, encode_label
from panoptic.label import Segment, label_from_id_map

assert DEFAULT_CODEC == PLAIN
label = label_from_id_map(np.array([[1, 1], [0, 2]]), [Segment(1, 7), Segment(2, 7)])
for codec in (1, 2):
    assert decode_label(encode_label(label, codec)) == label
"""


def test_the_core_works_without_numba_django_and_pycocotools():
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_the_plain_twins_can_be_forced():
    check = "from panoptic.kernels import load_kernels as k; print(k('runs').__name__)"
    run = subprocess.run(
        [sys.executable, "-c", check],
        cwd=ROOT,
        env={"TESSERA_KERNELS": "numpy"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "panoptic.kernels.runs_numpy"
