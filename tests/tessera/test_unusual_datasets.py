"""Working copies of datasets that are unlike the usual one: erased, empty, large, strange."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from datasets_app.actions.erasure import erase_image, plan_erasure
from datasets_app.staging import ImageChange
from labels_app.classes import ClassSpec
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from panoptic.label import label_from_id_map
from tests.api.builders import CAR, FIRST, ROAD, SECOND, person, put_layered, put_photo
from tests.api.builders import png as photo_of
from tests.builders import rows
from tests.datasets_app.builders import commit_to, put_label
from tests.tessera.builders import files_below
from tests.tessera.halls import hall, sitting  # noqa: F401  (fixtures)

_sizes = iter(range(5, 100))


def put_id_map(pixels, classes):
    """Store the label of an id map."""
    packed = pack_label(label_from_id_map(pixels, rows(classes)))
    register_labels([packed])
    return packed.digest


def painted(desk, name):
    """The segment ids of an image's PNG."""
    with Image.open(desk.png(name)) as opened:
        return np.array(opened.convert("RGB"), np.uint32) @ np.array([1, 256, 65536], np.uint32)


def edited(desk):
    """What `status` calls an edit."""
    return desk.ok("status", "--json").json["images"]


def people_files(desk):
    """The files that people edit, by path."""
    files = files_below(desk.folder).items()
    return {path: content for path, content in files if not path.startswith(".tessera/")}


# ---- erased --------------------------------------------------------------------


@pytest.fixture
def lost(sitting):  # noqa: F811
    """A dataset whose a.png can be erased: nobody else has its bytes."""
    width = next(_sizes)
    drawing = "1" * (width - 1) + "2"
    changes = [
        ImageChange(
            "a.png",
            put_photo(photo_of(1, width), 1, width),
            put_label(drawing, {1: ROAD, 2: CAR}),
        ),
        ImageChange("b.png", put_photo(photo_of(3, 4), 3, 4), put_label(*SECOND)),
    ]
    return sitting.hall.dataset(changes)


def erase(dataset, name, *, labels=False):
    erase_image(
        plan_erasure(dataset, name, labels=labels), reason="A court said so", actor=person("ada")
    )


def test_a_clone_says_which_photograph_was_erased(sitting, lost):  # noqa: F811
    erase(lost, "a.png")
    told = sitting.outside.ok("clone", lost.slug, "one").out
    assert "a.png: its photograph was erased at the service" in told
    assert "b.png" not in told


def test_an_erased_photograph_is_no_deletion_of_the_users(sitting, lost):  # noqa: F811
    erase(lost, "a.png")
    status = sitting.sit(lost.slug).ok("status", "--json").json
    assert (status["images"], status["problems"]) == ([], [])
    assert status["erased"] == [{"name": "a.png", "part": "photograph"}]


def test_a_push_of_a_label_keeps_the_erased_photograph_in_the_version(sitting, lost):  # noqa: F811
    erase(lost, "a.png")
    desk = sitting.sit(lost.slug)
    desk.paint("a.png", (0, 0), 2)
    desk.ok("push", "-m", "Widen")
    [change] = desk.ok("diff", "v1", "v2", "--json").json["images"]
    assert change["facets"] == ["label"]


def test_a_photograph_erased_after_the_clone_is_no_edit(sitting, lost):  # noqa: F811
    desk = sitting.sit(lost.slug)
    erase(lost, "a.png")
    desk.ok("cache", "--clear")
    pulled = desk.ok("pull", "--json").json
    assert pulled["erased"] == [{"name": "a.png", "part": "photograph"}]
    assert edited(desk) == []
    assert (desk.folder / "images" / "a.png").exists()


def test_labels_alone_know_nothing_of_an_erased_photograph(sitting, lost):  # noqa: F811
    erase(lost, "a.png")
    desk = sitting.sit(lost.slug, "one", "--labels-only")
    assert desk.ok("status", "--json").json["erased"] == []
    assert "erased" not in desk.ok("pull").out


def test_an_erased_label_is_no_edit_and_stays_in_the_version(sitting, lost):  # noqa: F811
    erase(lost, "a.png", labels=True)
    desk = sitting.sit(lost.slug)
    assert edited(desk) == []
    document = desk.document()
    document["images"][0]["split"] = "val"
    desk.keep(document)
    desk.ok("push", "-m", "Split")
    [change] = desk.ok("diff", "v1", "v2", "--json").json["images"]
    assert (change["name"], change["facets"]) == ("a.png", ["split"])


