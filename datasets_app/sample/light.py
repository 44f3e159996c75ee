"""Where the eye stands and how the light falls: the camera, the moods of a scene, and the brush."""

from typing import NamedTuple

import numpy as np

from datasets_app.sample.shapes import Color, Part, Points, mix


class Mood(NamedTuple):
    """Weather and time of day, as colours.

    sky : colours from the zenith down to the horizon.
    sun : tint (about 1) of what the sun reaches; shade : of what it does not.
    haze, haze_m : the colour that distance fades to, and how far away it has taken over by 63 %.
    lamps : share of windows that are lit. wet : how much the ground mirrors.
    """

    name: str
    weather: str
    time: str
    sky: tuple[Color, Color, Color]
    cloud: Color
    cloudiness: float
    sun: Color
    shade: Color
    sun_height: float
    haze: Color
    haze_m: float
    shadow: float
    lamps: float
    wet: float


MOODS = (
    Mood(
        "noon",
        "clear",
        "day",
        ((64, 132, 208), (122, 182, 232), (206, 230, 242)),
        (255, 255, 255),
        0.45,
        (1.08, 1.05, 0.99),
        (0.72, 0.79, 0.90),
        0.8,
        (196, 220, 236),
        150.0,
        0.42,
        0.0,
        0.0,
    ),
    Mood(
        "golden hour",
        "clear",
        "evening",
        ((86, 122, 178), (226, 182, 150), (255, 214, 140)),
        (255, 206, 160),
        0.50,
        (1.18, 1.00, 0.76),
        (0.72, 0.64, 0.70),
        0.22,
        (250, 208, 152),
        90.0,
        0.46,
        0.08,
        0.0,
    ),
    Mood(
        "overcast",
        "cloudy",
        "day",
        ((158, 172, 186), (190, 200, 208), (222, 226, 226)),
        (236, 238, 240),
        0.75,
        (0.98, 0.99, 1.0),
        (0.82, 0.85, 0.88),
        0.6,
        (208, 216, 220),
        100.0,
        0.22,
        0.05,
        0.0,
    ),
    Mood(
        "dusk",
        "clear",
        "dusk",
        ((38, 44, 92), (128, 86, 134), (246, 150, 108)),
        (214, 120, 130),
        0.45,
        (0.80, 0.66, 0.74),
        (0.52, 0.48, 0.66),
        0.08,
        (196, 122, 126),
        110.0,
        0.30,
        0.45,
        0.0,
    ),
    Mood(
        "rain",
        "rain",
        "day",
        ((104, 118, 134), (138, 150, 162), (176, 184, 190)),
        (168, 176, 184),
        0.85,
        (0.84, 0.88, 0.93),
        (0.68, 0.73, 0.80),
        0.5,
        (162, 174, 184),
        60.0,
        0.20,
        0.28,
        0.55,
    ),
    Mood(
        "morning",
        "mist",
        "morning",
        ((132, 168, 202), (196, 212, 216), (250, 232, 206)),
        (255, 244, 230),
        0.40,
        (1.08, 1.00, 0.90),
        (0.76, 0.79, 0.86),
        0.3,
        (232, 226, 214),
        48.0,
        0.30,
        0.02,
        0.0,
    ),
)


class Camera(NamedTuple):
    """A pinhole: metres right, up and ahead to pixels."""

    height: int
    width: int
    horizon: float
    centre: float
    focal: float
    eye: float

    def project(self, right: object, up: object, ahead: object) -> Points:
        """Project points of the world to `(x, y)`; the arguments broadcast."""
        x, y, z = np.asarray(right, float), np.asarray(up, float), np.asarray(ahead, float)
        points = np.empty((*np.broadcast(x, y, z).shape, 2))
        scale = self.focal / z
        points[..., 0] = self.centre + x * scale
        points[..., 1] = self.horizon + (self.eye - y) * scale
        return points

    def stand(self, right: float, ahead: float) -> tuple[float, float, float]:
        """Where something stands on the ground: x, y of its foot and pixels per metre."""
        per_metre = self.focal / ahead
        return self.centre + right * per_metre, self.horizon + self.eye * per_metre, per_metre


class Brush:
    """Camera, mood and chance of one scene: turns shapes in metres into coloured parts."""

    def __init__(
        self, camera: Camera, mood: Mood, sun_side: float, rng: np.random.Generator
    ) -> None:
        self.camera, self.mood, self.sun_side, self.rng = camera, mood, sun_side, rng

    def color(self, base: Color, ahead: float, lit: float = 0.8) -> Color:
        """Light a colour and fade it with distance; `lit` 0 is full shade, 1 full sun."""
        sun, shade = self.mood.sun, self.mood.shade
        s = 1.0 - lit
        seen = (
            base[0] * (sun[0] * lit + shade[0] * s),
            base[1] * (sun[1] * lit + shade[1] * s),
            base[2] * (sun[2] * lit + shade[2] * s),
        )
        return mix(seen, self.mood.haze, self.fade(ahead))

    def fade(self, ahead: float) -> float:
        """How much of the haze lies before something at this distance, 0–1."""
        return 0.92 * (1.0 - float(np.exp(-max(ahead - 4.0, 0.0) / self.mood.haze_m)))

    def paint(
        self, points: object, base: Color, ahead: float, lit: float = 0.8, solid: bool = True
    ) -> Part:
        """A part of one colour from points in pixels."""
        polygons = np.asarray(points, dtype=np.float64)
        if polygons.ndim == 2:
            polygons = polygons[None]
        return Part(polygons, (self.color(base, ahead, lit),), solid)

    def pick(self, palette: tuple[Color, ...]) -> Color:
        """Choose a colour and vary it a little, so that no two houses are quite the same."""
        color = palette[int(self.rng.integers(len(palette)))]
        vary = self.rng.uniform(0.93, 1.07)
        return (
            min(255.0, color[0] * vary),
            min(255.0, color[1] * vary),
            min(255.0, color[2] * vary),
        )
