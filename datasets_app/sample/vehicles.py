"""Cars, trucks and buses: a side profile pushed through the world, so perspective is right."""

from collections.abc import Callable

import numpy as np

from datasets_app.sample.light import Brush
from datasets_app.sample.shapes import (
    Color,
    Item,
    Part,
    Points,
    ellipse,
    mix,
    rounded,
    scale,
)
from datasets_app.sample.vehicle_forms import (
    BOXES,
    BUS,
    BUSES,
    CARS,
    PAINTS,
    TRUCK,
    Form,
)

_GLASS: Color = (92, 118, 138)

_TYRE: Color = (34, 34, 38)


def car(brush: Brush, right: float, ahead: float, *, away: bool, parked: bool) -> Item:
    """A car that follows the street; `away` shows its back, else it comes towards the eye."""
    form = CARS[int(brush.rng.integers(len(CARS)))]
    color = brush.pick(PAINTS)
    return _along(brush, form, color, right, ahead, away=away, parked=parked)


def lorry(brush: Brush, right: float, ahead: float, *, away: bool) -> Item:
    return _along(brush, TRUCK, brush.pick(BOXES), right, ahead, away=away, parked=False)


def omnibus(brush: Brush, right: float, ahead: float, *, away: bool) -> Item:
    return _along(brush, BUS, brush.pick(BUSES), right, ahead, away=away, parked=False)


def crossing(brush: Brush, kind: str, right: float, ahead: float, parked: bool = False) -> Item:
    """A vehicle seen from its side; kind is `car`, `truck` or `bus`."""
    form, palette = {
        "car": (CARS[int(brush.rng.integers(len(CARS)))], PAINTS),
        "truck": (TRUCK, BOXES),
        "bus": (BUS, BUSES),
    }[kind]
    way = 1.0 if brush.rng.random() < 0.5 else -1.0
    length = form.profile[-1][0]

    def place(points: object, z: float = ahead) -> Points:
        p = np.asarray(points, dtype=np.float64)
        return brush.camera.project(right + way * (p[..., 0] - length / 2), p[..., 1], z)

    color = brush.pick(palette)
    parts = [
        *_wheels(brush, form, lambda p: place(p, ahead + form.width), ahead, far=True),
        *_flank(brush, form, color, place, ahead, 0.8),
        *_wheels(brush, form, place, ahead, far=False),
    ]
    return Item(form.class_name, ahead, tuple(parts), attributes=_attributes(parked))


def _along(
    brush: Brush, form: Form, color: Color, right: float, ahead: float, *, away: bool, parked: bool
) -> Item:
    length, half = form.profile[-1][0], form.width / 2
    profile = rounded(form.profile, form.soft) if form.soft else np.array(form.profile)
    # u runs into the depth for one that drives away, towards the eye for one that comes.
    depth = profile[:, 0] if away else length - profile[:, 0]
    # The flank that the eye can see is the one nearer to the middle of the image.
    flank = right + half if right < 0 else right - half
    other = right - half if right < 0 else right + half
    z = ahead + np.maximum(depth, 0.0)
    near_edge = brush.camera.project(flank, profile[:, 1], z)
    far_edge = brush.camera.project(other, profile[:, 1], z)
    strips = np.stack(
        [near_edge, np.roll(near_edge, -1, 0), np.roll(far_edge, -1, 0), far_edge], axis=1
    )
    order = np.argsort(-(z + np.roll(z, -1)), kind="stable")
    rise = np.roll(profile[:, 1], -1) - profile[:, 1]
    run = np.abs(np.roll(profile[:, 0], -1) - profile[:, 0])
    flat = run / np.maximum(np.hypot(rise, run), 1e-9)
    colors = [
        brush.color(color, ahead, 0.45 + 0.55 * float(flat[i]) if profile[i, 1] > 0.5 else 0.1)
        for i in order
    ]

    def place(points: object) -> Points:
        p = np.asarray(points, dtype=np.float64)
        u = p[..., 0] if away else length - p[..., 0]
        return brush.camera.project(flank, p[..., 1], ahead + np.maximum(u, 0.0))

    def behind(points: object) -> Points:
        p = np.asarray(points, dtype=np.float64)
        u = p[..., 0] if away else length - p[..., 0]
        return brush.camera.project(other, p[..., 1], ahead + np.maximum(u, 0.0))

    lit = 0.95 if brush.sun_side * right < 0 else 0.35
    parts = [
        *_wheels(brush, form, behind, ahead, far=True),
        Part(strips[order], colors),
        *_face(brush, form, color, right, ahead, away),
        *_flank(brush, form, color, place, ahead, lit),
        *_wheels(brush, form, place, ahead, far=False),
    ]
    return Item(form.class_name, ahead, tuple(parts), attributes=_attributes(parked))


