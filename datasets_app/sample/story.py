"""The story of the sample: who did what in which version, and what each image was like then."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_app.sample.annotators import ANNOTATORS, Handling, annotate
from datasets_app.sample.painting import photograph
from datasets_app.sample.scene import scene_layout, scene_mood, scene_size
from datasets_app.sample.tiny import TINY_SIZE, annotate_tiny
from panoptic.label import Label

MIN_IMAGES, MAX_IMAGES = 12, 100_000


class Step(NamedTuple):
    """One version of the sample.

    `parent` is the step that it follows (None: the first one) and `parent_branch` the branch whose
    head that step is when the steps are made in order.
    """

    name: str
    branch: str
    parent: str | None
    parent_branch: str | None
    author: str
    message: str
    tag: str | None = None


STEPS = (
    Step(
        "first-annotation",
        "main",
        None,
        None,
        "jonas",
        "First annotation by four people, and a model where they had no time",
        "first-pass",
    ),
    Step(
        "boundaries",
        "main",
        "first-annotation",
        "main",
        "amara",
        "Mend loose boundaries, add instances that were missed",
    ),
    Step(
        "classes",
        "main",
        "boundaries",
        "main",
        "mei",
        "Correct classes, take merged instances apart, join what was cut",
        "release-1.0",
    ),
    Step(
        "relabel-persons",
        "relabel-persons",
        "classes",
        "main",
        "rosa",
        "Draw people again with their full masks, drop photographs that show nobody",
    ),
    Step(
        "second-batch",
        "main",
        "classes",
        "main",
        "amara",
        "Add the second batch of photographs, describe vehicles and lights",
    ),
)


class SampleImage(NamedTuple):
    """One image of one version; `label` is None where nobody has labelled it yet."""

    name: str
    height: int
    width: int
    label: Label | None
    split: str
    status: str
    attributes: Mapping[str, object]


class SampleStory:
    """The steps of a sample of `images` images.

    Raises ValueError for a number of images outside 12–100,000.
    """

    steps = STEPS

    def __init__(self, seed: int, images: int, tiny: bool = False) -> None:
        if not MIN_IMAGES <= images <= MAX_IMAGES:
            raise ValueError(f"a sample has {MIN_IMAGES} to {MAX_IMAGES:,} images, not {images}")
        self.seed, self.images, self.tiny = seed, images, tiny

    def changed_indices(self, step: str) -> NDArray[np.int64]:
        """Ascending indices of the images that a step adds, drops or handles.

        Every other image is exactly as in the parent step. A handled one may come out equal too,
        where there was nothing to mend.
        """
        indices = np.arange(self.images, dtype=np.int64)
        rolls = _rolls(self.seed, indices)
        new = _progress(rolls, indices, step)
        parent = get_step(step).parent
        if parent is None:
            return indices[new["present"]]
        old = _progress(rolls, indices, parent)
        differs = np.zeros(len(indices), dtype=bool)
        for field in new:
            differs |= new[field] != old[field]
        # What neither side has cannot differ, however far its labels would have come.
        differs &= new["present"] | old["present"]
        return indices[differs]

    def image_at(self, index: int, step: str) -> SampleImage | None:
        return image_at(self.seed, index, step, tiny=self.tiny)


def get_step(name: str) -> Step:
    """Raises KeyError for a name that is no step."""
    for step in STEPS:
        if step.name == name:
            return step
    raise KeyError(name)


def image_at(seed: int, index: int, step: str, *, tiny: bool = False) -> SampleImage | None:
    """Compute one image of one step from these arguments alone; None where the step lacks it.

    `tiny` makes a 32 × 32 label of a few segments instead of a scene, for large benchmarks.
    """
    indices = np.array([index])
    rolls = _rolls(seed, indices)
    progress = {field: bool(v[0]) for field, v in _progress(rolls, indices, step).items()}
    if not progress["present"]:
        return None
    annotator = ANNOTATORS[int(rolls["annotator"][0] * len(ANNOTATORS))]
    handling = Handling(annotator, **{f: progress[f] for f in Handling._fields[1:]})
    height, width = (TINY_SIZE, TINY_SIZE) if tiny else scene_size(index)
    label = None
    if progress["labelled"] or progress["model"]:
        if tiny:
            label = annotate_tiny(seed, index, handling)
        else:
            label = annotate(seed, index, handling)
    return SampleImage(
        name=image_name(seed, index),
        height=height,
        width=width,
        label=label,
        split=_split(index),
        status=_status(progress),
        attributes=_attributes(seed, index, annotator),
    )


def photo_at(seed: int, index: int) -> bytes:
    """Paint the photograph of an image, JPEG; the same in every step."""
    return photograph(seed, index)


def image_name(seed: int, index: int) -> str:
    return f"{scene_layout(seed, index)}/{index:06d}.jpg"


def _split(index: int) -> str:
    return {4: "val", 10: "val", 9: "test"}.get(index % 12, "train")


def _status(progress: Mapping[str, bool]) -> str:
    if progress["reviewed"]:
        return "reviewed"
    if progress["model"] and not progress["accepted"]:
        return "pre-labelled"
    return "labelled" if progress["labelled"] else "unlabelled"


def _attributes(seed: int, index: int, annotator: str) -> Mapping[str, object]:
    mood = scene_mood(seed, index)
    return {
        "annotator": annotator,
        "light": mood.name,
        "scene": scene_layout(seed, index),
        "time_of_day": mood.time,
        "weather": mood.weather,
    }


def _progress(
    rolls: Mapping[str, NDArray[np.float64]], indices: NDArray[np.int64], step: str
) -> dict[str, NDArray[np.bool_]]:
    """How far each image has come at a step; see `Handling` for the fields.

    One function for one image and for all of them: what `changed_indices` says cannot differ from
    what `image_at` does.
    """

    def share(what: str, part: float) -> NDArray[np.bool_]:
        return rolls[what] < part

    reached = _lineage(step)
    never = np.zeros(len(indices), dtype=bool)

    def once(at: str, doing: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return doing if at in reached else never

    second_batch = indices % 12 == 7
    start = rolls["start"]
    model = (start < 0.16) & ~second_batch
    idle = (start > 0.92) & ~second_batch
    accepted = model & once("boundaries", share("accept", 0.6))
    labelled = ~model & ~idle | accepted | idle & once("boundaries", share("catch up", 0.6))
    batch = once("second-batch", second_batch)
    mended = labelled & once("boundaries", share("boundaries", 0.5)) | batch
    corrected = labelled & once("classes", share("classes", 0.45)) | batch
    return {
        "present": (~second_batch | batch) & ~once("relabel-persons", indices % 50 == 8),
        "labelled": labelled,
        "model": model,
        "accepted": accepted,
        "boundaries": mended,
        "missed": mended,
        "classes": corrected,
        "groups": corrected,
        "persons": labelled & once("relabel-persons", share("persons", 0.5)),
        "details": labelled & once("second-batch", share("details", 0.35)),
        "renumbered": labelled & once("classes", share("renumbered", 0.03)),
        "reviewed": corrected & once("classes", share("reviewed", 0.6)),
    }


@cache
def _lineage(step: str) -> frozenset[str]:
    names = []
    at: str | None = step
    while at is not None:
        names.append(at)
        at = get_step(at).parent
    return frozenset(names)


def _rolls(seed: int, indices: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Uniform numbers in 0–1 for each index and purpose (splitmix64 of both)."""
    salt = np.uint64(seed * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
    x = indices.astype(np.uint64) * np.uint64(0xD1342543DE82EF95) + (_SALTS ^ salt)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    x ^= x >> np.uint64(31)
    return dict(zip(_PURPOSES, (x >> np.uint64(11)).astype(np.float64) * 2.0**-53, strict=True))


_PURPOSES = (
    "start", "annotator", "accept", "catch up", "boundaries", "classes", "persons", "details",
    "renumbered", "reviewed",
)  # fmt: skip
_SALTS = np.array(
    [[int.from_bytes(what.encode()[:8].ljust(8, b"."), "little")] for what in _PURPOSES], np.uint64
)
