"""Photographs of scenes: the same polygons as the label, painted, lit and printed as JPEG."""

import io
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from datasets_app.sample.light import Mood
from datasets_app.sample.raster import OVERSAMPLING, draw_part, draw_places
from datasets_app.sample.scene import LOOK, Scene, build_scene, image_rng
from datasets_app.sample.shapes import Part

Pixels = NDArray[np.float32]

# How strongly a surface is mottled, by class; what is not named is smooth.
_GRAIN = {
    "road": 0.055,
    "sidewalk": 0.05,
    "terrain": 0.10,
    "vegetation": 0.10,
    "building": 0.045,
    "wall": 0.09,
    "mountain": 0.06,
    "water": 0.02,
    "fence": 0.06,
    "bench": 0.06,
    "person": 0.03,
    "rider": 0.03,
    "dog": 0.08,
    "umbrella": 0.02,
}


def photograph(seed: int, index: int, quality: int = 88) -> bytes:
    """Paint an image and return it as JPEG."""
    scene = build_scene(seed, index)
    out = io.BytesIO()
    paint(scene, image_rng(seed, index, LOOK)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def paint(scene: Scene, rng: np.random.Generator) -> Image.Image:
    """Paint a scene, RGB."""
    size = (scene.width * OVERSAMPLING, scene.height * OVERSAMPLING)
    canvas = Image.fromarray(_sky(scene, rng)).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    for item in scene.ground:
        for part in item.parts:
            _fill(draw, part)
    _lay_shadows(canvas, scene)
    for item in scene.items:
        for part in item.parts:
            _fill(draw, part)
    pixels = np.asarray(canvas.reduce(OVERSAMPLING), dtype=np.float32)
    return _develop(_shade(pixels, scene, rng), scene, rng)


def _fill(draw: ImageDraw.ImageDraw, part: Part) -> None:
    if part.colors:
        inks = [(int(r), int(g), int(b)) for r, g, b in part.colors]
        draw_part(draw, part.polygons, inks)


def _sky(scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Gradient, clouds and the glow of the sun, at half the size of the image."""
    height, width, mood = scene.height // 2, scene.width // 2, scene.mood
    horizon = scene.horizon / 2
    up = np.clip(np.arange(height, dtype=np.float32) / horizon, 0.0, 1.0)
    stops = np.array(mood.sky, dtype=np.float32)
    bands = np.stack([np.interp(up, (0.0, 0.6, 1.0), stops[:, i]) for i in range(3)], axis=1)
    sky = np.repeat(bands[:, None, :], width, axis=1).astype(np.float32)
    glow = _glow(scene, height, width)[..., None]
    sun = np.array([255, 246, 222], dtype=np.float32)
    sky += (sun - sky) * np.minimum(glow * (0.75 if mood.cloudiness < 0.7 else 0.2), 1.0)
    # Clouds lie flat: noise is stretched sideways, more so towards the horizon.
    noise = fractal_noise(rng, height, width, 5, 2.6)
    lit = noise - noise[np.maximum(np.arange(height) - 3, 0)]
    cover = np.clip((noise - (0.72 - 0.5 * mood.cloudiness)) * 3.2, 0.0, 1.0)
    cover *= np.clip(1.15 - up, 0.0, 1.0)[:, None] ** 0.5 * 0.85
    cloud = (
        np.array(mood.cloud, dtype=np.float32) * (0.93 - np.clip(lit * 5.0, -0.12, 0.09))[..., None]
    )
    sky += (cloud - sky) * cover[..., None]
    return np.clip(sky, 0, 255).astype(np.uint8)


def _glow(scene: Scene, height: int, width: int) -> Pixels:
    x, y = scene.sun[0] * width / scene.width, scene.sun[1] * height / scene.height
    dx = (np.arange(width, dtype=np.float32) - x) / width
    dy = (np.arange(height, dtype=np.float32) - y) / width
    distance = np.sqrt(dx[None, :] ** 2 + dy[:, None] ** 2)
    disc = np.clip((0.022 - distance) * width * 0.7, 0.0, 1.0)
    return np.maximum(disc, 0.55 * np.exp(-distance * 5.0)).astype(np.float32)


def _lay_shadows(canvas: Image.Image, scene: Scene) -> None:
    """Darken the ground where something keeps the light away; edges are soft."""
    quarter = 2
    mask = Image.new("L", (scene.width // quarter, scene.height // quarter))
    draw = ImageDraw.Draw(mask)
    strength = int(255 * scene.mood.shadow)
    for polygon in scene.shadows:
        draw.polygon((polygon / quarter).ravel().tolist(), fill=strength)
    mask = mask.filter(ImageFilter.GaussianBlur(1.6)).resize(canvas.size, Image.Resampling.BILINEAR)
    shade = tuple(int(c * 60) for c in scene.mood.shade)
    canvas.paste(Image.new("RGB", canvas.size, shade), mask=mask)


def _shade(pixels: Pixels, scene: Scene, rng: np.random.Generator) -> Pixels:
    """Mottle surfaces by what they are, darken the feet of things, mirror on wet ground."""
    places = draw_places(scene)
    drawn = (*scene.ground, *scene.items)
    grain = np.zeros(256, dtype=np.float32)
    rounding = np.zeros(256, dtype=np.float32)
    for place, item in enumerate(drawn, start=1):
        strength = _GRAIN.get(item.class_name or "", 0.02)
        grain[place] = strength * min(1.0, 12.0 / item.depth) if item.depth < 900 else strength
        rounding[place] = 0.0 if place <= len(scene.ground) else 1.0
    noise = _speckle(rng, scene.height, scene.width)
    factor = 1.0 + grain[places] * noise
    factor *= 1.0 - rounding[places] * _contact(places)
    pixels = pixels * factor[..., None]
    depth = _ground_fade(scene)
    ground = (places > 0) & (places <= len(scene.ground))
    fade = (ground * depth)[..., None]
    pixels += (np.array(scene.mood.haze, dtype=np.float32) - pixels) * fade
    if scene.mood.wet:
        pixels = _mirror(pixels, places, scene, noise)
    return pixels


def _contact(places: NDArray[np.uint8]) -> Pixels:
    """A thin dark seam where something else begins below or beside: depth at the edges."""
    seam = np.zeros(places.shape, dtype=np.float32)
    seam[:-1] += places[:-1] != places[1:]
    seam[:, :-1] += places[:, :-1] != places[:, 1:]
    seam *= np.float32(0.07)
    return seam


def _ground_fade(scene: Scene) -> Pixels:
    rows = np.arange(scene.height, dtype=np.float32)
    below = np.maximum(rows - scene.horizon, 0.5) / scene.height
    away = 1.35 / below
    fade: Pixels = 0.85 * (1.0 - np.exp(-np.maximum(away - 7.0, 0.0) / scene.mood.haze_m))
    return fade[:, None]


def _mirror(pixels: Pixels, places: NDArray[np.uint8], scene: Scene, noise: Pixels) -> Pixels:
    """Wet ground mirrors what stands above it, drawn out downwards."""
    height = scene.height
    rows = np.arange(height)
    line = int(scene.horizon + 0.10 * height)
    source = np.clip(2 * line - rows, 0, height - 1)
    blurred = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).filter(
        ImageFilter.BoxBlur((1, 6))
    )
    mirrored = np.asarray(blurred, dtype=np.float32)[source]
    flat = np.zeros(256, dtype=np.float32)
    for place, item in enumerate(scene.ground, start=1):
        flat[place] = {"road": 1.0, "sidewalk": 0.7}.get(item.class_name or "", 0.2)
    near = np.clip((rows - line) / 30.0, 0.0, 1.0).astype(np.float32)[:, None]
    share = flat[places] * near * scene.mood.wet * np.clip(0.8 + 0.35 * noise, 0.2, 1.0)
    mixed: Pixels = pixels + (mirrored * 0.95 - pixels) * share[..., None]
    return mixed


def _develop(pixels: Pixels, scene: Scene, rng: np.random.Generator) -> Image.Image:
    """Glow of lights, warmth of the sun, vignette and the grain of a sensor."""
    height, width = scene.height, scene.width
    small = np.clip(pixels[::4, ::4], 0, 255).astype(np.uint8)
    bright = Image.fromarray(np.where(small > 205, small - 60, 0).astype(np.uint8))
    bloom = bright.filter(ImageFilter.GaussianBlur(4)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    glow = Image.fromarray((_glow(scene, height // 4, width // 4) * 255).astype(np.uint8))
    veil = np.asarray(glow.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)
    pixels = pixels + np.asarray(bloom, dtype=np.float32) * _bloom_strength(scene.mood)
    warm = np.array([46, 34, 16], dtype=np.float32) * (0.6 if scene.mood.cloudiness < 0.7 else 0.15)
    pixels += veil[..., None] * (warm / 255.0)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    pixels *= (1.03 - 0.11 * (x * x + y * y))[..., None]
    # A gentle S: deeper darks, softer lights.
    unit = np.clip(pixels * (1 / 255), 0.0, 1.0)
    unit += (unit * unit * (3 - 2 * unit) - unit) * 0.35
    unit *= 255
    unit += (_speckle(rng, height, width) * 1.6)[..., None]
    return Image.fromarray(np.clip(unit, 0, 255).astype(np.uint8))


def _bloom_strength(mood: Mood) -> float:
    return 0.35 if mood.lamps > 0.2 else 0.12


def fractal_noise(
    rng: np.random.Generator, height: int, width: int, octaves: int, stretch: float
) -> Pixels:
    """Noise in 0–1 with detail at every scale; `stretch` draws it out sideways."""
    total = np.zeros((height, width), dtype=np.float32)
    strength, norm = 1.0, 0.0
    for octave in range(octaves):
        rows = 3 * 2**octave
        columns = max(2, int(rows * width / height / stretch))
        grid = Image.fromarray(rng.random((rows + 1, columns + 1), dtype=np.float32))
        total += strength * np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))
        norm += strength
        strength *= 0.5
    return total / norm


def _speckle(rng: np.random.Generator, height: int, width: int) -> Pixels:
    """Mottling about 0 with a deviation near 1: a window of one large sheet, cheap to cut."""
    sheet = _sheet()
    top = int(rng.integers(sheet.shape[0] - height + 1))
    left = int(rng.integers(sheet.shape[1] - width + 1))
    return sheet[top : top + height, left : left + width]


@lru_cache(maxsize=1)
def _sheet() -> Pixels:
    rng = np.random.Generator(np.random.PCG64(20_190_619))
    size = 1280
    fine = rng.normal(0.0, 1.0, (size, size)).astype(np.float32)
    soft = (fine + np.roll(fine, 1, 0) + np.roll(fine, 1, 1) + np.roll(fine, (1, 1), (0, 1))) / 2
    broad = fractal_noise(rng, size, size, 6, 1.0) * 5.0 - 2.5
    return fine * 0.2 + soft * 0.3 + broad * 0.9
