"""Names in files that name files: contained, or refused (RULES 6.1; FORMATS, pitfall 26)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from os import sep, walk
from os.path import isfile, splitext
from pathlib import Path
from typing import BinaryIO

from panoptic.errors import MalformedFile

MAX_NAME_BYTES = 1024

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:")


class InvalidName(MalformedFile):
    """A file names another in a way that could leave its folder, or is no name at all."""

    code = "invalid_name"


def check_relative(text: object, *, file: str = "", image: str = "") -> str:
    """Return a relative, `/`-separated path as it is written, or raise InvalidName.

    Refused: anything but text, empty, absolute, a drive, `..`, `.`, an empty part, a backslash,
    NUL and other control characters, text that is no Unicode, more than 1,024 bytes.
    """
    reason = _fault_of(text)
    if reason:
        raise InvalidName(f"file_name {_shown(text)} {reason}", file=file, image=image)
    assert isinstance(text, str)
    return text


def normal_name(text: object, *, file: str = "") -> str:
    """An image's name in the dataset: a checked relative path in NFC."""
    return unicodedata.normalize("NFC", check_relative(text, file=file))


def member_path(folder: Path, text: object, *, file: str = "", image: str = "") -> Path:
    """The path of a file that must lie in `folder`; raises InvalidName for any other."""
    return folder.joinpath(*check_relative(text, file=file, image=image).split("/"))


def open_file(path: Path) -> BinaryIO:
    """Open a file of labels; MalformedFile where it is not there or cannot be read."""
    try:
        return path.open("rb")
    except IsADirectoryError:
        reason = "this is a folder; a file in it is to be named"
        raise MalformedFile(reason, file=path.name) from None
    except OSError as error:
        reason = f"it cannot be read: {error.strerror or error}"
        raise MalformedFile(reason, file=path.name) from error


def find_photo(folder: Path, name: str) -> Path | None:
    """The photograph `folder/name`, or the one of that name or stem with another suffix."""
    path = member_path(folder, name)
    if isfile(path):
        return path
    # Appended first: a folder may be called `frame.001`, which has no suffix to replace.
    stems = [path.name]
    if path.suffix.lower() in PHOTO_SUFFIXES:
        stems.append(path.stem)
    for stem in stems:
        for suffix in PHOTO_SUFFIXES:
            for spelled in (suffix, suffix.upper()):
                candidate = path.with_name(stem + spelled)
                # Path.is_file would raise where the longer name is too long for the disk.
                if isfile(candidate):
                    return candidate
    return None


def find_photo_of_stem(folder: Path, stem: str) -> Path | None:
    """The photograph `folder/stem` with a suffix, whatever the stem itself ends in."""
    path = member_path(folder, stem)
    for suffix in PHOTO_SUFFIXES:
        for spelled in (suffix, suffix.upper()):
            if isfile(candidate := path.with_name(path.name + spelled)):
                return candidate
    return find_photo(folder, stem)


def photo_stem(name: str) -> str:
    """The name without the suffix of a photograph; no other dot cuts it (`frame.001` is whole)."""
    stem, suffix = splitext(name)
    return stem if suffix.lower() in PHOTO_SUFFIXES else name


def iter_files(folder: Path, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Relative, `/`-separated paths of the files with such a suffix, in any case, in any folder
    below; hidden ones are left out. Sorted within each folder."""
    for place, folders, names in walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inner = place[len(str(folder)) :].replace(sep, "/").lstrip("/")
        for name in sorted(names):
            if not name.startswith(".") and name.lower().endswith(suffixes):
                yield f"{inner}/{name}" if inner else name


def _fault_of(text: object) -> str:
    if not isinstance(text, str):
        return "is not text"
    if not text:
        return "is empty"
    if _CONTROL.search(text):
        return "holds a control character"
    if "\\" in text:
        return "holds a backslash; folders are separated by /"
    if text.startswith("/") or _DRIVE.match(text):
        return "is an absolute path"
    parts = text.split("/")
    if ".." in parts:
        return "leaves its folder by '..'"
    if "" in parts or "." in parts:
        return "holds an empty part or '.'"
    try:
        length = len(unicodedata.normalize("NFC", text).encode())
    except UnicodeEncodeError:
        return "holds half a surrogate pair"
    return f"is longer than {MAX_NAME_BYTES} bytes" if length > MAX_NAME_BYTES else ""


def _shown(text: object) -> str:
    shown = ascii(text)
    return shown if len(shown) <= 120 else f"{shown[:117]}..."
