"""Datasets of synthetic images with tiny labels, and commits to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.service import the_taxonomy, the_user
from datasets_app.actions.commits import ImageChange, commit
from datasets_app.actions.datasets import create_dataset
from datasets_app.models import Version
from datasets_app.sample.story import image_at
from labels_app.actions.taxonomies import publish_version
from labels_app.classes import ClassSpec
from labels_app.models import TaxonomyVersion
from labels_app.reading import reading_of
from labels_app.revisions import register_labels
from panoptic.codec import EncodedLabel, pack_label

_TINY_LABELS = 256
_SPLITS = ("train", "train", "train", "val", "test")


def tiny_labels(count: int = _TINY_LABELS) -> list[EncodedLabel]:
    """Return labels of 32×32 pixels, each with another digest."""
    packed: dict[bytes, EncodedLabel] = {}
    index = 0
    while len(packed) < count:
        image = image_at(1, index, "classes", tiny=True)
        index += 1
        if image is not None and image.label is not None:
            label = pack_label(image.label)
            packed.setdefault(label.digest, label)
    return list(packed.values())


class History:
    """One dataset in the current database, and the means to change it."""

    def __init__(self, images: int, labels: Sequence[EncodedLabel]) -> None:
        self.images = images
        self._labels = [label.digest for label in labels]
        register_labels(labels)
        self._user = the_user()
        self._dataset = create_dataset(
            slug="synthetic", taxonomy=the_taxonomy().taxonomy, actor=self._user
        )
        self._chance = np.random.default_rng(images)
        self._shift = 1
        self.versions = [self._commit(self._all_images(), None)]

    @property
    def head(self) -> Version:
        return self.versions[-1]

    def edits(self, count: int) -> list[ImageChange]:
        """Return other labels for so many random images; no image is edited as it was before."""
        chosen = self._chance.choice(self.images, count, replace=False)
        self._shift += 1
        return [
            ImageChange(_name(index), label=self._label(index + self._shift))
            for index in chosen.tolist()
        ]

    def commit(self, changes: Sequence[ImageChange]) -> Version:
        """Commit to the head and move on to it."""
        self.versions.append(self._commit(changes, self.head.version_id))
        return self.head

    def rename_class(self) -> Version:
        """Publish the taxonomy with one class renamed, and move the branch to it."""
        first, *others = reading_of(self.head.taxonomy_version).live_classes
        return self._migrate(replace(first, name=f"{first.name}'"), others)

    def merge_classes(self) -> Version:
        """Publish the taxonomy with one class less, which reads as another, and move to it."""
        first, *others = reading_of(self.head.taxonomy_version).live_classes
        same = next(spec for spec in others if spec.kind == first.kind)
        return self._migrate(replace(first, retired=True, forwards_to=same.class_id), others)

    def unmerge_classes(self) -> Version:
        """Move the branch back to the taxonomy version before."""
        before = self.versions[-2].taxonomy_version
        self.versions.append(self._commit((), self.head.version_id, before))
        return self.head

    def _migrate(self, changed: ClassSpec, others: Sequence[ClassSpec]) -> Version:
        # A second class that has the first as its parent goes up with it.
        kept = [
            replace(spec, parent=None) if spec.parent == changed.class_id else spec
            for spec in others
        ]
        present = self.head.taxonomy_version
        # The newest version may have classes retired that live here again.
        newest = reading_of(present.taxonomy.versions.latest("number")).classes
        named = {spec.class_id for spec in (changed, *others)}
        retired = [spec for spec in newest.values() if spec.class_id not in named]
        published = publish_version(
            taxonomy=present.taxonomy,
            classes=[changed, *kept, *retired],
            actor=self._user,
            message="Synthetic",
        )
        self.versions.append(self._commit((), self.head.version_id, published))
        return self.head

    def _commit(
        self, changes: Any, head: bytes | None, taxonomy: TaxonomyVersion | None = None
    ) -> Version:
        version = commit(
            dataset=self._dataset,
            branch="main",
            expected_head=head,
            changes=changes,
            message="Synthetic",
            author=self._user,
            taxonomy_version=taxonomy,
        )
        # As a request finds it: without what the commit had in memory.
        return Version.objects.select_related("taxonomy_version__taxonomy").get(pk=version.pk)

    def _all_images(self) -> Iterator[ImageChange]:
        for index in range(self.images):
            split = _SPLITS[index % len(_SPLITS)]
            yield ImageChange(_name(index), label=self._label(index), split=split)

    def _label(self, index: int) -> bytes:
        return self._labels[index % len(self._labels)]


def _name(index: int) -> str:
    return f"{index // 1000:05d}/{index:08d}.png"
