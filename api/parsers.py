"""Request bodies: JSON in UTF-8, bounded, and nothing in it that a database refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from datasets_app.names import is_storable

# A commit of 100,000 changes takes about 30 MB.
MAX_BODY_BYTES = 64 * 2**20
# Only a body with one of these escapes can hold NUL or half of a surrogate pair.
_SUSPICIOUS = re.compile(rb"\\u(0000|[dD][89a-fA-F])")


class StrictJSONParser(BaseParser):
    """JSON as RFC 8259 has it: no NaN, no second value of a name, no text that is none."""

    media_type = "application/json"

    def parse(
        self,
        stream: BinaryIO,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the value; `ParseError` says what is wrong with it."""
        data = stream.read(MAX_BODY_BYTES + 1)
        if len(data) > MAX_BODY_BYTES:
            raise RequestDataTooBig(f"a body has at most {MAX_BODY_BYTES} bytes")
        try:
            value = json.loads(
                data.decode("utf-8"),
                object_pairs_hook=_unique_names,
                parse_constant=_refuse_constant,
            )
        except RecursionError:
            raise ParseError("the JSON is nested too deeply") from None
        except ValueError as error:
            raise ParseError(f"the body is no JSON: {error}") from error
        if _SUSPICIOUS.search(data) and not all(map(is_storable, _iter_texts(value))):
            raise ParseError("the body holds text that is no Unicode, or NUL")
        return value


def _iter_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _iter_texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _iter_texts(item)


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has one name twice")
    return members


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
