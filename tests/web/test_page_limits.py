"""What the first view of each page costs: queries of the database, bytes that a browser fetches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from people_app.models import User
from tests.web.every_page import NAME, full_town, opened_pages, unlisted_names

pytestmark = pytest.mark.django_db

MOST_QUERIES = 15
MOST_BYTES = 300_000  # without pictures, as the files lie there: not packed
_IMPORTS = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""")


def test_every_url_is_a_page_or_is_said_not_to_be_one() -> None:
    assert unlisted_names() == set()


def test_no_page_costs_more_queries_or_bytes_than_the_limit() -> None:
    dataset = full_town()
    alma, stranger = Client(), Client()
    alma.force_login(User.objects.get(username=NAME))
    over = []
    for path, is_for_strangers in opened_pages(dataset):
        with CaptureQueriesContext(connection) as captured:
            response = (stranger if is_for_strangers else alma).get(path)
        assert response.status_code == 200, path
        if len(captured) > MOST_QUERIES:
            over.append(f"{path} asks {len(captured)} times")
        if (weight := weight_of(response.content)) > MOST_BYTES:
            over.append(f"{path} has {weight:,} bytes")
    assert over == []


def weight_of(html: bytes) -> int:
    """The bytes of a page with its style sheets and scripts, and what those import."""
    return len(html) + sum(len(_read(name)) for name in _files_of(html.decode()))


def _files_of(html: str) -> set[str]:
    """The static files of a page: what it links, and every module that is imported from there."""
    found: set[str] = set()
    waiting = list(_Links(html).names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imported_by(name) if name.endswith(".js") else []
    return found


def _imported_by(name: str) -> Iterator[str]:
    for path in _IMPORTS.findall(_read(name).decode()):
        yield normpath(join(dirname(name), path))


@cache
def _read(name: str) -> bytes:
    found = finders.find(name)
    assert found, f"a page links {name}, which no app has"
    return Path(found).read_bytes()


class _Links(HTMLParser):
    """The style sheets and scripts that a page asks for, by their static names."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script":
            self._add(given.get("src"))
        elif tag == "link" and given.get("rel") in ("stylesheet", "modulepreload"):
            self._add(given.get("href"))

    def _add(self, url: str | None) -> None:
        if url:
            self.names.add(url.removeprefix(f"/{settings.STATIC_URL.lstrip('/')}"))
