"""XML files of any size, element by element, from people whom nobody knows.

A document type is refused, and with it every entity: none can grow without end or name a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from panoptic.errors import MalformedFile
from panoptic.formats.paths import open_file

MAX_DEPTH = 64
# One tag with its attributes: the largest mask.
MAX_TAG_BYTES = 2**25

_CHUNK_BYTES = 2**20

Wanted = Callable[[tuple[str, ...]], bool]


class Element(NamedTuple):
    """An element; `text` is what stands in it before, between and after its children."""

    tag: str
    attributes: dict[str, str]
    children: list[Element]
    texts: list[str]

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def text_of(self, tag: str) -> str:
        """The text of the first child of this name, without space around it; "" without one."""
        found = next((child for child in self.children if child.tag == tag), None)
        return "" if found is None else found.text.strip()


class Refused(Exception):
    """What XML allows and we do not; a `wanted` may raise it, too."""


def iter_elements(path: Path, wanted: Wanted) -> Iterator[Element]:
    """Yield the elements that are wanted, with all that is in them, when they end.

    wanted : whether to keep an element, by the tags from the root to itself; what lies neither
        in one that is wanted nor around it takes no memory

    Raises MalformedFile, with the line, for what is no XML, has a document type, is nested
    deeper than 64 or has a tag of more than 33 MB.
    """
    parser = expat.ParserCreate()
    builder = _Builder(wanted)
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = builder.refuse_doctype
    parser.buffer_text = True
    read = 0
    with open_file(path) as file:
        while True:
            chunk = file.read(_CHUNK_BYTES)
            _parse(parser, chunk, path.name)
            yield from builder.take()
            if not chunk:
                return
            read += len(chunk)
            # The parser begins again with a tag that is not whole, at every piece of it.
            if read - parser.CurrentByteIndex > MAX_TAG_BYTES:
                reason = (
                    f"line {parser.CurrentLineNumber}: a tag of more than {MAX_TAG_BYTES} bytes"
                )
                raise MalformedFile(reason, file=path.name)


def _parse(parser: expat.XMLParserType, chunk: bytes, file: str) -> None:
    try:
        parser.Parse(chunk, not chunk)
    except Refused as error:
        raise MalformedFile(f"line {parser.CurrentLineNumber}: {error}", file=file) from None
    except expat.ExpatError as error:
        fault = expat.ErrorString(error.code)
        raise MalformedFile(f"no XML at line {error.lineno}: {fault}", file=file) from None
    except (LookupError, ValueError) as error:
        raise MalformedFile(f"the encoding cannot be read: {error}", file=file) from None


class _Builder:
    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._path: list[str] = []
        self._open: list[Element] = []  # the element that is wanted and what is open in it
        self._done: list[Element] = []

    def take(self) -> list[Element]:
        """What was completed since the last time."""
        done, self._done = self._done, []
        return done

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        if len(self._path) > MAX_DEPTH:
            raise Refused(f"elements are nested deeper than {MAX_DEPTH} levels")
        if self._open or self._wanted(tuple(self._path)):
            element = Element(tag, attributes, [], [])
            if self._open:
                self._open[-1].children.append(element)
            self._open.append(element)

    def end(self, tag: str) -> None:
        self._path.pop()
        if self._open:
            element = self._open.pop()
            if not self._open:
                self._done.append(element)

    def data(self, text: str) -> None:
        if self._open:
            self._open[-1].texts.append(text)

    def refuse_doctype(self, *_: object) -> None:
        raise Refused("a document type is refused, since it may define entities")
