"""What the forms of splits take: shares, and what groups images."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from datasets_app.actions.splits import EACH_ALONE, ByGroup
from datasets_app.errors import InvalidName
from datasets_app.leaks.certainty import DEFAULT_DISTANCE, MOST_DISTANCE
from datasets_app.leaks.request import LeakRequest
from datasets_app.splitting import MAX_PATTERN, GroupKey, InvalidSplitting, SplitRule
from web.form_parts import PLAIN
from web.sentences import sentence

_SHARE = re.compile(r"\s*(?P<split>.*?)\s+(?P<percent>\d{1,3}(?:\.\d{1,6})?)\s*%?\s*")
_MAX_ATTRIBUTE = 200


class GroupForm(forms.Form):
    """What groups images: one of four, three of which want to be told more."""

    group = forms.ChoiceField(
        label="Images belong together that",
        choices=[
            ("folders", "lie in the same folder"),
            ("pattern", "have the same text in their name"),
            ("attribute", "have the same attribute, such as scene or video"),
            ("", "are the same: each is a group of its own"),
        ],
        widget=forms.RadioSelect,
        required=False,
    )
    folders = forms.IntegerField(
        label="How many leading folders", min_value=1, max_value=64, required=False, initial=1
    )
    pattern = forms.CharField(
        label="Where the text is",
        max_length=MAX_PATTERN,
        required=False,
        strip=False,
        widget=forms.TextInput(PLAIN),
        help_text="{key} is the text, * is anything: */{key}_*",
    )
    attribute = forms.CharField(
        label="Which attribute",
        max_length=_MAX_ATTRIBUTE,
        required=False,
        widget=forms.TextInput(PLAIN),
    )

    def clean(self) -> dict[str, Any]:
        """Make a key of the group that was chosen, `cleaned_data["key"]`."""
        values: dict[str, Any] = super().clean() or {}
        chosen = values.get("group", "")
        values["key"] = EACH_ALONE
        if not chosen or chosen in self.errors:
            return values
        if values.get(chosen) in (None, ""):
            self.add_error(chosen, "This is needed.")
            return values
        try:
            values["key"] = GroupKey(**{chosen: values[chosen]})
        except InvalidSplitting as error:
            self.add_error(chosen, sentence(error.reason))
        return values


class SplitForm(GroupForm):
    """How to spread the groups of a branch over splits."""

    field_order = ["shares", "group"]
    shares = forms.CharField(
        max_length=2_000,
        initial="train 80, val 10, test 10",
        widget=forms.TextInput(PLAIN),
        help_text="Splits and their percentages, together 100.",
    )
    seed = forms.CharField(
        max_length=200,
        required=False,
        strip=False,
        widget=forms.TextInput(PLAIN),
        help_text="Any text; another one spreads all groups anew.",
    )
    only_unassigned = forms.BooleanField(required=False, initial=True)
    alone = forms.BooleanField(required=False)
    message = forms.CharField(max_length=10_000, required=False)

    def clean_shares(self) -> dict[str, float]:
        """Return the share of each split, from 0 to 1."""
        found: dict[str, float] = {}
        for part in self.cleaned_data["shares"].split(","):
            share = _SHARE.fullmatch(part)
            if share is None or not share["split"]:
                raise forms.ValidationError(f"“{part.strip()}” is no split with its percentage.")
            if share["split"] in found:
                raise forms.ValidationError(f"“{share['split']}” is there twice.")
            found[share["split"]] = float(share["percent"]) / 100
        total = 100 * sum(found.values())
        if abs(total - 100) > 0.1:
            raise forms.ValidationError(f"They add up to {total:g} %, not to 100.")
        return found

    def clean(self) -> dict[str, Any]:
        """Make what is to be done, `cleaned_data["splitting"]`."""
        values = super().clean()
        if self.errors:
            return values
        try:
            rule = SplitRule(values["shares"], values["seed"])
        except (InvalidSplitting, InvalidName) as error:
            self.add_error("shares", sentence(error.reason))
            return values
        values["splitting"] = ByGroup(
            rule, values["key"], values["only_unassigned"], alone=values["alone"]
        )
        return values


class LeakForm(GroupForm):
    """What to look for between the splits of a version."""

    distance = forms.IntegerField(
        label="Photographs are alike that differ in at most",
        min_value=0,
        max_value=MOST_DISTANCE,
        required=False,
        help_text=f"of 192 bits; 0 to {MOST_DISTANCE}. More finds more, and is less sure.",
    )

    def clean(self) -> dict[str, Any]:
        """Make the request, `cleaned_data["request"]`; nothing has to be given."""
        values = super().clean()
        if self.errors:
            return values
        distance = values.get("distance")
        values["request"] = LeakRequest(
            DEFAULT_DISTANCE if distance is None else distance,
            values["key"] if values.get("group") else None,
        )
        return values
