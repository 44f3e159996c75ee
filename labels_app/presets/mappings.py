"""How the classes of one preset read in another: a proposal, for people to look at and change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labels_app.presets.base import UnknownPreset


@dataclass(frozen=True)
class PresetMapping:
    """For every class of the preset `source`, by name, a class of `target`, or None for void.

    `reasons` says, for classes that somebody else may map otherwise, why they map so.
    """

    source: str
    target: str
    targets: Mapping[str, str | None]
    reasons: Mapping[str, str]


# Cityscapes' class, then the classes of COCO that read as it.
_FROM_COCO: Mapping[str, tuple[str, ...]] = {
    "road": ("road",),
    "sidewalk": ("pavement-merged",),
    "building": ("building-other-merged", "house", "roof"),
    "wall": ("wall-brick", "wall-stone", "wall-tile", "wall-wood", "wall-other-merged"),
    "fence": ("fence-merged",),
    "traffic light": ("traffic light",),
    "traffic sign": ("stop sign",),
    "vegetation": ("tree-merged", "flower"),
    "terrain": ("grass-merged", "dirt-merged", "sand", "gravel"),
    "sky": ("sky-other-merged",),
    "person": ("person",),
    "car": ("car",),
    "truck": ("truck",),
    "bus": ("bus",),
    "train": ("train",),
    "motorcycle": ("motorcycle",),
    "bicycle": ("bicycle",),
}

# The rest, class by class: a class that COCO's list has and nobody thought of must not become
# void unseen.
_VOID_OF_COCO: tuple[str, ...] = (
    *("airplane", "boat", "fire hydrant", "parking meter", "bench"),
    *("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    *("backpack", "umbrella", "handbag", "tie", "suitcase"),
    *("frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove"),
    *("skateboard", "surfboard", "tennis racket"),
    *("bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl"),
    *("banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza"),
    *("donut", "cake", "fruit", "food-other-merged"),
    *("chair", "couch", "potted plant", "bed", "dining table", "toilet"),
    *("tv", "laptop", "mouse", "remote", "keyboard", "cell phone"),
    *("microwave", "oven", "toaster", "sink", "refrigerator"),
    *("book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush"),
    *("banner", "blanket", "curtain", "pillow", "towel", "rug-merged"),
    *("counter", "door-stuff", "light", "mirror-stuff", "shelf", "stairs", "cabinet-merged"),
    *("table-merged", "floor-wood", "floor-other-merged", "ceiling-merged"),
    *("window-blind", "window-other", "cardboard", "paper-merged", "net"),
    *("bridge", "tent", "platform", "playingfield", "railroad"),
    *("river", "sea", "water-other", "snow", "mountain-merged", "rock-merged"),
)

_REASONS_OF_COCO: Mapping[str, str] = {
    "person": "COCO does not tell riders from people on foot, so nothing reads as rider",
    "roof": "to Cityscapes a roof is part of its building",
    "wall-brick": "a wall of Cityscapes stands alone; COCO does not say whether a wall does",
    "wall-stone": "a wall of Cityscapes stands alone; COCO does not say whether a wall does",
    "wall-tile": "a wall of Cityscapes stands alone; COCO's tiled walls are mostly indoors",
    "wall-wood": "a wall of Cityscapes stands alone; COCO does not say whether a wall does",
    "wall-other-merged": "a wall of Cityscapes stands alone; COCO does not say whether a wall does",
    "stop sign": "the only traffic sign that COCO knows; instances of it become one stuff segment",
    "traffic light": "a thing in COCO, stuff in Cityscapes: its instances become one segment",
    "flower": "plants that grow; those in pots are a class of their own",
    "potted plant": "a pot is no vegetation, and most stand indoors",
    "sand": "Cityscapes names soil and sand as terrain",
    "gravel": "ground that is no road; where cars drive on it, road would be right",
    "playingfield": "grass or a court: COCO does not say which",
    "snow": "it covers road, pavement and terrain alike",
    "mountain-merged": "woods, grass and rock from afar in one",
    "rock-merged": "a rock stands up like a wall and is ground like terrain",
    "railroad": "Cityscapes' rail track is not among the 19",
    "bridge": "Cityscapes' bridge is not among the 19",
    "platform": "for trains, seldom beside a street",
    "stairs": "indoors as often as out",
    "window-other": "a window is part of its building; COCO's are mostly seen from within",
    "door-stuff": "a door is part of its building; COCO's are mostly seen from within",
    "light": "COCO's lamps hang indoors as well as on poles",
    "net": "sports nets more than fences",
}

COCO_TO_CITYSCAPES19 = PresetMapping(
    source="coco",
    target="cityscapes19",
    targets={
        **{name: target for target, names in _FROM_COCO.items() for name in names},
        **dict.fromkeys(_VOID_OF_COCO),
    },
    reasons=_REASONS_OF_COCO,
)

MAPPINGS: Mapping[tuple[str, str], PresetMapping] = {
    (mapping.source, mapping.target): mapping for mapping in (COCO_TO_CITYSCAPES19,)
}


def list_mappings() -> tuple[PresetMapping, ...]:
    """Return every proposed mapping."""
    return tuple(MAPPINGS.values())


def get_mapping(source: str, target: str) -> PresetMapping:
    """Return the proposal for two presets; raise `UnknownPreset` if there is none."""
    try:
        return MAPPINGS[source, target]
    except KeyError:
        raise UnknownPreset(f"{source} to {target}", kind="mapping") from None