def _flank(
    brush: Brush,
    form: Form,
    color: Color,
    place: Callable[..., Points],
    ahead: float,
    lit: float,
) -> list[Part]:
    profile = rounded(form.profile, form.soft) if form.soft else np.array(form.profile)
    length = form.profile[-1][0]
    parts = [brush.paint(place(profile), color, ahead, lit)]
    low = min(v for _, v in form.profile)
    sill = np.array(
        [(0.05, low), (length - 0.05, low), (length - 0.05, low + 0.2), (0.05, low + 0.2)]
    )
    parts.append(brush.paint(place(sill), scale(color, 0.62), ahead, lit * 0.6, False))
    if form.class_name == "truck":
        box = np.array([(0.05, 0.8), (0.05, 3.05), (4.85, 3.05), (4.85, 0.8)])
        parts.append(brush.paint(place(box), (206, 205, 200), ahead, lit, False))
        band = np.array([(0.05, 1.5), (0.05, 2.1), (4.85, 2.1), (4.85, 1.5)])
        parts.append(brush.paint(place(band), color, ahead, lit, False))
    glass = mix(_GLASS, brush.mood.sky[1], 0.35)
    for pane in form.glass:
        parts.append(brush.paint(place(np.array(pane)), glass, ahead, lit * 0.8, False))
        u0, u1 = pane[0][0], pane[-1][0]
        v0, v1 = pane[0][1], pane[1][1]
        gleam = np.array(
            [
                (u0 + (u1 - u0) * 0.42, v0),
                (u0 + (u1 - u0) * 0.6, v1 - 0.02),
                (u0 + (u1 - u0) * 0.72, v1 - 0.02),
                (u0 + (u1 - u0) * 0.56, v0),
            ]
        )
        parts.append(brush.paint(place(gleam), mix(glass, (255, 255, 255), 0.3), ahead, lit, False))
    if form.class_name == "car":
        for u in (form.glass[0][-1][0] + 0.04, form.glass[0][0][0] + 0.1):
            door = np.array([(u, 0.45), (u, 0.98), (u + 0.025, 0.98), (u + 0.025, 0.45)])
            parts.append(brush.paint(place(door), scale(color, 0.6), ahead, lit, False))
        shine = np.array([(0.2, 0.84), (length - 0.5, 0.76), (length - 0.5, 0.80), (0.2, 0.89)])
        parts.append(
            brush.paint(place(shine), mix(color, (255, 255, 255), 0.35), ahead, lit, False)
        )
    if form.class_name == "bus":
        band = np.array([(0.05, 0.95), (length - 0.2, 0.95), (length - 0.2, 1.15), (0.05, 1.15)])
        parts.append(brush.paint(place(band), (240, 238, 230), ahead, lit, False))
        for u in (5.85, 9.85):
            door = np.array([(u, 0.5), (u, 2.55), (u + 0.95, 2.55), (u + 0.95, 0.5)])
            parts.append(brush.paint(place(door), glass, ahead, lit * 0.7, False))
    lamp_back = np.array(
        [(0.02, low + 0.32), (0.02, low + 0.5), (0.28, low + 0.48), (0.28, low + 0.36)]
    )
    lamp_front = np.array(
        [
            (length - 0.36, low + 0.30),
            (length - 0.36, low + 0.44),
            (length - 0.06, low + 0.40),
            (length - 0.02, low + 0.28),
        ]
    )
    parts.append(brush.paint(place(lamp_back), (206, 48, 42), ahead, 0.9, False))
    parts.append(brush.paint(place(lamp_front), (255, 246, 214), ahead, 1.0, False))
    return parts


