"""Each preset against the list that its makers wrote down.

`SOURCES` holds digests that were computed from the files named in docs/presets.md and not
from our data: the sha256 over one line `id TAB name TAB value LF` per class, by id, in UTF-8;
the value is 1 for a thing and 0 for stuff in `kinds`, #rrggbb in `colors`. docs/presets.md
says how to read each file; `digest_of` below makes the digest from what was read.
"""

import hashlib
import pickle
from collections.abc import Iterable
from typing import NamedTuple

import pytest

from labels_app.class_spec import ClassSpec
from labels_app.classes import classes_digest, settle_classes
from labels_app.presets import (
    PRESETS,
    Preset,
    UnknownPreset,
    get_preset,
    list_presets,
    preset_classes,
)
from labels_app.presets.mappings import COCO_TO_CITYSCAPES19, get_mapping, list_mappings

KEYS = ["coco", "cityscapes", "cityscapes19", "ade20k", "mapillary", "mapillary2", "voc"]


class Source(NamedTuple):
    """How many things and stuff classes, the range of the ids, digests of the rows."""

    things: int
    stuff: int
    ids: tuple[int, int]
    kinds: str
    colors: str


SOURCES = {
    # github.com/cocodataset/panopticapi@7bb4655548f98f3fedc07bf37e9040a992b054b0
    # panoptic_coco_categories.json
    "coco": Source(
        things=80,
        stuff=53,
        ids=(1, 200),
        kinds="9ef3b665292141e3d3cb8faae1f880add58c92fb2633450ca4c1b01245c5da49",
        colors="1037e266a39a0f8d5d50975323b1e561d131a4cf40aa618a5a3f872c95e24ff1",
    ),
    # github.com/mcordts/cityscapesScripts@0bcc4a72549590fd80d71d8465be3a0c4b1c06e8
    # cityscapesscripts/helpers/labels.py
    "cityscapes": Source(
        things=10,
        stuff=25,
        ids=(-1, 33),
        kinds="c2633d5f229964205222da910e1773e0d49573d820b6fb233fb041b05b7ac1fe",
        colors="8b01542c8159751c79496a47e75e65f68940a8e6f55922dd14834ca8b03d92ba",
    ),
    "cityscapes19": Source(
        things=8,
        stuff=11,
        ids=(0, 18),
        kinds="1d083f0e6963c9269d636cac8ab910ebad1a279b155d78d4de99026c58a3bd5d",
        colors="5d4ffa02e85696b838dab2131692296c391866d3465f2858e3ad73c6594f0f90",
    ),
    # github.com/CSAILVision/sceneparsing@e20222964c58eba41d8986d45d652d93adc234a5
    # objectInfo150.txt, visualizationCode/color150.mat; things: those that
    # github.com/CSAILVision/placeschallenge@de354d418657765406a82b3416da7ee5682a7f1f
    # instancesegmentation/categoryMapping.txt has instances of
    "ade20k": Source(
        things=100,
        stuff=50,
        ids=(1, 150),
        kinds="fa9b4fd13cda77a15a2262691bd4756927e533067c055c5d79afd0529676aa92",
        colors="a06f04f5d9eb82eb4dfc4b66a9f84027dd9db23b80032ee26b2c7664b8820441",
    ),
    # Copies of config_v1.2.json and config_v2.0.json, see docs/presets.md:
    # github.com/facebookresearch/Mask2Former@9b0651c6c1d5b3af2e6da0589b719c514ec0d69a
    # mask2former/data/datasets/register_mapillary_vistas.py
    "mapillary": Source(
        things=37,
        stuff=29,
        ids=(0, 65),
        kinds="2ca3c06dfa2ff613fa616ccd3e14617b7b521868e5decb10e5a8d77694f9f152",
        colors="3f5fd8058e6627a1f649fef08db08c1edf8ddb3b58a20f93d98136003117b7d6",
    ),
    # mmsegmentation 1.2.2 on PyPI, mmseg/datasets/mapillary.py
    "mapillary2": Source(
        things=72,
        stuff=52,
        ids=(0, 123),
        kinds="a5964c6aa46023c54846e569eee3407db798285f13ec1a8afd0448cd9c25bcdd",
        colors="4cbdf51215a31dfde560da3965350625ee7e2fc624ad43e82fcbd774aa057a09",
    ),
    # github.com/weiliu89/VOCdevkit@6c126483af7b53c7a1da76b1620fb4c4a0fe3a7c, a copy of the
    # development kit of 2012: VOCcode/VOCinit.m, VOCcode/VOClabelcolormap.m
    "voc": Source(
        things=20,
        stuff=0,
        ids=(1, 20),
        kinds="046c53ccf5378b2b0833ed81f1ebbc49b3a434ffb00a82bd66c24f43ab49f51b",
        colors="5548b09437de30969343b0539634157ec82013aced0ca4bd23edc2c26ec1e119",
    ),
}


