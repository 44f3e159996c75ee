"""The client of a Tessera service: what ML teams install.

import tessera
snapshot = tessera.connect("https://labels.example.org").dataset("streets").pull("v1.0")

Importing it costs next to nothing: numpy and the pixel core are loaded when they are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tessera.errors import TesseraError
    from tessera.service import RemoteDataset, Service, connect
    from tessera.snapshot import Snapshot

__version__ = "0.1.0"
__all__ = ["RemoteDataset", "Service", "Snapshot", "TesseraError", "__version__", "connect"]

_HOMES = {
    "RemoteDataset": "tessera.service",
    "Service": "tessera.service",
    "Snapshot": "tessera.snapshot",
    "TesseraError": "tessera.errors",
    "connect": "tessera.service",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tessera' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
