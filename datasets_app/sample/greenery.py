"""Trees, bushes, and the ridges of hills and woods far away."""

import numpy as np

from datasets_app.sample.light import Brush
from datasets_app.sample.shapes import (
    Color,
    Item,
    Part,
    Points,
    leaves,
    limb,
    ragged,
    rounded,
    scale,
)

_LEAVES: tuple[Color, ...] = (
    (92, 142, 62),
    (74, 126, 66),
    (116, 156, 66),
    (62, 112, 74),
    (140, 158, 66),
)

_AUTUMN: tuple[Color, ...] = ((206, 148, 58), (190, 104, 52), (150, 140, 62), (178, 84, 56))

_BARK: Color = (104, 82, 66)


def hills(brush: Brush, ahead: float, tall: float, name: str, color: Color, rough: float) -> Item:
    """A ridge from edge to edge; a wood on it is a rougher ridge of vegetation."""
    rng, camera = brush.rng, brush.camera
    peaks = int(rng.integers(5, 10))
    x = np.linspace(-0.1, 1.1, peaks) * camera.width
    unit = camera.focal / ahead
    y = camera.horizon - tall * unit * rng.uniform(0.25, 1.0, peaks)
    fine = np.linspace(x[0], x[-1], 4 * peaks)
    ridge = np.stack([fine, np.interp(fine, x, y)], axis=1)
    line = ragged(rng, rounded_line(ridge), 4.0 if rough > 0.6 else 9.0, rough * camera.width / 640)
    below = camera.horizon + camera.height * 0.04
    closed = np.concatenate([line, [(x[-1], below), (x[0], below)]])
    return Item(name, ahead, (brush.paint(closed, color, ahead, 0.6),))


def rounded_line(points: Points) -> Points:
    """Soften an open line, ends kept."""
    return np.concatenate(
        [points[:1], rounded(points, 1)[1:-1][: 2 * len(points) - 2], points[-1:]]
    )


def tree(
    brush: Brush, right: float, ahead: float, tall: float, *, autumn: bool, slim: bool = False
) -> Item:
    """A trunk and a crown of many leafy patches; what is behind shines through its gaps."""
    rng = brush.rng
    x, y, unit = brush.camera.stand(right, ahead)
    high, wide = tall * unit, tall * unit * (0.20 if slim else rng.uniform(0.30, 0.40))
    color = brush.pick(_AUTUMN if autumn else _LEAVES)
    crown_y = y - high * (0.58 if slim else 0.66)
    crown_h = high * (0.44 if slim else 0.34)
    bend = rng.normal(0, 0.03) * high
    trunk = limb(
        [(x, y), (x + bend * 0.4, y - high * 0.25), (x + bend, crown_y)],
        np.array([0.06, 0.042, 0.03]) * high,
        nose=0.15,
    )
    parts = [brush.paint(trunk, _BARK, ahead, 0.45)]
    for turn in (-1, 1):
        branch = limb(
            [
                (x + bend * 0.5, y - high * 0.34),
                (x + bend + turn * wide * 0.5, crown_y + crown_h * 0.2),
            ],
            np.array([0.024, 0.01]) * high,
        )
        parts.append(brush.paint(branch, _BARK, ahead, 0.4))
    patch = min(wide, crown_h)
    count = int(np.clip(patch * 1.6, 16, 190))
    angle, reach = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.random(count))
    # Lobes: the reach of the crown varies with direction, so it is no ball.
    lobes = 0.86 + 0.14 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.08 * np.sin(7 * angle)
    centres = np.stack(
        [
            x + bend + np.cos(angle) * reach * lobes * wide,
            crown_y + np.sin(angle) * reach * lobes * crown_h,
        ],
        axis=1,
    )
    radii = (
        patch
        * rng.uniform(0.13, 0.26, count)
        * (1.0 - 0.3 * min(1.0, patch / 120))
        * (1.15 - 0.45 * reach)
        * (1.7 if slim else 1.0)
    )
    corners = 15 if patch > 60 else 9
    light = (
        -(centres[:, 1] - crown_y) / crown_h + brush.sun_side * (centres[:, 0] - x) / wide
    ) * 0.5
    # Dark patches first and bright ones last: light seems to fall on the crown from the sun.
    order = np.argsort(light + rng.normal(0, 0.16, count), kind="stable")
    tones = np.clip(0.5 + 0.55 * light, 0.0, 1.0)[order]
    colors = [brush.color(scale(color, 0.72 + 0.48 * float(t)), ahead, float(t)) for t in tones]
    parts.append(Part(leaves(rng, centres[order], radii[order], corners), colors))
    edge = int(count * 0.9)
    angle = rng.uniform(0, 2 * np.pi, edge)
    rim = rng.uniform(0.86, 1.12, edge) * (0.86 + 0.14 * np.sin(3 * angle))
    sprigs = np.stack(
        [x + bend + np.cos(angle) * rim * wide, crown_y + np.sin(angle) * rim * crown_h], axis=1
    )
    small = np.maximum(patch * rng.uniform(0.03, 0.085, edge), 1.1)
    parts.append(Part(leaves(rng, sprigs, small, 6), [brush.color(scale(color, 0.9), ahead, 0.6)]))
    return Item("vegetation", ahead, tuple(parts))


def bush(brush: Brush, right: float, ahead: float, long: float, tall: float, autumn: bool) -> Item:
    """A hedge or a bush on the ground."""
    rng = brush.rng
    x, y, unit = brush.camera.stand(right, ahead)
    wide, high = long * unit / 2, tall * unit
    count = int(np.clip(wide * high / 60, 10, 60))
    centres = np.stack(
        [rng.uniform(x - wide, x + wide, count), y - high * rng.uniform(0.22, 0.9, count)], axis=1
    )
    centres = centres[np.argsort(-centres[:, 1], kind="stable")]
    radii = high * rng.uniform(0.16, 0.32, count)
    color = brush.pick(_AUTUMN if autumn else _LEAVES)
    low = [
        (x - wide, y),
        (x - wide * 1.03, y - high * 0.5),
        (x + wide * 1.03, y - high * 0.5),
        (x + wide, y),
    ]
    colors = [
        brush.color(scale(color, 0.7 + 0.4 * t), ahead, t) for t in np.linspace(0.15, 0.95, count)
    ]
    return Item(
        "vegetation",
        ahead,
        (
            brush.paint(rounded(low, 1), scale(color, 0.72), ahead, 0.3),
            Part(leaves(rng, centres, radii, 10), colors),
        ),
    )
