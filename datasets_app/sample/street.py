"""Straight down a street."""

import numpy as np

from datasets_app.sample import animals, buildings, furniture, greenery, people, riders, vehicles
from datasets_app.sample.shapes import (
    Part,
    ellipse,
)
from datasets_app.sample.stage import ASPHALT, GRASS, LINE, PAVING, Stage


def build_street(b: Stage) -> None:
    """Straight down a street: houses on both sides, cars parked and driving, people."""
    rng, camera = b.rng, b.camera
    half = rng.uniform(3.6, 5.2)
    pavement = rng.uniform(2.4, 3.6)
    near = 0.75 * camera.eye * camera.focal / (camera.height - camera.horizon)
    wall = half + pavement
    paving = b.brush.pick(PAVING)
    lower = np.array(
        [
            [-5, camera.horizon],
            [camera.width + 5, camera.horizon],
            [camera.width + 5, camera.height + 5],
            [-5, camera.height + 5],
        ]
    )
    b.lay("sidewalk", lower, paving)
    b.ground[-1] = b.ground[-1]._replace(parts=(*b.ground[-1].parts, _seams(b, wall + 6, near)))
    road = b.strip(-half, half, near, 260.0)
    b.lay("road", road, ASPHALT, *_markings(b, half, near))
    kerb = np.concatenate(
        [
            camera.project([-half - 0.16, -half], 0.02, near),
            camera.project([-half, -half - 0.16], 0.02, 200.0),
        ]
    )
    b.ground[-1] = b.ground[-1]._replace(
        parts=(*b.ground[-1].parts, b.brush.paint(kerb, (214, 210, 202), 9.0, 0.9, False))
    )
    if rng.random() < 0.35:
        for side in (-1, 1):
            b.lay("terrain", b.strip(side * (half + 0.5), side * (half + 1.3), near, 120.0), GRASS)
    b.items.append(buildings.skyline(b.brush, 190.0, towers=rng.random() < 0.5))
    b.items.append(greenery.hills(b.brush, 150.0, 9.0, "vegetation", (104, 136, 84), 1.6))
    for side in (-1, 1):
        _row_of_houses(b, side, wall)
        _kerb_side(b, side, half, pavement)
    _traffic(b, half)
    _people(b, half, wall, near)
    if camera.width > 500 and rng.random() < 0.5:
        side = -1 if rng.random() < 0.5 else 1
        b.add(
            people.crowd(
                b.brush,
                side * (half + pavement * 0.5),
                rng.uniform(30, 44),
                int(rng.integers(9, 18)),
                0.9,
            ),
            0.0,
        )
    # The shade of the row of houses towards which the sun stands.
    if b.brush.mood.shadow > 0.25:
        sunny = b.brush.sun_side
        reach = half * rng.uniform(0.1, 0.9)
        edge = camera.project(
            sunny * (reach + rng.normal(0, 0.07, 12)), 0.0, np.geomspace(near, 120.0, 12)
        )
        foot = camera.project(sunny * (wall + 12.0), 0.0, np.array([120.0, near]))
        b.shadows.append(np.concatenate([edge, foot]))


def _markings(b: Stage, half: float, near: float) -> list[Part]:
    start = np.arange(near, 110.0, 6.0)
    dash = np.stack([start, start, start + 2.6, start + 2.6], axis=1)
    middle = b.camera.project(np.array([[-0.07, 0.07, 0.07, -0.07]]), 0.0, dash)
    color = [b.brush.color(LINE, 8.0, 0.9)]
    parts = [Part(middle, color, False)]
    sides = np.array([[-half + 0.35], [half - 0.35]]) + np.array([-0.05, 0.05, 0.05, -0.05])
    ahead = np.array([near, near, 200.0, 200.0])
    parts.append(Part(b.camera.project(sides, 0.0, ahead), color, False))
    if b.rng.random() < 0.45:
        at = b.rng.uniform(7.0, 13.0)
        bars = np.arange(-half + 0.5, half - 0.6, 0.95)
        zebra = b.camera.project(
            bars[:, None] + np.array([[0, 0.5, 0.5, 0]]),
            0.0,
            np.array([[at, at, at + 3.0, at + 3.0]]),
        )
        parts.append(Part(zebra, color, False))
    for _ in range(3):
        x, z = b.rng.uniform(-half + 1, half - 1), b.rng.uniform(4.0, 22.0)
        cx, cy, unit = b.camera.stand(x, z)
        patch = ellipse(cx, cy, 0.33 * unit, 0.33 * unit * b.camera.eye / z, 14)
        parts.append(b.brush.paint(patch, (97, 99, 106), 8.0, 0.8, False))
    return parts


def _seams(b: Stage, reach: float, near: float) -> Part:
    away = np.geomspace(near, 45.0, 26)
    lines = b.camera.project(
        np.array([[-reach, reach, reach, -reach]]),
        0.0,
        away[:, None] + np.array([[0, 0, 0.035, 0.035]]),
    )
    return Part(lines, [b.brush.color((152, 148, 142), 9.0, 0.8)], False)


def _row_of_houses(b: Stage, side: int, wall: float) -> None:
    rng = b.rng
    far, low = 3.0, rng.uniform(6.5, 11.0)
    while far < 120.0:
        near, far = far, far + rng.uniform(8.0, 15.0)
        if rng.random() < 0.16 and near > 6.0:
            _garden(b, side, wall, near, far)
            continue
        tall = float(np.clip(low + rng.normal(0, 2.2), 5.5, 17.0))
        b.items.append(buildings.street_building(b.brush, side, wall, near, far, tall))


