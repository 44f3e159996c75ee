"""Houses beside the street, houses that face the eye, and the skyline at its end."""

from collections.abc import Callable

import numpy as np

from datasets_app.sample.light import Brush
from datasets_app.sample.shapes import (
    Color,
    Item,
    Part,
    Points,
    divided,
    limb,
    mix,
    scale,
)

_WALLS: tuple[Color, ...] = (
    (222, 196, 160),
    (206, 142, 108),
    (186, 108, 88),
    (232, 220, 196),
    (168, 176, 178),
    (146, 120, 104),
    (226, 176, 128),
    (192, 204, 200),
    (214, 164, 150),
    (154, 146, 132),
)

_ROOFS: tuple[Color, ...] = ((132, 72, 60), (96, 84, 84), (150, 92, 66), (84, 92, 102))

_AWNINGS: tuple[Color, ...] = (
    (196, 62, 58),
    (52, 112, 98),
    (228, 176, 72),
    (58, 88, 132),
    (120, 62, 92),
)

_METAL: Color = (104, 110, 116)

_LAMP: Color = (255, 214, 138)


def street_building(
    brush: Brush, side: int, wall: float, near: float, far: float, tall: float
) -> Item:
    """A house beside the street: its facade runs into the depth, its end wall faces the eye."""
    rng, camera = brush.rng, brush.camera
    base = brush.pick(_WALLS)
    x = side * wall
    deep = side * (wall + 9.0)
    lit = 0.95 if brush.sun_side * side < 0 else 0.25
    middle = (near + far) / 2

    def facade(z: object, y: object) -> Points:
        return camera.project(x, y, z)

    parts: list[Part] = []
    roof = rng.random()
    if roof < 0.35:
        ridge = tall + rng.uniform(1.6, 2.8)
        color = brush.pick(_ROOFS)
        ridge_x = side * (wall + 4.0)
        slope = np.concatenate(
            [
                camera.project(side * (wall - 0.3), tall, [near, far]),
                camera.project(ridge_x, ridge, [far, near]),
            ]
        )
        parts.append(
            brush.paint(_gable(brush, x, deep, ridge_x, tall, ridge, near), base, near, 0.5)
        )
        parts.append(brush.paint(divided(slope, 14), color, middle, lit))
        if rng.random() < 0.7:
            parts.append(_chimney(brush, side * (wall + 2.6), ridge, rng.uniform(near, far)))
    else:
        parts.append(
            brush.paint(
                camera.project([x, deep, deep, x], [0, 0, tall, tall], near), base, near, 0.55
            )
        )
        if rng.random() < 0.5:
            z = rng.uniform(near, far)
            parts.append(
                brush.paint(
                    camera.project(
                        np.array([0.3, 2.2, 2.2, 0.3]) * side + x,
                        [tall - 1, tall - 1, tall + 1.6, tall + 1.6],
                        z,
                    ),
                    scale(base, 0.8),
                    z,
                    0.5,
                )
            )
        for _ in range(int(rng.integers(0, 4))):
            z = rng.uniform(near, far)
            mast = camera.project(x + side * 0.6, [tall - 0.5, tall + rng.uniform(1.0, 2.6)], z)
            parts.append(brush.paint(limb(mast, [1.2, 0.8]), _METAL, z, 0.4))
    wall_face = facade([near, far, far, near], [0, 0, tall, tall])
    parts.append(brush.paint(divided(wall_face, 14), base, middle, lit))
    parts += _openings(brush, facade, near, far, tall, base, lit)
    if roof >= 0.35:
        cornice = np.concatenate(
            [
                camera.project(side * (wall - 0.35), [tall - 0.35, tall + 0.3], near),
                camera.project(side * (wall - 0.35), [tall + 0.3, tall - 0.35], far),
            ]
        )
        parts.append(brush.paint(cornice, scale(base, 1.12), middle, lit))
    return Item("building", far, tuple(parts))


