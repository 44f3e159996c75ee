"""What curators do to a taxonomy, and labels on which it matters: overlaps, crowds, void."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets_app.models import Dataset, Version
from datasets_app.staging import ImageChange
from labels_app.actions.drafts import edit_draft, get_draft, publish_draft
from labels_app.models import TaxonomyVersion
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from panoptic.label import Label, Segment, compose_label
from panoptic.runs import encode_runs
from tests.builders import label, stack
from tests.datasets_app.builders import author, commit_to

ROAD, GRASS, CAR, VAN, SKY = 1, 2, 3, 4, 5
CLASSES = "1:road/stuff 2:grass/stuff 3:car 4:van 5:sky/stuff"
STUFF = frozenset({ROAD, GRASS, SKY})
NAMES = {ROAD: "road", GRASS: "grass", CAR: "car", VAN: "van", SKY: "sky"}
KINDS = {name: "stuff" if number in STUFF else "thing" for number, name in NAMES.items()}


@dataclass(frozen=True)
class Case:
    """Drafts to publish one after the other, and what the stored classes then read as.

    `names` and `kinds` say only what is otherwise than before; None is void.
    """

    drafts: tuple[tuple[dict[str, Any], ...], ...]
    names: Mapping[int, str | None]
    kinds: Mapping[str, str]

    def name_of(self, class_id: int) -> str | None:
        return self.names.get(class_id, NAMES[class_id])

    def kind_of(self, name: str) -> str:
        return {**KINDS, **self.kinds}[name]


def case(*operations: dict[str, Any], names: Any = None, kinds: Any = None, **more: Any) -> Case:
    return Case((operations, *more.get("then", ())), names or {}, kinds or {})


def merge(*classes: str, into: Any, **kind: str) -> dict[str, Any]:
    return {"op": "merge", "classes": list(classes), "into": into, **kind}


FLIP_CAR, FLIP_ROAD = {"op": "flip", "class": "car"}, {"op": "flip", "class": "road"}
CASES = {
    "rename": case({"op": "rename", "class": "car", "name": "auto"},
                   names={CAR: "auto"}, kinds={"auto": "thing"}),
    "recolor": case({"op": "recolor", "class": "car", "color": "#123456"}),
    "merge things": case(merge("car", "van", into="vehicle"),
                         names={CAR: "vehicle", VAN: "vehicle"}, kinds={"vehicle": "thing"}),
    "merge stuff": case(merge("road", "grass", into="ground"),
                        names={ROAD: "ground", GRASS: "ground"}, kinds={"ground": "stuff"}),
    "merge into one of them": case(merge("grass", "road", into="road"), names={GRASS: "road"}),
    "merge thing and stuff to a thing": case(
        merge("van", "grass", into="clutter", kind="thing"),
        names={VAN: "clutter", GRASS: "clutter"}, kinds={"clutter": "thing"}),
    "merge thing and stuff to stuff": case(
        merge("van", "grass", into="clutter", kind="stuff"),
        names={VAN: "clutter", GRASS: "clutter"}, kinds={"clutter": "stuff"}),
    "retire a thing to void": case({"op": "retire", "class": "car"}, names={CAR: None}),
    "retire stuff to void": case({"op": "retire", "class": "sky"}, names={SKY: None}),
    "retire into": case({"op": "retire", "class": "van", "into": "car"}, names={VAN: "car"}),
    "split": case({"op": "split", "class": "car", "into": ["sedan", "coupe"]}),
    "flip a thing to stuff": case(FLIP_CAR, kinds={"car": "stuff"}),
    "flip stuff to a thing": case(FLIP_ROAD, kinds={"road": "thing"}),
    "flip there and back": case(FLIP_CAR, FLIP_ROAD, then=[(FLIP_ROAD, FLIP_CAR)]),
    "retire all": case(*({"op": "retire", "class": name} for name in NAMES.values()),
                       {"op": "add", "name": "thing", "kind": "thing"},
                       names=dict.fromkeys(NAMES)),
}  # fmt: skip


def drawn_labels() -> list[Label]:
    """Overlaps in three layers, void, crowds, stuff above a thing, and segments nobody sees."""
    return [
        stack(
            "11112 11112 ....2", ".333. .334. .....", "..55. ..55. .....",
            classes={1: ROAD, 2: GRASS, 3: CAR, 4: VAN, 5: VAN}, crowds=[5],
            scores={3: 0.5, 4: 0.25}, attributes={1: {"wet": True}, 2: {"wet": False}},
        ),
        stack("11", "22", "3.", classes={1: CAR, 2: SKY, 3: VAN}),
        stack("999.", ".77.", "..88", classes={9: ROAD, 7: CAR, 8: GRASS}, crowds=[7]),
        label("1122 .345", {1: CAR, 2: CAR, 3: SKY, 4: ROAD, 5: GRASS}, crowds=[2]),
        label("....", {}),
    ]  # fmt: skip


def random_label(seed: int) -> Label:
    rng = np.random.default_rng(seed)
    painted: list[tuple[Segment, Any]] = []
    left_of_stuff = set(STUFF)
    for segment_id in rng.permutation(np.arange(1, 9)).tolist():
        class_id = int(rng.integers(1, 6))
        if class_id in STUFF:
            if class_id not in left_of_stuff:
                continue
            left_of_stuff.remove(class_id)
        mask = rng.random((6, 7)) < rng.choice([0.1, 0.4, 0.8])
        mask[rng.integers(6), rng.integers(7)] = True
        crowd = class_id not in STUFF and bool(rng.random() < 0.3)
        painted.append((Segment(segment_id, class_id, crowd), encode_runs(mask)))
    return compose_label(6, 7, painted)


RENAME = {"op": "rename", "class": "car", "name": "auto"}
MERGE = {"op": "merge", "classes": ["road", "grass"], "into": "ground"}
NO_SKY = {"op": "retire", "class": "sky"}


def publish(place: Dataset, operations: tuple[dict[str, Any], ...]) -> TaxonomyVersion:
    revision = get_draft(place.taxonomy).revision
    draft = edit_draft(
        taxonomy=place.taxonomy,
        expected_revision=revision,
        operations=list(operations),
        actor=author(),
    )
    return publish_draft(
        taxonomy=place.taxonomy, expected_revision=draft.revision, message="Curate", actor=author()
    )


def put(place: Dataset, labels: dict[str, Label | None], **fields: Any) -> Version:
    """Commit labels by the names of their images; None removes an image."""
    packed = {name: pack_label(one) for name, one in labels.items() if one is not None}
    register_labels(packed.values())
    return commit_to(
        place,
        [
            ImageChange(name, delete=True)
            if one is None
            else ImageChange(name, label=packed[name].digest)
            for name, one in labels.items()
        ],
        **fields,
    )


def road_and_car(pixels: str = "1133") -> Label:
    return label(pixels, {int(sign): int(sign) for sign in set(pixels) - {"."}})


def move(place: Dataset, *operations: dict[str, Any]) -> Version:
    """Publish the operations and move the branch to what came of them."""
    return commit_to(place, [], taxonomy_version=publish(place, operations))
