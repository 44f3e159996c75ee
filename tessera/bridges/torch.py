"""Snapshots as torch datasets: any number of worker processes read the same cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from panoptic.views import decode_masks
from tessera.counting import segment_counts
from tessera.errors import UsageError
from tessera.items import Item
from tessera.snapshot import Snapshot

Target = Literal["semantic", "instance", "panoptic"]
Transform = Callable[[Any, Any], Any]


class TorchDataset:
    """`(photo, target)` by position; see `Snapshot.to_torch`."""

    def __init__(
        self,
        snapshot: Snapshot,
        target: Target,
        *,
        ids: str,
        void: int,
        photos: bool,
        transform: Transform | None,
    ) -> None:
        if target not in _TARGETS:
            raise UsageError(f"target {target!r} is none of {', '.join(_TARGETS)}")
        self.snapshot, self.target = snapshot, target
        self._ids, self._void = ids, void
        self._photos, self._transform = photos, transform
        labelled = snapshot.table.labels.any(axis=1)
        self._places = np.flatnonzero(labelled)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, place: int) -> Any:
        item = self.item(place)
        photo = torch.from_numpy(_planes(item.photo)) if self._photos else None
        target = _TARGETS[self.target](item, self._ids, self._void)
        if self._transform is not None:
            return self._transform(photo, target)
        return photo, target

    def item(self, place: int) -> Item:
        """Return the image at a position: images without a label have none."""
        return self.snapshot[int(self._places[place])]

    def sampler(
        self,
        *,
        seed: int = 0,
        class_weights: Mapping[str, float] | None = None,
        only: Sequence[str] = (),
        count: int | None = None,
    ) -> ClassSampler:
        """Return an order of images for a DataLoader, the same for the same seed and epoch.

        Parameters
        ----------
        class_weights
            How much more often to draw an image that has a class: its weight is the largest
            of those of its classes, 1 for classes that are not named, 0 without any segment.
            With weights images are drawn with replacement; without, each comes once.
        only
            Leave out images that have none of these classes.
        count
            How many images an epoch has; default: as many as may be drawn.
        """
        return ClassSampler(self, seed, dict(class_weights or {}), tuple(only), count)

    def collate(self, batch: Sequence[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
        """Put images of different sizes into two lists: a DataLoader's `collate_fn`."""
        photos, targets = zip(*batch, strict=True)
        return list(photos), list(targets)


class ClassSampler:
    """Positions of a `TorchDataset`; call `set_epoch` before each epoch for another order."""

    def __init__(
        self,
        dataset: TorchDataset,
        seed: int,
        class_weights: Mapping[str, float],
        only: Sequence[str],
        count: int | None,
    ) -> None:
        self._seed, self._epoch = seed, 0
        weights = _image_weights(dataset, class_weights, only)
        self._places = np.flatnonzero(weights > 0)
        self._shares = weights[self._places] if class_weights else None
        self._count = len(self._places) if count is None else count
        if not len(self._places):
            raise UsageError("no image has one of these classes")

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng([self._seed, self._epoch])
        if self._shares is not None:
            drawn = random.choice(self._places, self._count, p=self._shares / self._shares.sum())
        else:
            rounds = -(-self._count // len(self._places))
            drawn = np.concatenate([random.permutation(self._places) for _ in range(rounds)])
        return iter(drawn[: self._count].tolist())

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of another epoch."""
        self._epoch = epoch


def semantic_target(item: Item, ids: str, void: int) -> torch.Tensor:
    """Return the class of every pixel: int64 (height, width)."""
    return torch.from_numpy(item.semantic(ids, void, np.int64))


def panoptic_target(item: Item, ids: str, void: int) -> dict[str, Any]:
    """Return `id_map` int64 (height, width), 0 void, and of each segment in view id and class."""
    id_map, segments = item.panoptic()
    values = _values(item, ids, void)
    seen = [one for one in segments if one.visible_area]
    return {
        "name": item.name,
        "id_map": torch.from_numpy(id_map.astype(np.int64)),
        "segment_ids": torch.tensor([one.segment_id for one in seen], dtype=torch.int64),
        "labels": torch.tensor(
            [values[one.label_class.class_id] for one in seen], dtype=torch.int64
        ),
        "is_thing": torch.tensor([not one.label_class.is_stuff for one in seen]),
        "iscrowd": torch.tensor([one.crowd for one in seen]),
    }


def instance_target(item: Item, ids: str, void: int) -> dict[str, Any]:
    """Return what torchvision's detection models take: `boxes` float32 (n, 4) as x1, y1, x2, y2,
    `labels`, `masks` bool (n, height, width) of the full masks, `iscrowd`, `area`."""
    label, values = item.label, _values(item, ids, void)
    things = [one for one in item.segments if not one.label_class.is_stuff]
    masks = decode_masks(label, [one.segment_id for one in things])
    boxes = [(x, y, x + width, y + height) for x, y, width, height in (one.bbox for one in things)]
    return {
        "name": item.name,
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(
            [values[one.label_class.class_id] for one in things], dtype=torch.int64
        ),
        "masks": torch.from_numpy(masks),
        "iscrowd": torch.tensor([int(one.crowd) for one in things], dtype=torch.int64),
        "area": torch.tensor([one.area for one in things], dtype=torch.float32),
    }


_TARGETS: Mapping[str, Callable[[Item, str, int], Any]] = {
    "semantic": semantic_target,
    "instance": instance_target,
    "panoptic": panoptic_target,
}


def _values(item: Item, ids: str, void: int) -> Mapping[int, int]:
    """Return class id → the id in another list."""
    class_map = item.class_map(ids, void)
    return dict(zip(class_map.keys.tolist(), class_map.values.tolist(), strict=True))


def _planes(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # A copy also where the order is right already: Pillow's pixels cannot be written to.
    return np.array(photo.transpose(2, 0, 1), order="C")


def _image_weights(
    dataset: TorchDataset, class_weights: Mapping[str, float], only: Sequence[str]
) -> NDArray[np.float64]:
    """Return the weight of every position; 0: never drawn."""
    snapshot = dataset.snapshot
    places = np.flatnonzero(snapshot.table.labels.any(axis=1))
    weights = np.ones(len(places))
    if not class_weights and not only:
        return weights
    has = segment_counts(snapshot)[places] > 0
    columns = {one.name: column for column, one in enumerate(snapshot.classes)}
    for name in (*class_weights, *only):
        snapshot.taxonomy.get(name)  # raises for a name that is none
    if class_weights:
        of_class = np.ones(len(columns))
        for name, weight in class_weights.items():
            of_class[columns[name]] = weight
        weights = np.where(has, of_class, 0).max(axis=1, initial=0)
    if only:
        weights = np.where(has[:, [columns[name] for name in only]].any(axis=1), weights, 0)
    return weights
