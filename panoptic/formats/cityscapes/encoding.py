"""One image of Cityscapes, encoded: its numbers, the files made of them, and what was lost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from panoptic.errors import TooLarge
from panoptic.formats.base import ExportClass, ExportImage
from panoptic.formats.cityscapes.labels import (
    BY_ID,
    IGNORED,
    LICENSE_PLATE,
    LICENSE_PLATE_ID,
    OBJECTS,
    CityLabel,
    label_id_of,
)
from panoptic.formats.cityscapes.polygons import encode_polygons
from panoptic.formats.cityscapes.tree import INSTANCE_IDS, LABEL_IDS, POLYGONS
from panoptic.formats.coded_maps import complete_numbers, numbers_of
from panoptic.formats.file_trees import FilesRecord
from panoptic.formats.losses import (
    CHANGED_IDS,
    FIELDS,
    MERGED_CROWDS,
    MERGED_SEGMENTS,
    VOID_PIXELS,
)
from panoptic.formats.problems import Problem, list_some, warn
from panoptic.formats.tally import count_fields
from panoptic.formats.visible import leave_out, visible_part
from panoptic.label import Segment
from panoptic.png import encode_class_png, encode_panoptic_png
from panoptic.runs import Runs, measure_runs, relabel_runs

DEFAULT_SPLIT = "train"
# The file that lies in the folder of its split.
PANOPTIC = "panoptic.png"

# Of every class of an export which label it is; None: the format has none.
Labels = Mapping[int, tuple[ExportClass, CityLabel | None]]


class Entry(NamedTuple):
    """What the files of a split need to know of an image."""

    split: str
    size: tuple[int, int]
    segments_info: list[dict[str, Any]]


def encode_image(labels: Labels, by_train_id: bool, image: ExportImage) -> FilesRecord:
    """Encode one image; pure. Its files are named by their kind: the writer knows the rest.

    Raises UnknownClass for a class that is not in `labels`, and TooLarge for more objects than
    have a number.
    """
    if image.label is None:
        return leave_out(image)
    visible = visible_part(image, image.label, labels)
    numbers = number_segments(visible.rows, labels, image.name)
    drawn = relabel_runs(visible.runs, list(numbers), list(numbers.values()))
    painted = _map_numbers(drawn, lambda number: number if number != LICENSE_PLATE_ID else 0)
    evaluated = _map_numbers(painted, lambda number: number * _is_evaluated(number))
    files = (
        (INSTANCE_IDS, encode_class_png(painted, 16)),
        (LABEL_IDS, encode_class_png(_map_numbers(painted, label_id_of))),
        ("labelTrainIds.png", encode_class_png(_map_numbers(painted, _train_id_of))),
        ("color.png", encode_panoptic_png(_map_numbers(painted, _color_of))),
        (POLYGONS, encode_polygons(drawn)),
        (PANOPTIC, encode_panoptic_png(evaluated)),
    )
    lost, problems = _tell_losses(visible.rows, numbers, visible.areas, labels, image)
    lost |= {FIELDS: count_fields(image.label.segments), **visible.lost}
    return FilesRecord(
        image.name,
        files,
        segments=len(set(numbers.values()) - {0}),
        lost=lost,
        problems=problems,
        entry=Entry(
            image.split or DEFAULT_SPLIT,
            image.label.shape,
            _segments_info(evaluated, by_train_id),
        ),
    )


def number_segments(rows: Sequence[Segment], labels: Labels, image: str) -> dict[int, int]:
    """segment id → number, by ascending id; 0: the format has no such class.

    A thing keeps its id if that is a number of its label, else it takes the lowest free one.
    """
    numbers: dict[int, int] = {}
    things: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        class_, label = labels[row.class_id]
        if label is None:
            numbers[row.segment_id] = 0
        elif label.label_id == LICENSE_PLATE:
            numbers[row.segment_id] = LICENSE_PLATE_ID
        elif row.crowd or "stuff" in (label.kind, class_.kind):
            numbers[row.segment_id] = label.label_id
        else:
            things[label.label_id].append(row.segment_id)
    for label_id, segment_ids in things.items():
        if len(segment_ids) > OBJECTS:
            what = f"objects of {BY_ID[label_id].name} in image {image}"
            raise TooLarge(what, actual=len(segment_ids), limit=OBJECTS)
        own = [each for each in segment_ids if each >= OBJECTS and label_id_of(each) == label_id]
        kept = {each: each for each in own}
        numbers.update(complete_numbers(segment_ids, kept, label_id * OBJECTS))
    return dict(sorted(numbers.items()))


def _tell_losses(
    rows: Sequence[Segment],
    numbers: Mapping[int, int],
    areas: Mapping[int, int],
    labels: Labels,
    image: ExportImage,
) -> tuple[Counter[str], tuple[Problem, ...]]:
    lost: Counter[str] = Counter()
    parts: dict[int, list[Segment]] = defaultdict(list)
    void: Counter[str] = Counter()
    flattened = set()
    for row in rows:
        class_, label = labels[row.class_id]
        number = numbers[row.segment_id]
        if number in (0, LICENSE_PLATE_ID):
            void[class_.name] += areas[row.segment_id]
        if number:
            parts[number].append(row)
        if label is not None and (class_.kind, label.kind) == ("thing", "stuff"):
            flattened.add(class_.name)
    for number, joined in parts.items():
        is_crowd = all(row.crowd for row in joined)
        lost[MERGED_CROWDS if is_crowd else MERGED_SEGMENTS] += len(joined) - 1
        lost[CHANGED_IDS] += all(row.segment_id != number for row in joined)
    lost[VOID_PIXELS] = void.total()
    problems = [
        warn("void_class", f"{pixels} pixels of {name!r} are void in the PNGs", image=image.name)
        for name, pixels in void.items()
    ]
    if flattened:
        message = f"Cityscapes has no objects of {list_some(sorted(flattened))}: written as stuff"
        problems.append(warn("thing_as_stuff", message, image=image.name))
    return lost, tuple(problems)


def _segments_info(evaluated: Runs, by_train_id: bool) -> list[dict[str, Any]]:
    measures = measure_runs(evaluated)
    entries = []
    for number, area, (top, left, bottom, right) in zip(
        measures.ids.tolist(), measures.areas.tolist(), measures.boxes.tolist(), strict=True
    ):
        label = BY_ID[label_id_of(number)]
        entries.append(
            {
                "id": number,
                "category_id": label.train_id if by_train_id else label.label_id,
                "area": area,
                "bbox": [left, top, right - left, bottom - top],
                "iscrowd": int(label.kind == "thing" and number < OBJECTS),
            }
        )
    return entries


def _map_numbers(runs: Runs, value_of: Callable[[int], int]) -> Runs:
    numbers = numbers_of(runs)
    return relabel_runs(runs, numbers, [value_of(number) for number in numbers])


def _is_evaluated(number: int) -> bool:
    return BY_ID[label_id_of(number)].train_id is not None


def _train_id_of(number: int) -> int:
    train_id = BY_ID[label_id_of(number)].train_id
    return IGNORED if train_id is None else train_id


def _color_of(number: int) -> int:
    red, green, blue = BY_ID[label_id_of(number)].color
    return red | green << 8 | blue << 16
