"""JSON files of any size in constant memory: arrays read element by element, and written so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from panoptic.errors import MalformedFile

MAX_DEPTH = 64

_Events = Iterator[tuple[str, Any]]

_CHUNK_BYTES = 64 * 1024


class _Misshapen(ValueError):
    """The text is JSON of another shape than formats have."""


def iter_arrays(path: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield (name, element) of these top-level arrays in the order of the file, in one pass.

    Numbers with a point become floats. Raises MalformedFile for text that is no JSON or ends
    too early, with the byte where reading stopped, for a file that is no object of arrays, and
    for nesting deeper than 64.
    """
    with path.open("rb") as file:
        try:
            yield from _iter_elements(ijson.basic_parse(file, use_float=True), names)
        except ijson.JSONError as error:
            raise MalformedFile(_describe_fault(path, error), file=path.name) from None
        except _Misshapen as error:
            raise MalformedFile(str(error), file=path.name) from None


def encode_json(value: Any) -> bytes:
    """Compact UTF-8, keys in the order given; raises MalformedFile for what JSON cannot say."""
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise MalformedFile(f"a value cannot be written as JSON: {error}") from None


def write_object(file: BinaryIO, members: Mapping[str, Any]) -> None:
    """Write one JSON object; a member that is an iterator of bytes becomes an array of them."""
    file.write(b"{")
    for number, (name, value) in enumerate(members.items()):
        file.write(b"\n" if not number else b",\n")
        file.write(encode_json(name) + b":")
        if isinstance(value, Iterator):
            _write_array(file, value)
        else:
            file.write(encode_json(value))
    file.write(b"\n}\n")


def _write_array(file: BinaryIO, elements: Iterable[bytes]) -> None:
    file.write(b"[")
    for number, element in enumerate(elements):
        file.write(b"\n" if not number else b",\n")
        file.write(element)
    file.write(b"]")


# ijson builds objects, too, but only those under one prefix per pass, and it keeps the path of
# every open bracket: 100,000 of them take 25 GB.
def _iter_elements(events: _Events, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if next(events)[0] != "start_map":
        raise _Misshapen("the file holds no JSON object")
    for event, name in events:
        if event != "map_key":
            continue  # the object ends; the parser now checks that nothing follows
        first, value = next(events)
        if name not in names:
            _skip(events, first)
            continue
        if first != "start_array":
            raise _Misshapen(f"{name!r} is no list")
        for event, value in events:
            if event == "end_array":
                break
            yield name, _build(events, event, value)


def _build(events: _Events, event: str, value: Any) -> Any:
    """The value that starts with this event; takes the rest of it from `events`."""
    if not event.startswith("start_"):
        return value
    root: Any = {} if event == "start_map" else []
    top, stack, key = root, [root], ""
    for event, value in events:
        if event == "map_key":
            key = value
        elif event == "start_map" or event == "start_array":
            inner: Any = {} if event == "start_map" else []
            if type(top) is list:
                top.append(inner)
            else:
                top[key] = inner
            stack.append(inner)
            top = inner
            if len(stack) > MAX_DEPTH:
                raise _Misshapen(f"values are nested deeper than {MAX_DEPTH} levels")
        elif event == "end_map" or event == "end_array":
            stack.pop()
            if not stack:
                break
            top = stack[-1]
        elif type(top) is list:
            top.append(value)
        else:
            top[key] = value
    return root


def _skip(events: _Events, event: str) -> None:
    depth = int(event.startswith("start_"))
    while depth:
        event, _ = next(events)
        if event.startswith("start_"):
            depth += 1
        elif event.startswith("end_"):
            depth -= 1


def _describe_fault(path: Path, error: Exception) -> str:
    """Parse again, since the parser does not tell the position: by chunks, then by bytes."""
    size = path.stat().st_size
    if size == 0:
        return "the file is empty"
    near = _find_fault(path, start=0, step=_CHUNK_BYTES)
    if near is None:
        return f"truncated: the JSON is unfinished where the file ends, at byte {size}"
    return f"no JSON at byte {_find_fault(path, start=near, step=1)}: {_first_line(error)}"


def _find_fault(path: Path, *, start: int, step: int) -> int | None:
    """Where the piece begins that the parser refuses; pieces of `step` bytes from `start` on."""
    sink = ijson.sendable_list()
    parser = ijson.basic_parse_coro(sink, use_float=True)
    with path.open("rb") as file:
        while piece := file.read(_CHUNK_BYTES if file.tell() < start else step):
            sink.clear()
            try:
                parser.send(piece)
            except ijson.JSONError:
                return file.tell() - len(piece)
    return None


def _first_line(error: Exception) -> str:
    message = error.args[0] if error.args else ""
    text = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    return text.splitlines()[0] if text else "cannot be parsed"
