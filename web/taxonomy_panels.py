"""The panel of the draft editor: which form it holds, and what that form begins with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from labels_app.actions.drafts import Draft
from labels_app.class_json import class_to_plain
from labels_app.class_spec import ClassSpec, id_of
from labels_app.presets import Preset, list_presets
from labels_app.reading import reading_of
from web.classes import Chip
from web.taxonomy_attributes import AttributeRow, attribute_rows
from web.taxonomy_forms import number_of
from web.taxonomy_rule_words import RULE_KINDS, SEVERITIES, RuleWords, tell_rule
from web.taxonomy_taking_back import key_of
from web.taxonomy_words import Sentence, chip_of_spec, tell_changes

# What a panel can hold, and whether it is about one class.
PANELS = {
    "add": False,
    "edit": True,
    "rename": True,
    "merge": False,
    "split": True,
    "retire": True,
    "flip": True,
    "revive": True,
    "undo": False,
    "import": False,
    "rules": False,
}
ATTRIBUTE_TYPES = (
    ("text", "text"),
    ("number", "number"),
    ("boolean", "yes or no"),
    ("choice", "one of"),
)


@dataclass(frozen=True)
class Panel:
    """A form beside the tree. `spec` is the class it is about, `chosen` those that are ticked.

    `filled` is what somebody posted and was refused: it stands in the fields again.
    """

    do: str = ""
    spec: ClassSpec | None = None
    chosen: tuple[ClassSpec, ...] = ()
    problems: tuple[str, ...] = ()
    filled: dict[str, str] = field(default_factory=dict)

    @property
    def chip(self) -> Chip | None:
        """The class that the panel is about."""
        return None if self.spec is None else chip_of_spec(self.spec)


def read_panel(asked: QueryDict, draft: Draft) -> Panel:
    """Return the panel that a query asks for, or a form that was refused is of.

    A panel about one class without a class says so.
    """
    do = asked.get("do") or ("edit" if asked.get("class") and "do" not in asked else "")
    by_id = {id_of(spec): spec for spec in draft.classes}
    spec = by_id.get(number_of(asked.get("class", "")) or 0)
    chosen = [by_id.get(number_of(text) or 0) for text in asked.getlist("classes")]
    live = [one for one in chosen if one is not None and not one.retired]
    if do not in PANELS:
        return Panel()
    if PANELS[do] and spec is None:
        problem = "Choose a class first: press the arrow keys to walk, then the key again."
        return Panel(problems=(problem,))
    if do == "merge" and spec is not None and not spec.retired and spec not in live:
        live.insert(0, spec)
    return Panel(do, spec, tuple(live))


def panel_context(panel: Panel, draft: Draft) -> dict[str, Any]:
    """Return what the template of a panel needs beside it."""
    live = sorted(
        (spec for spec in draft.classes if not spec.retired), key=lambda spec: spec.name.casefold()
    )
    spec = panel.spec
    kinds = {one.kind for one in panel.chosen}
    return {
        "panel": panel,
        "choices": [chip_of_spec(one) for one in live],
        "others": [chip_of_spec(one) for one in live if one is not spec],
        "headings": sorted({one.heading for one in live} - {""}),
        "kinds_differ": len(kinds) > 1 or "of which kind" in " ".join(panel.problems),
        "is_published": spec is None or spec.class_id in reading_of(draft.base).classes,
        "shown": json.dumps(class_to_plain(spec)) if spec is not None else "",
        "external_lines": _external_lines(spec),
        "attribute_rows": _attribute_rows(spec),
        "attribute_types": ATTRIBUTE_TYPES,
        "presets": _presets(panel),
        "rule_kinds": RULE_KINDS,
        "severities": SEVERITIES,
    }


def told_changes(draft: Draft) -> list[tuple[Sentence, str]]:
    """Return what publishing a draft would change, with the key that takes each back."""
    base = reading_of(draft.base).classes
    now = {id_of(spec): spec for spec in draft.classes}
    told = tell_changes(draft.changes, base, now)
    return [(sentence, key_of(sentence.change)) for sentence in told]


def told_rules(draft: Draft) -> list[tuple[RuleWords, str]]:
    """Return the rules of a draft in words, with the JSON by which a form names each."""
    classes = {id_of(spec): spec for spec in draft.classes}
    return [
        (tell_rule(rule, classes), json.dumps(rule.to_plain(), sort_keys=True))
        for rule in draft.rules
    ]


def _external_lines(spec: ClassSpec | None) -> str:
    pairs = sorted(spec.external.items()) if spec is not None else ()
    return "\n".join(f"{scheme} = {value}" for scheme, value in pairs)


def _attribute_rows(spec: ClassSpec | None) -> list[AttributeRow]:
    return attribute_rows(spec.attributes) if spec is not None else []


def _presets(panel: Panel) -> tuple[Preset, ...]:
    return list_presets() if panel.do == "import" else ()
