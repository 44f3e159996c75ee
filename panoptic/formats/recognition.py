"""Which format the files at a path are of, and where they lie: told with the reason, never guessed.

Two formats that fit, or one that fits in two places, are an error that lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from panoptic.archives.members import is_litter
from panoptic.errors import PanopticError
from panoptic.formats.base import Format, Found, OneWayFormat
from panoptic.formats.problems import list_some
from panoptic.formats.registry import FORMATS, get_format

# In place of the name of a format.
AUTO = "auto"

# Folders that hold nothing but one folder: `labels.zip` often holds `labels/`.
_MOST_FOLDERS = 8
_MOST_TOLD = 20


class Recognised(NamedTuple):
    """Files that look like those of a format: `path` is what it opens, `reason` a sentence."""

    format: str
    path: Path
    reason: str


class AmbiguousFormat(PanopticError):
    """The files look like those of several formats, or several files like those of one."""

    code = "ambiguous_format"

    def __init__(self, root: Path, found: Sequence[Recognised]) -> None:
        self.candidates = [
            (one.format, place_in(root, one.path), one.reason) for one in found[:_MOST_TOLD]
        ]
        told = [f"{place} as {name}: {why}" for name, place, why in self.candidates]
        if len(found) > _MOST_TOLD:
            told.append(f"and {len(found) - _MOST_TOLD} more")
        super().__init__(
            f"it can be read in several ways, say which (format and path): {'; '.join(told)}"
        )


class UnrecognisedFormat(PanopticError):
    """The files look like those of no format that is read."""

    code = "unrecognised_format"

    def __init__(self, path: Path, files: Iterable[str], formats: Iterable[str]) -> None:
        self.files, self.formats = sorted(files), sorted(formats)
        holds = f", with {list_some(self.files, 5)}," if self.files else ""
        super().__init__(
            f"{path.absolute().name}{holds} looks like no format that is read; if it is "
            f"one, name it: {', '.join(self.formats)}"
        )


def recognise(path: Path) -> list[Recognised]:
    """All that the files at a path may be; a lone folder in a folder is looked through.

    Costs the names of files, and the beginning of a few. Never raises.
    """
    return _recognise(path, readable_formats())


def choose(path: Path) -> Recognised:
    """What the files at a path are.

    Raises
    ------
    AmbiguousFormat, UnrecognisedFormat
    """
    found = recognise(path)
    if not found:
        names = (form.name for form in readable_formats())
        raise UnrecognisedFormat(path, (one.name for one in _entries(path)), names)
    if len(found) > 1:
        raise AmbiguousFormat(path, found)
    return found[0]


def locate(path: Path, format_name: str) -> Path:
    """Where a format finds its files in a folder; the path itself where it sees none.

    Raises
    ------
    AmbiguousFormat
        There are several of them.
    UnknownFormat
    """
    form = get_format(format_name)
    if not path.is_dir():
        return path
    places = _recognise(path, [form]) or _only_of_suffix(path, form)
    if path in (one.path for one in places) or not places:
        return path
    if len(places) > 1:
        raise AmbiguousFormat(path, places)
    return places[0].path


def readable_formats() -> list[Format]:
    """The formats that are read, by name."""
    return [FORMATS[name] for name in sorted(FORMATS) if FORMATS[name].is_read]


def writable_formats() -> list[Format]:
    """The formats that are written, by name."""
    return [FORMATS[name] for name in sorted(FORMATS) if FORMATS[name].is_written]


def get_readable(name: str) -> Format:
    """Return the format of this name; raises UnknownFormat, and OneWayFormat if it is not read."""
    form = get_format(name)
    if not form.is_read:
        raise OneWayFormat(f"files of {form.title} ({name}) are written, never read")
    return form


def get_writable(name: str) -> Format:
    """Return the format of this name; raises UnknownFormat, and OneWayFormat if it is only read."""
    form = get_format(name)
    if not form.is_written:
        raise OneWayFormat(f"files of {form.title} ({name}) are read, never written")
    return form


def place_in(root: Path, path: Path) -> str:
    """What a path is called inside of a folder; of a file itself its name."""
    if path == root:
        return "." if path.is_dir() else path.name
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _recognise(path: Path, forms: list[Format]) -> list[Recognised]:
    told: dict[tuple[str, Path], Recognised] = {}
    for folder in _iter_lone_folders(path):
        # A format says the same again of the folder in the folder; another one may be right.
        above = {name for name, _ in told}
        told |= {
            (form.name, one.path): Recognised(form.name, one.path, one.reason)
            for form in forms
            if form.name not in above
            for one in _found(form, folder)
            if not _is_hidden(path, one.path)
        }
    return [told[key] for key in sorted(told)]


def _found(form: Format, folder: Path) -> list[Found]:
    try:
        return list(form.recognise(folder))
    except (OSError, PanopticError):  # a folder that may not be read, a file that goes meanwhile
        return []


def _iter_lone_folders(path: Path) -> Iterator[Path]:
    """Yield a path, and the only folder in it as long as it holds nothing else."""
    for _ in range(_MOST_FOLDERS):
        yield path
        entries = _entries(path)
        if len(entries) != 1 or not entries[0].is_dir():
            return
        path = entries[0]


def _entries(path: Path) -> list[Path]:
    try:
        return [one for one in path.iterdir() if not _is_hidden(path, one)]
    except OSError:  # a file, or nothing to be looked at
        return []


def _is_hidden(root: Path, path: Path) -> bool:
    """Whether it is litter, or in a folder below the root that people do not see."""
    place = place_in(root, path) if path.is_relative_to(root) and path != root else ""
    return is_litter(place) or any(part.startswith(".") for part in place.split("/"))


def _only_of_suffix(path: Path, form: Format) -> list[Recognised]:
    """The files that a format of one file may mean, which it does not know for its own: damaged
    ones, for which it has better words."""
    suffix = Path(form.file_name or "").suffix
    if not suffix:
        return []
    files = [one for one in sorted(path.rglob(f"*{suffix}")) if not _is_hidden(path, one)]
    return [Recognised(form.name, one, f"a file {suffix}") for one in files]
