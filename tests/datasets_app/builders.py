"""Datasets and histories that the tests of this folder need."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from datasets_app.actions.commits import ImageChange, commit
from datasets_app.actions.datasets import create_dataset
from datasets_app.entries import Entry
from datasets_app.models import Branch, Dataset, Version
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.classes import ClassSpec
from labels_app.models import TaxonomyVersion
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from people_app.models import User
from store_app.blobs import new_blob, put_blobs
from tests.builders import label
from tests.labels_app.builders import classes

_numbers = itertools.count(1)


def digest(text: str) -> bytes:
    """Any digest, told from others by its text."""
    return sha256(text.encode()).digest()


def entry(name: str = "a.png", **fields: Any) -> Entry:
    """A leaf entry; `label="x"` and the like become digests."""
    digests = {
        field: digest(fields.pop(field))
        for field in ("image", "label", "attributes")
        if field in fields
    }
    return Entry(digest(name), **digests, **fields)


def author(name: str = "ada") -> User:
    """The one who commits."""
    return User.objects.get_or_create(username=name)[0]


def taxonomy(drawing: str = "1:road/stuff 2:car 3:sky/stuff") -> TaxonomyVersion:
    """The first version of a new taxonomy."""
    return create_taxonomy(
        slug=f"taxonomy-{next(_numbers)}", classes=colored(classes(drawing)), actor=author()
    )


def colored(specs: Iterable[ClassSpec]) -> list[ClassSpec]:
    """Give each class a colour of its own."""
    return [replace(spec, color=f"#{n:06x}") for n, spec in enumerate(specs, 1)]


def dataset(slug: str = "", drawing: str = "1:road/stuff 2:car 3:sky/stuff") -> Dataset:
    """An empty dataset with a taxonomy of its own."""
    return create_dataset(
        slug=slug or f"dataset-{next(_numbers)}",
        taxonomy=taxonomy(drawing).taxonomy,
        actor=author(),
    )


def put_label(drawing: str, segments: Mapping[int, int], **fields: Any) -> bytes:
    """Store a label, drawn as in `tests.builders.label`, and return its digest."""
    packed = pack_label(label(drawing, segments, **fields))
    register_labels([packed])
    return packed.digest


def put_bytes(text: str) -> bytes:
    """Store bytes, as of a photograph, and return their digest."""
    blob = new_blob(text.encode(), "raw")
    put_blobs([blob])
    return blob.digest


def commit_to(
    dataset: Dataset, changes: Iterable[ImageChange], *, branch: str = "main", **fields: Any
) -> Version:
    """Commit on top of whatever the branch is at."""
    found = Branch.objects.select_related("head").filter(dataset=dataset, name=branch).first()
    head = found.head.version_id if found and found.head else None
    fields.setdefault("message", "Change")
    fields.setdefault("author", author())
    return commit(dataset=dataset, branch=branch, expected_head=head, changes=changes, **fields)


def names(*given: str, **fields: Any) -> list[ImageChange]:
    """One change per name, all with the same fields."""
    return [ImageChange(name, **fields) for name in given]


def moment(second: int = 0) -> datetime:
    """A fixed time."""
    return datetime(2025, 3, 1, 12, 0, second, 250_000, tzinfo=UTC)
