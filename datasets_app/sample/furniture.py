"""What a street is furnished with: lamps, signs, lights, benches, fences, walls; and the lens."""

import numpy as np

from datasets_app.sample.light import Brush
from datasets_app.sample.shapes import (
    Color,
    Item,
    Part,
    Points,
    divided,
    ellipse,
    limb,
    mix,
    ring,
    rounded,
    scale,
)

_METAL: Color = (104, 110, 116)


def lamp_post(brush: Brush, right: float, ahead: float, side: int) -> Item:
    tall = 6.2
    line = brush.camera.project(
        [right, right, right - side * 0.3, right - side * 1.5],
        [0, tall - 0.5, tall, tall + 0.15],
        ahead,
    )
    unit = brush.camera.focal / ahead
    head = brush.camera.project(
        [right - side * 1.2, right - side * 1.9, right - side * 1.9, right - side * 1.2],
        [tall + 0.22, tall + 0.22, tall + 0.05, tall],
        ahead,
    )
    lit = brush.mood.lamps > 0.2
    bulb: Color = (255, 226, 160) if lit else (226, 226, 220)
    return Item(
        "pole",
        ahead,
        (
            brush.paint(
                limb(line, np.array([0.2, 0.12, 0.1, 0.08]) * unit, nose=0.0),
                (92, 98, 104),
                ahead,
                0.6,
            ),
            Part(head[None], (bulb if lit else brush.color(bulb, ahead),)),
        ),
    )


def traffic_sign(brush: Brush, right: float, ahead: float) -> list[Item]:
    """A plate (thing) on its post (stuff)."""
    rng = brush.rng
    x, y, unit = brush.camera.stand(right, ahead)
    top = y - rng.uniform(2.3, 2.9) * unit
    r = rng.uniform(0.34, 0.46) * unit
    kind = int(rng.integers(4))
    white, red, blue = (246.0, 244.0, 240.0), (204.0, 44.0, 40.0), (34.0, 88.0, 168.0)
    if kind == 0:
        plate = [
            brush.paint(ellipse(x, top, r, r, 20), red, ahead, 0.95),
            brush.paint(ellipse(x, top, r * 0.74, r * 0.74, 18), white, ahead, 0.95, False),
            brush.paint(
                np.array(
                    [
                        [x - r * 0.4, top - r * 0.12],
                        [x + r * 0.4, top - r * 0.12],
                        [x + r * 0.4, top + r * 0.14],
                        [x - r * 0.4, top + r * 0.14],
                    ]
                ),
                (40, 40, 44),
                ahead,
                0.7,
                False,
            ),
        ]
    elif kind == 1:
        corners = np.array([(-1.1, 0.8), (1.1, 0.8), (0.0, -1.1)])
        plate = [
            brush.paint(corners * r + (x, top), red, ahead, 0.95),
            brush.paint(corners * (r * 0.66) + (x, top + r * 0.06), white, ahead, 0.95, False),
        ]
    elif kind == 2:
        angle = np.pi / 8 + np.arange(8) * np.pi / 4
        octagon = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        plate = [
            brush.paint(octagon * (r * 1.08) + (x, top), white, ahead, 0.95),
            brush.paint(octagon * (r * 0.98) + (x, top), red, ahead, 0.95, False),
            brush.paint(
                np.array(
                    [
                        [x - r * 0.6, top - r * 0.16],
                        [x + r * 0.6, top - r * 0.16],
                        [x + r * 0.6, top + r * 0.18],
                        [x - r * 0.6, top + r * 0.18],
                    ]
                ),
                white,
                ahead,
                0.9,
                False,
            ),
        ]
    else:
        square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * r
        plate = [
            brush.paint(square + np.array([x, top]), blue, ahead, 0.95),
            brush.paint(
                np.array(
                    [
                        (-0.45, 0.6),
                        (-0.45, -0.65),
                        (0.35, -0.65),
                        (0.5, -0.2),
                        (0.1, 0.1),
                        (-0.15, 0.1),
                        (-0.15, 0.6),
                    ]
                )
                * r
                + (x, top),
                white,
                ahead,
                0.95,
                False,
            ),
        ]
    post = brush.paint(
        limb([(x, y), (x, top - r * 0.2)], np.array([0.09, 0.09]) * unit, nose=0.0),
        _METAL,
        ahead,
        0.6,
    )
    return [Item("pole", ahead, (post,)), Item("traffic sign", ahead - 0.01, tuple(plate))]


def traffic_light(brush: Brush, right: float, ahead: float) -> list[Item]:
    rng = brush.rng
    x, y, unit = brush.camera.stand(right, ahead)
    top = y - 3.6 * unit
    wide, high = 0.19 * unit, 0.98 * unit
    shown = int(rng.integers(3))
    box = rounded(np.array([(-1, 0), (1, 0), (1, 1), (-1, 1)]) * (wide, high) + (x, top), 1)
    lamps: tuple[Color, ...] = ((255, 70, 58), (255, 190, 62), (76, 226, 128))
    parts = [brush.paint(box, (44, 48, 50), ahead, 0.7)]
    for place, color in enumerate(lamps):
        lamp = ellipse(x, top + high * (0.19 + 0.31 * place), wide * 0.62, wide * 0.62, 12)
        parts.append(
            Part(
                lamp[None],
                (color if place == shown else brush.color(scale(color, 0.28), ahead),),
                False,
            )
        )
    post = brush.paint(
        limb([(x, y), (x, top + high * 0.5)], np.array([0.13, 0.11]) * unit, nose=0.0),
        (70, 76, 80),
        ahead,
        0.6,
    )
    state = (("state", ("red", "yellow", "green")[shown]),)
    return [
        Item("pole", ahead, (post,)),
        Item("traffic light", ahead - 0.01, tuple(parts), attributes=state),
    ]


