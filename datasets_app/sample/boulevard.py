"""Across a street: fronts of houses, trees on the pavement, traffic from the side."""

import numpy as np

from datasets_app.sample import animals, buildings, furniture, greenery, people, riders, vehicles
from datasets_app.sample.shapes import (
    Part,
)
from datasets_app.sample.stage import ASPHALT, LINE, PAVING, Stage, lay_band


def build_boulevard(b: Stage) -> None:
    """Across a street: fronts of houses, trees on the pavement, traffic from the side."""
    rng, brush, camera = b.rng, b.brush, b.camera
    back, kerb = rng.uniform(17.0, 21.0), rng.uniform(11.5, 13.0)
    front_kerb = rng.uniform(5.6, 6.4)
    reach = camera.width / camera.focal * back * 0.62
    lay_band(b, "sidewalk", b.brush.pick(PAVING), camera.horizon, camera.height + 5)
    lay_band(b, "road", ASPHALT, camera.project(0, 0, kerb)[1], camera.project(0, 0, front_kerb)[1])
    lane = (kerb + front_kerb) / 2
    start = np.arange(-reach * 1.2, reach * 1.2, 3.2)
    dashes = camera.project(
        start[:, None] + np.array([[0, 1.6, 1.6, 0]]),
        0.0,
        np.array([[lane, lane, lane + 0.22, lane + 0.22]]),
    )
    edge = camera.project(
        np.array([-reach * 2, reach * 2, reach * 2, -reach * 2]), [0, 0, 0.13, 0.13], kerb
    )
    road = b.ground[-1]
    b.ground[-1] = road._replace(
        parts=(
            *road.parts,
            Part(dashes, [brush.color(LINE, 7.0)], False),
            brush.paint(edge, (206, 200, 190), 9.0, 0.7, False),
        )
    )
    b.items.append(buildings.skyline(brush, 160.0, towers=True))
    b.items.append(greenery.hills(brush, 60.0, 8.0, "vegetation", (100, 134, 84), 2.2))
    x = -reach - rng.uniform(0.0, 4.0)
    while x < reach:
        wide = rng.uniform(5.0, 9.5)
        if rng.random() < 0.2:
            _gap(b, x, x + wide, back)
        else:
            b.items.append(
                buildings.front_building(brush, x, x + wide, back, rng.uniform(6.2, 10.5))
            )
        x += wide
    for at in np.arange(-reach + rng.uniform(0, 4), reach, rng.uniform(4.2, 6.5)):
        x = float(at)
        roll = rng.random()
        if roll < 0.62:
            slim = rng.random() < 0.15
            tall = rng.uniform(4.0, 6.4)
            b.add(
                greenery.tree(brush, x, kerb + 0.9, tall, autumn=b.autumn, slim=slim),
                x,
                2.6,
            )
        elif roll < 0.8:
            b.add(furniture.lamp_post(brush, x, kerb + 0.6, -1 if x < 0 else 1), x)
        else:
            b.add(furniture.traffic_sign(brush, x, kerb + 0.5), x)
    _passers(b, reach, back, kerb, front_kerb)


def _gap(b: Stage, left: float, right: float, back: float) -> None:
    begin, end = np.array([left, back]), np.array([right, back])
    if b.rng.random() < 0.5:
        b.items.append(furniture.free_wall(b.brush, begin, end, 2.0))
    else:
        b.items.append(furniture.fence(b.brush, begin, end, 16, 1.5))
    for x in b.rng.uniform(left + 1, right - 1, 2):
        tall = b.rng.uniform(5.5, 8.0)
        b.items.append(greenery.tree(b.brush, float(x), back + 2.5, tall, autumn=b.autumn))


def _passers(b: Stage, reach: float, back: float, kerb: float, front: float) -> None:
    rng, brush = b.rng, b.brush
    wet = brush.mood.wet > 0
    x = -reach + rng.uniform(0, 3)
    while x < reach:
        if rng.random() < 0.6:
            b.add(vehicles.crossing(brush, "car", x, kerb - 1.9, parked=True), x, 4.4)
        x += rng.uniform(5.0, 6.2)
    x = -reach * 0.7 + rng.uniform(-2, 2)
    while x < reach * 0.7:
        kind = rng.choice(("car", "car", "car", "bus", "truck"))
        if rng.random() < 0.55:
            b.add(vehicles.crossing(brush, str(kind), x, front + 0.9), x, 4.6)
        else:
            rider = riders.cyclist if rng.random() < 0.7 else riders.motorcyclist
            b.add(rider(brush, x, front + 0.7), x, 1.6)
        x += rng.uniform(6.5, 12.0)
    for _ in range(int(b.busy * rng.integers(5, 13))):
        x, z = rng.uniform(-reach, reach), rng.uniform(kerb + 0.4, back - 1.0)
        b.add(people.person(brush, x, z, umbrella=wet and rng.random() < 0.5), x, 0.9)
        if rng.random() < 0.3:
            b.add(people.person(brush, x + 0.5, z + 0.1), x, 0.9)
    for _ in range(int(rng.integers(0, 4))):
        x, z = rng.uniform(-2.4, 2.4), rng.uniform(front - 1.0, front - 0.3)
        b.add(people.person(brush, x, z, umbrella=wet and rng.random() < 0.5), x, 0.9)
        if rng.random() < 0.35:
            b.add(animals.dog(brush, x + 0.8, z - 0.05), x + 0.8, 0.9)
    if rng.random() < 0.35:
        b.add(
            people.crowd(
                brush, rng.uniform(-reach, reach) * 0.6, back - 1.5, int(rng.integers(8, 16)), 1.1
            ),
            0.0,
        )
    if rng.random() < 0.4:
        x = rng.uniform(-reach, reach) * 0.6
        b.add(furniture.bench(brush, x, kerb + 1.6), x, 1.7)
    if rng.random() < 0.25:
        x = rng.uniform(-reach, reach) * 0.6
        b.add(animals.heap(brush, x, back - 1.2), x, 1.3)
