"""Check labels against the taxonomy while they are in memory; what is old to its image counts not.

A worker process checks each label that it reads; whether the label is new to its image is only
known when the import is planned, and then its problems are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from labels_app.rule_checks import NONE_FOUND, Findings, RuleBook, check_label
from panoptic.formats.problems import Problem
from panoptic.label import Label


class ImportRules(NamedTuple):
    """What labels are checked against: label rules, and the classes that take no new segments."""

    book: RuleBook
    closed: frozenset[int]


class CheckedLabel(NamedTuple):
    """What one label breaks, and its segments of closed classes, by class."""

    findings: Findings = NONE_FOUND
    closed: Mapping[int, list[int]] = {}


CLEAN = CheckedLabel()


def check_import(label: Label, rules: ImportRules) -> CheckedLabel:
    """Check one label; no database."""
    findings = check_label(rules.book, label)
    class_ids = label.segments.class_ids
    closed = {
        class_id: label.segments.ids[class_ids == class_id].tolist()
        for class_id in sorted(rules.closed.intersection(class_ids.tolist()))
    }
    return CheckedLabel(findings, closed) if findings or closed else CLEAN


def iter_problems(image: str, findings: Findings) -> Iterator[Problem]:
    """Yield the listed violations as problems of an import; the code is the rule."""
    for violation in findings.violations:
        yield Problem(
            violation.rule.value,
            violation.message,
            image=image,
            segment=violation.segment_id,
            severity=violation.severity.value,
        )
