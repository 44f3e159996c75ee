"""People (and a model) who label scenes, with the mistakes that real ones make.

Truth is drawn first; mistakes are layered on it and each belongs to one kind, so that a later
step can mend kind by kind. All chance is drawn at once per image, whatever is mended: mending one
mistake never moves another.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_app.sample.full_masks import is_thing, stack_full_masks
from datasets_app.sample.raster import draw_items, draw_places
from datasets_app.sample.scene import MISTAKES, build_scene, image_rng
from datasets_app.sample.shapes import Item, Part, Points
from datasets_app.sample.taxonomy import class_ids
from panoptic.label import Label, Origin, Segment, label_from_runs
from panoptic.runs import encode_runs

MODEL, MODEL_VERSION = "street-segmenter", "0.3"
ANNOTATORS = ("amara", "jonas", "mei", "rosa")
# How far a hand strays from the true edge, in pixels at 640×480.
_WOBBLE = {"amara": 1.3, "jonas": 2.2, "mei": 0.9, "rosa": 2.8, MODEL: 1.8}
_MENDED_WOBBLE = 0.35

# Nobody outlines what is smaller, in pixels; `small` is what hasty people leave out.
_TOO_SMALL = 36
_SMALL = 1100

_TAKEN_FOR: Mapping[str, tuple[str, float]] = {
    "truck": ("bus", 0.45),
    "bus": ("truck", 0.4),
    "rider": ("person", 0.5),
    "motorcycle": ("bicycle", 0.4),
    "bicycle": ("motorcycle", 0.12),
    "person": ("rider", 0.05),
    "car": ("truck", 0.07),
    "dog": ("person", 0.03),
    "traffic light": ("traffic sign", 0.12),
}


class Handling(NamedTuple):
    """What has been done about one image so far.

    annotator : who drew it first. model : a model proposed the segments. accepted : a person
    confirmed them. boundaries, missed, classes, groups : mistakes of this kind are mended.
    persons : people were drawn again, with their full masks. details : attributes were added.
    renumbered : a tool gave new ids.
    """

    annotator: str
    model: bool = False
    accepted: bool = False
    boundaries: bool = False
    missed: bool = False
    classes: bool = False
    groups: bool = False
    persons: bool = False
    details: bool = False
    renumbered: bool = False


class _Mistakes(NamedTuple):
    """Uniform chance of every item for every kind, and phases for the wobble of its edge."""

    missed: NDArray[np.float64]
    classes: NDArray[np.float64]
    groups: NDArray[np.float64]
    cuts: NDArray[np.float64]
    boundaries: NDArray[np.float64]
    scores: NDArray[np.float64]
    phases: NDArray[np.float64]
    image: NDArray[np.float64]


def annotate(seed: int, index: int, handling: Handling) -> Label:
    """Label a scene as these hands would."""
    scene = build_scene(seed, index)
    items = (*scene.ground, *scene.items)
    mistakes = _draw_mistakes(seed, index, len(items))
    truth, areas = _truth(seed, index)
    outlined = _outlined(items, areas, mistakes, handling)
    bent = [
        _bend(item, place, scene.width, mistakes, handling) if outlined[place] else _NOTHING
        for place, item in enumerate(items)
    ]
    places = draw_items(scene.height, scene.width, bent)
    rows, ids = _name(items, areas, truth, mistakes, handling)
    id_map = ids[places]
    _label_sky(id_map, places, rows)
    _cut(id_map, places, items, areas, rows, mistakes, handling)
    layered = _draws_full_masks(items, mistakes, handling)
    if handling.renumbered:
        id_map, rows, ids = _renumber(id_map, rows, ids)
    if layered.any():
        return stack_full_masks(id_map, places, bent, ids, rows, layered)
    runs = encode_runs(id_map)
    seen = np.unique(runs.values)
    return label_from_runs(runs, [rows[i] for i in seen.tolist() if i])


@lru_cache(maxsize=24)
def _truth(seed: int, index: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The place seen at each pixel, and the visible pixels of each place from the first."""
    places = draw_places(build_scene(seed, index))
    return places, np.bincount(places.ravel(), minlength=256)[1:]


_NOTHING = Item(None, 0.0, ())
_SKY_ID = class_ids()["sky"]


def _draw_mistakes(seed: int, index: int, count: int) -> _Mistakes:
    rng = image_rng(seed, index, MISTAKES)
    missed, classes, groups, cuts, boundaries, scores = rng.random((6, count))
    phases = rng.uniform(0.0, 6.28, (count, 4))
    return _Mistakes(missed, classes, groups, cuts, boundaries, scores, phases, rng.random(8))