def test_an_image_whose_label_was_erased_can_be_labelled_anew(sitting, lost):  # noqa: F811
    erase(lost, "a.png", labels=True)
    desk = sitting.sit(lost.slug)
    document = desk.document()
    image = document["images"][0]
    row = {"id": 1, "category_id": CAR}
    document["annotations"].append(
        {"image_id": image["id"], "file_name": "a.png", "segments_info": [row]}
    )
    desk.keep(document)
    pixels = np.zeros((1, image["width"], 3), np.uint8)
    pixels[..., 0] = 1
    Image.fromarray(pixels).save(desk.png("a.png"))
    desk.ok("push", "-m", "Anew")
    assert desk.ok("status", "--json").json["erased"] == [{"name": "a.png", "part": "photograph"}]
    again = sitting.sit(lost.slug, "two")
    assert (painted(again, "a.png") == 1).all()


def test_going_back_to_an_erased_label_takes_the_png_away(sitting, lost):  # noqa: F811
    photo = put_photo(photo_of(3, 4), 3, 4)
    commit_to(lost, [ImageChange("c.png", photo, put_label("2222", {2: CAR}))])
    desk = sitting.sit(lost.slug)
    assert desk.png("a.png").exists()
    commit_to(lost, [ImageChange("a.png", label=None)])
    desk.ok("pull")
    erase(lost, "a.png", labels=True)
    desk.ok("cache", "--clear")
    desk.ok("checkout", "v1")
    assert not desk.png("a.png").exists()
    assert edited(desk) == []


def test_an_export_says_which_label_was_erased(sitting, lost):  # noqa: F811
    erase(lost, "a.png", labels=True)
    desk = sitting.sit(lost.slug)
    told = desk.ok("export", "out.json", "--format", "coco_panoptic", "--json").json
    assert [(one["image"], one["code"]) for one in told["problems"]] == [("a.png", "object_erased")]
    exported = json.loads((desk.folder / "out.json").read_text())
    assert [one["file_name"] for one in exported["annotations"]] == ["b.png"]


# ---- empty ---------------------------------------------------------------------


def test_a_dataset_without_a_version_is_filled_as_the_clone_says(sitting):  # noqa: F811
    outside, slug = sitting.outside, sitting.hall.dataset().slug
    refused = outside.tessera("clone", slug, "one")
    address = f"{sitting.hall.url}/{slug}"
    assert refused.code == 4
    assert f"`tessera import PATH --format FORMAT --dataset {address}`" in refused.err
    assert not (outside.folder / "one").exists()
    write_coco(outside.folder)
    outside.ok("import", "in.json", "--format", "coco_panoptic", "--dataset", address, "-m", "1")
    desk = sitting.sit(slug)
    desk.paint("a.png", (0, 0), 2)
    assert desk.ok("push", "-m", "2", "--json").json["version"]["number"] == 2


def write_coco(folder):
    """Write a road and a car as COCO panoptic."""
    segments = [{"id": 1, "category_id": 149, "iscrowd": 0, "bbox": [0, 0, 1, 1], "area": 1}]
    segments.append({**segments[0], "id": 2, "category_id": 3})
    annotation = {"image_id": 1, "file_name": "a.png", "segments_info": segments}
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 1, "width": 3}],
        "annotations": [annotation],
        "categories": [
            {"id": 149, "name": "road", "isthing": 0},
            {"id": 3, "name": "car", "isthing": 1},
        ],
    }
    (folder / "in").mkdir()
    (folder / "in.json").write_text(json.dumps(document))
    Image.fromarray(np.array([[[1, 0, 0], [1, 0, 0], [2, 0, 0]]], np.uint8)).save(
        folder / "in" / "a.png"
    )


def test_a_version_without_images_is_cloned_and_filled_by_a_push(sitting):  # noqa: F811
    dataset = sitting.hall.dataset([ImageChange("a.png", label=put_label(*FIRST))])
    commit_to(dataset, [ImageChange("a.png", delete=True)])
    desk = sitting.sit(dataset.slug)
    assert edited(desk) == []
    document = desk.document()
    document["images"] = [{"id": 1, "file_name": "n.png", "height": 1, "width": 2}]
    row = {"id": 1, "category_id": CAR}
    document["annotations"] = [{"image_id": 1, "file_name": "n.png", "segments_info": [row]}]
    desk.keep(document)
    desk.png("n.png").parent.mkdir()
    Image.fromarray(np.array([[[1, 0, 0], [0, 0, 0]]], np.uint8)).save(desk.png("n.png"))
    assert desk.ok("push", "-m", "x", "--json").json["images"] == ["n.png"]
    assert people_files(sitting.sit(dataset.slug, "two")) == people_files(desk)


