"""What the PNG of an image is called: short, and never like that of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath


def png_names(names: Iterable[str]) -> dict[str, str]:
    """Return the name of each image's PNG: its stem, or all of its name where two share a stem."""
    known = list(names)
    stems = Counter(stem_png(name) for name in known)
    shared = [name for name in known if stems[stem_png(name)] > 1]
    taken: set[str] = set()
    chosen: dict[str, str] = {}
    # `a.jpg` and `a.png` take `a.jpg.png` and `a.png.png`, before an image of such a name does.
    for name in (*shared, *(name for name in known if stems[stem_png(name)] == 1)):
        wanted = f"{name}.png" if stems[stem_png(name)] > 1 else stem_png(name)
        chosen[name] = free_png(wanted, taken)
        taken.add(chosen[name])
    return chosen


def free_png(wanted: str, taken: set[str]) -> str:
    """Return a name that no other image has: `a.png`, `a-2.png` …"""
    found, number = wanted, 1
    while found in taken:
        number += 1
        found = f"{wanted.removesuffix('.png')}-{number}.png"
    return found


def stem_png(name: str) -> str:
    """Return `night/a.png` for `night/a.jpg`."""
    return str(PurePosixPath(name).with_suffix(".png"))
