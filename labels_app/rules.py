"""Label rules: what a taxonomy asks of the labels that are made by it.

A rule is checked against new labels when they are committed; what it finds is an error, which
refuses the commit, or a warning, which is listed. That new segments have no retired,
deprecated or unknown class is always asked and needs no rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from labels_app.class_json import reference
from labels_app.classes import ClassSpec, id_of, successor_of, tidy_name
from labels_app.errors import InvalidTaxonomy


class RuleKind(StrEnum):
    """What a rule asks for; `LabelRule.value` is the number in it."""

    NO_UNLABELLED_PIXELS = "no_unlabelled_pixels"  # at most `value` void pixels, default 0
    SMALLEST_AREA = "smallest_area"  # a segment's full mask has at least `value` pixels
    MOST_INSTANCES = "most_instances"  # at most `value` instances of a class, crowds aside
    STUFF_NOT_CROWD = "stuff_not_crowd"
    ATTRIBUTES_FIT = "attributes_fit"  # the typed attributes of the classes


class Severity(StrEnum):
    """Whether a violation refuses a commit."""

    ERROR = "error"
    WARNING = "warning"


_NEED_VALUE = frozenset({RuleKind.SMALLEST_AREA, RuleKind.MOST_INSTANCES})
_OF_IMAGES = frozenset({RuleKind.NO_UNLABELLED_PIXELS})
_HIGHEST_VALUE = 2**31 - 1
MOST_RULES = 1_000


@dataclass(frozen=True)
class LabelRule:
    """One rule; no `class_ids` means every class. `class_ids` are settled ones, sorted."""

    kind: RuleKind
    severity: Severity = Severity.ERROR
    class_ids: tuple[int, ...] = ()
    value: int | None = None

    @property
    def needs_pixels(self) -> bool:
        """Say whether the label must be read; for the others its statistics tell."""
        return self.kind in (RuleKind.SMALLEST_AREA, RuleKind.ATTRIBUTES_FIT)

    def covers(self, class_id: int) -> bool:
        """Say whether the rule asks something of this live class."""
        return not self.class_ids or class_id in self.class_ids

    def to_plain(self) -> dict[str, Any]:
        """Return the rule as JSON has it."""
        return {
            "rule": self.kind.value,
            "severity": self.severity.value,
            "classes": list(self.class_ids),
            "value": self.value,
        }


def rules_from_plain(plain: object, classes: Sequence[ClassSpec]) -> tuple[LabelRule, ...]:
    """Return the rules that JSON describes for settled classes, which it may name.

    A rule about a class that is retired meanwhile is about what the class reads as; one whose
    classes all read as void is gone.

    Raises
    ------
    InvalidTaxonomy
        With every problem that was found.
    """
    if isinstance(plain, str | Mapping) or not isinstance(plain, Sequence):
        raise InvalidTaxonomy(["the label rules are a list"])
    if len(plain) > MOST_RULES:
        raise InvalidTaxonomy([f"a taxonomy has at most {MOST_RULES} label rules"])
    rules, problems = [], []
    for number, row in enumerate(plain, 1):
        try:
            rules.append(_rule(row, classes))
        except ValueError as error:
            problems.append(f"rule {number}: {error}")
    if problems:
        raise InvalidTaxonomy(problems)
    return _settled(rules, classes)


def stored_rules(plain: Iterable[Mapping[str, Any]]) -> tuple[LabelRule, ...]:
    """Return the rules of a taxonomy version, which were checked when it was published."""
    return tuple(
        LabelRule(
            RuleKind(row["rule"]), Severity(row["severity"]), tuple(row["classes"]), row["value"]
        )
        for row in plain
    )


def _rule(row: object, classes: Sequence[ClassSpec]) -> LabelRule:
    if not isinstance(row, Mapping):
        raise ValueError(f"a rule is an object, not {row!r}")
    if unknown := set(row) - {"rule", "severity", "classes", "value"}:
        raise ValueError(f"a rule has no field {min(map(str, unknown))!r}")
    kind = RuleKind(_choice(RuleKind, row.get("rule"), "rule"))
    severity = Severity(_choice(Severity, row.get("severity", Severity.ERROR), "severity"))
    value = row.get("value")
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _HIGHEST_VALUE
    ):
        raise ValueError(f"value is a whole number from 0, not {value!r}")
    if kind in _NEED_VALUE and value is None:
        raise ValueError(f"{kind.value} needs a value")
    if kind not in _NEED_VALUE | _OF_IMAGES and value is not None:
        raise ValueError(f"{kind.value} has no value")
    named = row.get("classes") or ()
    if isinstance(named, str | Mapping) or not isinstance(named, Sequence):
        raise ValueError("classes is a list")
    if named and kind in _OF_IMAGES:
        raise ValueError(f"{kind.value} is about whole images, not about classes")
    return LabelRule(kind, severity, tuple(_class_of(one, classes) for one in named), value)


def _choice(choices: Iterable[str], value: object, name: str) -> str:
    known = list(choices)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}, not {value!r}")
    return value


def _class_of(named: object, classes: Sequence[ClassSpec]) -> int:
    wanted = reference(named, "a class")
    if isinstance(wanted, str):
        wanted = tidy_name(wanted)
        found = [spec for spec in classes if spec.name == wanted and not spec.retired]
    else:
        found = [spec for spec in classes if spec.class_id == wanted]
    if not found:
        raise ValueError(f"{wanted} is no class of this taxonomy")
    return id_of(found[0])


def _settled(rules: Iterable[LabelRule], classes: Sequence[ClassSpec]) -> tuple[LabelRule, ...]:
    live = {id_of(spec): successor_of(spec) if spec.retired else id_of(spec) for spec in classes}
    settled = []
    for rule in rules:
        ids = {live[class_id] for class_id in rule.class_ids}
        kept = tuple(sorted(class_id for class_id in ids if class_id is not None))
        if kept or not rule.class_ids:
            settled.append(replace(rule, class_ids=kept))
    return tuple(dict.fromkeys(settled))
