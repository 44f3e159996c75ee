"""The filter of a page of images: one text, and fields that change words of it.

Fields and text say the same. A form sends both, and the text as it was when the page was made:
a field that says something else than that text did has been changed by somebody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from datasets_app.entries import Status
from datasets_app.image_query import EVERY_IMAGE, ImageQuery, parse_query
from datasets_app.names import is_storable
from datasets_app.query_words import InvalidFilter, Word, join_words, make_word, split_words
from labels_app.reading import Reading

MOST_CHARACTERS = 2_000
# Each field, and the sign of the words that it stands for.
FIELDS = {
    "class": ":",
    "count": ">=",
    "area": ">=",
    "score": "<",
    "split": ":",
    "status": ":",
    "prefix": ":",
}
# These are of the class before them.
_OF_CLASS = ("count", "area", "score")


class PageFilter(NamedTuple):
    """What a page shows. `problem` says what is wrong with `text`, and where."""

    text: str
    query: ImageQuery
    fields: dict[str, str]
    problem: InvalidFilter | None


def read_filter(given: Mapping[str, str], reading: Reading) -> PageFilter:
    """Read `q`, and what fields changed of `was`; what no filter can say is left out."""
    text = _clean(given.get("q", ""))
    try:
        before = _fields_of(_clean(given.get("was", "")))
        for key, sign in FIELDS.items():
            value = _known(key, _clean(given.get(key, before[key])).strip(), reading)
            if value != before[key]:
                text = change_word(text, key, sign, value)
        return PageFilter(text, parse_query(text, reading), _fields_of(text), None)
    except InvalidFilter as problem:
        return PageFilter(text, EVERY_IMAGE, dict.fromkeys(FIELDS, ""), problem)


def change_word(text: str, key: str, sign: str, value: str) -> str:
    """Put, change or (for "") take away the first word of a key and sign.

    Raises
    ------
    InvalidFilter
        The text cannot be taken apart.
    """
    words = split_words(text)
    place = next((at for at, word in enumerate(words) if _stands_for(word, key, sign)), None)
    if place is not None:
        words[place : place + 1] = [make_word(key, sign, value)] if value else []
    elif value:
        words.insert(_place_for(words, key), make_word(key, sign, value))
    return join_words(words)


def _place_for(words: list[Word], key: str) -> int:
    """Return where a new word belongs: a class first, and behind it what is said of it."""
    if key == "class":
        return 0
    if key not in _OF_CLASS:
        return len(words)
    first = next((at for at, word in enumerate(words) if word.key == "class"), -1)
    return first + 1


def _stands_for(word: Word, key: str, sign: str) -> bool:
    return (word.key, word.sign, word.negated) == (key, sign, False)


def _fields_of(text: str) -> dict[str, str]:
    words = split_words(text)
    return {
        key: next((word.value for word in words if _stands_for(word, key, sign)), "")
        for key, sign in FIELDS.items()
    }


def _clean(text: str) -> str:
    return text[:MOST_CHARACTERS] if is_storable(text) else ""


def _known(key: str, value: str, reading: Reading) -> str:
    """Return a value that a filter can have; "" for others. Old links name classes by id."""
    if key == "class":
        live = reading.live_classes
        names = [spec.name for spec in live if value in (spec.name, str(spec.class_id))]
        return value if value in names else next(iter(names), "")
    if key == "status":
        return value if value in list(Status) else ""
    return value