# ---- strange classes -----------------------------------------------------------


def strange_classes():
    """Class ids up to the highest, names in many scripts, ids of a list from 0 up to 65,536."""
    return [
        ClassSpec("道路", "stuff", 255, "#010203", external={"mine": 0}),
        ClassSpec("véhicule 🚗", "thing", 256, "#040506", external={"mine": 255}),
        ClassSpec("سماء", "stuff", 65_535, "#070809", external={"mine": 65_536}),
    ]


def test_classes_with_strange_ids_and_names_travel_exactly(sitting):  # noqa: F811
    label = put_label("3333 1221", {1: 255, 2: 256, 3: 65_535})
    dataset = sitting.hall.dataset([ImageChange("a.png", label=label)], strange_classes())
    desk = sitting.sit(dataset.slug)
    desk.paint("a.png", (0, 0), 2)
    [change] = desk.ok("diff", "--json").json["images"]
    sides = {side["class"] for one in change["segments"] for side in one["new"]}
    assert sides == {"سماء", "véhicule 🚗"}
    desk.ok("push", "-m", "x")
    again = sitting.sit(dataset.slug, "two")
    assert people_files(again) == people_files(desk)
    assert painted(again, "a.png").tolist() == [[2, 3, 3, 3], [1, 2, 2, 1]]


def test_ids_of_a_list_that_begins_with_0_are_exported_and_come_back(sitting):  # noqa: F811
    label = put_label("3333 1221", {1: 255, 2: 256, 3: 65_535})
    dataset = sitting.hall.dataset([ImageChange("a.png", label=label)], strange_classes())
    desk = sitting.sit(dataset.slug)
    desk.ok("export", "out.json", "--format", "coco_panoptic", "--option", "scheme=mine")
    exported = json.loads((desk.folder / "out.json").read_text())
    assert [one["id"] for one in exported["categories"]] == [0, 255, 65_536]
    report = reimport(desk, "out.json", "coco_panoptic")
    assert (report["unchanged"], report["changed"]) == (1, 0)


def test_more_than_a_thousand_classes_travel_exactly(sitting):  # noqa: F811
    names = {number: f"class {number}" for number in range(1, 1_201)}
    specs = [ClassSpec(name, "thing", n, f"#{n:06x}") for n, name in names.items()]
    pixels = np.arange(1, 1_201, dtype=np.uint32).reshape(30, 40).repeat(2, axis=1)
    label = put_id_map(pixels, {number: number for number in names})
    dataset = sitting.hall.dataset([ImageChange("a.png", label=label)], specs)
    desk = sitting.sit(dataset.slug)
    desk.paint("a.png", (0, 0), 1_200)
    desk.ok("push", "-m", "x")
    pixels[0, 0] = 1_200
    again = sitting.sit(dataset.slug, "two")
    assert np.array_equal(painted(again, "a.png"), pixels)
    assert people_files(again) == people_files(desk)


# ---- strange images ------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(1, 1), (100, 20_000)])
def test_images_of_odd_shapes_are_edited_exactly(sitting, height, width):  # noqa: F811
    pixels = np.ones((height, width), np.uint32)
    label = put_id_map(pixels, {1: ROAD})
    dataset = sitting.hall.dataset([ImageChange("a.png", label=label)])
    desk = sitting.sit(dataset.slug)
    document = desk.document()
    document["annotations"][0]["segments_info"].append({"id": 9, "category_id": CAR})
    desk.keep(document)
    desk.paint("a.png", (height - 1, width - 1), 9)
    if width == 1:
        document["annotations"][0]["segments_info"].pop(0)
        desk.keep(document)
    desk.ok("push", "-m", "x")
    pixels[-1, -1] = 9
    assert np.array_equal(painted(sitting.sit(dataset.slug, "two"), "a.png"), pixels)


