"""Polygons in image pixels: what a scene is made of, and the tools that bend them.

Points are `(x, y)` here, as drawing wants them; arrays of pixels stay `(height, width)`.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Color = tuple[float, float, float]


_TURN = np.array([-1.0, 1.0])


class Part(NamedTuple):
    """Polygons that are drawn together.

    polygons : float64, shape (k, n, 2): k polygons of n points `(x, y)` in pixels.
    colors : one colour (0–255) for all of them, or one for each; empty: outline only, not painted.
    solid : belongs to the silhouette, hence to the label; details inside it do not.
    """

    polygons: Points
    colors: Sequence[Color]
    solid: bool = True


class Item(NamedTuple):
    """One thing or one piece of stuff, with everything that is drawn for it.

    class_name None is void: it is seen in the photograph and nobody labels it.
    depth in metres; items are drawn from far to near.
    """

    class_name: str | None
    depth: float
    parts: tuple[Part, ...]
    crowd: bool = False
    attributes: tuple[tuple[str, object], ...] = ()


def part(points: object, color: Color | None, solid: bool = True) -> Part:
    """Make a part of one polygon, or of several when `points` has three axes."""
    polygons = np.asarray(points, dtype=np.float64)
    if polygons.ndim == 2:
        polygons = polygons[None]
    return Part(polygons, () if color is None else (color,), solid)


def mix(a: Color, b: Color, t: float) -> Color:
    """Blend two colours; t = 0 is the first."""
    s = 1.0 - t
    return (a[0] * s + b[0] * t, a[1] * s + b[1] * t, a[2] * s + b[2] * t)


def scale(color: Color, factor: float) -> Color:
    """Make a colour lighter or darker."""
    return (
        min(255.0, color[0] * factor),
        min(255.0, color[1] * factor),
        min(255.0, color[2] * factor),
    )


def rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def ellipse(x: float, y: float, rx: float, ry: float, n: int = 16) -> Points:
    return np.array([x, y]) + _circle(n) * (rx, ry)


def ring(x: float, y: float, rx: float, ry: float, thickness: float, n: int = 22) -> Points:
    """An annulus as one polygon: out along the rim, back along the inner edge."""
    unit = np.concatenate([_circle(n), _circle(n)[:1]])
    outer = unit * (rx, ry)
    inner = unit[::-1] * (rx * (1 - thickness), ry * (1 - thickness))
    points: Points = np.concatenate([outer, inner]) + np.array([x, y])
    return points


def limb(line: object, widths: object, nose: float = 1.0) -> Points:
    """A line with a width at each of its points, as one polygon; nose 0 cuts its ends flat."""
    points = np.asarray(line, dtype=np.float64)
    half = np.asarray(widths, dtype=np.float64)[:, None] / 2
    along = np.empty_like(points)
    along[1:-1] = points[2:] - points[:-2]
    along[0], along[-1] = points[1] - points[0], points[-1] - points[-2]
    along /= np.sqrt((along * along).sum(axis=1) + 1e-18)[:, None]
    across = along[:, ::-1] * half * _TURN
    # A round end would cost points; a nose half as long as the limb is wide is enough.
    start = points[:1] - along[:1] * half[:1] * nose
    end = points[-1:] + along[-1:] * half[-1:] * nose
    return np.concatenate([start, points + across, end, (points - across)[::-1]])


def rounded(points: object, steps: int = 2) -> Points:
    """Cut the corners of a closed polygon (Chaikin), so that it looks soft."""
    p = np.asarray(points, dtype=np.float64)
    for _ in range(steps):
        following = np.concatenate([p[1:], p[:1]])
        q = np.empty((2 * len(p), 2))
        q[0::2] = 0.78 * p + 0.22 * following
        q[1::2] = 0.22 * p + 0.78 * following
        p = q
    return p


def ragged(rng: np.random.Generator, points: object, step: float, amplitude: float) -> Points:
    """Subdivide an open line every `step` pixels and roughen it at two scales."""
    line = divided(points, step, closed=False)
    n = len(line)
    fine = rng.normal(0.0, amplitude * 0.4, (n, 2))
    coarse_n = max(2, n // 6 + 2)
    coarse = rng.normal(0.0, amplitude, (coarse_n, 2))
    at = np.linspace(0, coarse_n - 1, n)
    bend = np.stack([np.interp(at, np.arange(coarse_n), coarse[:, i]) for i in (0, 1)], axis=1)
    line += fine + bend
    return line


def divided(points: object, step: float, closed: bool = True) -> Points:
    """Put points on the edges of a polygon, so that none is longer than `step` pixels."""
    p = np.asarray(points, dtype=np.float64)
    following = np.concatenate([p[1:], p[:1]]) if closed else p[1:]
    begin = p if closed else p[:-1]
    edge = following - begin
    pieces = np.minimum(np.maximum(np.ceil(np.hypot(edge[:, 0], edge[:, 1]) / step), 1), 400)
    counts = pieces.astype(np.int64)
    which = np.repeat(np.arange(len(begin)), counts)
    ordinal = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    dense = begin[which] + edge[which] * (ordinal / counts[which])[:, None]
    return dense if closed else np.concatenate([dense, p[-1:]])


def blob(
    rng: np.random.Generator, x: float, y: float, rx: float, ry: float, n: int, roughness: float
) -> Points:
    """A closed outline whose radius wanders like a coastline; roughness 0 is an ellipse."""
    waves, sines, cosines = _waves(n)
    strength = rng.normal(0.0, 1.0, (2, len(waves))) * (roughness / waves)
    radius = np.maximum(1.0 + strength[0] @ sines + strength[1] @ cosines, 0.3)
    points: Points = np.array([x, y]) + _circle(n) * radius[:, None] * np.array([rx, ry])
    return points


def leaves(rng: np.random.Generator, centres: Points, radii: Points, corners: int = 8) -> Points:
    """Many small ragged patches at once: shape (k, corners, 2)."""
    k = len(centres)
    radius = radii[:, None] * rng.uniform(0.62, 1.25, (k, corners))
    return centres[:, None, :] + _circle(corners)[None] * radius[:, :, None]


@lru_cache(maxsize=64)
def _circle(n: int) -> Points:
    angle = np.arange(n) * (2 * np.pi / n)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


@lru_cache(maxsize=64)
def _waves(n: int) -> tuple[Points, Points, Points]:
    waves = np.arange(2, max(4, min(n // 3, 24)), dtype=np.float64)
    angle = waves[:, None] * (np.arange(n) * (2 * np.pi / n))[None]
    return waves, np.sin(angle), np.cos(angle)
