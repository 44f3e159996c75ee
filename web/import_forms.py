"""What the form of imports takes: one archive and how it is to be read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from datasets_app.errors import InvalidName
from datasets_app.imports.request import ImportMode
from datasets_app.models import Branch, Dataset
from datasets_app.names import clean_split
from labels_app.models import TaxonomyVersion
from panoptic.formats.base import Format
from panoptic.formats.options import SETTINGS
from panoptic.formats.recognition import AUTO, readable_formats
from web.form_parts import IN_MENU, PLAIN
from web.option_fields import OptionFields, OptionsForm
from web.sentences import sentence

MAX_PATH, MAX_NAME, MAX_MESSAGE = 1_024, 200, 10_000
_ON_OVERLAP = [
    ("small", "smaller on top"),
    ("first", "first of the file on top"),
    ("last", "last of the file on top"),
    ("refuse", "that is an error"),
]
MODES = {
    ImportMode.APPEND: ("Add", "New images only. One that is there already is an error."),
    ImportMode.UPDATE: ("Add and change", "New images, and new labels of those that are there."),
    ImportMode.REPLACE: (
        "Replace",
        "As above; images that are not among the files leave the branch (of one split, if one is "
        "named).",
    ),
}


READ_OPTIONS = OptionFields(readable_formats(), lambda form: form.read_options)


def format_choices(formats: Iterable[Format]) -> list[tuple[str, str]]:
    """Return formats as choices, by title."""
    return sorted(((one.name, one.title) for one in formats), key=lambda one: one[1].casefold())


class ImportForm(OptionsForm):
    """A source (`file`, `upload` or `tried`) and options; what is empty is left to the importer.

    `upload` is a complete upload, `tried` the job that read the same files before.
    """

    format_options = READ_OPTIONS

    file = forms.FileField(required=False, label="Zip or tar archive")
    upload = forms.UUIDField(required=False, widget=forms.HiddenInput)
    tried = forms.UUIDField(required=False, widget=forms.HiddenInput)
    format = forms.ChoiceField(label="Format", initial=AUTO)
    mode = forms.ChoiceField(
        label="What happens to the branch",
        choices=[(mode.value, words[0]) for mode, words in MODES.items()],
        widget=forms.RadioSelect,
        initial=ImportMode.APPEND.value,
    )
    branch = forms.ChoiceField()
    split = forms.CharField(
        max_length=64,
        required=False,
        widget=forms.TextInput(PLAIN | {"list": "import-splits"}),
        help_text="All images of the import get it: train, val, …",
    )
    message = forms.CharField(
        max_length=MAX_MESSAGE, required=False, help_text="What the version log says of it."
    )
    path = forms.CharField(
        max_length=MAX_PATH,
        required=False,
        label="Label file or folder",
        widget=forms.TextInput(PLAIN | {"list": "import-paths"}),
        help_text="Inside of what you send. Empty: where the format is found.",
    )
    labels = forms.CharField(
        max_length=MAX_PATH,
        required=False,
        label="Folder of label pictures",
        widget=forms.TextInput(PLAIN | {"list": "import-folders"}),
        help_text="Where it lies apart. Empty: where the format has it.",
    )
    images = forms.CharField(
        max_length=MAX_PATH,
        required=False,
        label="Folder of photographs",
        widget=forms.TextInput(PLAIN | {"list": "import-folders"}),
        help_text="Empty: those that the format keeps beside its labels; they can come later.",
    )
    classes = forms.CharField(
        max_length=MAX_PATH,
        required=False,
        label="Table of classes",
        widget=forms.TextInput(PLAIN | {"list": "import-paths"}),
        help_text="Where a format keeps it apart. Empty: where the format has it.",
    )
    class_name = forms.CharField(
        max_length=MAX_NAME,
        required=False,
        label="Class of every segment",
        widget=forms.TextInput(PLAIN),
        help_text="Where the files name no classes.",
    )
    on_overlap = forms.ChoiceField(label="Where segments overlap", choices=_ON_OVERLAP)
    taxonomy = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, dataset: Dataset, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="import-%s", **kwargs)
        formats = readable_formats()
        self.fields["format"].choices = [(AUTO, "Recognise it"), *format_choices(formats)]
        self.fields["branch"].choices = _branches(dataset)
        self.fields["branch"].initial = dataset.default_branch
        self.fields["taxonomy"].choices = _taxonomies(dataset)
        # The names of the formats, with spaces between them, that have a use for a field.
        self.formats_with = {
            setting: " ".join([AUTO, *(one.name for one in formats if setting in one.settings)])
            for setting in SETTINGS
        }

    def clean_split(self) -> str:
        """Refuse what is no name of a split."""
        split: str = self.cleaned_data["split"]
        try:
            return clean_split(split) if split else ""
        except InvalidName as error:
            raise forms.ValidationError(sentence(error), code="invalid") from error

    def clean(self) -> dict[str, Any]:
        """Refuse an import of nothing."""
        values: dict[str, Any] = super().clean() or {}
        sources = any(values.get(name) for name in ("file", "upload", "tried"))
        if not sources and "file" not in self.errors:
            self.add_error(
                "file", "Choose what is to be imported: a folder, or a zip or tar of it."
            )
        return values

    @property
    def options(self) -> dict[str, Any]:
        """What `request_import` is told beside the source."""
        names = ("format", "mode", "branch", "split", "message", "path", "labels", "images")
        more = ("classes", "class_name", "on_overlap", "taxonomy")
        values = self.cleaned_data
        found = {name: value for name in (*names, *more) if (value := values.get(name))}
        options = READ_OPTIONS.chosen(values["format"], values)
        return {**found, "options": options} if options else found


def initial_of(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a form that asks for what a job was asked for."""
    found = {name: value for name, value in arguments.items() if name in ImportForm.base_fields}
    options = arguments.get("options") or {}
    return {**found, **READ_OPTIONS.initial(arguments.get("format", AUTO), options)}


def _branches(dataset: Dataset) -> list[tuple[str, str]]:
    names = Branch.objects.filter(dataset=dataset).order_by("name").values_list("name", flat=True)
    found = list(names[:IN_MENU])
    if dataset.default_branch not in found:
        found.insert(0, dataset.default_branch)
    return [(name, name) for name in found]


def _taxonomies(dataset: Dataset) -> list[tuple[str, str]]:
    versions = TaxonomyVersion.objects.filter(taxonomy=dataset.taxonomy_id).order_by("-number")
    numbers = list(versions.values_list("number", flat=True)[:IN_MENU])
    slug = dataset.taxonomy.slug
    named = [(f"{slug}@{number}", f"{slug}, version {number}") for number in numbers]
    return [("", "as the branch has it"), *named]
