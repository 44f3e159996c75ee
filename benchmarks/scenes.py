"""Labels to measure with: generated scenes, and real ones where somebody has them.

All are flat, as PNGs hold them: the peers know no layers, so both sides do the same work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.scale import Scale
from datasets_app.jobs.executor import map_shards
from datasets_app.sample.scene import scene_size
from datasets_app.sample.story import image_at
from datasets_app.sample.taxonomy import sample_classes
from panoptic.formats.base import BoundClass, ExportClass, ExportImage, ReadOptions, WriteOptions
from panoptic.formats.registry import get_format
from panoptic.kinds import Kinds
from panoptic.label import Label, label_from_id_map, label_from_runs
from panoptic.runs import decode_runs
from panoptic.views import panoptic_runs

SIZE, LARGE_SIZE = (480, 640), (1024, 2048)
SEED = 7
_BESIDE_THE_CHECKOUT = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
_SCENES_PER_SHARD = 4


class Pair(NamedTuple):
    """One image as two people, or one person twice, labelled it."""

    old: Label
    new: Label


class Scenes:
    """Labels by size; each list is made once."""

    def __init__(self, scale: Scale) -> None:
        self._scale = scale

    @cached_property
    def normal(self) -> list[Label]:
        """Flat labels of 640×480."""
        return [pair.new for pair in self.pairs]

    @cached_property
    def pairs(self) -> list[Pair]:
        """Labels of 640×480 before and after two rounds of corrections; each pair differs."""
        return _make(_pair_shard, _indices(SIZE), self._scale.scenes)

    @cached_property
    def large_pairs(self) -> list[Pair]:
        """The same at 2048×1024, from the wide scenes of 1024×512, enlarged."""
        wide = _make(_pair_shard, _indices((512, 1024)), self._scale.large)
        return [Pair(_enlarge(pair.old), _enlarge(pair.new)) for pair in wide]

    @cached_property
    def large(self) -> list[Label]:
        """Flat labels of 2048×1024."""
        return [pair.new for pair in self.large_pairs]

    @cached_property
    def imported(self) -> list[Label]:
        """More flat labels of 640×480: scenes, and the same mirrored, so no two are equal."""
        scenes = _make(_label_shard, _indices(SIZE), -(-self._scale.imported // 4))
        mirrored = [
            label_from_id_map(id_map_of(label)[::up, ::left], label.segments)
            for label in scenes
            for up in (1, -1)
            for left in (1, -1)
        ]
        return mirrored[: self._scale.imported]

    @cached_property
    def real_panoptic(self) -> list[Label]:
        """Real labels of COCO panoptic; empty where they are missing."""
        path = _real_folder() / "coco_panoptic_sample" / "panoptic_examples.json"
        return _read_real("coco_panoptic", path)

    @cached_property
    def real_instances(self) -> list[Label]:
        """Real labels of COCO instances as one sees them; empty where they are missing."""
        path = _real_folder() / "coco_instances" / "instances_train80.json"
        return [flatten(label) for label in _read_real("coco_instances", path)]


def flatten(label: Label) -> Label:
    """Return the label as it is seen: one layer, without what is hidden."""
    runs = panoptic_runs(label)
    seen = set(np.unique(runs.values).tolist())
    return label_from_runs(runs, [row for row in label.segments if row.segment_id in seen])


def id_map_of(label: Label) -> NDArray[np.uint32]:
    """Return the segment id of every pixel."""
    return decode_runs(panoptic_runs(label))


def rgb_of(label: Label) -> NDArray[np.uint8]:
    """Return the ids as COCO's colours: id = R + 256 G + 65536 B."""
    planes = id_map_of(label)[..., None] >> np.array([0, 8, 16], np.uint32)
    return planes.astype(np.uint8)


