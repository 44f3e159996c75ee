"""What the labels of a version break of the label rules, image by image.

Old labels were checked by the rules of their time; this is how they stand by those of now.
Retired and deprecated classes are no violations here: labels keep what they were made with.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from datasets_app.bulk import batched
from datasets_app.candidates import class_key, find_candidates
from datasets_app.entries import Entry
from datasets_app.jobs.kinds import Progress, silent
from datasets_app.label_checks import find_violations
from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.taxonomy_access import Somebody, find_draft, get_taxonomy_version
from datasets_app.tree import get_entries, iter_entries
from labels_app.reading import Reading
from labels_app.rule_checks import Findings, RuleBook
from labels_app.rules import LabelRule, RuleKind, Severity, rules_from_plain, stored_rules

_IMAGES_AT_ONCE = 250
# What one page looks at, at most; fewer where a label may have to be opened.
_MOST_COUNTED, _MOST_OPENED = 4 * _IMAGES_AT_ONCE, 2 * _IMAGES_AT_ONCE
# Leaves hold up to 64 images, mostly fewer.
_NODES_AT_ONCE = 16
_MOST_KEYS = 32
_WALKED_AT_ONCE = 5_000
# A page has no more violations than this and those of its last image.
_MOST_ON_PAGE = 1_000


class ImageViolations(NamedTuple):
    """An image whose label breaks rules."""

    image_no: int
    name: str
    findings: Findings


class ViolationsPage(NamedTuple):
    """Images by number; `after` goes on, None at the end. A short page says nothing of it."""

    images: list[ImageViolations]
    after: int | None


def get_label_rules(
    version: Version, reading: Reading, *, user: Somebody, under: str = ""
) -> tuple[LabelRule, ...]:
    """Return the rules of the taxonomy version that a version is read by.

    `reading` and `under` are what `datasets_app.taxonomy_access.get_reading` gave and took.

    Raises
    ------
    NotFound
        `under` names nothing that `user` may see.
    """
    own = version.taxonomy_version
    if not under:
        return stored_rules(own.rules)
    draft = find_draft(user, under)
    if draft is not None:
        return draft.rules
    by = get_taxonomy_version(user, under)
    if by.taxonomy_id == own.taxonomy_id:
        return stored_rules(by.rules)
    # A mapping may lead to a later version than the one that is named, in which classes that
    # the rules are about are retired.
    return rules_from_plain(by.rules, tuple(reading.classes.values()))


def select_rules(
    rules: Iterable[LabelRule], *, severity: Severity | None = None, kind: RuleKind | None = None
) -> tuple[LabelRule, ...]:
    """Keep the rules of a severity and of a kind."""
    return tuple(
        rule for rule in rules if severity in (None, rule.severity) and kind in (None, rule.kind)
    )


def violations_page(
    version: Version,
    reading: Reading,
    rules: Sequence[LabelRule],
    *,
    limit: int,
    after: int = -1,
) -> ViolationsPage:
    """Return up to `limit` images above `after` whose labels break rules.

    Looks at a thousand images at most, and at 500 where labels may have to be opened, so that
    rules which few labels break give a short page and a number to go on from.
    """
    if not rules:
        return ViolationsPage([], None)
    most = _MOST_OPENED if any(rule.needs_pixels for rule in rules) else _MOST_COUNTED
    keys = _keys_of(reading, rules)
    found: list[ImageViolations] = []
    listed = looked = 0
    go_on: int | None = after
    while go_on is not None and looked < most:
        entries, following = _next_images(version, keys, after=go_on)
        looked += len(entries) or _IMAGES_AT_ONCE  # chunks without an image cost something, too
        for image in _check(version, entries, reading, rules):
            found.append(image)
            listed += len(image.findings.violations)
            if len(found) == limit or listed >= _MOST_ON_PAGE:
                is_last = following is None and image.image_no == entries[-1][0]
                return ViolationsPage(found, None if is_last else image.image_no)
        go_on = following
    return ViolationsPage(found, go_on)


def iter_violations(
    version: Version,
    reading: Reading,
    rules: Sequence[LabelRule],
    progress: Progress = silent,
) -> Iterator[ImageViolations]:
    """Yield every image whose label breaks rules, by number."""
    done = 0
    entries = iter_entries(SqlNodes(), version.root) if rules else iter(())
    for batch in batched(entries, _WALKED_AT_ONCE):
        yield from _check(version, batch, reading, rules)
        done += len(batch)
        progress(done, version.image_count)


def _check(
    version: Version,
    entries: Sequence[tuple[int, Entry]],
    reading: Reading,
    rules: Sequence[LabelRule],
) -> list[ImageViolations]:
    labels = {image_no: entry.label for image_no, entry in entries if entry.label is not None}
    found = find_violations(labels.values(), reading, rules)
    broken = {image_no: found[label] for image_no, label in labels.items() if label in found}
    names = names_of(version.dataset_id, list(broken))
    return [
        ImageViolations(image_no, names[image_no], findings)
        for image_no, findings in broken.items()
    ]


def _next_images(
    version: Version, keys: list[str] | None, *, after: int
) -> tuple[list[tuple[int, Entry]], int | None]:
    """Return some entries above `after`, and from where to go on; None at the end."""
    nodes = SqlNodes()
    if keys is None:
        walk = iter_entries(nodes, version.root, after=after, window=_NODES_AT_ONCE)
        entries = list(itertools.islice(walk, _IMAGES_AT_ONCE + 1))
        more = len(entries) > _IMAGES_AT_ONCE
        entries = entries[:_IMAGES_AT_ONCE]
        return entries, entries[-1][0] if more else None
    candidates = find_candidates(version.dataset_id, [keys], after=after, limit=_IMAGES_AT_ONCE)
    found = get_entries(nodes, version.root, candidates.numbers)
    return sorted(found.items()), candidates.go_on


def _keys_of(reading: Reading, rules: Sequence[LabelRule]) -> list[str] | None:
    """Return the keys of the images that hold a class of the rules; None: look at all images."""
    book = RuleBook.of(reading, rules)
    if book.of_images:
        return None
    sources = [stored for live in book.class_ids for stored in reading.sources_of[live]]
    # Rules about most classes are about most images: then walking them all is cheaper. With
    # no class at all there is still one key, which no image has.
    return None if len(sources) > _MOST_KEYS else [class_key(stored) for stored in sources or [0]]
