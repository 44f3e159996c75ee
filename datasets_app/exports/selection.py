"""Which images of a version an export holds, in the order of their names."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from datasets_app.entries import Entry, Status
from datasets_app.exports.errors import InvalidFilter
from datasets_app.image_lists import ImageFilter
from datasets_app.label_facts import label_facts
from datasets_app.manifest import iter_named_entries
from datasets_app.models import Version
from labels_app.reading import Reading

_KEYS = ("class", "split", "status", "prefix")


class NamedEntry(NamedTuple):
    """One image of a version."""

    name: str
    entry: Entry


def iter_selected(version: Version, wanted: ImageFilter) -> Iterator[list[NamedEntry]]:
    """Yield the images that match, sorted by name, in lists of bounded length."""
    for batch in iter_named_entries(version):
        chosen = [NamedEntry(name, entry) for name, entry in batch if _matches(wanted, name, entry)]
        if wanted.class_ids:
            chosen = _with_classes(chosen, frozenset(wanted.class_ids))
        if chosen:
            yield chosen


def parse_filter(text: str, reading: Reading) -> ImageFilter:
    """Read `class:car split:val status:reviewed prefix:night/`; "" selects everything.

    Values with spaces are written in quotes: `class:"traffic light"`.

    Raises
    ------
    InvalidFilter
        A key, a class or a status that does not exist; a key that comes twice.
    """
    wanted = _parse_words(text)
    status = wanted.get("status")
    if status is not None and status not in list(Status):
        raise InvalidFilter(text, f"no status is {status!r}; there are {', '.join(Status)}")
    return ImageFilter(
        class_ids=_sources(text, wanted["class"], reading) if "class" in wanted else (),
        split=wanted.get("split"),
        status=None if status is None else Status(status),
        prefix=wanted.get("prefix", ""),
    )


def _matches(wanted: ImageFilter, name: str, entry: Entry) -> bool:
    return (
        wanted.split in (None, entry.split)
        and wanted.status in (None, entry.status)
        and name.startswith(wanted.prefix)
    )


def _with_classes(images: list[NamedEntry], class_ids: frozenset[int]) -> list[NamedEntry]:
    facts = label_facts({image.entry.label for image in images if image.entry.label})
    holding = {
        digest
        for digest, fact in facts.items()
        if not class_ids.isdisjoint(fact.counts.class_ids.tolist())
    }
    return [image for image in images if image.entry.label in holding]


def _sources(text: str, name: str, reading: Reading) -> tuple[int, ...]:
    """Return the stored class ids that read as the live class of this name."""
    found = tuple(
        class_id
        for class_id, live in reading.live_of.items()
        if live is not None and reading.classes[live].name == name
    )
    if not found:
        raise InvalidFilter(text, f"the taxonomy has no class {name!r}")
    return found


def _parse_words(text: str) -> Mapping[str, str]:
    wanted: dict[str, str] = {}
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidFilter(text, str(error)) from error
    for word in words:
        key, colon, value = word.partition(":")
        if not colon or key not in _KEYS:
            raise InvalidFilter(text, f"{word!r} has none of the keys {', '.join(_KEYS)}")
        if key in wanted:
            raise InvalidFilter(text, f"{key} comes twice")
        wanted[key] = value
    return wanted