def _garden(b: Stage, side: int, wall: float, near: float, far: float) -> None:
    rng = b.rng
    ends = np.array([side * wall, near]), np.array([side * wall, far])
    if rng.random() < 0.5:
        b.items.append(furniture.free_wall(b.brush, *ends, rng.uniform(1.4, 2.1)))
    else:
        b.items.append(furniture.fence(b.brush, *ends, int((far - near) * 2), 1.3))
    for _ in range(2):
        z = rng.uniform(near, far)
        b.items.append(
            greenery.tree(
                b.brush,
                side * (wall + rng.uniform(1.5, 4)),
                z + 3,
                rng.uniform(5.0, 8.0),
                autumn=b.autumn,
            )
        )


def _kerb_side(b: Stage, side: int, half: float, pavement: float) -> None:
    """Trees, lamps, signs and parked vehicles along one kerb."""
    rng, brush = b.rng, b.brush
    edge = side * (half + 0.65)
    trees = rng.random() < 0.7
    for z in np.arange(rng.uniform(6.0, 11.0), 75.0, rng.uniform(8.0, 12.0)):
        if trees:
            b.add(
                greenery.tree(brush, edge, float(z), rng.uniform(4.2, 6.8), autumn=b.autumn),
                edge,
                2.4,
            )
        if z < 50 and rng.random() < 0.5:
            at = float(z) + 3.5
            b.add(furniture.lamp_post(brush, edge, at, side), edge)
    if rng.random() < 0.75:
        z = rng.uniform(5.5, 15.0)
        b.add(furniture.traffic_sign(brush, side * (half + 0.45), z), edge)
    if rng.random() < 0.55:
        z = rng.uniform(9.0, 20.0)
        b.add(furniture.traffic_light(brush, side * (half + 0.4), z), edge)
    if rng.random() < 0.72:
        z = rng.uniform(5.5, 11.0)
        while z < 60.0:
            if rng.random() < 0.3 + 0.55 * b.busy:
                x = side * (half - 1.0)
                b.add(vehicles.car(brush, x, z, away=side > 0, parked=True), x, 2.3)
                b.shade(x, z + 3.5, 2.3)
            z += rng.uniform(5.3, 6.6)
    elif rng.random() < 0.6:
        for _ in range(int(rng.integers(1, 4))):
            x, z = edge + side * rng.uniform(0, 0.4), rng.uniform(5.0, 16.0)
            b.add(riders.parked_bicycle(brush, x, z), x, 1.2)
    if rng.random() < 0.3:
        x, z = side * (half + pavement - 0.5), rng.uniform(6.0, 14.0)
        b.add(furniture.bench(brush, x, z), x, 1.6)
    if rng.random() < 0.22:
        x, z = side * (half + pavement - 0.7), rng.uniform(5.0, 12.0)
        b.add(animals.heap(brush, x, z), x, 1.2)


def _traffic(b: Stage, half: float) -> None:
    rng, brush = b.rng, b.brush
    for away in (True, False):
        lane = half * 0.42 * (1 if away else -1)
        z = rng.uniform(9.0, 20.0)
        while z < 90.0:
            kind = rng.random()
            if kind < 0.14:
                b.add(vehicles.omnibus(brush, lane, z, away=away), lane, 3.0)
                z += 12.0
            elif kind < 0.26:
                b.add(vehicles.lorry(brush, lane, z, away=away), lane, 3.0)
                z += 7.0
            elif kind < 0.40:
                b.add(riders.motorcyclist(brush, lane, z), lane, 1.2)
            else:
                b.add(vehicles.car(brush, lane, z, away=away, parked=False), lane, 2.4)
            z += rng.uniform(8.0, 22.0) / b.busy**0.7


def _people(b: Stage, half: float, wall: float, near: float) -> None:
    rng, brush = b.rng, b.brush
    wet = brush.mood.wet > 0
    for _ in range(int(b.busy * rng.integers(5, 13))):
        side = -1 if rng.random() < 0.5 else 1
        x, z = side * rng.uniform(half + 0.5, wall - 0.4), float(near + 3.0 + rng.gamma(2.0, 5.5))
        b.add(people.person(brush, x, z, umbrella=wet and rng.random() < 0.6), x, 0.9)
        if rng.random() < 0.35:
            b.add(people.person(brush, x + side * 0.45, z + rng.uniform(-0.3, 0.3)), x, 0.9)
        if rng.random() < 0.14:
            b.add(animals.dog(brush, x - side * 0.8, z - 0.1), x - side * 0.8, 0.9)
    for _ in range(int(rng.integers(0, 3))):
        x, z = rng.uniform(-half * 0.8, half * 0.8), rng.uniform(6.5, 16.0)
        b.add(riders.cyclist(brush, x, z), x, 1.3)
    if rng.random() < 0.5:
        z = rng.uniform(7.5, 13.0)
        for _ in range(int(rng.integers(1, 4))):
            x = rng.uniform(-half, half)
            b.add(people.person(brush, x, z + rng.uniform(-0.8, 0.8), umbrella=wet), x, 0.9)
