"""Edits of files are changes of labels: status, diff, push, pull."""

import json

import pytest

from tests.tessera.copies import office  # noqa: F401  (a fixture)

ROAD, CAR, SKY = 1, 2, 3


@pytest.fixture
def desk(office):  # noqa: F811
    return office.desk("one")


def test_a_clone_that_nobody_edited_has_no_changes(desk):
    assert desk.ok("status", "--json").json["images"] == []


def test_a_painted_pixel_is_told_as_segments(desk):
    desk.paint("a.png", (0, 0), CAR)
    [image] = desk.ok("status", "--json").json["images"]
    assert (image["name"], image["facets"]) == ("a.png", ["label"])
    assert image["counts"] == {"reshaped": 2}
    assert image["changed_pixels"] == 1


def test_a_diff_names_each_segment_with_its_class(desk):
    desk.paint("a.png", (0, 0), CAR)
    [image] = desk.ok("diff", "--json").json["images"]
    names = {side["class"] for segment in image["segments"] for side in segment["new"]}
    assert names == {"car", "sky"}


def test_a_file_that_was_saved_again_is_no_change(desk):
    from PIL import Image

    with Image.open(desk.png("a.png")) as opened:
        opened.convert("RGB").save(desk.png("a.png"), compress_level=1)
    desk.keep(desk.document())
    assert desk.ok("status", "--json").json["images"] == []


def test_a_class_changed_in_the_json_is_a_reclassified_segment(desk):
    document = desk.document()
    numbers = {image["file_name"]: image["id"] for image in document["images"]}
    for annotation in document["annotations"]:
        if annotation["image_id"] == numbers["night/d.png"]:
            annotation["segments_info"][1]["category_id"] = SKY
    desk.keep(document)
    [image] = desk.ok("status", "--json").json["images"]
    assert image["counts"] == {"reclassified": 1}


def test_split_and_attributes_are_edited_in_the_json(desk):
    document = desk.document()
    document["images"][0] |= {"split": "test", "attributes": {"scene": "night"}}
    desk.keep(document)
    [image] = desk.ok("status", "--json").json["images"]
    assert image["facets"] == ["split", "attributes"]


def test_a_colour_without_a_segment_is_told_by_file_and_id(desk):
    desk.paint("a.png", (0, 0), 77)
    problems = desk.ok("status", "--json").json["problems"]
    assert [(each["image"], each["segment"]) for each in problems] == [("a.png", 77)]


def test_what_cannot_be_read_is_not_pushed(desk):
    desk.paint("a.png", (0, 0), 77)
    ran = desk.tessera("push", "-m", "x")
    assert (ran.code, "77" in ran.err) == (2, True)


def test_a_push_makes_the_next_version(desk, office):  # noqa: F811
    desk.paint("a.png", (0, 0), CAR)
    pushed = desk.ok("push", "-m", "Widen the car", "--json").json
    assert (pushed["version"]["number"], pushed["images"]) == (4, ["a.png"])
    assert desk.ok("status", "--json").json["images"] == []
    [newest, *_] = desk.ok("log", "--json").json
    assert newest["message"] == "Widen the car"


def test_a_push_of_nothing_is_refused(desk):
    assert desk.tessera("push", "-m", "x").code == 2


def test_an_image_that_left_the_json_is_deleted_by_a_push(desk):
    document = desk.document()
    gone = document["images"].pop(0)
    document["annotations"] = [
        each for each in document["annotations"] if each["image_id"] != gone["id"]
    ]
    desk.keep(document)
    pushed = desk.ok("push", "-m", "Drop it", "--json").json
    assert pushed["version"]["image_count"] == 2


def test_covered_pixels_survive_an_edit_of_what_is_seen(desk):
    before = desk.ok("log", "--json").json[0]["segment_count"]
    document = desk.document()
    [image] = [each for each in document["images"] if each["file_name"] == "b.png"]
    image["split"] = "test"
    desk.keep(document)
    desk.ok("push", "-m", "x")
    assert desk.ok("log", "--json").json[0]["segment_count"] == before


def test_a_second_clone_gets_only_what_was_pushed(office):  # noqa: F811
    one, two = office.desk("one"), office.desk("two")
    one.paint("a.png", (0, 0), CAR)
    one.ok("push", "-m", "x")
    pulled = two.ok("pull", "--json").json
    assert (pulled["changed"], pulled["removed"]) == (["a.png"], [])
    assert two.png("a.png").read_bytes() == one.png("a.png").read_bytes()


def test_who_comes_second_is_told_and_rebases_where_the_images_differ(office):  # noqa: F811
    one, two = office.desk("one"), office.desk("two")
    one.paint("a.png", (0, 0), CAR)
    two.paint("night/d.png", (0, 0), CAR)
    one.ok("push", "-m", "First")
    refused = two.tessera("push", "-m", "Second")
    assert refused.code == 5
    assert "ada pushed v4" in refused.err
    pushed = two.ok("push", "-m", "Second", "--rebase", "--json").json
    assert pushed["images"] == ["night/d.png"]
    assert two.png("a.png").read_bytes() == one.png("a.png").read_bytes()


def test_who_edited_the_same_image_gets_the_list_and_keeps_the_edit(office):  # noqa: F811
    one, two = office.desk("one"), office.desk("two")
    one.paint("a.png", (0, 0), CAR)
    two.paint("a.png", (0, 1), CAR)
    edited = two.png("a.png").read_bytes()
    one.ok("push", "-m", "First")
    refused = two.tessera("push", "-m", "Second", "--rebase", "--json")
    problem = json.loads(refused.err)
    assert (refused.code, problem["code"]) == (5, "working_copy_changed")
    assert problem["errors"] == ["a.png"]
    assert two.png("a.png").read_bytes() == edited


def test_the_same_edit_by_two_is_no_conflict(office):  # noqa: F811
    one, two = office.desk("one"), office.desk("two")
    for desk in (one, two):
        desk.paint("a.png", (0, 0), CAR)
    one.ok("push", "-m", "First")
    two.ok("pull")
    assert two.ok("status", "--json").json["images"] == []


def test_restore_brings_files_back(desk):
    before = desk.png("a.png").read_bytes()
    desk.paint("a.png", (0, 0), CAR)
    assert desk.ok("restore", "a.png", "--json").json["restored"] == ["a.png"]
    assert desk.png("a.png").read_bytes() == before


def test_a_png_that_was_deleted_is_told_and_restored(desk):
    desk.png("a.png").unlink()
    assert desk.ok("status", "--json").json["problems"]
    desk.ok("restore", "a.png")
    assert desk.ok("status", "--json").json["images"] == []


def test_checkout_goes_to_another_version_and_back(desk):
    now = desk.png("a.png").read_bytes()
    desk.ok("checkout", "v1")
    assert desk.png("a.png").read_bytes() != now
    desk.ok("checkout", "main")
    assert desk.png("a.png").read_bytes() == now


def test_a_folder_that_holds_something_else_is_no_place_for_a_clone(desk, office):  # noqa: F811
    ran = desk.tessera("clone", "streets", str(desk.folder))
    assert ran.code == 5


def test_outside_of_a_working_copy_commands_say_so(office, tmp_path):  # noqa: F811
    desk = office.desk("one")
    desk.folder = tmp_path
    ran = desk.tessera("status")
    assert (ran.code, "tessera clone" in ran.err) == (4, True)