def bench(brush: Brush, right: float, ahead: float) -> Item:
    def board(x0: float, x1: float, y0: float, y1: float) -> Points:
        return brush.camera.project(
            [right + x0, right + x1, right + x1, right + x0], [y0, y0, y1, y1], ahead
        )

    wood, iron = (158.0, 106.0, 66.0), (62.0, 64.0, 68.0)
    legs = [brush.paint(board(x, x + 0.07, 0.0, 0.85), iron, ahead, 0.5) for x in (-0.78, 0.7)]
    slats = [
        brush.paint(board(-0.9, 0.9, y, y + 0.1), wood, ahead, 0.8) for y in (0.42, 0.58, 0.72)
    ]
    return Item("bench", ahead, (*legs, *slats))


def fence(brush: Brush, begin: Points, end: Points, posts: int, tall: float) -> Item:
    """Rails and posts between two places on the ground, each `(right, ahead)` in metres."""
    share = np.linspace(0.0, 1.0, posts)
    right = begin[0] + (end[0] - begin[0]) * share
    ahead = begin[1] + (end[1] - begin[1]) * share
    middle = float(ahead.mean())
    top, foot = brush.camera.project(right, tall, ahead), brush.camera.project(right, 0.0, ahead)
    half = (0.05 * brush.camera.focal / ahead)[:, None] * np.array([1.0, 0.0])
    pales = np.stack([foot - half, foot + half, top + half, top - half], axis=1)
    color: Color = (186, 168, 142)
    rails = [
        brush.paint(
            np.concatenate(
                [
                    brush.camera.project(right[[0, -1]], y, ahead[[0, -1]]),
                    brush.camera.project(right[[-1, 0]], y + 0.09, ahead[[-1, 0]]),
                ]
            ),
            color,
            middle,
            0.6,
        )
        for y in (tall * 0.3, tall * 0.78)
    ]
    return Item("fence", middle, (*rails, Part(pales, [brush.color(color, middle, 0.85)])))


def free_wall(brush: Brush, begin: Points, end: Points, tall: float) -> Item:
    """A wall of stone with a cap, between two places on the ground."""
    rng, camera = brush.rng, brush.camera
    right, ahead = np.array([begin[0], end[0]]), np.array([begin[1], end[1]])
    middle = float(ahead.mean())
    color: Color = (168, 152, 134)

    def face(share: object, y: object) -> Points:
        s = np.asarray(share, float)
        return camera.project(
            right[0] + (right[1] - right[0]) * s, y, ahead[0] + (ahead[1] - ahead[0]) * s
        )

    stones = 24
    at, up = rng.uniform(0.02, 0.95, stones), rng.uniform(0.1, 0.85, stones) * tall
    wide = rng.uniform(0.015, 0.035, stones)
    quads = face(
        at[:, None] + wide[:, None] * np.array([0, 1, 1, 0]),
        up[:, None] + np.array([0, 0, 0.14, 0.14]) * tall,
    )
    return Item(
        "wall",
        middle,
        (
            brush.paint(divided(face([0, 1, 1, 0], [0, 0, tall, tall]), 12), color, middle, 0.6),
            Part(quads, [brush.color(scale(color, 0.86), middle, 0.5)], False),
            brush.paint(
                face([0, 1, 1, 0], [tall, tall, tall * 1.1, tall * 1.1]),
                scale(color, 1.2),
                middle,
                0.9,
            ),
        ),
    )


def steering_view(brush: Brush) -> list[Item]:
    """The bonnet of the car that carries the camera: void."""
    height, width = brush.camera.height, brush.camera.width
    rise = brush.rng.uniform(0.07, 0.12) * height
    x = np.linspace(-0.02, 1.02, 24)
    arch = height - rise * (1 - (2 * x - 1) ** 4 * 0.75)
    bonnet = np.concatenate(
        [
            np.stack([x * width, arch], axis=1),
            [(width * 1.02, height + 4), (-0.02 * width, height + 4)],
        ]
    )
    color = brush.pick(((44, 48, 58), (120, 44, 46), (70, 84, 96)))
    gleam = np.concatenate(
        [
            np.stack([x * width, arch + rise * 0.12], axis=1),
            np.stack([x * width, arch + rise * 0.26], axis=1)[::-1],
        ]
    )
    return [
        Item(
            None,
            0.1,
            (
                brush.paint(bonnet, color, 1.0, 0.5),
                brush.paint(gleam, mix(color, brush.mood.sky[2], 0.5), 1.0, 0.9, False),
            ),
        )
    ]


def dark_corners(brush: Brush) -> Item:
    """The edge of a wide lens: black corners, void."""
    height, width = brush.camera.height, brush.camera.width
    rim = ring(width / 2, height / 2, width * 1.2, height * 1.2, 0.5, 60)
    return Item(None, 0.05, (Part(rim[None], ((10, 10, 12),)),))
