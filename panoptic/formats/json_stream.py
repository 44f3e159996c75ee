"""JSON files of any size in constant memory: arrays read element by element, and written so."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

from panoptic.errors import MalformedFile
from panoptic.formats.paths import open_file

MAX_DEPTH = 64
# The longest element; parsed, it takes some thirty times as much.
MAX_ELEMENT_BYTES = 32 * 1024 * 1024

Watch = Callable[[int, int], None]

_CHUNK_BYTES = 256 * 1024


class Element(NamedTuple):
    """One element of a top-level array; its text are the bytes of the file from `start` on."""

    array: str
    value: Any
    start: int
    size: int


def iter_elements(
    path: Path, names: tuple[str, ...], watch: Watch | None = None
) -> Iterator[Element]:
    """Yield the elements of these top-level arrays in the order of the file, in one pass.

    `watch` is told now and then how many bytes were read, and how many there are; what it raises
    ends the reading.

    Raises MalformedFile for text that is no JSON or ends too early, with the byte where reading
    stopped, for a file that is no object of arrays, for nesting deeper than 64, for integers of
    more than 64 bits, and for an element of more than 32 MiB.
    """
    with open_file(path) as file:
        size = path.stat().st_size
        text = _Text(file, (lambda done: watch(done, size)) if watch else None)
        try:
            yield from _iter_members(text, names)
        except _Misshapen as error:
            raise MalformedFile(str(error), file=path.name) from None


def iter_arrays(path: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield (array, value) of `iter_elements`."""
    for element in iter_elements(path, names):
        yield element.array, element.value


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


class _Misshapen(ValueError):
    """The text is no JSON, or JSON of another shape than formats have."""


def _iter_members(text: _Text, names: tuple[str, ...]) -> Iterator[Element]:
    first = text.next_character()
    if not first:
        text.fail("nothing")
    if first != "{":
        raise _Misshapen("the file holds no JSON object")
    for name in _iter_keys(text):
        first = text.next_character()
        if name not in names:
            _skip(text, first)
        elif first != "[":
            raise _Misshapen(f"{name!r} is no list")
        else:
            for _ in _iter_places(text, "]"):
                value, size = text.take_value()
                yield Element(name, value, text.byte - size, size)
    if text.next_character():
        text.fail("something follows the end of the object")


def _iter_keys(text: _Text) -> Iterator[str]:
    """Yield the keys of the object that starts here, each time with its value next."""
    for _ in _iter_places(text, "}"):
        key, _ = text.take_value()
        if not isinstance(key, str):
            text.fail("a key must be text")
        if text.next_character() != ":":
            text.fail("a colon must follow the key")
        text.take()
        yield key


def _iter_places(text: _Text, end: str) -> Iterator[None]:
    """Stop before every member of the array or object that starts here; take its end."""
    text.take()
    if text.next_character() == end:
        text.take()
        return
    while True:
        yield
        mark = text.next_character()
        if mark not in (",", end):
            text.fail(f"',' or '{end}' must follow")
        text.take()
        if mark == end:
            return


def _skip(text: _Text, first: str) -> None:
    """Pass a value, member by member: together they may be larger than memory."""
    if first == "[":
        for _ in _iter_places(text, "]"):
            text.take_value()
    elif first == "{":
        for _ in _iter_keys(text):
            text.take_value()
    else:
        text.take_value()


