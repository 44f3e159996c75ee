"""The polygons of Cityscapes: objects painted one over the other, the last on top.

They are drawn as the official tool draws them, by Pillow: every pixel that an outline touches
belongs to the object. A label that ends in `group` is a group of that label's objects.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from panoptic.errors import MalformedFile, TooLarge
from panoptic.formats.cityscapes.labels import (
    BY_ID,
    BY_NAME,
    LICENSE_PLATE,
    LICENSE_PLATE_ID,
    OBJECTS,
    UNLABELED,
    CityLabel,
    label_id_of,
)
from panoptic.formats.json_stream import encode_json
from panoptic.formats.problems import Problem, list_some, warn
from panoptic.images import MAX_PIXELS
from panoptic.polygons import spans_to_polygons
from panoptic.runs import Runs, Spans, encode_runs, mask_of, spans_by_id, spans_of_mask

MAX_BYTES = 2**26
_GROUP = "group"


class Drawn(NamedTuple):
    """Objects as they are seen: a map of places, and the number that each place stands for."""

    runs: Runs
    numbers: Mapping[int, int]
    problems: tuple[Problem, ...]


class _Object(NamedTuple):
    label: CityLabel
    is_group: bool
    own_id: int | None
    points: list[tuple[float, float]]


def read_objects(file: Path) -> Drawn:
    """Draw a polygons.json; MalformedFile for one of another shape, with a count."""
    content = _read_json(file)
    height, width = _size(content, file.name)
    objects = _read_objects(content.get("objects"), height, width, file.name)
    numbers = {0: UNLABELED, **dict(enumerate(_number(objects, file.name), 1))}
    canvas = Image.new("I", (width, height))
    pen = ImageDraw.Draw(canvas)
    for place, each in enumerate(objects, 1):
        pen.polygon(each.points, fill=place)
    runs = encode_runs(np.asarray(canvas))
    seen = set(np.unique(runs.values).tolist())
    hidden = [each.label.name for place, each in enumerate(objects, 1) if place not in seen]
    message = f"{len(hidden)} objects lie wholly under later ones: {list_some(hidden, 5)}"
    problems = [warn("empty_segment", message, file=file.name)] if hidden else []
    return Drawn(runs, {place: numbers[place] for place in sorted(seen)}, tuple(problems))


def _read_json(file: Path) -> Mapping[str, Any]:
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise TooLarge(f"bytes in {file.name}", actual=size, limit=MAX_BYTES)
    try:
        content = json.loads(file.read_bytes().decode())
    except (ValueError, RecursionError) as error:
        raise MalformedFile(f"it is no JSON: {error}", file=file.name) from None
    if not isinstance(content, dict):
        raise MalformedFile("it holds no JSON object", file=file.name)
    return content


def _size(content: Mapping[str, Any], file: str) -> tuple[int, int]:
    height, width = content.get("imgHeight"), content.get("imgWidth")
    if type(height) is not int or type(width) is not int or height < 1 or width < 1:
        reason = f"imgHeight {height!r:.40} and imgWidth {width!r:.40} are no size in pixels"
        raise MalformedFile(reason, file=file)
    if height * width > MAX_PIXELS:
        raise TooLarge(f"pixels in {file}", actual=height * width, limit=MAX_PIXELS)
    return height, width


def _read_objects(entries: Any, height: int, width: int, file: str) -> list[_Object]:
    """The objects that were not deleted."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise MalformedFile("it has no list of objects", file=file)
    objects = []
    strange: Counter[str] = Counter()
    # Far points would make Pillow walk every row on their way.
    farthest = 10 * max(height, width) + 1000
    for place, entry in enumerate(entries):
        if entry.get("deleted"):
            continue
        name = entry.get("label")
        label, is_group = _find_label(name)
        if label is None:
            strange[f"{name!r:.80}"] += 1
            continue
        points = entry.get("polygon")
        if not _are_points(points, farthest):
            reason = f"the polygon of object {place} is no list of 2 or more points (x, y)"
            raise MalformedFile(reason, file=file, segment=place)
        own_id = entry.get("id")
        is_own = type(own_id) is int and own_id // OBJECTS == label.label_id
        objects.append(
            _Object(label, is_group, own_id if is_own else None, [(x, y) for x, y in points])
        )
    if strange:
        told = list_some([f"{name} of {count} objects" for name, count in strange.items()], 5)
        raise MalformedFile(f"labels that mean no class: {told}", file=file)
    return objects


