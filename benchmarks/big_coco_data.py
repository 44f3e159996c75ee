"""COCO files of any size, written as fast as a disk takes them: few shapes, put together anew.

No two images are equal, as the service would store one label only once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from panoptic.formats.json_stream import encode_json
from panoptic.png import encode_panoptic_png
from panoptic.polygons import decode_polygons
from panoptic.rle import encode_coco_rle
from panoptic.runs import Runs, encode_runs, measure_runs, transpose_runs

HEIGHT, WIDTH = 480, 640
THINGS, STUFF = 80, 50
_SHAPES = 500
_INSTANCES = 60
_MAPS = 16
_SEGMENTS = 250

_CATEGORIES: list[dict[str, Any]] = [
    {"id": number, "name": f"class {number}", "supercategory": "", "isthing": int(number <= THINGS)}
    for number in range(1, THINGS + STUFF + 1)
]


def write_big_instances(path: Path, wanted_bytes: int) -> int:
    """Write polygons, RLE strings and lists of counts; return the number of images."""
    rng = np.random.default_rng(1)
    shapes = [_shape(rng, number) for number in range(_SHAPES)]

    def annotations(image: int) -> Iterator[bytes]:
        for place in range(_INSTANCES):
            shape = shapes[(image * (1 + image // _SHAPES) + place * 7) % _SHAPES]
            yield b'{"id":%d,"image_id":%d,"category_id":%d,%b}' % (
                image * _INSTANCES + place + 1,
                image + 1,
                (image + place) % THINGS + 1,
                shape,
            )

    return _write(path, wanted_bytes, annotations)


def write_big_panoptic(path: Path, wanted_bytes: int) -> int:
    """Write segments_info of 250 segments an image, and a few PNGs that all images share."""
    rng = np.random.default_rng(1)
    folder = path.with_suffix("")
    folder.mkdir()
    maps = [_segment_map(rng, folder / f"{number}.png") for number in range(_MAPS)]

    def annotation(image: int) -> Iterator[bytes]:
        number, turn = image % _MAPS, image // _MAPS
        step = 1 + turn // THINGS % (THINGS - 1)
        infos = [
            b'{"id":%d,"category_id":%d,"iscrowd":0,%b}'
            % (
                place + 1,
                THINGS + 1 + place if place < STUFF else (place * step + turn) % THINGS + 1,
                measures,
            )
            for place, measures in enumerate(maps[number])
        ]
        yield b'{"image_id":%d,"file_name":"%d.png","segments_info":[%b]}' % (
            image + 1,
            number,
            b",".join(infos),
        )

    return _write(path, wanted_bytes, annotation)


def _write(path: Path, wanted_bytes: int, annotations: Callable[[int], Iterator[bytes]]) -> int:
    """Annotations stand first, as in files that were joined: a reader must keep them all."""
    with path.open("wb") as file:
        file.write(b'{"annotations":[')
        images = _write_annotations(file, wanted_bytes, annotations)
        file.write(b'],"images":[')
        for image in range(images):
            row = b'{"id":%d,"file_name":"%09d.jpg","height":%d,"width":%d}'
            file.write(b"," * bool(image) + row % (image + 1, image, HEIGHT, WIDTH))
        file.write(b'],"categories":' + json.dumps(_CATEGORIES).encode() + b"}")
    return images


def _write_annotations(
    file: BinaryIO, wanted_bytes: int, annotations: Callable[[int], Iterator[bytes]]
) -> int:
    for image in count():
        if file.tell() >= wanted_bytes:
            return image
        file.write(b"," * bool(image) + b",\n".join(annotations(image)))
    raise AssertionError


def _shape(rng: np.random.Generator, number: int) -> bytes:
    """The geometry keys of an annotation: one of ten is a crowd, of the others half an RLE."""
    points = 160
    turns = np.sort(rng.uniform(0, 2 * np.pi, points))
    radii = rng.uniform(20, 90) * rng.uniform(0.8, 1.0, points)
    x = np.clip(rng.uniform(60, WIDTH - 60) + radii * np.cos(turns), 0, WIDTH).round(2)
    y = np.clip(rng.uniform(60, HEIGHT - 60) + radii * np.sin(turns), 0, HEIGHT).round(2)
    polygon = np.stack([x, y], axis=1).reshape(-1).tolist()
    mask = decode_polygons([polygon], HEIGHT, WIDTH)
    top, left, bottom, right = measure_runs(mask).boxes[0].tolist()
    crowd = number % 10 == 9
    segmentation: Any = [polygon]
    if crowd:
        segmentation = {"size": [HEIGHT, WIDTH], "counts": _counts(mask)}
    elif number % 2:
        segmentation = {"size": [HEIGHT, WIDTH], "counts": encode_coco_rle(mask)}
    entry = {
        "segmentation": segmentation,
        "area": int(measure_runs(mask).areas[0]),
        "bbox": [left, top, right - left, bottom - top],
        "iscrowd": int(crowd),
    }
    return encode_json(entry)[1:-1]


def _counts(mask: Runs) -> list[int]:
    columns = transpose_runs(mask)
    counts: list[int] = columns.lengths.tolist()
    return [0, *counts] if columns.values[0] else counts


def _segment_map(rng: np.random.Generator, path: Path) -> list[bytes]:
    """Write the map of the nearest of 250 points; return area and bbox of every segment."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    nearest = np.full((HEIGHT, WIDTH), np.inf)
    ids = np.zeros((HEIGHT, WIDTH), np.uint32)
    # A grid that was shaken, so that no segment is empty.
    spots = rng.permutation(20 * 16)[:_SEGMENTS]
    for number, spot in enumerate(spots.tolist(), 1):
        y, x = (spot // 20 + rng.uniform(0.2, 0.8)) * 30, (spot % 20 + rng.uniform(0.2, 0.8)) * 32
        distance = (rows - y) ** 2 + (columns - x) ** 2
        ids[distance < nearest] = number
        nearest = np.minimum(nearest, distance)
    path.write_bytes(encode_panoptic_png(encode_runs(ids)))
    measures = measure_runs(encode_runs(ids))
    return [
        b'"area":%d,"bbox":[%d,%d,%d,%d]' % (area, left, top, right - left, bottom - top)
        for area, (top, left, bottom, right) in zip(
            measures.areas.tolist(), measures.boxes.tolist(), strict=True
        )
    ]
