"""What the files of an image are called: short enough, and never like those of another."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from panoptic.formats.paths import MAX_NAME_BYTES, check_relative
from tessera.entries import Entry
from tessera.errors import UsageError

# Of one part of a path, on every file system in use.
_MOST_BYTES = 255
_DIGITS = 16


class TakenNames:
    """Paths of files that are there, whatever spelling a disk holds for the same.

    Disks of Macs and of Windows know no case, and the former no composed letters. A path is taken
    also where a file lies in a folder of its name, or a file has the name of its folder.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Take a path."""
        self._files.add(_spelled(name))
        self._folders.update(_folders_of(_spelled(name)))

    def __contains__(self, name: str) -> bool:
        spelled = _spelled(name)
        return spelled in self._files or spelled in self._folders or self.is_barred(name)

    def is_barred(self, name: str) -> bool:
        """Say whether a file has the name of one of a path's folders."""
        return not self._files.isdisjoint(_folders_of(_spelled(name)))


def png_names(names: Iterable[str]) -> dict[str, str]:
    """Return the name of each image's PNG: its stem, or all of its name where two share a stem."""
    known = list(names)
    stems = Counter(_spelled(stem_png(name)) for name in known)
    shared = {name for name in known if stems[_spelled(stem_png(name))] > 1}
    taken = TakenNames()
    chosen: dict[str, str] = {}
    # `a.jpg` and `a.png` take `a.jpg.png` and `a.png.png`, before an image of such a name does.
    for name in sorted(known, key=lambda name: name not in shared):
        chosen[name] = free_png(f"{name}.png" if name in shared else stem_png(name), taken)
        taken.add(chosen[name])
    return chosen


def free_png(wanted: str, taken: TakenNames) -> str:
    """Return a name that no other image has: `a.png`, `a-2.png` …"""
    if taken.is_barred(_fitting(wanted)):
        wanted = wanted.replace("/", "~")  # else no number would help
    found, number = _fitting(wanted), 1
    while found in taken:
        number += 1
        found = _fitting(f"{wanted.removesuffix('.png')}-{number}.png")
    return found


def stem_png(name: str) -> str:
    """Return `night/a.png` for `night/a.jpg`; where a part is too long, its beginning."""
    return _fitting(str(PurePosixPath(name).with_suffix(".png")))


def check_names(entries: Iterable[Entry], folder: Path, *, labels_only: bool = False) -> None:
    """Refuse images whose files cannot lie below a folder, which need not be there yet.

    A photograph is called as its image: unlike that of a PNG its name cannot be chosen.

    Raises
    ------
    InvalidName
        A name would leave the folder: no service that is in order has such a one.
    UsageError
        A part of a photograph's name is too long; an image has the name of a folder of others;
        or two names are one for the disk. `errors` lists the images.
    """
    known: list[str] = []
    for entry in entries:
        check_relative(entry.name)
        if entry.image is not None and not labels_only:
            known.append(entry.name)
    long = [name for name in known if any(map(_is_long, name.split("/")))]
    if long:
        _refuse(long, f"a part of its name has more than {_MOST_BYTES} bytes")
    folders = {parent for name in known for parent in _folders_of(name)}
    both = [name for name in known if name in folders]
    if both:
        _refuse(both, "other images lie in a folder of its name")
    spelled = Counter(map(_spelled, known))
    alike = [name for name in known if spelled[_spelled(name)] > 1]
    if alike and _is_case_blind(folder):
        _refuse(alike, "for this disk another image has the same name")


def _refuse(names: list[str], why: str) -> None:
    more = f" ({len(names) - 1} more)" if len(names) > 1 else ""
    raise UsageError(
        f"{names[0]}: its photograph cannot be a file here, {why}{more};"
        " a clone with --labels-only leaves photographs out",
        code="unwritable_name",
        errors=names,
    )


def _fitting(path: str) -> str:
    """Return a path of a PNG that a disk takes: the same path for the same, others for others."""
    *folders, last = path.split("/")
    parts = [*(_cut(part, "") for part in folders), _cut(last, ".png")]
    fitting = "/".join(parts)
    return fitting if len(fitting.encode()) <= MAX_NAME_BYTES else f"{_digest(path)}.png"


def _cut(part: str, suffix: str) -> str:
    if not _is_long(part):
        return part
    end = f"~{_digest(part)}{suffix}"
    # What is cut within a letter loses that letter.
    return part.encode()[: _MOST_BYTES - len(end)].decode(errors="ignore") + end


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _is_long(part: str) -> bool:
    return len(part.encode()) > _MOST_BYTES


def _spelled(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _folders_of(path: str) -> Iterator[str]:
    """Yield `a/b` and `a` for `a/b/c.jpg`."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _is_case_blind(folder: Path) -> bool:
    """Say whether `x` and `X` are one file there, by the folders above, which have letters."""
    for path in (folder.absolute(), *folder.absolute().parents):
        other = path.with_name(path.name.swapcase()) if path.name else path
        if path.exists() and other.name != path.name:
            return other.exists() and other.samefile(path)
    return False
