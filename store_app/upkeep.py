"""What upkeep of the store came to its end, for the apps above that write it down.

The store knows no log of who did what; without listeners nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Upkeep(NamedTuple):
    """Something that was done to the whole store, to its end: no dry run, none that was cut off.

    `verb` is `collected`, `compacted` or `verified`, `subject` what (`garbage`, `packs`, a level of
    verification), `facts` are plain values of which there are few.
    """

    verb: str
    subject: str
    facts: Mapping[str, Any]


Listener = Callable[[Upkeep], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Have `listener(upkeep)` called, outside of any transaction; the same one is called once."""
    if listener not in _listeners:
        _listeners.append(listener)


def announce(verb: str, subject: str, **facts: Any) -> None:
    """Tell all listeners."""
    for listener in _listeners:
        listener(Upkeep(verb, subject, facts))
