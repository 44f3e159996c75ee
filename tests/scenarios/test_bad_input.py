"""Bad input through the command: a clear problem, a failure, and no version."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from datasets_app.models import Dataset, Version
from labels_app.models import Taxonomy
from tests.panoptic.formats.files import panoptic_json, write_json, write_panoptic
from tests.scenarios.commands import refuse, run

pytestmark = pytest.mark.django_db
_DRAWINGS = {"a.jpg": "112 112", "b.jpg": "333 ..3"}
_CATEGORIES = {1: 1, 2: 200, 3: 3}
_OPTIONS = ("--format", "coco_panoptic", "--create")

Breakage = Callable[[Path, dict[str, Any]], None]


def truncate_json(folder: Path, content: dict[str, Any]) -> None:
    path = folder / "labels.json"
    path.write_bytes(path.read_bytes()[:-40])


def lose_a_png(folder: Path, content: dict[str, Any]) -> None:
    (folder / "labels/a.png").unlink()


def truncate_a_png(folder: Path, content: dict[str, Any]) -> None:
    path = folder / "labels/a.png"
    path.write_bytes(path.read_bytes()[:50])


def resize_a_png(folder: Path, content: dict[str, Any]) -> None:
    with Image.open(folder / "labels/a.png") as image:
        image.resize((6, 4)).save(folder / "labels/a.png")


def turn_a_png_grey(folder: Path, content: dict[str, Any]) -> None:
    Image.fromarray(np.ones((2, 3), np.uint8)).save(folder / "labels/a.png")


def turn_a_png_16_bit(folder: Path, content: dict[str, Any]) -> None:
    Image.fromarray(np.ones((2, 3), np.uint16)).save(folder / "labels/a.png")


def drop_a_segment(folder: Path, content: dict[str, Any]) -> None:
    content["annotations"][0]["segments_info"].pop()


def invent_a_segment(folder: Path, content: dict[str, Any]) -> None:
    content["annotations"][0]["segments_info"].append({"id": 9, "category_id": 1})


def repeat_a_segment(folder: Path, content: dict[str, Any]) -> None:
    rows = content["annotations"][0]["segments_info"]
    rows.append(dict(rows[0]))


def use_id_zero(folder: Path, content: dict[str, Any]) -> None:
    content["annotations"][0]["segments_info"][0]["id"] = 0


def use_an_id_beyond_24_bits(folder: Path, content: dict[str, Any]) -> None:
    content["annotations"][0]["segments_info"][0]["id"] = 2**24


def use_an_unknown_category(folder: Path, content: dict[str, Any]) -> None:
    content["annotations"][0]["segments_info"][0]["category_id"] = 77


def leave_the_folder(folder: Path, content: dict[str, Any]) -> None:
    content["annotations"][0]["file_name"] = "../../etc/passwd"


def name_two_images_alike(folder: Path, content: dict[str, Any]) -> None:
    content["images"][1]["file_name"] = "a.jpg"


@pytest.mark.parametrize(
    ("breakage", "word"),
    [
        (truncate_json, "byte"),
        (lose_a_png, "a.png"),
        (truncate_a_png, "a.png"),
        (resize_a_png, "a.png"),
        (turn_a_png_grey, "a.png"),
        (turn_a_png_16_bit, "a.png"),
        (drop_a_segment, "2"),
        (invent_a_segment, "9"),
        (repeat_a_segment, "1"),
        (use_id_zero, "0"),
        (use_an_id_beyond_24_bits, "16777216"),
        (use_an_unknown_category, "77"),
        (leave_the_folder, "passwd"),
        (name_two_images_alike, "a.jpg"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(
    tmp_path: Path, breakage: Breakage, word: str
) -> None:
    content = panoptic_json(_DRAWINGS, _CATEGORIES)
    write_panoptic(tmp_path, content, _DRAWINGS)
    breakage(tmp_path, content)
    if breakage is not truncate_json:
        write_json(tmp_path / "labels.json", content)

    problem = refuse("import_labels", "streets", tmp_path / "labels.json", *_OPTIONS)

    assert word in json.dumps(problem)
    assert not Dataset.objects.exists()
    assert not Taxonomy.objects.exists()
    assert not Version.objects.exists()


def test_people_are_told_the_file_the_image_and_the_segment(tmp_path: Path) -> None:
    content = panoptic_json(_DRAWINGS, _CATEGORIES)
    invent_a_segment(tmp_path, content)
    path = write_panoptic(tmp_path, content, _DRAWINGS)
    err = io.StringIO()

    with pytest.raises(CommandError) as refused:
        call_command("import_labels", "streets", str(path), "--create", stdout=err, stderr=err)

    told = err.getvalue().splitlines()
    assert told[0] == (
        "reads labels.json as coco_panoptic: the annotations of labels.json have segments_info"
    )
    for lines in (told[1:], [str(refused.value)]):
        assert all(word in lines[0] for word in ("a.png", "a.jpg", "segment 9")), lines


def test_one_run_tells_every_problem(tmp_path: Path) -> None:
    content = panoptic_json(_DRAWINGS, _CATEGORIES)
    use_an_unknown_category(tmp_path, content)
    path = write_panoptic(tmp_path, content, _DRAWINGS)
    (tmp_path / "labels/b.png").unlink()

    problem = refuse("import_labels", "streets", path, *_OPTIONS)

    assert {row["image"] for row in problem["problems"]} == {"a.jpg", "b.jpg"}


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    problem = refuse("import_labels", "streets", tmp_path / "nowhere.json", *_OPTIONS)

    assert "nowhere.json" in problem["detail"]


def test_the_dataset_must_exist_unless_it_may_be_created(tmp_path: Path) -> None:
    path = write_panoptic(tmp_path, panoptic_json(_DRAWINGS, _CATEGORIES), _DRAWINGS)

    assert refuse("import_labels", "streets", path, *_OPTIONS[:2])["code"] == "not_found"
    assert run("import_labels", "streets", path, *_OPTIONS)["version"]["number"] == 1
