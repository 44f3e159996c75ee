"""Check the labels that a commit brings against its taxonomy version, in batches.

New segments of retired and deprecated classes are always refused; the rest is what the label
rules say. Counts tell most of it; labels are opened only where they do not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from datasets_app.bulk import batched
from datasets_app.entries import Entry, EntryChange
from datasets_app.errors import ClassNotOpen, LabelRulesBroken, ObjectsMissing
from datasets_app.jobs.executor import map_shards
from datasets_app.label_facts import LabelFacts, label_facts
from datasets_app.label_shards import CheckShard, check_shard
from datasets_app.staging import Staged
from labels_app.class_spec import ClassSpec
from labels_app.models import TaxonomyVersion
from labels_app.reading import Reading, reading_of
from labels_app.rule_checks import (
    NONE_FOUND,
    ClosedSegments,
    Findings,
    RuleBook,
    Violation,
    check_counts,
    closed_classes,
    closed_message,
    find_closed,
    needs_pixels,
    open_classes_for,
)
from labels_app.rules import LabelRule, Severity, stored_rules
from store_app.blobs import iter_blobs
from store_app.errors import ObjectMissing

# So many violations of a commit are listed; all are counted.
LISTED = 1_000
_LABELS_PER_SHARD = 64
_LABELS_AT_ONCE = 5_000


def find_violations(
    digests: Collection[bytes], reading: Reading, rules: Iterable[LabelRule]
) -> dict[bytes, Findings]:
    """Return what labels break, those that break nothing left out.

    One query per 5,000 labels, and two more with reads of the store where labels must be
    opened. Labels with a class that the taxonomy never had are left out, too: what reads as
    nothing cannot be checked.
    """
    book = RuleBook.of(reading, rules)
    if not book.rules:
        return {}
    found: dict[bytes, Findings] = {}
    for batch in batched(dict.fromkeys(digests), _LABELS_AT_ONCE):
        to_read = []
        for digest, facts in label_facts(batch).items():
            stored = facts.counts
            if not reading.live_of.keys() >= set(stored.class_ids.tolist()):
                continue
            live = reading.counts_under(stored)
            if findings := check_counts(book, stored, live):
                found[digest] = findings
            if needs_pixels(book, live):
                to_read.append(digest)
        for digest, findings in _read(to_read, book):
            found[digest] = found.get(digest, NONE_FOUND) + findings
    return found


@dataclass
class ViolationList:
    """The violations of many images as JSON has them: the first are listed, all are counted."""

    classes: Mapping[int, ClassSpec] = field(default_factory=dict)
    errors: int = 0
    warnings: int = 0
    listed_errors: list[dict[str, Any]] = field(default_factory=list)
    listed_warnings: list[dict[str, Any]] = field(default_factory=list)

    def add(self, image: str, findings: Findings) -> None:
        """Add what the label of an image breaks."""
        self.errors += findings.errors
        self.warnings += findings.warnings
        for violation in findings.violations:
            is_error = violation.severity is Severity.ERROR
            listed = self.listed_errors if is_error else self.listed_warnings
            if len(listed) < LISTED:
                listed.append({"image": image, **violation_json(violation, self.classes)})

    @property
    def count(self) -> int:
        """All violations."""
        return self.errors + self.warnings

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The first violations, errors before warnings."""
        return (self.listed_errors + self.listed_warnings)[:LISTED]


