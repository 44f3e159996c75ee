"""The words of a filter, and where they stand: `class:"traffic light" count>3 -split:val`.

What the words mean is in `image_query`; here they are taken apart and put together, also while
somebody still writes them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from datasets_app.errors import HistoryError

NUMBER_KEYS = ("count", "area", "score")
_COMPARED = re.compile(rf"({'|'.join(NUMBER_KEYS)})(>=|<=|>|<|=)(.*)\Z", re.DOTALL)
_NEEDS_QUOTES = re.compile(r"[\s\"'\\]|\A-")


class InvalidFilter(HistoryError):
    """A filter that cannot be read. `start` and `end` are the characters that are wrong."""

    code = "invalid_filter"

    def __init__(self, text: str, reason: str, start: int = 0, end: int | None = None) -> None:
        end = len(text) if end is None else end
        is_part = (start, end) != (0, len(text))
        place = f" (at character {start + 1})" if is_part else ""
        super().__init__(f"filter {text!r}: {reason}{place}", start=start, end=end)
        self.text, self.reason, self.start, self.end = text, reason, start, end


class Word(NamedTuple):
    """One word: `key`, what stands between it and the value, and the value without quotes.

    sign : ":" or one of >= <= > < =; "" where the word has no key
    negated : there is a minus before it
    start, end : its characters in the text
    """

    key: str
    sign: str
    value: str
    negated: bool
    start: int
    end: int

    @property
    def text(self) -> str:
        """The word as one writes it."""
        value = quote(self.value) if self.sign == ":" else self.value
        return f"{'-' if self.negated else ''}{self.key}{self.sign}{value}"


def split_words(text: str) -> list[Word]:
    """Take a filter apart. Quotes of both kinds hold spaces; a backslash holds the next sign.

    Raises
    ------
    InvalidFilter
        A quote that is not closed, or nothing behind the last backslash.
    """
    words = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        start = at
        plain, at = _read_word(text, at)
        words.append(_word(plain, start, at))
    return words


def join_words(words: Sequence[Word]) -> str:
    """Put words together; `split_words` gives the same ones back."""
    return " ".join(word.text for word in words)


def quote(value: str) -> str:
    """Write a value so that it is read as one, with quotes where it needs them."""
    if not _NEEDS_QUOTES.search(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def make_word(key: str, sign: str, value: str) -> Word:
    """A word that stands nowhere yet."""
    return Word(key, sign, value, False, 0, 0)


def _word(plain: str, start: int, end: int) -> Word:
    negated = plain.startswith("-")
    plain = plain.removeprefix("-")
    compared = _COMPARED.match(plain)
    if compared is not None:
        return Word(compared[1], compared[2], compared[3], negated, start, end)
    key, colon, value = plain.partition(":")
    return Word(key, colon, value, negated, start, end)


def _read_word(text: str, at: int) -> tuple[str, int]:
    """Return the word that begins here without its quotes, and where it ends."""
    plain: list[str] = []
    quoted, opened = "", at
    while at < len(text) and (quoted or not text[at].isspace()):
        sign = text[at]
        if sign == "\\" and quoted != "'":
            at += 1
            if at == len(text):
                raise InvalidFilter(text, "nothing follows the backslash", at - 1, at)
            plain.append(text[at])
        elif sign == quoted:
            quoted = ""
        elif not quoted and sign in "\"'":
            quoted, opened = sign, at
        else:
            plain.append(sign)
        at += 1
    if quoted:
        raise InvalidFilter(text, f"the quotation {quoted} is not closed", opened, len(text))
    return "".join(plain), at
