"""Names of what somebody else has, made-up ones of the same form, and what answers tell of them."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson
from rest_framework.test import APIClient

from tests.api.one_world import rolled_back

OF_A_REQUEST = ("X-Request-ID", "Date", "Content-Length")
# What an answer tells of itself: the lease that it grants, and when a draft was edited.
ITS_OWN = re.compile(r'(?<="lease":")[-0-9a-f]{36}|(?<="updated_at":")[^"]+')


class Names(NamedTuple):
    """Names of things. Those of one form are as long as each other."""

    dataset: str
    taxonomy: str
    version: str
    short: str
    photo: str
    label: str
    attributes: str
    erased: str
    picture: str
    job: str
    webhook: str
    delivery: str
    upload: str
    lease: str
    token: str
    number: str
    person: str
    team: str


NOTHING = Names(
    dataset="nothing",
    taxonomy="nothing-classes",
    version="0123456789abcdef" * 4,
    short="0123456789",
    photo="1" * 64,
    label="2" * 64,
    attributes="3" * 64,
    erased="4" * 64,
    picture="5" * 64,
    job="10000000-0000-4000-8000-000000000001",
    webhook="10000000-0000-4000-8000-000000000002",
    delivery="10000000-0000-4000-8000-000000000003",
    upload="10000000-0000-4000-8000-000000000004",
    lease="10000000-0000-4000-8000-000000000005",
    token="0123456789abcdef",
    number="999999",
    person="nil",
    team="no-crew-",
)


def told(response: Any, asked: Names) -> tuple[int, dict[str, str], str]:
    """What an answer says, where what was asked for is called as what is not there."""
    text = ITS_OWN.sub("new", response.getvalue().decode("latin-1"))
    headers = {name: value for name, value in response.items() if name not in OF_A_REQUEST}
    for field in Names._fields:
        if field != "number":  # never told, and too short to be looked for
            name, made_up = getattr(asked, field), getattr(NOTHING, field)
            # As a word: "ada" stands in digests, too. Sentences have ids that are cut short.
            for known, instead in ((name, made_up), (name[:12], made_up[:12])):
                text = re.sub(rf"\b{known}\b", instead, text)
            headers = {key: value.replace(name, made_up) for key, value in headers.items()}
    return response.status_code, headers, text


def ask(client: APIClient, method: str, url: str, body: Any = None, **headers: str) -> Any:
    """Ask, and undo what was done."""
    with rolled_back():
        if url.endswith("/objects/batch"):
            data, media_type = orjson.dumps(body), "application/vnd.git-lfs+json"
            return client.generic(method, url, data, content_type=media_type)
        return getattr(client, method)(url, None if method == "get" else body, headers=headers)


def filled(form: Any, names: Names, head: str) -> Any:
    """Put names into the places of a form."""
    if isinstance(form, str):
        return form.format(**names._asdict(), head=head) if "{" in form else form
    if isinstance(form, dict):
        return {key: filled(value, names, head) for key, value in form.items()}
    if isinstance(form, (list, tuple)):
        return type(form)(filled(value, names, head) for value in form)
    return form