def front_building(brush: Brush, left: float, right: float, ahead: float, tall: float) -> Item:
    """A house that faces the eye."""
    rng, camera = brush.rng, brush.camera
    base = brush.pick(_WALLS)

    def facade(x: object, y: object) -> Points:
        return camera.project(x, y, ahead)

    parts: list[Part] = []
    style = rng.random()
    if style < 0.4:
        ridge = tall + rng.uniform(1.2, 2.4)
        inset = rng.uniform(0.3, 1.6)
        roof = facade(
            [left - 0.3, right + 0.3, right - inset, left + inset], [tall, tall, ridge, ridge]
        )
        color = brush.pick(_ROOFS)
        parts += [
            _chimney(brush, x, ridge - 0.3, ahead) for x in rng.uniform(left + 1, right - 1, 2)
        ]
        parts.append(brush.paint(divided(roof, 10), color, ahead, 0.8))
        tiles = np.linspace(tall, ridge, 7)[1:-1]
        drawn_in = ((tiles - tall) / (ridge - tall) * (inset + 0.3) - 0.3)[:, None]
        across = np.array([[left, right, right, left]]) + drawn_in * np.array([1, -1, -1, 1])
        lines = facade(across, tiles[:, None] + np.array([[0, 0, 0.06, 0.06]]))
        parts.append(Part(lines, [brush.color(scale(color, 0.82), ahead)], False))
    else:
        for x in rng.uniform(left + 0.5, right - 0.5, int(rng.integers(1, 4))):
            mast = facade(x, [tall - 0.3, tall + rng.uniform(0.8, 2.2)])
            parts.append(brush.paint(limb(mast, [1.6, 1.0]), _METAL, ahead, 0.4))
    parts.append(
        brush.paint(
            divided(facade([left, right, right, left], [0, 0, tall, tall]), 10), base, ahead, 0.85
        )
    )
    parts += _openings(brush, facade, left, right, tall, base, 0.85)
    if style >= 0.4:
        parts.append(
            brush.paint(
                facade(
                    [left - 0.2, right + 0.2, right + 0.2, left - 0.2],
                    [tall - 0.3, tall - 0.3, tall + 0.25, tall + 0.25],
                ),
                scale(base, 1.14),
                ahead,
                0.9,
            )
        )
    return Item("building", ahead + 0.5, tuple(parts))


