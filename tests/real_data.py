"""Where the real labels lie that some tests read; they are not part of the project."""

import os
from pathlib import Path

import pytest

_BESIDE_THE_CHECKOUT = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def real_data(folder: str) -> Path:
    """Return a folder of real labels; skip the test, saying why, where it is missing."""
    root = Path(os.environ.get("TESSERA_REAL_DATA", _BESIDE_THE_CHECKOUT))
    if not (root / folder).is_dir():
        pytest.skip(f"real labels are missing: no {folder} in {root} (set TESSERA_REAL_DATA)")
    return root / folder
