"""Which bytes a dataset holds, and that those a commit names are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from datasets_app.bulk import insert_rows, select_in
from datasets_app.entries import Entry, EntryChange
from datasets_app.errors import ObjectsMissing
from datasets_app.label_facts import LabelFacts, label_facts
from datasets_app.models import Dataset, DatasetBlob
from store_app.blobs import touch_blobs


def hold_blobs(dataset: Dataset, digests: Iterable[bytes]) -> None:
    """Remember that this dataset was given these bytes, so that commits may name them."""
    insert_rows(
        DatasetBlob,
        ("dataset_id", "digest"),
        [(dataset.pk, digest) for digest in sorted(set(digests))],
        known="keep",
    )


def find_missing(dataset: Dataset, digests: Iterable[bytes]) -> list[bytes]:
    """Return, sorted, those digests that a commit through the API may not name here."""
    wanted = set(digests)
    held = select_in(
        DatasetBlob,
        ("digest",),
        "digest",
        wanted,
        where="dataset_id = %s",
        parameters=[dataset.pk],
    )
    return sorted((wanted - {bytes(digest) for (digest,) in held}) | touch_blobs(wanted))


def check_objects(
    dataset: Dataset, changes: Sequence[EntryChange], *, known_only: bool
) -> dict[bytes, LabelFacts]:
    """Return the facts of all labels on both sides; what is new to its image must be there.

    Raises
    ------
    ObjectsMissing
        As `stage_changes` says.
    """
    named = _new_digests(changes)
    if known_only:
        missing = set(find_missing(dataset, named))
    else:
        missing = set(touch_blobs(named))
    facts = label_facts(_labels(changes))
    missing |= {
        entry.label
        for _, _, entry in changes
        if entry is not None and entry.label is not None and entry.label not in facts
    }
    if missing:
        raise ObjectsMissing(sorted(digest.hex() for digest in missing))
    if not known_only:
        hold_blobs(dataset, named)
    return facts


def _new_digests(changes: Iterable[EntryChange]) -> set[bytes]:
    """Return the digests that are new to their image; the others are reachable already."""
    named: set[bytes] = set()
    for _, old, new in changes:
        if new is not None:
            named.update(_digests(new) - (_digests(old) if old is not None else set()))
    return named


def _digests(entry: Entry) -> set[bytes]:
    return {digest for digest in (entry.image, entry.label, entry.attributes) if digest is not None}


def _labels(changes: Iterable[EntryChange]) -> set[bytes]:
    return {
        entry.label
        for _, *sides in changes
        for entry in sides
        if entry is not None and entry.label is not None
    }
