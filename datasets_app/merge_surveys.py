"""What a merge or a revert would do to a version, before anything is written.

A `Walk` gives what one side changed, batch by batch, with what ours says of the same images;
a `Survey` is what comes of it. So the cost goes by what the one side changed, however much
ours did and however many images there are.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from datasets_app.bulk import batched
from datasets_app.comparison import ImageChangeKind, kind_of
from datasets_app.entries import Entry, EntryChange
from datasets_app.errors import ClassesStillUsed, InvalidResolution, MergeConflicts
from datasets_app.label_facts import label_facts
from datasets_app.merging import (
    OPEN,
    Choices,
    ConflictField,
    MergeConflict,
    MergePlan,
    NamedChange,
    Place,
    Settling,
    Sides,
    Take,
    merge_images,
)
from datasets_app.models import Dataset, Version
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.names import clean_image_name
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.staging import ImageChange
from datasets_app.tallies import tally_of
from datasets_app.tree import get_entries
from labels_app.models import TaxonomyVersion
from labels_app.reading import reading_of

# So many conflicts are listed; the others are counted.
LISTED = 1_000
_BATCH = 5_000


class Resolution(NamedTuple):
    """How one conflict is to be settled, or, with field None, all of an image.

    The taxonomy's has name None and the field `ConflictField.TAXONOMY`.
    """

    name: str | None
    field: ConflictField | None
    take: Take


class ImageChanges(NamedTuple):
    """How many images of ours are added, removed and changed; open conflicts are not in it."""

    added: int
    removed: int
    changed: int


class Taxonomies(NamedTuple):
    """The taxonomy versions of the three sides."""

    base: TaxonomyVersion
    ours: TaxonomyVersion
    theirs: TaxonomyVersion


@dataclass(frozen=True, slots=True)
class Survey:
    """What would become of ours: `old_taxonomy_version` is None where ours is no version.

    `taxonomy_version` is None where it is in conflict. `unknown_classes` counts, by class
    id, the segments of classes that the taxonomy version lacks. `conflicts` are the first
    `LISTED` of `conflict_count`. `plan` is None where it is too large to be kept.
    """

    old_taxonomy_version: TaxonomyVersion | None
    taxonomy_version: TaxonomyVersion | None
    images: ImageChanges
    conflicts: tuple[MergeConflict, ...]
    conflict_count: int
    unknown_classes: Mapping[int, int]
    plan: MergePlan | None

    @property
    def new_taxonomy_version(self) -> TaxonomyVersion | None:
        """The taxonomy version to move to, None where it stays."""
        stays = self.taxonomy_version == self.old_taxonomy_version
        return None if stays else self.taxonomy_version

    @property
    def is_clean(self) -> bool:
        """Whether nothing stands against making the version."""
        return not self.conflict_count and not self.unknown_classes

    def to_json(self) -> dict[str, Any]:
        """Return what programs are told; digests are hexadecimal."""
        return {
            "clean": self.is_clean,
            "images": self.images._asdict(),
            "taxonomy": {
                "old": _plain(self.old_taxonomy_version),
                "new": _plain(self.taxonomy_version),
            },
            "unknown_classes": [
                {"class_id": class_id, "segments": segments}
                for class_id, segments in sorted(self.unknown_classes.items())
            ],
            "conflict_count": self.conflict_count,
            "conflicts": [conflict_json(conflict) for conflict in self.conflicts],
        }


@dataclass(frozen=True, slots=True)
class Walk:
    """Changes of one side that are to be done to `ours`, read anew by each `iter_changes()`.

    A change leads from the base to theirs.
    """

    dataset: Dataset
    ours: Version
    iter_changes: Callable[[], Iterable[EntryChange]]
    choices: Choices

    def iter_plans(self) -> Iterator[MergePlan]:
        """Yield the plans of `_BATCH` changes each; at most seven queries for one."""
        nodes = SqlNodes()
        for batch in batched(self.iter_changes(), _BATCH):
            numbers = [change.image_no for change in batch]
            names = names_of(self.dataset.pk, numbers)
            # A look at each of these images, and no walk over what ours changed: that may be
            # a hundred thousand images where theirs are ten.
            ours = get_entries(nodes, self.ours.root, numbers)
            sides = [
                Sides(names[image_no], image_no, base, ours.get(image_no), theirs)
                for image_no, base, theirs in batch
            ]
            yield merge_images(sides, self.choices)

    def iter_image_changes(self, survey: Survey) -> Iterator[ImageChange]:
        """Yield what is to be committed."""
        plans = self.iter_plans() if survey.plan is None else [survey.plan]
        return (_image_change(row) for plan in plans for row in plan.changes)


def survey_changes(walk: Walk, taxonomies: Taxonomies) -> Survey:
    """Walk all changes, keeping counts, the first conflicts, and a plan of up to `_BATCH`.

    Raises
    ------
    InvalidResolution
        A choice that settles no conflict.
    """
    settling = Settling(walk.choices)
    taxonomy = settling.merge(MergeConflict(None, None, ConflictField.TAXONOMY, *taxonomies))
    conflicts, settled = list(settling.conflicts), set(settling.settled)
    conflict_count = len(conflicts)
    # Classes only ever come, so that a taxonomy version knows those of all before it.
    goes_back = taxonomy is not OPEN and taxonomy.number < max(
        taxonomies.ours.number, taxonomies.theirs.number
    )
    tally = tally_of(walk.ours) if goes_back else None
    kinds: Counter[ImageChangeKind] = Counter()
    first: MergePlan | None = None
    plans = 0
    for plans, plan in enumerate(walk.iter_plans(), 1):
        first = plan if plans == 1 else None
        conflict_count += len(plan.conflicts)
        conflicts += plan.conflicts[: LISTED - len(conflicts)]
        settled |= plan.settled
        kinds.update(kind_of(row.change) for row in plan.changes)
        if tally is not None:
            changes = [row.change for row in plan.changes]
            tally.add(changes, label_facts(_labels(changes)))
    refuse_unused(walk.choices, settled)
    return Survey(
        old_taxonomy_version=taxonomies.ours,
        taxonomy_version=None if taxonomy is OPEN else taxonomy,
        images=ImageChanges(*(kinds[kind] for kind in ImageChangeKind)),
        conflicts=tuple(conflicts),
        conflict_count=conflict_count,
        unknown_classes={} if tally is None else _unknown(taxonomy, tally.segments_by_class()),
        plan=first if plans else MergePlan(),
    )


def check_survey(survey: Survey) -> None:
    """Raise what stands against making the version: `MergeConflicts`, `ClassesStillUsed`."""
    if survey.conflict_count:
        raise MergeConflicts(
            [conflict_json(conflict) for conflict in survey.conflicts], survey.conflict_count
        )
    taxonomy = survey.taxonomy_version
    if survey.unknown_classes and taxonomy is not None:
        raise ClassesStillUsed(
            f"{taxonomy.taxonomy.slug}@{taxonomy.number}", survey.unknown_classes
        )


def choices_of(strategy: Take | None, resolutions: Iterable[Resolution]) -> Choices:
    """Return the choices that people made; `InvalidResolution` where two are for one place."""
    taken: dict[Place, Take] = {}
    for name, field, take in resolutions:
        place = Place(None if name is None else clean_image_name(name), field)
        if place in taken:
            raise InvalidResolution(name, field, "it is resolved twice")
        taken[place] = take
    return Choices(taken, strategy)


def conflict_json(conflict: MergeConflict) -> dict[str, Any]:
    """Return a conflict as JSON can express it; digests are hexadecimal."""
    return {
        "name": conflict.name,
        "number": conflict.image_no,
        "field": conflict.field.value,
        "base": _plain(conflict.base),
        "ours": _plain(conflict.ours),
        "theirs": _plain(conflict.theirs),
    }


def refuse_unused(choices: Choices, settled: Collection[Place] = ()) -> None:
    """Raise `InvalidResolution` for a choice that settled no conflict."""
    for place in choices.taken:
        if place not in settled:
            raise InvalidResolution(place.name, place.field, "there is no such conflict")


def _image_change(row: NamedChange) -> ImageChange:
    new = row.change.new
    if new is None:
        return ImageChange(row.name, delete=True)
    return ImageChange(row.name, new.image, new.label, new.split, new.status, new.attributes)


def _labels(changes: Sequence[EntryChange]) -> set[bytes]:
    entries = itertools.chain.from_iterable((old, new) for _, old, new in changes)
    return {entry.label for entry in entries if entry is not None and entry.label is not None}


def _unknown(taxonomy: TaxonomyVersion, segments: Mapping[int, int]) -> dict[int, int]:
    unknown = reading_of(taxonomy).unknown_of(segments.keys() - {VOID_CLASS})
    return {class_id: segments[class_id] for class_id in unknown}


def _plain(value: Any) -> Any:
    """Return a value of a conflict as JSON can express it; an empty split is null."""
    if isinstance(value, TaxonomyVersion):
        return {"slug": value.taxonomy.slug, "number": value.number}
    if isinstance(value, Entry):
        fields = value._asdict()
        del fields["name_digest"]
        return {name: _plain(each) for name, each in fields.items()}
    if isinstance(value, bytes):
        return value.hex()
    return None if value in (None, "") else str(value)
