"""Every operation of a curator, against relabelling the old pixels by hand.

The labels have overlaps, crowds, void and hidden segments. What they read as is written down
for each operation by the names of classes, and painted with numpy alone.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from datasets_app.actions.exports import ExportRequest, export_version
from datasets_app.actions.reverts import revert_version
from datasets_app.entries import Entry
from datasets_app.image_lists import list_images
from datasets_app.models import Dataset, Version
from datasets_app.staging import ImageChange
from datasets_app.taxonomy_access import get_reading
from datasets_app.views_of_labels import (
    View,
    view_instances_json,
    view_panoptic_json,
    view_panoptic_png,
    view_semantic_png,
)
from labels_app.actions.mappings import create_mapping
from labels_app.reading import Reading
from labels_app.revisions import get_labels, register_labels
from panoptic.codec import pack_label
from panoptic.label import Label
from panoptic.rle import decode_coco_rle
from panoptic.runs import decode_runs
from tests.datasets_app.builders import author, commit_to, dataset, taxonomy
from tests.datasets_app.curated import (
    CAR,
    CASES,
    CLASSES,
    GRASS,
    NAMES,
    ROAD,
    SKY,
    STUFF,
    VAN,
    Case,
    drawn_labels,
    publish,
    random_label,
)

pytestmark = pytest.mark.django_db

# ---- by hand ----------------------------------------------------------------


class Painted(NamedTuple):
    """What an image shows: ids and classes by pixel, and the things by id."""

    ids: np.ndarray
    class_names: np.ndarray
    things: dict[int, tuple[str, bool, np.ndarray]]
    crowds: dict[int, bool]


def relabel(stored: Label, wanted: Case) -> Painted:
    """Read the pixels of a label by hand."""
    planes = [decode_runs(layer) for layer in stored.layers]
    topmost = np.zeros(stored.shape, np.uint32)
    for plane in planes:
        topmost = np.where(plane > 0, plane, topmost)
    ids = np.zeros(stored.shape, np.uint32)
    class_names = np.full(stored.shape, "", object)
    roots: dict[tuple[str, str], int] = {}
    things: dict[int, tuple[str, bool, np.ndarray]] = {}
    crowds: dict[int, bool] = {}
    for row in sorted(stored.segments):
        name = wanted.name_of(row.class_id)
        if name is None:
            continue
        kind, was_stuff = wanted.kind_of(name), row.class_id in STUFF
        root = row.segment_id
        if kind == "stuff":
            root = roots.setdefault((name, "stuff"), root)
        elif was_stuff:
            root = roots.setdefault((name, "crowd"), root)
        mask = np.any([plane == row.segment_id for plane in planes], axis=0)
        ids[topmost == row.segment_id] = root
        class_names[topmost == row.segment_id] = name
        crowds[root] = kind == "thing" and (was_stuff or row.crowd)
        if kind == "thing":
            _, _, before = things.get(root, (name, False, np.zeros(stored.shape, bool)))
            things[root] = (name, crowds[root], before | mask)
    return Painted(ids, class_names, things, crowds)


# ---- through the house ------------------------------------------------------


class World(NamedTuple):
    """A dataset whose labels are not touched, before and after its taxonomy was moved."""

    dataset: Dataset
    before: Version
    after: Version
    labels: dict[str, Label]


def build(wanted: Case, drawn: list[Label]) -> World:
    place = dataset(drawing=CLASSES)
    packed = [pack_label(one) for one in drawn]
    register_labels(packed)
    before = commit_to(
        place, [ImageChange(f"{n}.png", label=one.digest) for n, one in enumerate(packed)]
    )
    for operations in wanted.drafts:
        published = publish(place, operations)
    after = commit_to(place, [], taxonomy_version=published)
    return World(place, before, after, {f"{n}.png": one for n, one in enumerate(drawn)})


@pytest.fixture(params=CASES, ids=str)
def wanted(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def world(wanted: Case) -> World:
    return build(wanted, [*drawn_labels(), *(random_label(seed) for seed in range(12))])


def entries(version: Version) -> dict[str, Entry]:
    return {row.name: row.entry for row in list_images(version, limit=100).rows}


def all_views(version: Version, reading: Reading) -> dict[str, list[View]]:
    return {
        name: [
            view_panoptic_png(entry, reading),
            view_semantic_png(entry, reading),
            view_instances_json(entry, reading, name=name),
            view_panoptic_json(entry, reading, name=name),
        ]
        for name, entry in entries(version).items()
    }


def rendered(views: dict[str, list[View]]) -> dict[str, list[tuple[str, bytes]]]:
    return {name: [(view.etag, view.render()) for view in some] for name, some in views.items()}


def ids_of_png(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        rgb = np.asarray(picture).astype(np.uint32)
    return rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]


def check_views(version: Version, reading: Reading, labels: dict[str, Label], by: Case) -> None:
    for name, (panoptic, semantic, instances, _) in all_views(version, reading).items():
        expected = relabel(labels[name], by)
        assert np.array_equal(ids_of_png(panoptic.render()), expected.ids)
        with Image.open(io.BytesIO(semantic.render())) as picture:
            classes = np.asarray(picture)
        numbers = {"": 0} | {spec.name: spec.class_id for spec in reading.live_classes}
        assert np.array_equal(classes, np.vectorize(numbers.get)(expected.class_names))
        check_instances(json.loads(instances.render()), labels[name], expected)


def check_instances(body: dict[str, Any], stored: Label, expected: Painted) -> None:
    rows = {row["id"]: row for row in body["instances"]}
    assert rows.keys() == expected.things.keys()
    for segment_id, (name, crowd, mask) in expected.things.items():
        row = rows[segment_id]
        assert (row["class_name"], row["crowd"], row["area"]) == (name, crowd, mask.sum())
        assert row["visible_area"] == (expected.ids == segment_id).sum()
        runs = decode_coco_rle(row["segmentation"]["counts"], *stored.shape)
        assert np.array_equal(decode_runs(runs) != 0, mask)


# ---- the laws ---------------------------------------------------------------


def test_views_are_the_relabelled_old_pixels(world: World, wanted: Case) -> None:
    reading = get_reading(world.after, user=None)

    check_views(world.after, reading, world.labels, wanted)


def test_an_export_is_the_relabelled_old_pixels(world: World, wanted: Case, tmp_path: Path) -> None:
    under = f"{world.dataset.taxonomy.slug}@{world.after.taxonomy_version.number}"
    reading = get_reading(world.before, user=None, under=under)
    request = ExportRequest("coco_panoptic")

    export_version(world.before, tmp_path / "x.json", request, reading=reading)

    body = json.loads((tmp_path / "x.json").read_text())
    categories = {row["id"]: (row["name"], row["isthing"]) for row in body["categories"]}
    assert {name for name, _ in categories.values()} == {c.name for c in reading.live_classes}
    names = {image["id"]: image["file_name"] for image in body["images"]}
    for annotation in body["annotations"]:
        expected = relabel(world.labels[names[annotation["image_id"]]], wanted)
        png = (tmp_path / "x" / annotation["file_name"]).read_bytes()
        assert np.array_equal(ids_of_png(png), expected.ids)
        assert sorted(
            (row["id"], *categories[row["category_id"]], row["iscrowd"], row["area"])
            for row in annotation["segments_info"]
        ) == [
            (
                segment_id,
                name := expected.class_names[expected.ids == segment_id][0],
                wanted.kind_of(name) == "thing",
                expected.crowds[segment_id],
                (expected.ids == segment_id).sum(),
            )
            for segment_id in np.unique(expected.ids[expected.ids > 0]).tolist()
        ]


def test_an_older_version_reads_under_the_new_taxonomy_as_the_moved_one_does(world: World) -> None:
    slug = world.dataset.taxonomy.slug
    reading = get_reading(world.before, user=None, under=slug)

    assert rendered(all_views(world.before, reading)) == rendered(
        all_views(world.after, get_reading(world.after, user=None))
    )


def test_labels_are_not_touched(world: World) -> None:
    assert entries(world.after) == entries(world.before)
    assert world.after.root == world.before.root
    digests = {entry.label for entry in entries(world.after).values()}
    assert {pack_label(one).digest for one in get_labels(digests).values()} == digests


def test_a_revert_gives_the_old_views_back_byte_for_byte(world: World) -> None:
    own = get_reading(world.before, user=None)

    reverted = revert_version(
        dataset=world.dataset,
        branch="main",
        expected_head=world.after.version_id,
        version=world.after,
        author=author(),
    )

    assert rendered(all_views(reverted, get_reading(reverted, user=None))) == rendered(
        all_views(world.before, own)
    )


def test_flipping_there_and_back_gives_the_old_views_back_byte_for_byte() -> None:
    world = build(CASES["flip there and back"], drawn_labels())

    bodies = [
        {name: [body for _, body in some] for name, some in rendered(views).items()}
        for views in (
            all_views(version, get_reading(version, user=None))
            for version in (world.before, world.after)
        )
    ]
    # Only the ETags differ: the taxonomy has two classes more, which read as the old ones.
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("number", [0, 1])
def test_another_taxonomy_reads_through_a_mapping(number: int) -> None:
    # Its ids mean other classes than those of the labels: 1 is no road there.
    target = taxonomy("1:vehicle 2:ground/stuff 3:air/stuff 4:lot")
    by = Case(
        (),
        [
            {ROAD: "ground", GRASS: "ground", CAR: "vehicle", VAN: "vehicle", SKY: None},
            {ROAD: "lot", GRASS: "lot", CAR: "air", VAN: None, SKY: "air"},
        ][number],
        {"vehicle": "thing", "ground": "stuff", "air": "stuff", "lot": "thing"},
    )
    world = build(CASES["recolor"], [*drawn_labels(), *map(random_label, range(12))])
    create_mapping(
        source=world.before.taxonomy_version,
        target=target,
        entries={NAMES[class_id]: name for class_id, name in by.names.items()},
        actor=author(),
    )

    reading = get_reading(world.before, user=None, under=f"{target.taxonomy.slug}@1")

    check_views(world.before, reading, world.labels, by)


def test_names_and_colours_keep_the_etags_of_ids() -> None:
    world = build(CASES["rename"], drawn_labels())
    old, new = (get_reading(version, user=None) for version in (world.before, world.after))
    entry = entries(world.before)["0.png"]

    assert view_panoptic_png(entry, old).etag == view_panoptic_png(entry, new).etag
    assert view_semantic_png(entry, old).etag == view_semantic_png(entry, new).etag
    named = [view_instances_json(entry, reading, name="0").etag for reading in (old, new)]
    assert named[0] != named[1]
