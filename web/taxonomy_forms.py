"""What the forms of the draft editor say, as operations on the draft.

A form posts one act (`op`) and its fields as text. What a text means is settled here; whether
the act can be done is for the draft to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from labels_app.actions.drafts import Draft
from labels_app.actions.pictures import LARGEST_FILE_BYTES
from labels_app.class_json import class_to_plain
from labels_app.class_spec import ClassSpec
from web.taxonomy_attributes import read_attributes
from web.taxonomy_files import read_classes

Operation = dict[str, Any]
_LONGEST_NUMBER = 9


class Form(NamedTuple):
    """A posted form: its texts, its files, and the draft that it is about."""

    fields: QueryDict
    files: MultiValueDict[str, UploadedFile]
    draft: Draft
    # Keeps an uploaded picture and returns its sha256 in hex.
    keep_picture: Callable[[bytes], str]

    def text(self, name: str) -> str:
        """Return a field without the spaces around it; "" where it is missing."""
        return str(self.fields.get(name, "")).strip()

    def named(self, name: str) -> int | str | None:
        """Return what a field names, a class by id or by name; None for nothing."""
        text = self.text(name)
        return number_of(text) or text or None

    def spec(self) -> ClassSpec:
        """Return the class that the form is about.

        Raises
        ------
        ValueError
            The draft has no such class.
        """
        wanted = self.named("class")
        found = (one for one in self.draft.classes if wanted in (one.class_id, one.name))
        spec = next(found, None)
        if spec is None:
            raise ValueError("choose a class first")
        return spec


def read_operations(form: Form) -> list[Operation]:
    """Return the operations that a form means.

    Raises
    ------
    ValueError
        A field is missing, or cannot be read; the message is for people.
    InvalidTaxonomy
        An uploaded file holds no classes.
    """
    act = _ACTS.get(form.text("op"))
    if act is None:
        raise ValueError("this form is not known here: load the page again")
    return act(form)


def number_of(text: str) -> int | None:
    """Return the number that a text is, None where it is none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number else None


def _add(form: Form) -> list[Operation]:
    operation: Operation = {"op": "add", "name": form.text("name"), "kind": form.text("kind")}
    if form.text("own_color"):
        operation["color"] = form.text("color")
    operation |= {name: value for name, value in _words(form).items() if value}
    if form.named("parent"):
        operation["parent"] = form.named("parent")
    elif form.text("heading"):
        operation["heading"] = form.text("heading")
    return [operation]


def _edit(form: Form) -> list[Operation]:
    """Return what differs from the class as the form showed it, not as it is meanwhile."""
    spec = form.spec()
    was = _shown(form) or class_to_plain(spec)
    given: Operation = {"name": form.text("name"), "color": form.text("color"), **_words(form)}
    given["attributes"] = read_attributes(form.fields)
    given["examples"] = _examples(form)
    edited = {name: value for name, value in given.items() if value != was.get(name)}
    operations = [{"op": "edit", "class": spec.class_id, **edited}] if edited else []
    place = {"parent": form.named("parent"), "heading": form.text("heading")}
    if any(was.get(name) != value for name, value in place.items()):
        operations.append({"op": "reparent", "class": spec.class_id, **place})
    return operations


def _words(form: Form) -> Operation:
    """Return the fields that a new class and an edited one have alike."""
    return {
        # Browsers write lines with a return, whatever was in the field before.
        "description": form.text("description").replace("\r\n", "\n"),
        "guideline": form.text("guideline").replace("\r\n", "\n"),
        "synonyms": [one.strip() for one in form.text("synonyms").split(",") if one.strip()],
        "external": _external(form.text("external")),
    }


def _external(text: str) -> dict[str, int | str]:
    """Read lines of `scheme=id`."""
    external: dict[str, int | str] = {}
    for line in filter(str.strip, text.splitlines()):
        scheme, is_pair, value = (part.strip() for part in line.partition("="))
        if not (scheme and is_pair and value):
            raise ValueError(f"“{line.strip()}” is no line of the form scheme = id")
        digits = value.removeprefix("-")
        external[scheme] = value if number_of(digits) is None else int(value)
    return external


