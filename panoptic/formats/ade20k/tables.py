"""What stands beside a picture of the full ADE20K: `_atr.txt` (2016, 2017) or JSON (2020, 2021).

A line of `_atr.txt` is `number # part level # occluded # class # raw name # "attributes"`. An
entry of the JSON's `annotation.object` says more: the index of the class, whether the picture's
border crops the object, and the file of its mask. Neither is always UTF-8: bytes that are not
are read as Latin-1.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.errors import MalformedFile, TooLarge
from panoptic.formats.problems import list_some

MAX_TABLE_BYTES = 2**26
MAX_LEVEL = 9
# The highest that R = 250 and G = 255 can say.
MAX_INDEX = 25 * 256 + 255
# Attributes hold no whole numbers beyond it.
_HIGHEST_NUMBER = 2**53 - 1


class Entry(NamedTuple):
    """One object, or one part of an object, as a table describes it.

    number : of `_atr.txt` the instance number in its level, from 1; of a JSON its id
    level : 0 for objects, 1 for their parts, 2 for parts of these
    class_index : None: the table does not say it
    mask : file of its full mask, relative to the table; "": there is none
    """

    number: int
    level: int
    name: str
    class_index: int | None
    mask: str
    attributes: Mapping[str, Any]


def read_entries(path: Path) -> tuple[Entry, ...]:
    """The entries of a table; raises MalformedFile or TooLarge."""
    if path.stat().st_size > MAX_TABLE_BYTES:
        raise TooLarge(f"bytes in {path.name}", actual=path.stat().st_size, limit=MAX_TABLE_BYTES)
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    is_json = path.suffix.lower() == ".json"
    entries = tuple(_iter_json(text, path.name) if is_json else _iter_lines(text, path.name))
    keys = Counter((0 if is_json else entry.level, entry.number) for entry in entries)
    if twice := sorted(number for (_, number), times in keys.items() if times > 1):
        raise MalformedFile(f"it describes {list_some(twice)} more than once", file=path.name)
    return entries


def _iter_lines(text: str, file: str) -> Iterator[Entry]:
    for place, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("#", 5)]
        if len(fields) != 6 or not all(map(_is_number, fields[:3])) or not fields[3]:
            raise MalformedFile(f"line {place} is none of six fields with # between", file=file)
        number, level, occluded, name, raw_name, listed = fields
        yield Entry(
            int(number),
            _check_level(int(level), file),
            name,
            None,
            "",
            _attributes(raw_name, listed.strip('"').split(","), occluded=int(occluded) != 0),
        )


def _iter_json(text: str, file: str) -> Iterator[Entry]:
    try:
        objects = json.loads(text)["annotation"]["object"]
        # A list of one object is written as that object.
        for entry in [objects] if isinstance(objects, dict) else objects:
            parts = entry.get("parts") or {}
            mask = entry.get("instance_mask")
            listed = entry.get("attributes")
            crop = entry.get("crop")
            yield Entry(
                _whole(entry["id"]),
                _check_level(_whole(parts.get("part_level", 0)), file),
                _text(entry["name"]),
                _check_index(_whole(entry["name_ndx"]), file),
                mask if isinstance(mask, str) else "",
                _attributes(
                    entry.get("raw_name"),
                    listed.split(",") if isinstance(listed, str) else listed,
                    occluded={"yes": True, "no": False}.get(str(entry.get("occluded"))),
                    crop=bool(crop) if isinstance(crop, int) else None,
                ),
            )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, MalformedFile):
            raise
        reason = f"it is no JSON of ADE20K: {type(error).__name__}: {error}"
        raise MalformedFile(reason, file=file) from None


def _attributes(raw_name: Any, listed: Any, **flags: bool | None) -> dict[str, Any]:
    """What is known, and no more; the words of `attributes` in their order."""
    known: dict[str, Any] = {name: flag for name, flag in flags.items() if flag is not None}
    words = [_text(word) for word in listed or () if isinstance(word, str) and word.strip()]
    if words:
        known["attributes"] = words
    if isinstance(raw_name, str) and raw_name.strip():
        known["raw_name"] = _text(raw_name)
    return known


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def _text(value: Any) -> str:
    """Text that can be written again: JSON may hold halves of surrogate pairs."""
    if not isinstance(value, str) or not value.strip():
        raise TypeError(f"{value!a:.40} is no name")
    value.encode()
    return value.strip()


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _HIGHEST_NUMBER:
        raise TypeError(f"{value!a:.40} is no whole number that can be kept")
    return value


def _check_level(level: int, file: str) -> int:
    if not 0 <= level <= MAX_LEVEL:
        raise MalformedFile(f"a part is of level 0 to {MAX_LEVEL}, not {level}", file=file)
    return level


def _check_index(index: int, file: str) -> int:
    if not 0 <= index <= MAX_INDEX:
        raise MalformedFile(f"a class has an index of 0 to {MAX_INDEX}, not {index}", file=file)
    return index