def describe(labels: list[Label]) -> str:
    """Return how many there are and how hard they are: time goes with the runs."""
    runs = sum(layer.count for label in labels for layer in label.layers) / len(labels)
    segments = sum(len(label.segments) for label in labels) / len(labels)
    return f"{len(labels)} labels of {runs:,.0f} runs, {segments:.0f} segments"


def kinds_of_scenes() -> Kinds:
    """Return which classes of the scenes are stuff."""
    return Kinds(frozenset(row.class_id for row in sample_classes() if row.kind == "stuff"))


def classes_of_scenes() -> tuple[ExportClass, ...]:
    """Return the classes as formats want them; COCO ids are the class ids."""
    return tuple(
        ExportClass(
            row.class_id,
            row.name,
            row.kind,
            tuple(bytes.fromhex(row.color[1:])),
            {"coco": row.class_id},
        )
        for row in sample_classes()
    )


def write_coco(path: Path, labels: list[Label], format_name: str = "coco_panoptic") -> None:
    """Write labels as one JSON file (and a folder of PNGs beside it), by our own writer."""
    with get_format(format_name).create(path, classes_of_scenes(), WriteOptions()) as writer:
        for number, label in enumerate(labels):
            image = ExportImage(f"{number:06d}.jpg", label, label.height, label.width, number)
            writer.add(writer.encode(image))
        writer.close()


def _make(shard: Callable[[list[int]], list], indices: Iterator[int], count: int) -> list:
    """Make `count` things from scenes on all processors; scenes that give nothing are skipped."""
    made: list = []
    while len(made) < count:
        wanted = [next(indices) for _ in range(count - len(made))]
        shards = [
            wanted[start : start + _SCENES_PER_SHARD]
            for start in range(0, len(wanted), _SCENES_PER_SHARD)
        ]
        made += [one for some in map_shards(shard, shards) for one in some]
    return made


def _indices(size: tuple[int, int]) -> Iterator[int]:
    index = 0
    while True:
        if scene_size(index) == size:
            yield index
        index += 1


def _pair_shard(indices: list[int]) -> list[Pair]:
    pairs = []
    for index in indices:
        old, new = (image_at(SEED, index, step) for step in ("first-annotation", "classes"))
        if old and new and old.label and new.label:
            pair = Pair(flatten(old.label), flatten(new.label))
            if pair.old.layers != pair.new.layers:
                pairs.append(pair)
    return pairs


def _label_shard(indices: list[int]) -> list[Label]:
    images = (image_at(SEED, index, "classes") for index in indices)
    return [flatten(image.label) for image in images if image and image.label]


def _enlarge(label: Label) -> Label:
    """Twice the size and turned by two degrees: boundaries of two equal rows would be too easy."""
    rows, columns = np.mgrid[: LARGE_SIZE[0], : LARGE_SIZE[1]]
    turn = np.deg2rad(2)
    y = np.cos(turn) * rows + np.sin(turn) * (columns - LARGE_SIZE[1] / 2)
    x = np.cos(turn) * columns - np.sin(turn) * (rows - LARGE_SIZE[0] / 2)
    id_map = id_map_of(label)
    top = np.clip(y / 2, 0, label.height - 1).astype(np.int64)
    left = np.clip(x / 2, 0, label.width - 1).astype(np.int64)
    large = id_map[top, left]
    seen = set(np.unique(large).tolist())
    return label_from_id_map(large, [row for row in label.segments if row.segment_id in seen])


def _real_folder() -> Path:
    return Path(os.environ.get("TESSERA_REAL_DATA", _BESIDE_THE_CHECKOUT))


def _read_real(format_name: str, path: Path) -> list[Label]:
    if not path.is_file():
        return []
    form, options = get_format(format_name), ReadOptions()
    with form.open(path, options) as source:
        binding = {
            one.external_id: BoundClass(number, one.kind)
            for number, one in enumerate(source.classes, 1)
        }
        images = [form.read_item(item, binding, options) for item in source.iter_items()]
    return [image.label for image in images if image.label is not None]
