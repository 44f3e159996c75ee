"""Options of formats as fields of a form: one for each option, whichever formats share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.forms.boundfield import BoundField
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from panoptic.formats.base import Format, Option
from web.form_parts import PLAIN

_MAX_VALUE = 200


class ShownOption(NamedTuple):
    """A field, and the names of the formats that have the option, with spaces between them."""

    field: BoundField
    formats: str


class OptionFields:
    """The fields that a form needs for the options of all formats.

    A form has all of them, so that it works without scripts; what counts is the format chosen.
    """

    def __init__(
        self, formats: Iterable[Format], options_of: Callable[[Format], tuple[Option, ...]]
    ) -> None:
        self._options = {form.name: options_of(form) for form in formats}
        titles: dict[Option, list[str]] = {}
        for form in formats:
            for option in self._options[form.name]:
                titles.setdefault(option, []).append(form.title)
        self._titles = titles
        self._names: dict[Option, str] = {}
        for option in titles:
            # Options of one name may differ from format to format.
            alike = sum(other.name == option.name for other in self._names)
            self._names[option] = f"option_{option.name}" + (f"_{alike + 1}" if alike else "")

    def fields(self) -> dict[str, forms.Field]:
        """New fields, by name."""
        return {name: self._field(option) for option, name in self._names.items()}

    def shown(self, form: forms.Form) -> list[ShownOption]:
        """The fields of a form, in the order in which the formats name them."""
        return [
            ShownOption(
                form[name], " ".join(one for one, has in self._options.items() if option in has)
            )
            for option, name in self._names.items()
        ]

    def chosen(self, format_name: str, values: Mapping[str, Any]) -> dict[str, str]:
        """The options of a format that differ from what it does by itself."""
        return {
            option.name: value
            for option in self._options.get(format_name, ())
            if (value := values.get(self._names[option])) not in (None, "", option.default)
        }

    def initial(self, format_name: str, options: Mapping[str, str]) -> dict[str, str]:
        """The fields that say the options of a format, as `chosen` returned them."""
        return {
            self._names[option]: options[option.name]
            for option in self._options.get(format_name, ())
            if option.name in options
        }

    def name_of(self, format_name: str, option_name: str) -> str | None:
        """The field of an option; None: the format has none of this name."""
        found = [one for one in self._options.get(format_name, ()) if one.name == option_name]
        return self._names[found[0]] if found else None

    def _field(self, option: Option) -> forms.Field:
        # A page may have a field of that name itself.
        label = f"Option {option.name.replace('_', ' ')}"
        about = format_html(
            "{}. <span data-titles>For {}.</span>",
            _with_code(option.help[:1].upper() + option.help[1:]),
            ", ".join(self._titles[option]),
        )
        if option.choices:
            return forms.ChoiceField(
                label=label,
                choices=[(choice, choice) for choice in option.choices],
                required=False,
                help_text=about,
            )
        listed = {"list": f"options-{option.name}"}
        return forms.CharField(
            label=label,
            max_length=_MAX_VALUE,
            required=False,
            help_text=about,
            widget=forms.TextInput(PLAIN | listed),
        )


def _with_code(text: str) -> SafeString:
    """Return a text as HTML, with code where it has backticks."""
    parts = enumerate(text.split("`"))
    return format_html_join(
        "",
        "{}",
        ((format_html("<code>{}</code>", part) if at % 2 else part,) for at, part in parts),
    )


class OptionsForm(forms.Form):
    """A form with the options of all formats that it offers."""

    format_options: ClassVar[OptionFields]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(self.format_options.fields())

    @property
    def shown_options(self) -> list[ShownOption]:
        """The fields of the options of formats."""
        return self.format_options.shown(self)

    @property
    def are_options_wrong(self) -> bool:
        """Whether one of them has an error."""
        return any(one.field.errors for one in self.shown_options)
