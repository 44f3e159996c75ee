"""Which names images, splits, branches and tags may have (RULES 6.1, 6.5)."""

from __future__ import annotations

import re
import unicodedata

from datasets_app.errors import InvalidName

MAX_IMAGE_NAME_BYTES = 1024
MAX_SPLIT_BYTES = 64
MAX_REF_NAME = 200

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LOOKS_LIKE_A_NUMBER = re.compile(r"v\d+\Z")
_LOOKS_LIKE_AN_ID = re.compile(r"[0-9a-f]{8,64}\Z")
_REFUSED_IN_REFS = ("..", "~", "@", ":", " ", "//")


def clean_image_name(name: str) -> str:
    """Return `name` in Unicode form NFC; raise `InvalidName` where the rules refuse it.

    Two spellings of one text are one name, as people who see them believe: the form that a
    file system gave to its letters must not make a second image.
    """
    _check_text(name)
    name = unicodedata.normalize("NFC", name)
    if not name:
        raise InvalidName(name, "it is empty")
    if len(name.encode()) > MAX_IMAGE_NAME_BYTES:
        raise InvalidName(name, f"it has more than {MAX_IMAGE_NAME_BYTES} bytes")
    if "\\" in name:
        # On Windows it would separate folders, and `..\..\x` would leave them.
        raise InvalidName(name, "folders are separated by /")
    parts = name.split("/")
    if not parts[0] or (len(parts[0]) == 2 and parts[0][1] == ":"):
        raise InvalidName(name, "it is no relative path")
    if any(part in ("", ".", "..") for part in parts):
        raise InvalidName(name, "a folder in it is empty, . or ..")
    return name


def clean_split(split: str) -> str:
    """Return `split` in form NFC; "" means none. Raise `InvalidName` where it is refused."""
    _check_text(split)
    split = unicodedata.normalize("NFC", split)
    if len(split.encode()) > MAX_SPLIT_BYTES:
        raise InvalidName(split, f"a split has at most {MAX_SPLIT_BYTES} bytes")
    if ".." in split.split("/") or split.startswith("/"):
        raise InvalidName(split, "a split is a folder in many formats, and this one leaves its own")
    return split


def clean_ref_name(name: str) -> str:
    """Return the name of a branch or tag; raise `InvalidName` where the rules refuse it."""
    _check_text(name)
    name = unicodedata.normalize("NFC", name)
    if not name:
        raise InvalidName(name, "it is empty")
    if len(name) > MAX_REF_NAME:
        raise InvalidName(name, f"it has more than {MAX_REF_NAME} characters")
    if _LOOKS_LIKE_A_NUMBER.match(name):
        raise InvalidName(name, "it looks like the number of a version")
    if _LOOKS_LIKE_AN_ID.match(name):
        raise InvalidName(name, "it looks like the id of a version")
    for refused in _REFUSED_IN_REFS:
        if refused in name:
            raise InvalidName(name, f"it contains {refused!r}")
    if name.startswith("/") or name.endswith("/"):
        raise InvalidName(name, "it starts or ends with /")
    return name


def is_storable(text: str) -> bool:
    """Say whether a database can be asked for `text`: no NUL (PostgreSQL), valid Unicode."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _check_text(name: str) -> None:
    if _CONTROL.search(name):
        raise InvalidName(name, "it contains a control character")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InvalidName(ascii(name), "it is no valid Unicode text") from error
