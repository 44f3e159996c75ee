"""The stage of a scene while it is built: ground, shadows, and what stands on it."""

import numpy as np

from datasets_app.sample.light import Brush
from datasets_app.sample.shapes import (
    Color,
    Item,
    Part,
    Points,
    ellipse,
    ragged,
)

ASPHALT: Color = (112, 114, 122)
PAVING: tuple[Color, ...] = ((188, 182, 174), (176, 172, 170), (198, 186, 168))
GRASS: Color = (124, 164, 84)
LINE: Color = (238, 236, 228)


class Stage:
    """Collects ground, shadows and items; places are metres right of the eye and ahead of it."""

    def __init__(self, brush: Brush, autumn: bool) -> None:
        self.brush, self.rng, self.camera = brush, brush.rng, brush.camera
        self.autumn = autumn
        # Some places are quiet: few segments, as in many a real photograph.
        self.busy = self.rng.uniform(0.15, 1.0)
        self.ground: list[Item] = []
        self.shadows: list[Points] = []
        self.items: list[Item] = []

    def lay(
        self, name: str, points: object, color: Color, *details: Part, lit: float = 0.9
    ) -> None:
        """Lay a piece of ground; a later piece covers an earlier one."""
        base = self.brush.paint(points, color, 9.0, lit)
        self.ground.append(Item(name, 1000.0, (base, *details)))

    def strip(self, left: float, right: float, near: float, far: float) -> Points:
        """A strip of ground that runs into the depth, in pixels, with a slightly uneven edge."""
        away = np.geomspace(near, far, 14)
        uneven = self.rng.normal(0.0, 0.025, (2, len(away)))
        one = self.camera.project(left + uneven[0], 0.0, away)
        two = self.camera.project(right + uneven[1], 0.0, away)
        return np.concatenate([one, two[::-1]])

    def add(self, item: Item | list[Item], right: float, shadow: float = 0.0) -> None:
        """Add what stands at `right` metres; `shadow` is the length of its shade on the ground."""
        items = item if isinstance(item, list) else [item]
        self.items += items
        if shadow:
            self.shade(right, items[0].depth, shadow)

    def shade(self, right: float, ahead: float, wide: float) -> None:
        """Lay a soft shadow, `wide` metres, on the side that the sun does not reach."""
        x, y, unit = self.camera.stand(right, ahead)
        lean = -self.brush.sun_side * wide * 0.5 * (1.0 + (1.0 - self.brush.mood.sun_height)) * unit
        self.shadows.append(
            ellipse(
                x + lean * 0.45,
                y,
                (wide * 0.6) * unit + abs(lean) * 0.4,
                0.16 * wide * unit + 1,
                18,
            )
        )


def lay_band(
    b: Stage, name: str, color: Color, top: float, bottom: float, rough: float = 0.5
) -> None:
    """A band of ground from edge to edge."""
    width = b.camera.width
    line = ragged(b.rng, [(-6.0, top), (width + 6.0, top)], 12.0, rough)
    b.lay(name, np.concatenate([line, [(width + 6.0, bottom), (-6.0, bottom)]]), color)