def digest_of(rows: Iterable[tuple[int, str, int | str]]) -> str:
    """Return the digest of rows of id, name and value."""
    lines = [f"{class_id}\t{name}\t{value}\n" for class_id, name, value in sorted(rows)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def ids_of(preset: Preset) -> list[int]:
    return [spec.external[preset.scheme] for spec in preset.classes]


def spec_named(key: str, name: str) -> ClassSpec:
    return next(spec for spec in preset_classes(key) if spec.name == name)


def test_all_presets_are_there_in_a_fixed_order():
    assert [preset.key for preset in list_presets()] == list(PRESETS) == KEYS


@pytest.mark.parametrize("key", KEYS)
def test_a_preset_has_the_ids_names_and_kinds_of_its_source(key):
    preset = get_preset(key)
    rows = [
        (spec.external[preset.scheme], spec.name, int(spec.kind == "thing"))
        for spec in preset.classes
    ]
    assert digest_of(rows) == SOURCES[key].kinds


@pytest.mark.parametrize("key", KEYS)
def test_a_preset_has_the_colours_of_its_source(key):
    preset = get_preset(key)
    rows = [(spec.external[preset.scheme], spec.name, spec.color) for spec in preset.classes]
    assert digest_of(rows) == SOURCES[key].colors


@pytest.mark.parametrize("key", KEYS)
def test_a_preset_has_as_many_things_and_stuff_classes_as_its_source(key):
    preset, source = get_preset(key), SOURCES[key]
    assert (preset.things, preset.stuff) == (source.things, source.stuff)


@pytest.mark.parametrize("key", KEYS)
def test_the_ids_of_a_preset_are_unique_and_in_the_range_of_its_source(key):
    ids = ids_of(get_preset(key))
    assert len(set(ids)) == len(ids)
    assert (min(ids), max(ids)) == SOURCES[key].ids


@pytest.mark.parametrize("key", KEYS)
def test_a_taxonomy_can_be_made_of_a_preset(key):
    specs = preset_classes(key)
    settled = settle_classes(specs)
    assert [spec.name for spec in settled.classes] == [spec.name for spec in specs]
    assert settled.next_class_id == len(specs) + 1


@pytest.mark.parametrize("key", KEYS)
def test_settling_a_preset_leaves_the_preset_as_it_was(key):
    before = classes_digest(settle_classes(preset_classes(key)).classes)
    assert classes_digest(settle_classes(preset_classes(key)).classes) == before
    assert {spec.class_id for spec in preset_classes(key)} == {None}


@pytest.mark.parametrize("key", KEYS)
def test_no_synonym_of_a_preset_repeats_the_name_of_its_class(key):
    for spec in preset_classes(key):
        assert spec.name not in spec.synonyms
        assert len(set(spec.synonyms)) == len(spec.synonyms)


def test_a_preset_that_nobody_knows_is_not_found():
    with pytest.raises(UnknownPreset, match="there is no preset 'lvis'") as caught:
        get_preset("lvis")
    assert (caught.value.code, caught.value.status) == ("not_found", 404)
    assert caught.value.facts == {"kind": "preset", "name": "lvis"}


def test_an_unknown_preset_crosses_processes_unchanged():
    error = pickle.loads(pickle.dumps(UnknownPreset("lvis")))
    assert (error.key, str(error)) == ("lvis", "there is no preset 'lvis'")


def test_the_ids_of_coco_have_gaps():
    ids = ids_of(get_preset("coco"))
    assert len(ids) == 133
    assert not {0, 12, 26, 91, 150, 183} & set(ids)


def test_the_supercategory_of_coco_is_the_heading():
    assert spec_named("coco", "pavement-merged").heading == "ground"


def test_license_plate_is_a_class_that_reads_as_void_in_label_files():
    plate = spec_named("cityscapes", "license plate")
    assert (plate.kind, plate.external) == ("stuff", {"cityscapes": -1})


def test_the_labels_that_cityscapes_ignores_say_so_and_have_no_train_id():
    ignored = [spec for spec in preset_classes("cityscapes") if spec.description]
    assert len(ignored) == 35 - 19
    assert not any("cityscapes_train" in spec.external for spec in ignored)


def test_the_19_classes_of_cityscapes_come_in_the_order_of_their_train_ids():
    specs = preset_classes("cityscapes19")
    assert [spec.external["cityscapes_train"] for spec in specs] == list(range(19))
    assert [spec.external["cityscapes"] for spec in specs][:3] == [7, 8, 11]


def test_the_first_of_ade20k_s_names_is_the_name_and_the_others_are_synonyms():
    sofa = spec_named("ade20k", "sofa")
    assert (sofa.external, sofa.synonyms) == ({"ade20k": 24}, ("couch", "lounge"))


def test_ade20k_tells_its_two_doors_and_its_three_screens_apart():
    names = {spec.name for spec in preset_classes("ade20k")}
    assert {"door", "screen door", "screen", "crt screen"} <= names


def test_mapillary_s_own_name_is_a_synonym_and_its_first_part_the_heading():
    curb = spec_named("mapillary", "Curb")
    assert curb.synonyms == ("construction--barrier--curb",)
    assert (curb.heading, curb.external) == ("construction", {"mapillary": 2})


def test_the_evaluation_of_mapillary_2_counts_70_things_and_46_stuff_classes():
    counted = [spec for spec in preset_classes("mapillary2") if not spec.description]
    things = sum(spec.kind == "thing" for spec in counted)
    assert (things, len(counted) - things) == (70, 46)


def test_the_two_lists_of_mapillary_have_schemes_of_their_own():
    # Id 2 is a curb in one list and an ambiguous barrier in the other.
    assert spec_named("mapillary", "Curb").external == {"mapillary": 2}
    assert spec_named("mapillary2", "Curb").external == {"mapillary2": 4}


def test_the_background_of_voc_is_no_class():
    assert "background" not in {spec.name for spec in preset_classes("voc")}
    assert spec_named("voc", "diningtable").synonyms == ("dining table",)


def test_the_proposed_mapping_covers_all_of_coco_and_names_only_classes_of_cityscapes():
    names = {spec.name for spec in preset_classes("coco")}
    assert set(COCO_TO_CITYSCAPES19.targets) == names
    targets = {target for target in COCO_TO_CITYSCAPES19.targets.values() if target}
    assert targets <= {spec.name for spec in preset_classes("cityscapes19")}


def test_only_poles_and_riders_are_unknown_to_coco():
    named = set(COCO_TO_CITYSCAPES19.targets.values())
    unnamed = {spec.name for spec in preset_classes("cityscapes19")} - named
    assert unnamed == {"pole", "rider"}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("road", "road"),
        ("pavement-merged", "sidewalk"),
        ("house", "building"),
        ("wall-brick", "wall"),
        ("stop sign", "traffic sign"),
        ("tree-merged", "vegetation"),
        ("dirt-merged", "terrain"),
        ("dog", None),
        ("railroad", None),
    ],
)
def test_the_proposed_mapping_says(name, target):
    assert get_mapping("coco", "cityscapes19").targets[name] == target


def test_reasons_are_given_for_classes_of_the_source():
    for mapping in list_mappings():
        names = {spec.name for spec in preset_classes(mapping.source)}
        assert set(mapping.reasons) <= names


def test_a_mapping_that_nobody_proposes_is_not_found():
    with pytest.raises(UnknownPreset, match="there is no mapping 'voc to coco'"):
        get_mapping("voc", "coco")