def _outlined(
    items: Sequence[Item], areas: NDArray[np.int64], mistakes: _Mistakes, handling: Handling
) -> NDArray[np.bool_]:
    things = np.array([is_thing(item) for item in items], dtype=bool)
    areas = areas[: len(items)]
    outlined = ~things | (areas >= _TOO_SMALL)
    if not handling.missed:
        hasty = 0.5 * (1.0 - areas / _SMALL)
        outlined &= ~(things & (mistakes.missed < hasty))
    return outlined


def _bend(item: Item, place: int, width: int, mistakes: _Mistakes, handling: Handling) -> Item:
    """Move the outline of an item by a slow wave, as a hand does that follows an edge loosely."""
    strength = _WOBBLE[MODEL if handling.model and not handling.accepted else handling.annotator]
    strength *= 0.5 + mistakes.boundaries[place]
    if handling.boundaries or (handling.persons and item.class_name in ("person", "rider")):
        # One outline in five is left as it was: nobody mends everything.
        strength = _MENDED_WOBBLE if mistakes.boundaries[place] < 0.8 else strength
    strength *= width / 640
    phase = mistakes.phases[place]
    parts = [part for part in item.parts if part.solid]
    points = np.concatenate([part.polygons.reshape(-1, 2) for part in parts])
    points = points + _wave(points, phase, strength)
    bent, at = [], 0
    for old in parts:
        count = old.polygons.shape[0] * old.polygons.shape[1]
        bent.append(Part(points[at : at + count].reshape(old.polygons.shape), ()))
        at += count
    return item._replace(parts=tuple(bent))


def _wave(points: Points, phase: NDArray[np.float64], strength: float) -> Points:
    x, y = points[:, 0], points[:, 1]
    one = np.sin(x * 0.11 + y * 0.17 + phase[0]) + 0.6 * np.sin(y * 0.31 - x * 0.05 + phase[1])
    two = np.sin(y * 0.13 - x * 0.15 + phase[2]) + 0.6 * np.sin(x * 0.29 + y * 0.07 + phase[3])
    return np.stack([one, two], axis=1) * (strength * 0.7)


def _name(
    items: Sequence[Item],
    areas: NDArray[np.int64],
    truth: NDArray[np.uint8],
    mistakes: _Mistakes,
    handling: Handling,
) -> tuple[dict[int, Segment], NDArray[np.uint32]]:
    """Give every place its segment: rows by id, and the id of every place (0: sky, void)."""
    numbers = class_ids()
    ids = np.zeros(len(items) + 1, dtype=np.uint32)
    classes: dict[int, str] = {}
    crowds: set[int] = set()
    for place, item in enumerate(items, start=1):
        name = item.class_name
        if name is None:
            continue
        segment_id = numbers[name] * 1000 + place if is_thing(item) else numbers[name]
        ids[place] = segment_id
        classes[segment_id] = _seen_as(item, name, mistakes.classes[place - 1], handling)
        if item.crowd:
            crowds.add(segment_id)
    if not handling.groups:
        _merge_neighbours(ids, items, truth, mistakes)
        _lump_together(ids, items, areas, crowds, mistakes)
    rows = {
        segment_id: _row(segment_id, place, items[place - 1], classes, crowds, mistakes, handling)
        for place, segment_id in reversed(list(enumerate(ids.tolist())))
        if segment_id
    }
    return rows, ids


def _seen_as(item: Item, name: str, chance: float, handling: Handling) -> str:
    corrected = handling.classes or (handling.persons and name in ("person", "rider"))
    other, share = _TAKEN_FOR.get(name, (name, 0.0))
    return other if chance < share and not corrected and not item.crowd else name


def _row(
    segment_id: int,
    place: int,
    item: Item,
    classes: Mapping[int, str],
    crowds: set[int],
    mistakes: _Mistakes,
    handling: Handling,
) -> Segment:
    score, origin = None, None
    if handling.model:
        value = round(0.52 + 0.47 * float(mistakes.scores[place - 1]) ** 0.5, 3)
        origin = Origin(MODEL, MODEL_VERSION, value)
        score = None if handling.accepted else value
    attributes = dict(item.attributes) if handling.details and is_thing(item) else {}
    if handling.details and is_thing(item):
        attributes["distance_m"] = round(item.depth)
    return Segment(
        segment_id=segment_id,
        class_id=class_ids()[classes[segment_id]],
        crowd=segment_id in crowds,
        score=score,
        origin=origin,
        attributes=attributes,
    )