def _openings(
    brush: Brush,
    facade: Callable[..., Points],
    begin: float,
    end: float,
    tall: float,
    base: Color,
    lit: float,
) -> list[Part]:
    """Windows in a grid, a shop or a door below, bands between the storeys."""
    rng = brush.rng
    ahead = (begin + end) / 2 if begin > 0 and end > 0 else 20.0
    span = end - begin
    columns = max(1, int(span / rng.uniform(2.3, 3.1)))
    rows = max(1, int((tall - 3.6) / 3.0))
    pitch = span / columns
    wide, high = pitch * rng.uniform(0.40, 0.56), rng.uniform(1.45, 1.9)
    middle = (begin + (np.arange(columns) + 0.5) * pitch).astype(np.float64)
    sill = 3.9 + np.arange(rows) * ((tall - 3.9) / rows)
    u, v = (a.ravel() for a in np.meshgrid(middle, sill))
    quad = np.array([-0.5, 0.5, 0.5, -0.5])
    up = np.array([0.0, 0.0, 1.0, 1.0])
    frames = facade(u[:, None] + quad * (wide + 0.22), v[:, None] - 0.12 + up * (high + 0.26))
    panes = facade(u[:, None] + quad * wide, v[:, None] + up * high)
    sky = mix(brush.mood.sky[1], (70, 88, 104), 0.62)
    glass = [sky, scale(sky, 0.84), scale(sky, 1.14)]
    lights = rng.random(len(u))
    tones = rng.integers(0, 3, len(u))
    colors = [
        mix(_LAMP, brush.mood.haze, brush.fade(ahead) * 0.6)
        if lights[i] < brush.mood.lamps
        else brush.color(glass[tones[i]], ahead, lit)
        for i in range(len(u))
    ]
    bars = facade(u[:, None] + quad * 0.07, v[:, None] + up * high)
    bands = facade(
        np.array([[begin, end, end, begin]]),
        (sill[:, None] - 0.42) + np.array([[0, 0, 0.16, 0.16]]),
    )
    parts = [
        Part(bands, [brush.color(scale(base, 1.1), ahead, lit)], False),
        Part(frames, [brush.color(mix(base, (250, 246, 238), 0.55), ahead, lit)], False),
        Part(panes, colors, False),
        Part(bars, [brush.color(mix(base, (250, 246, 238), 0.5), ahead, lit)], False),
    ]
    if rng.random() < 0.7:
        parts += _shop(brush, facade, middle, pitch, ahead, base, lit)
    else:
        door = facade(middle[columns // 2] + quad * 1.1, up * 2.4)
        parts.append(brush.paint(door, (92, 66, 52), ahead, lit, False))
    return parts


def _shop(
    brush: Brush,
    facade: Callable[..., Points],
    middle: Points,
    pitch: float,
    ahead: float,
    base: Color,
    lit: float,
) -> list[Part]:
    quad, up = np.array([-0.5, 0.5, 0.5, -0.5]), np.array([0.0, 0.0, 1.0, 1.0])
    panes = facade(middle[:, None] + quad * pitch * 0.82, 0.5 + up[None] * 2.0)
    glow = brush.mood.lamps > 0.1
    glass = mix(_LAMP, (120, 110, 100), 0.25) if glow else (84, 104, 112)
    awning = brush.pick(_AWNINGS)
    canopy = facade(middle[:, None] + quad * pitch * 0.96, 2.45 + up[None] * 0.75)
    stripes = facade(
        (middle[:, None] + np.array([[-0.3, 0.0, 0.3]]) * pitch).reshape(-1, 1)
        + quad * pitch * 0.14,
        2.45 + up[None] * 0.75,
    )
    return [
        Part(panes, [brush.color(glass, ahead, max(lit, 0.9 if glow else 0.0))], False),
        Part(canopy, [brush.color(awning, ahead, lit)], False),
        Part(stripes, [brush.color(mix(awning, (255, 250, 240), 0.75), ahead, lit)], False),
    ]


def _gable(
    brush: Brush, x: float, deep: float, ridge_x: float, tall: float, ridge: float, z: float
) -> Points:
    return brush.camera.project([x, deep, deep, ridge_x, x], [0, 0, tall, ridge, tall], z)


def _chimney(brush: Brush, x: float, top: float, z: float) -> Part:
    stack = brush.camera.project(
        [x - 0.3, x + 0.3, x + 0.3, x - 0.3], [top - 1.0, top - 1.0, top + 0.9, top + 0.9], z
    )
    return brush.paint(stack, (142, 88, 74), z, 0.6)


def skyline(brush: Brush, ahead: float, towers: bool) -> Item:
    """Buildings far away at the end of the street, faint in the haze."""
    rng, camera = brush.rng, brush.camera
    half = camera.width / camera.focal * ahead * 0.75
    outline: list[tuple[float, float]] = [(-half, -2.0)]
    x = -half
    while x < half:
        wide, tall = rng.uniform(6, 16), rng.uniform(8, 40 if towers else 17)
        outline += [(x, tall), (x + wide, tall)]
        if rng.random() < 0.25:
            outline[-1:] = [
                (x + wide * 0.5, tall),
                (x + wide * 0.5, tall + 4),
                (x + wide * 0.53, tall + 4),
                (x + wide * 0.53, tall),
                (x + wide, tall),
            ]
        x += wide
    outline.append((half, -2.0))
    points = np.array(outline)
    return Item(
        "building",
        ahead,
        (
            brush.paint(
                camera.project(points[:, 0], points[:, 1], ahead), (150, 150, 160), ahead, 0.5
            ),
        ),
    )
