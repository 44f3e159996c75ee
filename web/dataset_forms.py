"""What the forms of a dataset's settings take."""

from __future__ import annotations

from typing import Any

from django import forms

from datasets_app.models import Branch, Dataset

MAX_TITLE, MAX_DESCRIPTION = 200, 10_000
# More branches than this nobody picks from a menu; they are written then.
_BRANCHES_IN_MENU = 200


class ProseField(forms.CharField):
    """A text of several lines; however a browser ends them, the same text is no change."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        """Return the text with its lines ended by a line feed."""
        return str(super().to_python(value)).replace("\r\n", "\n")


class DescriptionForm(forms.Form):
    """What is said about a dataset, and the branch that its pages begin with."""

    title = forms.CharField(max_length=MAX_TITLE, required=False)
    description = ProseField(
        max_length=MAX_DESCRIPTION,
        required=False,
        widget=forms.Textarea({"rows": 4}),
        help_text="For those who find it in the list: what is in it, and where it comes from.",
    )
    default_branch = forms.CharField(
        max_length=MAX_TITLE,
        label="Default branch",
        help_text="What pages and programs begin with when they name none. It cannot be deleted.",
    )

    def __init__(self, *args: Any, dataset: Dataset, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._branches = Branch.objects.filter(dataset=dataset).order_by("name")
        names = list(self._branches.values_list("name", flat=True)[: _BRANCHES_IN_MENU + 1])
        if len(names) <= _BRANCHES_IN_MENU:
            menu = forms.Select(choices=[(name, name) for name in names])
            self.fields["default_branch"].widget = menu

    def clean_default_branch(self) -> str:
        """Refuse a branch that is not there."""
        name: str = self.cleaned_data["default_branch"]
        if not self._branches.filter(name=name).exists():
            raise forms.ValidationError(f"There is no branch “{name}”.", code="not_found")
        return name


class PublishingForm(forms.Form):
    """The tick without which nothing becomes public."""

    understood = forms.BooleanField(
        error_messages={"required": "Tick this first: what was read once stays read."}
    )