class LabelCheck:
    """Checks one commit: `look` at a batch's labels, `add` what was staged, `refuse` at the end.

    `from_history`: the labels are or were some in history, of a merge or a revert. Then closed
    classes are no news, and what breaks a rule is told and refuses nothing. `checked`: what
    somebody found who checked all of them; nothing is checked again.
    """

    def __init__(
        self,
        version: TaxonomyVersion,
        *,
        from_history: bool = False,
        checked: ViolationList | None = None,
    ) -> None:
        self._name = f"{version.taxonomy.slug}@{version.number}"
        self._reading = reading_of(version)
        self._rules = stored_rules(version.rules) if checked is None else ()
        is_known = from_history or checked is not None
        self._closed = frozenset[int]() if is_known else closed_classes(self._reading)
        self._from_history = from_history
        self._closed_rows: list[dict[str, Any]] = []
        self._closed_count = 0
        self.violations = checked or ViolationList(self._reading.classes)

    @property
    def is_refused(self) -> bool:
        """Whether something was found that refuses the commit."""
        return bool(self._closed_count or (self.violations.errors and not self._from_history))

    def look(self, labels: Collection[bytes]) -> dict[bytes, Findings]:
        """Return what labels break. Takes no lock: reading pixels may take a while.

        Raises
        ------
        ObjectsMissing
            The store lacks the bytes of a label.
        """
        if not self._rules:
            return {}
        try:
            return find_violations(labels, self._reading, self._rules)
        except ObjectMissing as error:
            if error.pack is not None:  # the store is damaged
                raise
            raise ObjectsMissing(sorted(digest.hex() for digest in error.digests)) from error

    def add(self, staged: Staged, found: Mapping[bytes, Findings]) -> None:
        """Add what the labels break that are new to their image; no queries."""
        if not found and not self._closed:
            return
        rows = []
        for change in staged.changes:
            label = find_new_label(change)
            if label is not None:
                closed = self._closed_of(change.old, label, staged.facts)
                if closed or label in found:
                    rows.append((change.image_no, closed, found.get(label, NONE_FOUND)))
        if not rows:
            return
        names = {image_no: name for name, image_no in staged.numbers.items()}
        for image_no, closed, findings in rows:
            self._closed_count += len(closed)
            room = LISTED - len(self._closed_rows)
            self._closed_rows += [
                closed_json(names[image_no], one, self._reading) for one in closed[:room]
            ]
            self.violations.add(names[image_no], findings)

    def refuse(self) -> None:
        """Raise what refuses the commit.

        Raises
        ------
        ClassNotOpen, LabelRulesBroken
        """
        if self._closed_count:
            raise ClassNotOpen(self._name, self._closed_rows, self._closed_count)
        if self.is_refused:
            raise LabelRulesBroken(
                self._name,
                self.violations.rows,
                errors=self.violations.errors,
                warnings=self.violations.warnings,
            )

    def _closed_of(
        self, old: Entry | None, label: bytes, facts: Mapping[bytes, LabelFacts]
    ) -> list[ClosedSegments]:
        """Return the closed classes of which an image gets more segments than it has."""
        if not self._closed:
            return []
        before = facts[old.label].counts if old is not None and old.label else None
        return find_closed(before, facts[label].counts, self._closed)


def find_new_label(change: EntryChange) -> bytes | None:
    """Return the label that a change gives to its image, None where it has it already."""
    _, old, new = change
    if new is None or (old is not None and old.label == new.label):
        return None
    return new.label


def violation_json(violation: Violation, classes: Mapping[int, ClassSpec]) -> dict[str, Any]:
    """Return a violation as JSON has it."""
    class_id = violation.class_id
    return {
        "rule": violation.rule.value,
        "severity": violation.severity.value,
        "class_id": class_id,
        "class_name": None if class_id is None else classes[class_id].name,
        "segment": violation.segment_id,
        "attribute": violation.attribute or None,
        "value": violation.value,
        "limit": violation.limit,
        "message": violation.message,
    }


def closed_json(image: str, closed: ClosedSegments, reading: Reading) -> dict[str, Any]:
    """Return new segments of a closed class as JSON has them; `use` is what to use instead."""
    return {
        "image": image,
        "class_id": closed.class_id,
        "class_name": reading.classes[closed.class_id].name,
        "segments": closed.segments,
        "use": [
            {"class_id": spec.class_id, "class_name": spec.name}
            for spec in open_classes_for(closed.class_id, reading.classes)
        ],
        "message": closed_message(closed.class_id, reading.classes),
    }


def _read(digests: Collection[bytes], book: RuleBook) -> Iterator[tuple[bytes, Findings]]:
    """Yield what the pixels and attributes of labels break, where they do."""
    shards = (CheckShard(book, some) for some in batched(iter_blobs(digests), _LABELS_PER_SHARD))
    for found in map_shards(check_shard, shards):
        yield from found