def test_five_thousand_segments_are_edited_exactly(sitting):  # noqa: F811
    pixels = np.arange(1, 5_001, dtype=np.uint32).reshape(50, 100).repeat(2, axis=1)
    label = put_id_map(pixels, dict.fromkeys(range(1, 5_001), CAR))
    dataset = sitting.hall.dataset([ImageChange("a.png", label=label)])
    desk = sitting.sit(dataset.slug)
    desk.paint("a.png", (0, 0), 5_000)
    [change] = edited(desk)
    assert change["counts"] == {"reshaped": 2}
    desk.ok("push", "-m", "x")
    pixels[0, 0] = 5_000
    assert np.array_equal(painted(sitting.sit(dataset.slug, "two"), "a.png"), pixels)


def test_an_image_without_a_label_gets_its_first_one_by_a_push(sitting):  # noqa: F811
    photo = put_photo(photo_of(2, 3), 2, 3)
    dataset = sitting.hall.dataset([ImageChange("a.png", photo)])
    desk = sitting.sit(dataset.slug)
    document = desk.document()
    document["annotations"] = [
        {
            "image_id": document["images"][0]["id"],
            "file_name": "a.png",
            "segments_info": [{"id": 70_000, "category_id": CAR}],
        }
    ]
    desk.keep(document)
    desk.png("a.png").parent.mkdir()
    Image.fromarray(np.full((2, 3, 3), [112, 17, 1], np.uint8)).save(desk.png("a.png"))
    pushed = desk.ok("push", "-m", "x", "--json").json
    assert pushed["images"] == ["a.png"]
    assert (painted(sitting.sit(dataset.slug, "two"), "a.png") == 70_000).all()


# ---- one's own exports ---------------------------------------------------------


def reimport(desk, path, form):
    """Import what was exported as an update; nothing is committed."""
    asked = ("import", path, "--format", form, "--mode", "update", "--dry-run", "--json")
    return desk.ok(*asked, "-m", "x").json["images"]


@pytest.fixture
def flat(sitting):  # noqa: F811
    """A clone of two flat labels, one of them of an image whose name is a number."""
    crowd = put_label("1122 2233", {1: ROAD, 2: CAR, 3: CAR}, crowds=[2], track_ids={3: 7})
    changes = [ImageChange("a.png", label=put_label(*FIRST)), ImageChange("0012.png", label=crowd)]
    return sitting.sit(sitting.hall.dataset(changes).slug)


@pytest.mark.parametrize("form", ["coco_panoptic", "coco_instances"])
@pytest.mark.parametrize("name", ["out.json", "out"])
def test_an_export_of_flat_labels_comes_back_unchanged(flat, form, name):
    flat.ok("export", name, "--format", form)
    report = reimport(flat, name, form)
    assert (report["unchanged"], report["changed"], report["added"]) == (2, 0, 0)


def test_what_a_format_cannot_hold_is_said_where_the_label_comes_back_changed(sitting):  # noqa: F811
    desk = sitting.sit(sitting.hall.dataset([ImageChange("b.png", label=put_layered())]).slug)
    told = desk.ok("export", "out.json", "--format", "coco_panoptic").out
    assert "6 pixels hidden under others" in told
    assert reimport(desk, "out.json", "coco_panoptic")["changed"] == 1


def test_a_photograph_is_never_taken_of_another_image(sitting):  # noqa: F811
    """`a.jpg` is an image of its own, not the photograph that `a` lacks."""
    label = put_label("1222", {1: ROAD, 2: CAR})
    photo = put_photo(photo_of(1, 4), 1, 4)
    desk = sitting.sit(
        sitting.hall.dataset(
            [ImageChange("a", None, label), ImageChange("a.jpg", photo, label)]
        ).slug
    )
    desk.paint("a", (0, 1), 1)
    [image] = desk.ok("status", "--json").json["images"]
    assert (image["name"], image["facets"]) == ("a", ["label"])


def test_a_file_becomes_a_folder_by_a_pull(sitting):  # noqa: F811
    photo = put_photo(photo_of(1, 4), 1, 4)
    label = put_label("1222", {1: ROAD, 2: CAR})
    dataset = sitting.hall.dataset([ImageChange("night", photo, label)])
    desk = sitting.sit(dataset.slug)
    changes = [ImageChange("night", delete=True), ImageChange("night/1.jpg", photo, label)]
    commit_to(dataset, changes)
    desk.ok("pull")
    assert [*files_below(desk.folder / "images")] == ["night/1.jpg"]
    assert edited(desk) == []