def _examples(form: Form) -> list[dict[str, Any]]:
    """Return the pictures that stay, as the form describes them, and the new one."""
    examples: list[dict[str, Any]] = []
    pictures = form.fields.getlist("picture")
    for place, picture in enumerate(pictures):
        if not form.text(f"drop_{place}"):
            examples.append(_example(form, picture, str(place)))
    upload = form.files.get("new_picture")
    if upload is not None:
        examples.append(
            _example(form, form.keep_picture(upload.read(LARGEST_FILE_BYTES + 1)), "new")
        )
    return examples


def _example(form: Form, picture: str, place: str) -> dict[str, Any]:
    found: dict[str, Any] = {"picture": picture}
    # What is at its default stays out, as in the JSON of a class.
    if caption := form.text(f"caption_{place}"):
        found["caption"] = caption
    if form.text(f"good_{place}") == "no":
        found["good"] = False
    return found


def _shown(form: Form) -> Mapping[str, Any] | None:
    try:
        shown = json.loads(form.text("shown") or "null")
    except ValueError:
        return None
    return shown if isinstance(shown, dict) else None


def _rename(form: Form) -> list[Operation]:
    return [{"op": "rename", "class": form.spec().class_id, "name": form.text("name")}]


def _merge(form: Form) -> list[Operation]:
    chosen = [number_of(one) or one for one in form.fields.getlist("classes")]
    new = form.text("new_name")
    into = new or form.named("into")
    if into is None:
        raise ValueError("choose the class that they become, or name a new one")
    operation: Operation = {"op": "merge", "classes": chosen, "into": into}
    if form.text("kind"):
        operation["kind"] = form.text("kind")
    return [operation]


def _split(form: Form) -> list[Operation]:
    lines = form.text("into").splitlines()
    parts = [line.strip() for line in lines if line.strip()]
    return [{"op": "split", "class": form.spec().class_id, "into": parts}]


def _retire(form: Form) -> list[Operation]:
    operation: Operation = {"op": "retire", "class": form.spec().class_id}
    if form.named("into") is not None:
        operation["into"] = form.named("into")
    return [operation]


def _one_class(name: str) -> Callable[[Form], list[Operation]]:
    return lambda form: [{"op": name, "class": form.spec().class_id}]


def _import(form: Form) -> list[Operation]:
    upload = form.files.get("file")
    if upload is not None:
        rows = read_classes(upload.file, str(upload.name))
        return [{"op": "import", "classes": rows}]
    if not form.text("preset"):
        raise ValueError("choose a list, or a file")
    return [{"op": "import", "preset": form.text("preset")}]


def _add_rule(form: Form) -> list[Operation]:
    rule: Operation = {
        "rule": form.text("rule"),
        "severity": form.text("severity"),
        "classes": [number_of(one) or one for one in form.fields.getlist("classes")],
    }
    if form.text("value"):
        value = number_of(form.text("value"))
        if value is None:
            raise ValueError(f"“{form.text('value')}” is no whole number from 0")
        rule["value"] = value
    return [{"op": "rules", "rules": [*(one.to_plain() for one in form.draft.rules), rule]}]


def _remove_rule(form: Form) -> list[Operation]:
    gone = form.text("rule")
    plain = [one.to_plain() for one in form.draft.rules]
    kept = [one for one in plain if json.dumps(one, sort_keys=True) != gone]
    return [{"op": "rules", "rules": kept}]


def _undo(form: Form) -> list[Operation]:
    return [{"op": "undo", "number": number_of(form.text("number"))}]


def _again(form: Form) -> list[Operation]:
    """Return operations that were refused because the draft had moved."""
    try:
        operations = json.loads(form.text("operations"))
    except ValueError as error:
        raise ValueError("this form is not known here: load the page again") from error
    return operations if isinstance(operations, list) else [operations]


_ACTS: dict[str, Callable[[Form], list[Operation]]] = {
    "add": _add,
    "edit": _edit,
    "rename": _rename,
    "merge": _merge,
    "split": _split,
    "retire": _retire,
    "flip": _one_class("flip"),
    "revive": _one_class("revive"),
    "remove": _one_class("remove"),
    "import": _import,
    "add_rule": _add_rule,
    "remove_rule": _remove_rule,
    "undo": _undo,
    "again": _again,
}
