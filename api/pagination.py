"""Lists by cursor: `{"next", "previous", "results"}` with full URLs, and never a COUNT.

A cursor says after (or before) which row to go on, so a page costs its own rows, whatever
comes before it. Cursors are signed: one that no list gave is `invalid_cursor` and never
reaches a database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core import signing
from django.db import models
from django.db.models import Q
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from api.errors import invalid
from datasets_app.errors import InvalidCursor

DEFAULT_LIMIT, MAX_LIMIT = 50, 500
_MAX_CURSOR = 4_000  # characters; a cursor holds a name of up to 1,024 bytes


class Page(NamedTuple):
    """Some rows and the cursors of their neighbours, None at an end.

    Lists that only go forward have no `previous`.
    """

    rows: Sequence[Any]
    next: Any = None
    previous: Any = None


@dataclass(frozen=True)
class Keyset:
    """The order of a list: fields that together are unique; `-field` descends."""

    name: str
    fields: tuple[str, ...]

    def page(self, request: Request, rows: models.QuerySet[Any]) -> Page:
        """Return the page that the request asks for; one query."""
        limit = limit_of(request)
        cursor = read_cursor(request, self.name)
        backwards = cursor is not None and cursor[0] == "before"
        if cursor is not None:
            rows = rows.filter(self._beyond(cursor[1], backwards))
        order = [_turned(field) for field in self.fields] if backwards else self.fields
        found = list(rows.order_by(*order)[: limit + 1])
        more, found = len(found) > limit, found[:limit]
        if backwards:
            found.reverse()
        has_next = backwards or more
        has_previous = more if backwards else cursor is not None
        return Page(
            found,
            ["after", self._key(found[-1])] if has_next and found else None,
            ["before", self._key(found[0])] if has_previous and found else None,
        )

    def _beyond(self, key: list[Any], backwards: bool) -> Q:
        """Return the condition of rows after a key: a >= x and (a > x or (a = x and b > y))."""
        beyond, equal = Q(), Q()
        for field, value in zip(self.fields, key, strict=True):
            name = field.removeprefix("-")
            word = "lt" if field.startswith("-") != backwards else "gt"
            beyond |= equal & Q(**{f"{name}__{word}": value})
            equal &= Q(**{name: value})
        if len(self.fields) == 1:
            return beyond
        # Implied by the rest; without it databases walk the index from its beginning.
        first = self.fields[0]
        word = "lte" if first.startswith("-") != backwards else "gte"
        return Q(**{f"{first.removeprefix('-')}__{word}": key[0]}) & beyond

    def _key(self, row: Any) -> list[Any]:
        return [_plain(getattr(row, field.removeprefix("-"))) for field in self.fields]


def limit_of(request: Request, default: int = DEFAULT_LIMIT) -> int:
    """Return how many rows a page shall have: `?limit=`."""
    return integer_of(request, "limit", default, least=1, most=MAX_LIMIT)


def integer_of(request: Request, name: str, default: int, *, least: int, most: int) -> int:
    """Return a number of the query; 400 unless it is within its bounds."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise invalid(name, f"a number from {least} to {most}")
    return int(text)


def choice_of(request: Request, name: str, choices: Sequence[str], default: str = "") -> str:
    """Return a word of the query; 400 unless it is among the choices."""
    word = request.query_params.get(name, default)
    if word not in choices and word != default:
        raise invalid(name, f"one of {', '.join(choices)}")
    return word


def read_cursor(request: Request, name: str) -> Any:
    """Return what a cursor of the list `name` says, None on the first page."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    if len(text) > _MAX_CURSOR:
        raise InvalidCursor(text[:40])
    try:
        return _signer(name).unsign_object(text)
    except (signing.BadSignature, ValueError) as error:
        raise InvalidCursor(text[:40]) from error


def page_json(
    request: Request, name: str, page: Page, render: Callable[[Sequence[Any]], Any]
) -> dict[str, Any]:
    """Return the body of a page; `render` turns all its rows into JSON at once."""
    return {
        "next": _url(request, name, page.next),
        "previous": _url(request, name, page.previous),
        "results": render(page.rows),
    }


def _url(request: Request, name: str, cursor: Any) -> str | None:
    if cursor is None:
        return None
    # No time is in it: the same page has the same bytes, as its ETag promises.
    signed = _signer(name).sign_object(cursor)
    return replace_query_param(request.build_absolute_uri(), "cursor", signed)


def _signer(name: str) -> signing.Signer:
    return signing.Signer(salt=f"api.cursor.{name}")


def _turned(field: str) -> str:
    return field.removeprefix("-") if field.startswith("-") else f"-{field}"


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, str)) else str(value)