def _find_label(name: Any) -> tuple[CityLabel | None, bool]:
    """The label of an object, and whether it is a group of them."""
    if not isinstance(name, str):
        return None, False
    if name in BY_NAME:  # polegroup, too
        return BY_NAME[name], False
    return BY_NAME.get(name.removesuffix(_GROUP)), name.endswith(_GROUP)


def _are_points(points: Any, farthest: int) -> bool:
    return (
        isinstance(points, list)
        and len(points) >= 2
        and all(
            isinstance(point, list)
            and len(point) == 2
            and all(type(part) in (int, float) for part in point)
            # False of nan and infinity, too.
            and all(abs(part) <= farthest for part in point)
            for point in points
        )
    )


def _number(objects: list[_Object], file: str) -> Iterator[int]:
    """The number of every object: its own, else as the official tool counts, by label."""
    taken = {each.own_id for each in objects}
    counts: Counter[int] = Counter()
    for label, is_group, own_id, _ in objects:
        if label.kind == "stuff" or is_group:
            yield label.label_id
            continue
        number = own_id
        while number is None or (own_id is None and number in taken):
            number = label.label_id * OBJECTS + counts[label.label_id]
            counts[label.label_id] += 1
        if counts[label.label_id] > OBJECTS:
            raise TooLarge(
                f"objects of {label.name} in {file}", actual=counts[label.label_id], limit=OBJECTS
            )
        yield number


def encode_polygons(numbers: Runs) -> bytes:
    """A polygons.json that draws these numbers again, pixel by pixel; 0 is left out.

    numbers : as in instanceIds; `LICENSE_PLATE_ID` is a license plate

    An outline cannot have holes: what lies in one is painted over it, void as `unlabeled`. So
    each connected part is an object of its own; `id` tells which ones are of one thing.
    """
    rings = []
    for number, spans in spans_by_id(numbers).items():
        rings += [(_told(number), points) for points in _outlines(spans, numbers.width)]
    last = numbers.width - 1, numbers.height - 1
    for points in _outlines(spans_of_mask(mask_of(numbers, 0)), numbers.width):
        # Void that reaches the edge of the image lies within no outline.
        if points.min() > 0 and (points.max(axis=0) < last).all():
            rings.append(({"label": BY_ID[UNLABELED].name}, points))
    # What lies within an outline begins below its first row.
    rings.sort(key=lambda ring: (ring[1][0, 1], ring[1][0, 0]))
    objects = [{**told, "polygon": points.tolist()} for told, points in rings]
    size = {"imgHeight": numbers.height, "imgWidth": numbers.width}
    return encode_json({**size, "objects": objects}) + b"\n"


def _told(number: int) -> dict[str, Any]:
    if number == LICENSE_PLATE_ID:
        return {"label": BY_ID[LICENSE_PLATE].name}
    label = BY_ID[label_id_of(number)]
    if number >= OBJECTS:
        return {"label": label.name, "id": number}
    return {"label": label.name + _GROUP * (label.kind == "thing")}


def _outlines(spans: Spans, width: int) -> Iterator[NDArray[np.int64]]:
    """The outermost pixels (x, y) of every connected part of a mask, holes left out."""
    for ring in spans_to_polygons(spans, width):
        if ring.is_hole:
            continue
        corners = ring.points
        # One edge at a corner is level, the other upright: from neighbour to neighbour both show.
        across, down = (np.roll(corners, -1, axis=0) - np.roll(corners, 1, axis=0)).T
        # The ring runs clockwise between pixels: where it goes to the left its pixels lie above
        # it, where it goes down they lie to the left.
        yield corners - np.stack([down > 0, across < 0], axis=1)