def _face(
    brush: Brush, form: Form, color: Color, right: float, ahead: float, away: bool
) -> list[Part]:
    """What is painted on the end that looks at the eye: a pane, lamps, a plate."""
    half = form.width / 2
    low, tall = min(v for _, v in form.profile), max(v for _, v in form.profile)
    length = form.profile[-1][0]

    def place(x0: float, x1: float, v0: float, v1: float, inset: float = 0.0) -> Points:
        corners = np.array([(x0, v0), (x1, v0), (x1 - inset, v1), (x0 + inset, v1)])
        z = ahead + np.array([_end_depth(form, v, away, length) for v in corners[:, 1]])
        return brush.camera.project(right + corners[:, 0], corners[:, 1], z - 0.02)

    belt = tall * (0.70 if form.class_name == "car" else 0.52)
    glass = mix(_GLASS, brush.mood.sky[2], 0.3)
    lamp: Color = (210, 44, 40) if away else (255, 247, 218)
    parts = [
        brush.paint(
            place(-half + 0.12, half - 0.12, belt, tall - 0.09, 0.12), glass, ahead, 0.55, False
        )
    ]
    if form.class_name == "truck" and away:
        parts = [
            brush.paint(
                place(-half + 0.08, half - 0.08, 0.75, tall - 0.08),
                (226, 224, 218),
                ahead,
                0.5,
                False,
            ),
            brush.paint(place(-0.03, 0.03, 0.75, tall - 0.08), (150, 148, 144), ahead, 0.5, False),
        ]
    at = low + (0.36 if form.class_name == "car" else 0.5)
    for x in (-half + 0.06, half - 0.42):
        parts.append(brush.paint(place(x, x + 0.36, at, at + 0.18), lamp, ahead, 1.0, False))
    parts.append(
        brush.paint(place(-0.28, 0.28, low + 0.18, low + 0.31), (238, 236, 226), ahead, 0.7, False)
    )
    parts.append(
        brush.paint(
            place(-half + 0.05, half - 0.05, low - 0.02, low + 0.13),
            scale(color, 0.45),
            ahead,
            0.3,
            False,
        )
    )
    return parts


def _end_depth(form: Form, v: float, away: bool, length: float) -> float:
    """How far the end that looks at the eye stands back at height v (a sloping pane does)."""
    points = sorted(form.profile, key=lambda p: p[1])
    middle = length / 2
    end = [p for p in points if (p[0] < middle) == away]
    heights = [p[1] for p in end]
    depths = [p[0] if away else length - p[0] for p in end]
    return float(np.interp(v, heights, depths))


def _wheels(
    brush: Brush, form: Form, place: Callable[..., Points], ahead: float, *, far: bool
) -> list[Part]:
    parts = []
    for u in form.wheels:
        tyre = ellipse(u, form.wheel, form.wheel, form.wheel, 18)
        parts.append(brush.paint(place(tyre), _TYRE, ahead, 0.2 if far else 0.6))
        if not far:
            rim = ellipse(u, form.wheel, form.wheel * 0.6, form.wheel * 0.6, 14)
            hub = ellipse(u, form.wheel, form.wheel * 0.2, form.wheel * 0.2, 8)
            parts.append(brush.paint(place(rim), (164, 168, 172), ahead, 0.7, False))
            parts.append(brush.paint(place(hub), (70, 72, 76), ahead, 0.7, False))
    return parts


def _attributes(parked: bool) -> tuple[tuple[str, object], ...]:
    return (("parked", True),) if parked else ()
