"""A park: hills and a lake, a path with people and dogs, big trees."""

import numpy as np

from datasets_app.sample import animals, furniture, greenery, people, riders
from datasets_app.sample.shapes import (
    Part,
    divided,
    ragged,
    scale,
)
from datasets_app.sample.stage import GRASS, Stage, lay_band


def build_park(b: Stage) -> None:
    """Hills and a lake, a path with people and dogs, big trees."""
    rng, brush, camera = b.rng, b.brush, b.camera
    b.items.append(greenery.hills(brush, 400.0, 95.0, "mountain", (110, 136, 150), 0.9))
    b.items.append(greenery.hills(brush, 230.0, 32.0, "mountain", (104, 142, 120), 0.8))
    b.items.append(greenery.hills(brush, 90.0, 10.0, "vegetation", (88, 128, 80), 2.4))
    lay_band(b, "terrain", GRASS, camera.horizon - 1, camera.height + 5, 0.8)
    tufts = int(rng.integers(60, 110))
    away = rng.gamma(2.0, 4.0, tufts) + 3.0
    foot = camera.project(rng.uniform(-1, 1, tufts) * away * 0.75, 0.0, away)
    blades = np.array(
        [
            (-0.12, 0.0),
            (-0.16, 0.13),
            (-0.03, 0.04),
            (0.03, 0.18),
            (0.06, 0.03),
            (0.16, 0.11),
            (0.1, 0.0),
        ]
    ) * (1, -1)
    grass = foot[:, None, :] + blades[None] * (camera.focal / away)[:, None, None]
    meadow = b.ground[-1]
    b.ground[-1] = meadow._replace(
        parts=(*meadow.parts, Part(grass, [brush.color(scale(GRASS, 0.8), 8.0, 0.6)], False))
    )
    if rng.random() < 0.75:
        far, near = camera.project(0, 0, 85.0)[1], camera.project(0, 0, rng.uniform(17.0, 26.0))[1]
        left, right = sorted(rng.uniform(-0.3, 1.3, 2) * camera.width)
        left, right = min(left, camera.width * 0.2), max(right, camera.width * 0.75)
        shore = ragged(
            rng,
            [(left, (far + near) / 2), ((left + right) * 0.5, near), (right, (far + near) / 2)],
            9.0,
            1.6,
        )
        bank = ragged(
            rng,
            [(right, (far + near) / 2), ((left + right) * 0.5, far), (left, (far + near) / 2)],
            12.0,
            0.5,
        )
        b.lay("water", np.concatenate([shore, bank]), (116, 160, 186))
    _path(b)
    for _ in range(int(rng.integers(5, 11))):
        z = float(rng.uniform(14.0, 50.0))
        x = rng.uniform(-0.75, 0.75) * z
        b.add(
            greenery.tree(
                brush, x, z, rng.uniform(5.0, 9.0), autumn=b.autumn, slim=rng.random() < 0.2
            ),
            x,
            3.5,
        )
    for _ in range(int(rng.integers(2, 6))):
        z = rng.uniform(9.0, 24.0)
        x = rng.uniform(-0.8, 0.8) * z
        b.add(
            greenery.bush(brush, x, z, rng.uniform(1.2, 3.5), rng.uniform(0.7, 1.3), b.autumn),
            x,
            2.0,
        )
    side = -1 if rng.random() < 0.5 else 1
    z = rng.uniform(6.0, 9.0)
    b.add(
        greenery.tree(brush, side * z * 0.5, z, rng.uniform(6.5, 8.5), autumn=b.autumn),
        side * z * 0.5,
        4.0,
    )
    if rng.random() < 0.6:
        z = rng.uniform(11.0, 18.0)
        begin, end = np.array([-z, z + 1.5]), np.array([z * rng.uniform(-0.2, 1.0), z])
        maker = furniture.fence if rng.random() < 0.7 else furniture.free_wall
        size = (30, 1.1) if maker is furniture.fence else (1.2,)
        b.items.append(maker(brush, begin, end, *size))
    _strollers(b)


def _path(b: Stage) -> None:
    rng, camera = b.rng, b.camera
    away = np.geomspace(2.2, 70.0, 40)
    bends = np.interp(np.arange(40), np.arange(0, 45, 5), rng.normal(0.0, 1.0, 9))
    wind = np.convolve(bends, np.full(7, 1 / 7), mode="same") * np.linspace(0.3, 2.6, 40)
    wind += rng.uniform(-0.03, 0.03) * away - wind[0] + rng.uniform(-1.0, 1.0)
    half = 1.25 + rng.normal(0.0, 0.022, (2, 40))
    one, two = camera.project(wind - half[0], 0.0, away), camera.project(wind + half[1], 0.0, away)
    b.lay(
        "sidewalk",
        np.concatenate([divided(one, 9, False), divided(two[::-1], 9, False)]),
        (210, 190, 158),
    )


def _strollers(b: Stage) -> None:
    rng, brush = b.rng, b.brush
    wet = brush.mood.wet > 0
    for _ in range(int(b.busy * rng.integers(4, 11))):
        z = float(4.6 + rng.gamma(2.0, 3.5))
        x = rng.normal(0.0, 0.22) * z
        b.add(people.person(brush, x, z, umbrella=wet and rng.random() < 0.6), x, 0.9)
        if rng.random() < 0.4:
            b.add(animals.dog(brush, x + 0.9, z - 0.1), x + 0.9, 0.9)
        if rng.random() < 0.3:
            b.add(people.person(brush, x + 0.5, z + 0.1), x, 0.9)
    for _ in range(int(rng.integers(0, 3))):
        z = rng.uniform(6.0, 14.0)
        x = rng.normal(0.0, 0.25) * z
        b.add(riders.cyclist(brush, x, z), x, 1.3)
    for _ in range(int(rng.integers(0, 3))):
        z = rng.uniform(7.0, 14.0)
        x = rng.uniform(-0.5, 0.5) * z
        b.add(furniture.bench(brush, x, z), x, 1.7)
    if rng.random() < 0.4:
        b.add(
            people.crowd(
                brush, rng.uniform(-8, 8), rng.uniform(26, 34), int(rng.integers(8, 16)), 1.6
            ),
            0.0,
        )
    if rng.random() < 0.2:
        z = rng.uniform(6.0, 11.0)
        b.add(animals.heap(brush, rng.uniform(-0.4, 0.4) * z, z), 0.0)
