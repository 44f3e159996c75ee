"""What the form of exports takes: which version, as which files, of which images."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

from django import forms

from datasets_app.models import Branch, Dataset, Tag, Version
from datasets_app.query_words import InvalidFilter
from labels_app.reading import reading_of
from panoptic.formats.base import WriteOptions
from panoptic.formats.registry import FORMATS
from web.import_forms import format_choices

_IN_MENU = 200
_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
_GEOMETRY_WORDS = {"rle": "exact masks (RLE)", "polygon": "polygons, which cannot have holes"}


class ExportForm(forms.Form):
    """A version, a format, a filter in the language of the API, and the options of writers."""

    version = forms.CharField(
        max_length=300,
        widget=forms.TextInput(_PLAIN | {"list": "export-versions"}),
        help_text="A branch, a tag, v12, or main~2.",
    )
    format = forms.ChoiceField()
    filter = forms.CharField(
        max_length=1_000,
        required=False,
        label="Only images with",
        widget=forms.TextInput(_PLAIN | {"class": "mono"}),
    )
    geometry = forms.ChoiceField(label="Instances as")
    scheme = forms.CharField(
        max_length=200,
        required=False,
        label="Class ids of",
        widget=forms.TextInput(_PLAIN | {"list": "export-schemes"}),
        help_text="The scheme whose ids the files have. Empty: the format’s own.",
    )
    taxonomy = forms.CharField(
        max_length=150,
        required=False,
        label="Read by taxonomy",
        widget=forms.TextInput(_PLAIN),
        help_text="NAME@3, or NAME for the newest version. Empty: the version’s own.",
    )

    def __init__(self, *args: Any, dataset: Dataset, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="export-%s", **kwargs)
        self.fields["format"].choices = format_choices()
        self.fields["geometry"].choices = [
            (name, _GEOMETRY_WORDS.get(name, name))
            for name in get_args(get_type_hints(WriteOptions)["geometry"])
        ]
        self.fields["version"].initial = dataset.default_branch

    @property
    def options(self) -> dict[str, str]:
        """The options that differ from what writers do by themselves."""
        return {
            option.name: value
            for option in FORMATS[self.cleaned_data["format"]].write_options
            if (value := self.cleaned_data.get(option.name)) not in (None, "", option.default)
        }

    def refuse_filter(self, error: InvalidFilter) -> None:
        """Tell what is wrong with the filter."""
        self.add_error("filter", f"{error.reason[:1].upper()}{error.reason[1:]}.")


def suggestions(dataset: Dataset, head: Version | None) -> dict[str, list[str]]:
    """Return names that fields offer while somebody writes."""
    branches = Branch.objects.filter(dataset=dataset, head__isnull=False).order_by("name")
    tags = Tag.objects.filter(dataset=dataset).order_by("-pk")
    names = [
        *branches.values_list("name", flat=True)[:_IN_MENU],
        *tags.values_list("name", flat=True)[:_IN_MENU],
    ]
    classes = reading_of(head.taxonomy_version).live_classes if head else ()
    schemes = sorted({scheme for one in classes for scheme in one.external})
    return {"revs": names, "schemes": schemes, "class_names": [one.name for one in classes][:3]}
