"""Read labels as a training loop does, from a pulled snapshot, against Pillow and pycocotools."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.bench import Bench
from benchmarks.pillow_png import pillow_png
from benchmarks.rows import Goal, Row, left_out
from benchmarks.scenes import rgb_of
from benchmarks.timing import Cost, duel, take_turns
from panoptic.blob_codecs import CODECS, CodecNumber
from panoptic.codec import pack_label
from panoptic.label import Label
from panoptic.packs import NewObject
from panoptic.rle import encode_coco_rles
from panoptic.runs import decode_runs
from panoptic.views import panoptic_runs, semantic_runs
from tessera.cache import Cache
from tessera.entries import Entry, table_of
from tessera.snapshot import Snapshot

_GOAL = Goal(10)
_WORKERS = 2
_ROUNDS_EACH = 4


class Files(NamedTuple):
    """The same labels for the peers: PNGs of ids and of classes, and COCO RLE by segment."""

    ids: list[Path]
    classes: list[Path]
    rles: list[list[tuple[int, dict[str, Any]]]]


def run(bench: Bench) -> Iterator[Row]:
    yield from _rows(bench, "", bench.scenes.normal, "scenes of 640×480")
    yield from _rows(bench, "-large", bench.scenes.large, "scenes of 2048×1024")
    real = bench.scenes.real_panoptic
    if real:
        yield from _rows(bench, "-real", real * -(-16 // len(real)), "real COCO panoptic")
    else:
        yield left_out("training/ids-real", "there are no real labels")
    if find_spec("torch") is None:
        yield left_out("training/torch", "torch is not installed")
        return
    yield _torch_row(bench, bench.scenes.normal)


def _rows(bench: Bench, suffix: str, labels: list[Label], what: str) -> Iterator[Row]:
    folder = bench.path(f"training{suffix}")
    snapshot, files = _snapshot(folder / "cache", labels), _files(folder, labels)
    for item, path in zip(snapshot, files.classes, strict=True):
        if not np.array_equal(item.semantic(), _pixels(path)):
            raise AssertionError("both sides read other classes")
    sides: list[tuple[str, Callable[[], None], Callable[[], None], str]] = [
        (
            "ids",
            lambda: _each(item.panoptic() for item in snapshot),
            lambda: _each(map(_pixels, files.ids)),
            "id maps, segments, areas and boxes; Pillow decoding RGB PNGs, ids not composed",
        ),
        (
            "ids-composed",
            lambda: _each(item.panoptic() for item in snapshot),
            lambda: _each(map(_composed, files.ids)),
            "the same; Pillow decoding RGB PNGs, R + 256 G + 65536 B by numpy, no areas, no boxes",
        ),
        (
            "classes",
            lambda: _each(item.semantic() for item in snapshot),
            lambda: _each(map(_pixels, files.classes)),
            "class maps; Pillow decoding 8-bit PNGs of classes",
        ),
        (
            "classes-of-rgb",
            lambda: _each(item.semantic() for item in snapshot),
            lambda: _each(map(_pixels, files.ids)),
            "class maps; Pillow decoding the RGB PNGs that they come from, classes not looked up",
        ),
    ]
    if find_spec("pycocotools") is None:
        yield left_out(f"training/rle{suffix}", "pycocotools is not installed")
    else:
        sides.append(
            (
                "rle",
                lambda: _each(item.semantic() for item in snapshot),
                lambda: _each(_painted(rles) for rles in files.rles),
                "class maps; pycocotools decoding COCO RLE in memory, painted segment by segment",
            )
        )
        sides.append(
            (
                "masks",
                lambda: _each(item.instances() for item in snapshot),
                lambda: _each(_masks(rles) for rles in files.rles),
                "a mask per segment; pycocotools decoding COCO RLE in memory, all at once",
            )
        )
    for name, ours, peer, peers in sides:
        quickest = _quickest(ours, peer, bench.scale.rounds)
        each = 1e6 / len(labels)
        yield Row(
            f"training/{name}{suffix}",
            quickest[0].wall * each,
            quickest[1].wall * each,
            "µs",
            quickest[1].wall / quickest[0].wall,
            _GOAL,
            quickest[1].cpu / quickest[0].cpu,
            f"{what}: items of a snapshot, checked by sha256, to {peers}",
        )


def _quickest(ours: Callable[[], None], peer: Callable[[], None], rounds: int) -> list[Cost]:
    """Return the least wall and processor time of each side. A round takes milliseconds, which a
    neighbour doubles easily: medians would measure the neighbour."""
    return [
        Cost(min(cost.wall for cost in costs), min(cost.cpu for cost in costs))
        for costs in take_turns([ours, peer], _ROUNDS_EACH * rounds)
    ]


def _torch_row(bench: Bench, labels: list[Label]) -> Row:
    from torch.utils.data import DataLoader  # takes seconds to import

    folder = bench.path("training-torch")
    files = _files(folder, labels)
    dataset = _snapshot(folder / "cache", labels).to_torch("semantic", photos=False)
    ours = DataLoader(dataset, None, num_workers=_WORKERS)
    peer = DataLoader(_PngDataset(files.classes), None, num_workers=_WORKERS)
    found = duel(lambda: _each(ours), lambda: _each(peer), bench.scale.rounds)
    each = 1e6 / len(labels)
    return Row(
        "training/torch",
        found.ours.wall * each,
        found.peer.wall * each,
        "µs",
        found.ratio,
        None,
        found.cpu_ratio,
        f"int64 class maps by a DataLoader of {_WORKERS} processes, their start included; "
        f"the same of 8-bit PNGs by Pillow",
    )


class _PngDataset:
    """What everybody writes: a PNG to a tensor."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, place: int) -> Any:
        import torch

        return torch.from_numpy(_pixels(self._files[place]).astype(np.int64))


