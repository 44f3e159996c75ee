"""What the form of exports takes: which version, as which files, of which images."""

from __future__ import annotations

from typing import Any

from django import forms

from datasets_app.models import Branch, Dataset, Tag, Version
from datasets_app.query_words import InvalidFilter
from labels_app.reading import reading_of
from panoptic.archives.packing import ARCHIVE_FORMS
from panoptic.formats.options import InvalidOption
from panoptic.formats.recognition import writable_formats
from web.form_parts import IN_MENU, PLAIN
from web.import_forms import format_choices
from web.option_fields import OptionFields, OptionsForm
from web.sentences import sentence

WRITE_OPTIONS = OptionFields(writable_formats(), lambda form: form.write_options)


class ExportForm(OptionsForm):
    """A version, a format, a filter in the language of the API, and the options of writers."""

    format_options = WRITE_OPTIONS

    version = forms.CharField(
        max_length=300,
        widget=forms.TextInput(PLAIN | {"list": "export-versions"}),
        help_text="A branch, a tag, v12, or main~2.",
    )
    format = forms.ChoiceField()
    filter = forms.CharField(
        max_length=1_000,
        required=False,
        label="Only images with",
        widget=forms.TextInput(PLAIN | {"class": "mono"}),
    )
    archive = forms.ChoiceField(
        label="Packed as", choices=[(form, form) for form in ARCHIVE_FORMS], required=False
    )
    taxonomy = forms.CharField(
        max_length=150,
        required=False,
        label="Read by taxonomy",
        widget=forms.TextInput(PLAIN),
        help_text="NAME@3, or NAME for the newest version. Empty: the version’s own.",
    )

    def __init__(self, *args: Any, dataset: Dataset, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="export-%s", **kwargs)
        self.fields["format"].choices = format_choices(writable_formats())
        self.fields["version"].initial = dataset.default_branch

    @property
    def options(self) -> dict[str, str]:
        """The options that differ from what writers do by themselves."""
        return WRITE_OPTIONS.chosen(self.cleaned_data["format"], self.cleaned_data)

    def clean_archive(self) -> str:
        """Return the usual form where none is said."""
        return self.cleaned_data["archive"] or ARCHIVE_FORMS[0]

    def refuse_option(self, error: InvalidOption) -> None:
        """Tell what is wrong with an option of the format."""
        name = WRITE_OPTIONS.name_of(self.cleaned_data["format"], error.option)
        self.add_error(name, sentence(error))

    def refuse_filter(self, error: InvalidFilter) -> None:
        """Tell what is wrong with the filter."""
        self.add_error("filter", f"{error.reason[:1].upper()}{error.reason[1:]}.")


def suggestions(dataset: Dataset, head: Version | None) -> dict[str, list[str]]:
    """Return names that fields offer while somebody writes."""
    branches = Branch.objects.filter(dataset=dataset, head__isnull=False).order_by("name")
    tags = Tag.objects.filter(dataset=dataset).order_by("-pk")
    names = [
        *branches.values_list("name", flat=True)[:IN_MENU],
        *tags.values_list("name", flat=True)[:IN_MENU],
    ]
    classes = reading_of(head.taxonomy_version).live_classes if head else ()
    schemes = sorted({scheme for one in classes for scheme in one.external})
    return {"revs": names, "schemes": schemes, "class_names": [one.name for one in classes][:3]}
