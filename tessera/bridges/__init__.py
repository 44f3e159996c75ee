"""Snapshots for other libraries; each file needs the library that it is named after."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from tessera.errors import UsageError

# The library that a bridge leads to, as it is imported; the bridge's name is that of the extra.
_LIBRARIES = {
    "torch": "torch",
    "huggingface": "datasets",
    "datumaro": "datumaro",
    "fiftyone": "fiftyone",
}


def load_bridge(name: str) -> ModuleType:
    """Import a bridge; `UsageError` says what to install where its library is missing."""
    try:
        return import_module(f"tessera.bridges.{name}")
    except ModuleNotFoundError as error:
        library = _LIBRARIES[name]
        if error.name != library:
            raise
        message = f"{library} is not installed: pip install 'tessera[{name}]', or {library} itself"
        raise UsageError(message, code="library_missing") from error