def _snapshot(folder: Path, labels: list[Label]) -> Snapshot:
    """Return the labels as a version that was pulled."""
    entries, objects = [], {}
    for number, label in enumerate(labels):
        packed = pack_label(label)
        stored = hashlib.sha256(packed.stored).digest()
        size = len(CODECS[CodecNumber.LABEL].decode(packed.stored, 0))
        objects[packed.digest] = NewObject(
            packed.digest, stored, size, int(CodecNumber.LABEL), packed.stored
        )
        name, (height, width) = f"{number:06d}.png", label.shape
        entries.append(Entry(name, number, None, packed.digest, height=height, width=width))
    with Cache(folder) as cache:
        cache.add_objects(list(objects.values()))
    highest = max(int(label.segments.class_ids.max()) for label in labels)
    facts = {
        "dataset": "bench",
        "version": {"id": "0" * 64, "number": 1},
        "filter": "",
        "labels_only": True,
        "taxonomy": {
            "taxonomy": "bench",
            "number": 1,
            "digest": "",
            "classes": [_class(class_id) for class_id in range(1, highest + 1)],
        },
        "erased": [],
    }
    table_of(entries).save(folder / "snapshots" / "one", facts)
    return Snapshot(folder / "snapshots" / "one", folder)


def _class(class_id: int) -> dict[str, Any]:
    return {
        "id": class_id,
        "name": f"class {class_id}",
        "kind": "thing",
        "color": "#808080",
        "parent": None,
        "external": {},
        "description": "",
        "retired": False,
        "forwards_to": None,
    }


def _files(folder: Path, labels: list[Label]) -> Files:
    files = Files([], [], [])
    for number, label in enumerate(labels):
        for column, paths, pixels in (
            ("ids", files.ids, rgb_of(label)),
            ("classes", files.classes, decode_runs(semantic_runs(label), _dtype(label))),
        ):
            path = folder / column / f"{number:06d}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(pillow_png(pixels))
            paths.append(path)
        classes = dict(
            zip(label.segments.ids.tolist(), label.segments.class_ids.tolist(), strict=True)
        )
        files.rles.append(
            [
                (classes[segment_id], {"size": list(label.shape), "counts": counts})
                for segment_id, counts in encode_coco_rles(panoptic_runs(label)).items()
            ]
        )
    return files


def _dtype(label: Label) -> type:
    return np.uint8 if int(label.segments.class_ids.max()) < 256 else np.uint16


def _painted(rles: list[tuple[int, dict[str, Any]]]) -> NDArray[np.uint16]:
    from pycocotools import mask as coco_mask  # an extra of the project

    painted = np.zeros(rles[0][1]["size"], np.uint16)
    for class_id, rle in rles:
        painted[coco_mask.decode(rle) != 0] = class_id
    return painted


def _masks(rles: list[tuple[int, dict[str, Any]]]) -> NDArray[np.uint8]:
    from pycocotools import mask as coco_mask

    masks: NDArray[np.uint8] = coco_mask.decode([rle for _, rle in rles])
    return masks


def _composed(path: Path) -> NDArray[np.uint32]:
    """What everybody writes: the ids of a panoptic PNG."""
    rgb = _pixels(path).astype(np.uint32)
    composed: NDArray[np.uint32] = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
    return composed


def _pixels(path: Path) -> NDArray[Any]:
    return np.array(Image.open(path))


def _each(maps: Iterable[Any]) -> None:
    """Use and forget: a result is let go before the next one is made, on both sides."""
    deque(maps, maxlen=0)
