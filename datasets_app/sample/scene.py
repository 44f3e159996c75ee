"""Scenes: how large, which layout, which light, and the list of items from far to near."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from datasets_app.sample import animals, furniture
from datasets_app.sample.boulevard import build_boulevard
from datasets_app.sample.light import MOODS, Brush, Camera, Mood
from datasets_app.sample.park import build_park
from datasets_app.sample.shapes import (
    Item,
    Points,
)
from datasets_app.sample.stage import Stage
from datasets_app.sample.street import build_street

# The commonest sizes of COCO; one wide image in sixteen, so that even twelve images have one.
_SIZES = (
    (480, 640),
    (480, 640),
    (427, 640),
    (640, 480),
    (480, 640),
    (512, 1024),
    (480, 640),
    (480, 640),
    (375, 500),
    (480, 640),
    (640, 480),
    (480, 640),
    (480, 640),
    (426, 640),
    (640, 427),
    (480, 640),
)

_LAYOUTS = ("street", "boulevard", "park", "street", "street", "boulevard", "park")

# Draws of one image are told apart by what they are for, so that none shifts another.
SCENE, LOOK, MISTAKES = 1, 2, 3


class Scene(NamedTuple):
    """Everything that is drawn.

    ground, items : drawn in this order, then the rest; items go from far to near.
    shadows : polygons on the ground, under the items. All in pixels.
    """

    height: int
    width: int
    layout: str
    mood: Mood
    sun: tuple[float, float]
    horizon: float
    ground: tuple[Item, ...]
    shadows: tuple[Points, ...]
    items: tuple[Item, ...]


def scene_layout(seed: int, index: int) -> str:
    """Return `street`, `boulevard` or `park` without building the scene."""
    return _LAYOUTS[(index + seed) % len(_LAYOUTS)]


def scene_mood(seed: int, index: int) -> Mood:
    """Return light and weather of an image; its period differs from that of the layouts."""
    return MOODS[(index * 5 + seed) % len(MOODS)]


def scene_size(index: int) -> tuple[int, int]:
    """Return (height, width)."""
    return _SIZES[index % len(_SIZES)]


def image_rng(seed: int, index: int, purpose: int) -> np.random.Generator:
    """The chance of one image for one purpose; equal in every process and on every machine."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, index, purpose])))


@lru_cache(maxsize=24)
def build_scene(seed: int, index: int) -> Scene:
    """Build image `index` of the sample with this seed.

    The last ones are kept: the steps of one image and its photograph share a scene.
    """
    rng = image_rng(seed, index, SCENE)
    height, width = scene_size(index)
    layout, mood = scene_layout(seed, index), scene_mood(seed, index)
    horizon = (
        height
        * {
            "street": rng.uniform(0.44, 0.52),
            "boulevard": rng.uniform(0.55, 0.62),
            "park": rng.uniform(0.36, 0.46),
        }[layout]
    )
    camera = Camera(
        height=height,
        width=width,
        horizon=horizon,
        centre=width * rng.uniform(0.42, 0.58),
        focal=0.80 * max(width, height * 0.9),
        eye=rng.uniform(1.55, 2.1),
    )
    sun_side = -1.0 if rng.random() < 0.5 else 1.0
    brush = Brush(camera, mood, sun_side, rng)
    builder = Stage(brush, autumn=rng.random() < 0.3)
    {"street": build_street, "boulevard": build_boulevard, "park": build_park}[layout](builder)
    _birds(builder)
    items = sorted(builder.items, key=lambda item: -item.depth)
    if layout == "street" and rng.random() < 0.35:
        items += furniture.steering_view(brush)
    elif rng.random() < 0.07:
        items.append(furniture.dark_corners(brush))
    sun = (
        width * (0.5 + 0.36 * sun_side * rng.uniform(0.5, 1.0)),
        horizon - mood.sun_height * horizon * 0.9,
    )
    return Scene(
        height,
        width,
        layout,
        mood,
        sun,
        horizon,
        tuple(builder.ground),
        tuple(builder.shadows),
        tuple(items[-_MOST_ITEMS:]),
    )


# Items are told apart by one byte while they are drawn; ground and sky need a few values too.
_MOST_ITEMS = 235


def _birds(b: Stage) -> None:
    if b.rng.random() < 0.35:
        for _ in range(int(b.rng.integers(1, 6))):
            x = b.rng.uniform(0.1, 0.9) * b.camera.width
            y = b.rng.uniform(0.08, 0.6) * b.camera.horizon
            b.items.append(animals.bird(b.brush, x, y, b.rng.uniform(5.0, 10.0)))
