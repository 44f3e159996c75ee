"""Names and links for what a page of the audit log tells of.

An event names its object by kind and number. What the reader may see is found for all
events at once, one query for each kind; the rest keeps its number, without a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from string import Formatter
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from datasets_app.models import Branch, Dataset, Job, Version, Webhook
from datasets_app.models.dataset import DATASET_KIND
from datasets_app.taxonomy_access import visible_taxonomies
from people_app.audit import ObjectName
from people_app.models import AuditEvent, Team
from web.audit_words import words_of

_PAGES = {DATASET_KIND: "web:dataset", "taxonomy": "web:taxonomy", "team": "web:team"}
_GAPS = Formatter()
_VERSION_GAPS = ("version", "head", "old", "new")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHOWN_OF_AN_ID = 10
_SHOWN_OF_A_VALUE, _SHOWN_OF_A_URL = 300, 50  # characters
_MOST_DIGITS = 18  # of a number that a database takes


class Piece(NamedTuple):
    """A part of a sentence: plain, a name, or a link where `url` is set."""

    text: str
    url: str = ""
    is_name: bool = False


class Told(NamedTuple):
    """An event with its sentence, where it belongs, and all its facts as text.

    `place` is None where the sentence or the page says it already; `seal` is the number of
    its seal, None before it has one.
    """

    event: AuditEvent
    sentence: list[Piece]
    place: Piece | None
    facts: list[tuple[str, str]]
    seal: int | None
    digest: str


def tell_events(
    request: HttpRequest, events: Sequence[AuditEvent], home: ObjectName | None = None
) -> list[Told]:
    """Return events as sentences; at most seven queries, however many they are.

    `home` is the dataset or taxonomy whose page it is.
    """
    names = _Names(request, events)
    return [_tell(names, event, home) for event in events]


def _tell(names: _Names, event: AuditEvent, home: ObjectName | None) -> Told:
    facts = _facts(event)
    sentence: list[Piece] = []
    has_object = False
    for text, gap, _, _ in _GAPS.parse(words_of(event.verb, facts)):
        if text:
            sentence.append(Piece(text))
        if gap:
            sentence.append(_fill(names, event, facts, gap))
            has_object |= gap == "object"
    line = ObjectName(event.line_kind, event.line_id)
    said = has_object and line == (event.object_kind, event.object_id)
    proof = getattr(event, "proof", None)
    return Told(
        event=event,
        sentence=sentence,
        place=names.of(line, {}) if line.id and line != home and not said else None,
        facts=[(name, _text(value)) for name, value in sorted(facts.items())],
        seal=proof.seal.number if proof is not None and proof.seal is not None else None,
        digest=bytes(proof.digest).hex() if proof is not None else "",
    )


def _fill(names: _Names, event: AuditEvent, facts: Mapping[str, Any], gap: str) -> Piece:
    value = facts.get(gap)
    if gap == "object":
        return names.of(ObjectName(event.object_kind, event.object_id), facts)
    if gap == "verb":
        return Piece(event.verb, is_name=True)
    if gap == "who":
        team = facts.get("team")
        if team is None:
            return Piece(_text(facts.get("user")), is_name=True)
        return Piece(f"the team {_text(team)}", is_name=True)
    if gap in _VERSION_GAPS and isinstance(value, str):
        return names.of_version(event.line_id, value)
    if gap == "branch":
        return names.of_branch(event.line_id, _text(value))
    if gap == "gone":
        value = facts.get("branch")
    return Piece(_text(value), is_name=True)


class _Names:
    """What the objects of some events are called, for one reader."""

    def __init__(self, request: HttpRequest, events: Sequence[AuditEvent]) -> None:
        named = [(event.object_kind, event.object_id) for event in events]
        named += [(event.line_kind, event.line_id) for event in events]
        user = request.user
        visible = {
            DATASET_KIND: Dataset.objects.visible_to(user),
            "taxonomy": visible_taxonomies(user),
            "team": Team.objects.visible_to(user),
        }
        self._slugs = {
            kind: dict(_rows(rows.filter(pk__in=_numbers(named, kind)), "pk", "slug"))
            for kind, rows in visible.items()
        }
        datasets = [int(key) for key in self._slugs[DATASET_KIND]]
        hooks = Webhook.objects.filter(pk__in=_uuids(named, "webhook"), dataset__in=datasets)
        self._webhooks = {key: rest for key, *rest in _rows(hooks, "pk", "dataset_id", "url")}
        jobs = Job.objects.visible_to(user).filter(pk__in=_uuids(named, "job"))
        self._jobs = dict(_rows(jobs, "pk", "kind"))
        branches = Branch.objects.filter(dataset__in=datasets, name__in=_branch_names(events))
        self._branches = set(branches.values_list("dataset_id", "name"))
        versions = Version.objects.filter(version_id__in=_version_ids(events), dataset__in=datasets)
        self._versions = {
            bytes(key).hex(): number for key, number in versions.values_list("version_id", "number")
        }

    def of(self, name: ObjectName, facts: Mapping[str, Any]) -> Piece:
        """Return the name of an object, and where its page is."""
        slug = self._slugs.get(name.kind, {}).get(name.id)
        if slug is not None:
            return Piece(slug, reverse(_PAGES[name.kind], args=[slug]), True)
        if name.kind == "webhook":
            return self._of_webhook(name.id, facts)
        if name.kind == "job":
            kind = self._jobs.get(name.id)
            url = reverse("web:job", args=[name.id]) if kind is not None else ""
            return Piece(f"the job “{kind or facts.get('kind') or name.id}”", url, True)
        # Deleted since, or not for this reader: a slug that is told says more than a number.
        if isinstance(facts.get("slug"), str):
            return Piece(_text(facts["slug"]), is_name=True)
        return Piece(f"{name.kind} {name.id}".strip(), is_name=True)

    def of_version(self, line_id: str, version_id: str) -> Piece:
        """Return the number of a version, or the beginning of its id."""
        slug = self._slugs[DATASET_KIND].get(line_id)
        number = self._versions.get(version_id)
        if slug is None or number is None:
            return Piece(version_id[:_SHOWN_OF_AN_ID], is_name=True)
        return Piece(f"v{number}", reverse("web:version", args=[slug, version_id]), True)

    def of_branch(self, line_id: str, branch: str) -> Piece:
        """Return the name of a branch with its log."""
        slug = self._slugs[DATASET_KIND].get(line_id)
        if slug is None or (int(line_id), branch) not in self._branches:
            return Piece(branch, is_name=True)
        address = reverse("web:dataset", args=[slug])
        return Piece(branch, f"{address}?branch={quote(branch, safe='')}", True)

    def _of_webhook(self, key: str, facts: Mapping[str, Any]) -> Piece:
        found = self._webhooks.get(key)
        if found is None:
            told = facts.get("url")
            return Piece(f"the webhook to {_cut(told)}" if told else "a webhook that is gone")
        dataset, url = found
        slug = self._slugs[DATASET_KIND][str(dataset)]
        return Piece(f"the webhook to {_cut(url)}", reverse("web:webhook", args=[slug, key]))


def _facts(event: AuditEvent) -> Mapping[str, Any]:
    # A row that somebody altered must not hide the rows around it.
    return event.facts if isinstance(event.facts, dict) else {"facts": event.facts}


def _rows(rows: Any, *fields: str) -> list[tuple[Any, ...]]:
    return [(str(key), *rest) for key, *rest in rows.values_list(*fields)]


def _numbers(named: Iterable[tuple[str, str]], kind: str) -> set[int]:
    return {
        int(key)
        for own, key in named
        if own == kind and key.isascii() and key.isdigit() and len(key) <= _MOST_DIGITS
    }


def _uuids(named: Iterable[tuple[str, str]], kind: str) -> set[UUID]:
    found = set()
    for own, key in named:
        if own == kind:
            try:
                found.add(UUID(key))
            except ValueError:
                continue
    return found


def _version_ids(events: Iterable[AuditEvent]) -> set[bytes]:
    found = set()
    for event in events:
        for gap in _VERSION_GAPS:
            value = _facts(event).get(gap)
            if isinstance(value, str) and _DIGEST.fullmatch(value):
                found.add(bytes.fromhex(value))
    return found


def _branch_names(events: Iterable[AuditEvent]) -> set[str]:
    names = (_facts(event).get("branch") for event in events)
    return {name for name in names if isinstance(name, str)}


def _text(value: Any, most: int = _SHOWN_OF_A_VALUE) -> str:
    if isinstance(value, list):
        text = ", ".join(map(str, value)) or "none"
    else:
        text = "none" if value is None else str(value)
    return text if len(text) <= most else f"{text[:most]}…"


def _cut(url: Any) -> str:
    return _text(url, _SHOWN_OF_A_URL)
