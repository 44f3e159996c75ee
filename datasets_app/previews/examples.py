"""A few images that show stored classes well, found without looking at all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from datasets_app.candidates import class_key, find_candidates
from datasets_app.entries import Entry
from datasets_app.label_facts import LabelFacts, label_facts
from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.tree import get_entries

# Candidates that are looked at for one set of classes: most sets find their examples among the
# first, and a class that was nearly relabelled away needs a longer look.
_LOOKS = (64, 512)
_CHUNKS = 8


class ExampleImage(NamedTuple):
    """An image that holds some classes, with `pixels` visible ones of them."""

    image_no: int
    name: str
    entry: Entry
    pixels: int


def find_examples(
    version: Version, sets: Sequence[Collection[int]], *, wanted: int
) -> list[list[ExampleImage]]:
    """Return for each set of stored classes up to `wanted` images that hold any of them.

    Those where the classes cover the most pixels come first, among the first candidates of the
    index (`datasets_app.candidates`); fewer are found where the candidates no longer hold the
    classes. Two queries per set and look, and some ten for all sets together, whatever the
    number of images.
    """
    found: dict[int, list[_Covered]] = {place: [] for place in range(len(sets))}
    after = {place: -1 for place, stored_ids in enumerate(sets) if stored_ids and wanted}
    for limit in _LOOKS:
        looked_at = {}
        for place, start in after.items():
            keys = [class_key(stored) for stored in sorted(sets[place])]
            looked_at[place] = find_candidates(
                version.dataset_id, [keys], after=start, limit=limit, chunks=_CHUNKS
            )
        covered = _Labels.read(version, {no for one in looked_at.values() for no in one.numbers})
        after = {}
        for place, candidates in looked_at.items():
            found[place] += covered.holding(candidates.numbers, sets[place])
            if len(found[place]) < wanted and candidates.go_on is not None:
                after[place] = candidates.go_on
    best = [
        sorted(rows, key=lambda row: (-row.pixels, row.image_no))[:wanted]
        for rows in found.values()
    ]
    names = names_of(version.dataset_id, {row.image_no for rows in best for row in rows})
    return [
        [ExampleImage(row.image_no, names[row.image_no], row.entry, row.pixels) for row in rows]
        for rows in best
    ]


class _Covered(NamedTuple):
    image_no: int
    entry: Entry
    pixels: int


class _Labels(NamedTuple):
    """The entries of some images and what their labels hold."""

    entries: Mapping[int, Entry]
    facts: Mapping[bytes, LabelFacts]

    @classmethod
    def read(cls, version: Version, numbers: Collection[int]) -> _Labels:
        """Read them; a query per level of the tree, and one."""
        entries = get_entries(SqlNodes(), version.root, sorted(numbers)) if numbers else {}
        labels = {entry.label for entry in entries.values() if entry.label is not None}
        return cls(entries, label_facts(labels) if labels else {})

    def holding(self, numbers: Sequence[int], stored_ids: Collection[int]) -> list[_Covered]:
        """Return those images that hold any of these classes."""
        rows = []
        for image_no in numbers:
            entry = self.entries.get(image_no)
            if entry is None or entry.label is None:
                continue
            counts = self.facts[entry.label].counts
            pixels = [
                covered
                for stored, covered in zip(
                    counts.class_ids.tolist(), counts.pixels.tolist(), strict=True
                )
                if stored in stored_ids
            ]
            if pixels:
                rows.append(_Covered(image_no, entry, sum(pixels)))
        return rows