def _merge_neighbours(
    ids: NDArray[np.uint32],
    items: Sequence[Item],
    truth: NDArray[np.uint8],
    mistakes: _Mistakes,
) -> None:
    """Take two instances of one class that touch for one."""
    left, right = truth[:, :-1].ravel(), truth[:, 1:].ravel()
    edge = np.flatnonzero(left != right)
    code = left[edge].astype(np.int64) * 256 + right[edge]
    contacts = np.bincount(code, minlength=65536)
    taken: set[int] = set()
    for pair in np.flatnonzero(contacts >= 4).tolist():
        one, two = sorted(divmod(pair, 256))
        if not one or {one, two} & taken:
            continue
        first, second = items[one - 1], items[two - 1]
        alike = first.class_name == second.class_name and is_thing(first)
        if alike and not (first.crowd or second.crowd) and mistakes.groups[two - 1] < 0.30:
            ids[two] = ids[one]
            taken |= {one, two}


def _lump_together(
    ids: NDArray[np.uint32],
    items: Sequence[Item],
    areas: NDArray[np.int64],
    crowds: set[int],
    mistakes: _Mistakes,
) -> None:
    """Draw distant people (or cars) as one crowd instead of one by one."""
    for name, chance in (("person", mistakes.image[0]), ("car", mistakes.image[1])):
        far = [
            place
            for place, item in enumerate(items, start=1)
            if item.class_name == name and not item.crowd and _TOO_SMALL <= areas[place - 1] < 700
        ]
        if len(far) >= 3 and chance < 0.35:
            ids[far] = ids[far[0]]
            crowds.add(int(ids[far[0]]))


def _label_sky(
    id_map: NDArray[np.uint32], places: NDArray[np.uint8], rows: dict[int, Segment]
) -> None:
    id_map[places == 0] = _SKY_ID
    model = next((row for row in rows.values() if row.origin), None)
    rows[_SKY_ID] = Segment(
        _SKY_ID,
        _SKY_ID,
        score=model.score and 0.99 if model else None,
        origin=Origin(MODEL, MODEL_VERSION, 0.99) if model else None,
    )


def _cut(
    id_map: NDArray[np.uint32],
    places: NDArray[np.uint8],
    items: Sequence[Item],
    areas: NDArray[np.int64],
    rows: dict[int, Segment],
    mistakes: _Mistakes,
    handling: Handling,
) -> None:
    """Take the two sides of one large instance for two."""
    if handling.groups:
        return
    for place, item in enumerate(items, start=1):
        large = areas[place - 1] > 2500 and is_thing(item) and not item.crowd
        if large and mistakes.cuts[place - 1] < 0.08:
            flat = np.flatnonzero(places == place)
            if not flat.size:
                continue
            columns = flat % places.shape[1]
            cut = columns.min() + (0.35 + 3.5 * mistakes.cuts[place - 1]) * np.ptp(columns)
            beyond = flat[columns > cut]
            if 0 < beyond.size < flat.size:
                old = rows[int(id_map.flat[flat[0]])]
                new_id = old.segment_id + 500
                id_map.reshape(-1)[beyond] = new_id
                rows[new_id] = old._replace(segment_id=new_id)


def _draws_full_masks(
    items: Sequence[Item], mistakes: _Mistakes, handling: Handling
) -> NDArray[np.bool_]:
    """Which things are drawn whole, hidden pixels included: the habit of some annotators."""
    habit = not handling.model and mistakes.image[2] < 0.45
    return np.array(
        [
            is_thing(item)
            and not item.crowd
            and (habit or (handling.persons and item.class_name in ("person", "rider")))
            for item in items
        ],
        dtype=bool,
    )


def _renumber(
    id_map: NDArray[np.uint32], rows: Mapping[int, Segment], ids: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], dict[int, Segment], NDArray[np.uint32]]:
    """Give ids 1, 2, 3, … as some tools do on every save."""
    old = sorted(rows)
    table = np.zeros(max(old) + 1, dtype=np.uint32)
    table[old] = np.arange(1, len(old) + 1)
    renamed = {int(table[i]): rows[i]._replace(segment_id=int(table[i])) for i in old}
    return table[id_map], renamed, table[ids]
