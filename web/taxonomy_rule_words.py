"""Label rules in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from labels_app.class_spec import ClassSpec
from labels_app.rules import LabelRule, RuleKind, Severity

# What a rule asks for, as the menu of the editor names it; whether it takes a number.
RULE_KINDS = (
    (RuleKind.NO_UNLABELLED_PIXELS.value, "no unlabelled pixels (or at most so many)"),
    (RuleKind.SMALLEST_AREA.value, "a smallest area, in pixels"),
    (RuleKind.MOST_INSTANCES.value, "at most so many instances in an image"),
    (RuleKind.STUFF_NOT_CROWD.value, "stuff is never a crowd"),
    (RuleKind.ATTRIBUTES_FIT.value, "attributes fit their types"),
)
SEVERITIES = (
    (Severity.ERROR.value, "error: the commit is refused"),
    (Severity.WARNING.value, "warning: the commit lists it"),
)


class RuleWords(NamedTuple):
    """A rule in words, with what a violation does."""

    text: str
    severity: str


class RuleChange(NamedTuple):
    """A rule that only one side has; `sign` is + or −."""

    sign: str
    tone: str
    words: RuleWords


def tell_rule(rule: LabelRule, classes: Mapping[int, ClassSpec]) -> RuleWords:
    """Return what a rule asks for, in words."""
    names = [classes[one].name if one in classes else f"class {one}" for one in rule.class_ids]
    of_whom = ", ".join(names) if names else "any class"
    number = "" if rule.value is None else f"{rule.value:,}"
    if rule.kind == RuleKind.NO_UNLABELLED_PIXELS:
        text = f"At most {number} unlabelled pixels in an image" if rule.value else ""
        text = text or "No unlabelled pixels"
    elif rule.kind == RuleKind.SMALLEST_AREA:
        text = f"A segment of {of_whom} has at least {number} pixels"
    elif rule.kind == RuleKind.MOST_INSTANCES:
        text = f"At most {number} instances of {of_whom} in an image"
    elif rule.kind == RuleKind.STUFF_NOT_CROWD:
        text = "Stuff is never a crowd" + (f": {of_whom}" if names else "")
    else:
        text = f"The attributes of {of_whom} fit their types"
    return RuleWords(text, rule.severity.value)


def diff_rules(
    old: Sequence[LabelRule],
    old_classes: Mapping[int, ClassSpec],
    new: Sequence[LabelRule],
    new_classes: Mapping[int, ClassSpec],
) -> list[RuleChange]:
    """Return the rules that only one side has, those of the new side first."""
    added = [rule for rule in new if rule not in old]
    removed = [rule for rule in old if rule not in new]
    return [
        *(RuleChange("+", "added", tell_rule(rule, new_classes)) for rule in added),
        *(RuleChange("−", "removed", tell_rule(rule, old_classes)) for rule in removed),
    ]
