import pytest

from datasets_app.staging import ImageChange
from labels_app.reading import reading_of
from panoptic.diff import diff_labels
from panoptic.rle import decode_coco_rle
from panoptic.runs import decode_runs
from panoptic.views import instances
from tests.api.builders import (
    CAR,
    FIRST,
    ROAD,
    SECOND,
    SKY,
    STREETS,
    body_of,
    pixels_of,
    put_photo,
)
from tests.builders import id_map, label
from tests.datasets_app.builders import commit_to, put_label

A = f"{STREETS}/versions/v1/images/1"
B = f"{STREETS}/versions/v1/images/2"
C = f"{STREETS}/versions/v1/images/3"


def test_a_photograph_is_served_as_it_came_in(reader, world):
    response = reader.get(f"{A}/photo")
    assert body_of(response) == world.photo
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"].startswith("inline")


def test_a_file_that_is_no_known_photograph_is_not_served(reader, world):
    svg = put_photo(b"<svg xmlns='http://www.w3.org/2000/svg'/>", 1, 1, "image/svg+xml")
    commit_to(world.dataset, [ImageChange("a.png", image=svg)])
    assert reader.get(f"{STREETS}/versions/main/images/1/photo").status_code == 404


def test_the_panoptic_png_holds_the_segment_ids(reader):
    rgb = pixels_of(reader.get(f"{A}/panoptic.png").content).astype(int)
    ids = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
    assert (ids == id_map(FIRST[0])).all()


def test_the_panoptic_json_describes_the_visible_segments(reader):
    body = reader.get(f"{B}/panoptic.json").json()
    assert body["image"] == {"file_name": "b.png", "height": 2, "width": 4}
    found = {row["id"]: row for row in body["segments_info"]}
    assert found[2]["area"] == 3  # the other car covers one of its pixels
    assert found[2]["bbox"] == [1, 0, 2, 2]
    assert [found[i]["category_id"] for i in (1, 2, 3)] == [ROAD, CAR, CAR]
    assert [found[i]["isthing"] for i in (1, 2, 3)] == [0, 1, 1]
    assert {row["name"] for row in body["categories"]} == {"road", "car", "sky"}


def test_the_semantic_png_holds_class_ids(reader):
    pixels = pixels_of(reader.get(f"{A}/semantic.png").content)
    assert pixels.dtype == "uint8"
    assert pixels.tolist() == [[SKY] * 4, [ROAD, CAR, CAR, ROAD], [ROAD] * 4]


def test_the_semantic_png_holds_the_ids_of_a_scheme(reader):
    pixels = pixels_of(reader.get(f"{A}/semantic.png?ids=coco").content)
    assert pixels.tolist() == [[187] * 4, [149, 3, 3, 149], [149] * 4]


def test_a_class_without_an_id_in_the_scheme_is_void(reader):
    pixels = pixels_of(reader.get(f"{A}/semantic.png?ids=city&void=255").content)
    assert pixels.tolist() == [[255] * 4, [7, 26, 26, 7], [7] * 4]


def test_values_beyond_a_byte_take_sixteen_bits(reader):
    pixels = pixels_of(reader.get(f"{A}/semantic.png?ids=city&void=65535").content)
    assert pixels.max() == 65535


def test_an_unknown_scheme_is_not_found(reader):
    response = reader.get(f"{A}/semantic.png?ids=cityscapes")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_scheme")


@pytest.mark.parametrize("void", ["-1", "65536", "x", "", "1e3", "٣"])
def test_a_void_that_no_file_holds_is_refused(reader, void):
    response = reader.get(f"{A}/semantic.png", {"void": void})
    assert (response.status_code, response.json()["code"]) == (400, "invalid")


def test_instances_have_their_full_masks(reader):
    body = reader.get(f"{B}/instances.json").json()
    [behind, front] = body["instances"]
    mask = decode_coco_rle(behind["segmentation"]["counts"], 2, 4)
    assert decode_runs(mask).tolist() == [[0, 1, 1, 0], [0, 1, 1, 0]]
    assert (behind["area"], behind["visible_area"]) == (4, 3)
    assert (behind["layer"], front["layer"]) == (1, 2)
    assert body["counts"] == [{"class_id": CAR, "class_name": "car", "count": 2}]


def test_instances_can_be_asked_for_as_polygons(reader):
    body = reader.get(f"{B}/instances.json?geometry=polygon").json()
    assert body["instances"][0]["segmentation"] == [[1, 0, 3, 0, 3, 2, 1, 2]]


def test_an_overlay_has_the_size_of_its_image(reader):
    assert pixels_of(reader.get(f"{A}/overlay.png").content).shape == (3, 4, 3)


def test_an_overlay_without_a_photograph_shows_the_colours(reader):
    assert pixels_of(reader.get(f"{B}/overlay.png").content).shape == (2, 4, 3)


def test_a_thumbnail_is_a_webp(reader):
    content = reader.get(f"{A}/thumbnail.webp").content
    assert content[8:12] == b"WEBP"


def test_a_large_label_is_shrunk_before_it_is_drawn(reader, world):
    row = "1" * 300
    large = put_label(f"{row} {row}", {1: ROAD})
    commit_to(world.dataset, [ImageChange("wide.png", label=large)])
    rows = reader.get(f"{STREETS}/versions/main/images/", {"name": "wide.png"}).json()["results"]
    url = f"{STREETS}/versions/main/images/{rows[0]['number']}/overlay.png?size=30"
    assert pixels_of(reader.get(url).content).shape == (1, 30, 3)


@pytest.mark.parametrize(
    "view",
    ["photo", "panoptic.png", "panoptic.json", "semantic.png", "instances.json", "overlay.png",
     "thumbnail.webp"],
)  # fmt: skip
def test_what_an_image_does_not_have_is_not_found(reader, view):
    response = reader.get(f"{C}/{view}")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_a_changed_pixel_is_not_black_in_the_change_picture(reader, world):
    pixels = pixels_of(reader.get(f"{STREETS}/compare/v1..v2/images/1/change.png").content)
    reading = reading_of(world.versions[0].taxonomy_version)
    diff = diff_labels(label(*FIRST), label(*SECOND), kinds=reading.kinds)
    assert int(pixels.any(axis=2).sum()) == diff.changed_pixels == 1


def test_the_same_views_are_the_same_bytes(reader):
    urls = [f"{A}/{view}" for view in ("panoptic.png", "semantic.png", "panoptic.json")]
    assert [reader.get(url).content for url in urls] == [reader.get(url).content for url in urls]


def test_instances_are_those_of_the_core(reader, world):
    found = instances(label(*FIRST), reading_of(world.versions[0].taxonomy_version).thing_ids)
    body = reader.get(f"{A}/instances.json").json()
    assert [row["area"] for row in body["instances"]] == [view.area for view in found]
