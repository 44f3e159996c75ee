"""Settings that only some formats have a use for: the others say so, and read the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from panoptic.errors import PanopticError
from panoptic.formats.base import Format, ReadOptions
from panoptic.formats.options import find_ignored
from panoptic.formats.recognition import choose
from panoptic.formats.registry import FORMATS
from tests.panoptic.formats.worlds import (
    World,
    export_world,
    has_photos,
    import_world,
    name_of,
    target_name,
)

ROUND_TRIPS = [form for form in FORMATS.values() if form.is_written and form.is_read]
STRANGE = {
    "labels": Path("nowhere"),
    "classes": Path("nowhere/classes.txt"),
    "class_name": "dragon",
    "on_overlap": "refuse",
}
# Written files that leave nothing to decide: by tables beside them, or since nothing overlaps.
SAID_BY_EXPORTS = {
    ("id_maps", "class_name"),
    ("pixelmaps", "classes"),
    ("coco_stuff", "on_overlap"),
}


@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_what_a_format_has_no_use_for_changes_nothing(form: Format, tmp_path: Path) -> None:
    path = written(form, tmp_path)
    ignored = {name: value for name, value in STRANGE.items() if name not in form.settings}
    assert outcome(form, path, ignored) == outcome(form, path)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        pytest.param(form, name, id=f"{form.name}-{name}")
        for form in ROUND_TRIPS
        for name in sorted(form.settings)
        if (form.name, name) not in SAID_BY_EXPORTS
    ],
)
def test_what_a_format_has_a_use_for_decides(form: Format, name: str, tmp_path: Path) -> None:
    path = written(form, tmp_path)
    assert outcome(form, path, {name: STRANGE[name]}) != outcome(form, path)


@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_what_a_format_has_no_use_for_is_told(form: Format) -> None:
    told = [problem.message for problem in find_ignored(form, ReadOptions(**STRANGE))]
    assert told == [
        f"{form.name} has no use for {name}: passed by"
        for name in STRANGE
        if name not in form.settings
    ]


def test_what_nobody_said_is_not_told() -> None:
    assert all(list(find_ignored(form, ReadOptions())) == [] for form in FORMATS.values())


def written(form: Format, folder: Path) -> Path:
    target = folder / target_name(form)
    export_world(form, target, **({"photos": "no"} if has_photos(form) else {}))
    return choose(folder if form.has_classes else target).path


def outcome(form: Format, path: Path, settings: dict[str, Any] | None = None) -> World | str:
    """What is read, or why nothing is."""
    try:
        return import_world(form, path, settings=settings)
    except PanopticError as error:
        return error.code
