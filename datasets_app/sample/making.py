"""Compute images of the sample, in worker processes: nothing here may need the database."""

from __future__ import annotations

from typing import NamedTuple

from datasets_app.sample.story import SampleImage, image_at, image_name, photo_at
from panoptic.codec import EncodedLabel, pack_label


class SampleShard(NamedTuple):
    """Some images of one step; `parent` is the step before."""

    seed: int
    step: str
    parent: str | None
    indices: list[int]
    tiny: bool
    photos: bool


class MadeImage(NamedTuple):
    """One image of a step, computed in a worker; `image` None: the step drops it."""

    name: str
    image: SampleImage | None
    encoded: EncodedLabel | None
    photo: bytes | None


def make_shard(shard: SampleShard) -> list[MadeImage]:
    """Compute some images of a step (runs in a worker process)."""
    made = []
    for index in shard.indices:
        image = image_at(shard.seed, index, shard.step, tiny=shard.tiny)
        is_new = shard.parent is None or (
            image_at(shard.seed, index, shard.parent, tiny=True) is None
        )
        made.append(
            MadeImage(
                name=image_name(shard.seed, index),
                image=None if image is None else image._replace(label=None),
                encoded=pack_label(image.label) if image and image.label else None,
                photo=photo_at(shard.seed, index) if shard.photos and image and is_new else None,
            )
        )
    return made
