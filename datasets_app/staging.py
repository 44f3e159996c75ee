"""From what a caller asks for to what changes in the tree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final, NamedTuple

from datasets_app.entries import Entry, EntryChange, Status
from datasets_app.errors import InvalidChange, NotFound
from datasets_app.holdings import check_objects
from datasets_app.label_facts import LabelFacts
from datasets_app.models import Dataset
from datasets_app.names import clean_image_name, clean_split
from datasets_app.numbering import find_numbers, number_images
from datasets_app.tree import NodeStore, get_entries


class Keep(Enum):
    """The value of a field that a change leaves as it is."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


class ImageChange(NamedTuple):
    """What a commit does to one image: each field keeps, or is set; None clears it.

    Digests are bytes. A new image has what is set and nothing else. A cleared split is "",
    a cleared status is the default: labelled where there is a label, else unlabelled.
    """

    name: str
    image: bytes | Keep | None = KEEP
    label: bytes | Keep | None = KEEP
    split: str | Keep | None = KEEP
    status: Status | Keep | None = KEEP
    attributes: bytes | Keep | None = KEEP
    delete: bool = False


class Staged(NamedTuple):
    """A batch of changes against a tree, sorted by image number, with what their labels hold.

    `numbers` has every image that was named, also where nothing changes.
    """

    changes: list[EntryChange]
    facts: dict[bytes, LabelFacts]
    numbers: dict[str, int]


def stage_changes(
    dataset: Dataset,
    nodes: NodeStore,
    root: bytes | None,
    wanted: Sequence[ImageChange],
    *,
    known_only: bool,
) -> Staged:
    """Work out what `wanted` changes in the tree `root`; a constant number of queries.

    Gives numbers to new names and keeps what the changes name from garbage collection. The
    caller holds the lock of the dataset's row and a transaction.

    Raises
    ------
    InvalidName, InvalidChange
        A name is refused, or comes twice.
    NotFound
        An image to be deleted is not there.
    ObjectsMissing
        A digest that is new to its image is not in the store, a label has no revision, or,
        with `known_only`, the dataset does not hold it.
    """
    by_name = _by_name(wanted)
    numbers = number_images(
        dataset, [name for name, change in by_name.items() if not change.delete]
    )
    numbers |= find_numbers(dataset.pk, [name for name in by_name if name not in numbers])
    entries = get_entries(nodes, root, numbers.values())
    changes = []
    for name, change in by_name.items():
        old = entries.get(numbers[name]) if name in numbers else None
        if change.delete and old is None:
            raise NotFound("image", name)
        new = None if change.delete else _apply(change, name, old)
        if new != old:
            changes.append(EntryChange(numbers[name], old, new))
    changes.sort()
    facts = check_objects(dataset, changes, known_only=known_only)
    return Staged(changes, facts, numbers)


def labels_of(wanted: Iterable[ImageChange]) -> set[bytes]:
    """Return the labels that changes name; their images may have some of them already."""
    return {change.label for change in wanted if isinstance(change.label, bytes)}


def _by_name(wanted: Sequence[ImageChange]) -> dict[str, ImageChange]:
    by_name: dict[str, ImageChange] = {}
    for change in wanted:
        name = clean_image_name(change.name)
        if name in by_name:
            raise InvalidChange(name, "it comes twice in one commit")
        by_name[name] = change
    return by_name


def _apply(change: ImageChange, name: str, old: Entry | None) -> Entry:
    base = old or Entry(hashlib.sha256(name.encode()).digest())
    label = base.label if change.label is KEEP else change.label
    split = base.split if change.split is KEEP else clean_split(change.split or "")
    return Entry(
        name_digest=base.name_digest,
        image=base.image if change.image is KEEP else change.image,
        label=label,
        split=split,
        status=_status(change, base, label),
        attributes=base.attributes if change.attributes is KEEP else change.attributes,
    )


def _status(change: ImageChange, base: Entry, label: bytes | None) -> Status:
    default = Status.UNLABELLED if label is None else Status.LABELLED
    if change.status is None:
        return default
    if change.status is not KEEP:
        return Status(change.status)
    # The first label of an image makes it labelled, and without its label it is not.
    # Everything else is said by people and kept.
    if label is None or base.label is None:
        return default if base.label != label else base.status
    return base.status