class _Text:
    """A file's text from where reading stands; the standard parser takes values off its front."""

    def __init__(self, file: BinaryIO, watch: Callable[[int], None] | None) -> None:
        self._file, self._watch = file, watch
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._text, self._at = "", 0
        self.byte = 0  # of the file, where `_at` is
        self._is_whole = False  # nothing of the file is left to read
        self._parse = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode

    def next_character(self) -> str:
        """The next one that is no white space, left there; "" at the end of the file."""
        while True:
            end = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            self.byte += end - self._at
            self._at = end
            if end < len(self._text):
                return self._text[end]
            if not self._read_more():
                return ""

    def take(self) -> None:
        """Pass the character that `next_character` told, one of JSON's marks."""
        self._at += 1
        self.byte += 1

    def take_value(self) -> tuple[Any, int]:
        """Pass the value that starts here; return it, and how many bytes its text has."""
        self.next_character()
        while True:
            try:
                value, end = self._parse(self._text, self._at)
            except json.JSONDecodeError as error:
                # Cut off text is at fault where it ends, or where its last string begins.
                in_string = error.msg.startswith("Unterminated")
                is_cut = in_string or error.pos > len(self._text) - _LONGEST_WORD
                if is_cut and self._read_more():
                    continue
                self.fail(error.msg, len(self._text) if in_string else error.pos)
            except RecursionError:
                raise _Misshapen(_TOO_DEEP) from None
            except ValueError as error:
                self.fail(str(error))
            else:
                # A number may go on in what was not read yet.
                if end <= len(self._text) - _LONGEST_WORD or not self._read_more():
                    break
        text = self._text[self._at : end].encode()
        self._check(value, text)
        self._at = end
        self.byte += len(text)
        return value, len(text)

    def fail(self, reason: str, at: int | None = None) -> NoReturn:
        """Say that the text here, or farther `at`, is no JSON, with the byte."""
        at = self._at if at is None else at
        byte = self.byte + len(self._text[self._at : at].encode())
        if at < len(self._text):
            raise _Misshapen(f"no JSON at byte {byte}: {reason}")
        if not byte:
            raise _Misshapen("the file is empty")
        raise _Misshapen(f"truncated: the JSON is unfinished where the file ends, at byte {byte}")

    def _check(self, value: Any, text: bytes) -> None:
        """Refuse what the parser takes, and what would break elsewhere."""
        if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _is_deep(value):
            raise _Misshapen(_TOO_DEEP)
        if _LONG_NUMBER in text.translate(_DIGITS_ALIKE) and _has_large_integer(value):
            self.fail("integer overflow: there is one of more than 64 bits")
        if b"\\ud" in text.lower():
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                self.fail("half of a pair of surrogates stands alone")

    def _read_more(self) -> bool:
        """Read on and forget what was taken; False at the end of the file."""
        if self._is_whole:
            return False
        self._text, self._at = self._text[self._at :], 0
        if len(self._text) > MAX_ELEMENT_BYTES:
            raise _Misshapen(f"an element has more than {MAX_ELEMENT_BYTES >> 20} MiB")
        # A long value is parsed anew with each piece: they double, so that this stays linear.
        piece = self._file.read(max(_CHUNK_BYTES, len(self._text)))
        self._is_whole = not piece
        try:
            self._text += self._decode(piece, self._is_whole)
        except UnicodeDecodeError as error:
            place = self._file.tell() - len(error.object) + error.start
            raise _Misshapen(f"no JSON at byte {place}: no UTF-8") from None
        if self._watch is not None:
            self._watch(self._file.tell())
        return True


_WHITE = " \t\n\r"
# More characters than what a fault is told before: of `false`, `\\u00e9`, `1.5e-7`.
_LONGEST_WORD = 8
_SPACE = re.compile(f"[{_WHITE}]*")
_TOO_DEEP = f"values are nested deeper than {MAX_DEPTH} levels"
# Every digit as 0, anything else as a space: nineteen of them may be more than 64 bits hold.
_DIGITS_ALIKE = bytes(48 if 48 <= byte < 58 else 32 for byte in range(256))
_LONG_NUMBER = b"0" * 19


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        # Only what holds more goes down: most of a file is numbers.
        level = [
            member
            for outer in level
            for member in (outer.values() if type(outer) is dict else outer)
            if type(member) is dict or type(member) is list
        ]
        if not level:
            return False
    return True


def _has_large_integer(value: Any) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return isinstance(value, int) and not -(2**63) <= value < 2**63
    return any(_has_large_integer(member) for member in value)
