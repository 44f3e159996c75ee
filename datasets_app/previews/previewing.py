"""Preview the changes of a taxonomy on the heads of branches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from datasets_app.models import Job, Version
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.previews.counting import AskedSets, SegmentCounter, held_by
from datasets_app.previews.effects import (
    ChangeEffect,
    ClassTurn,
    measure_change,
    measure_classes,
)
from datasets_app.previews.examples import ExampleImage, find_examples
from datasets_app.previews.heads import Head
from datasets_app.previews.sources import StoredIds, touched_ids
from datasets_app.stats import ClassCount, get_stats
from datasets_app.unions import HeldImages, get_union_counts
from labels_app.reading import Reading, reading_of
from labels_app.taxonomy_diff import ClassChange, diff_classes

MOST_EXAMPLES = 12
# Each change and branch with examples takes two queries or four.
_EXAMPLES_OF = 100


class UnknownClass(NamedTuple):
    """A stored class that the new taxonomy never had, and the segments of it."""

    class_id: int
    segments: int


@dataclass(frozen=True, slots=True)
class BranchPreview:
    """What the changes would do to the head of one branch.

    effects, examples : one per change
    classes : before and after, of the classes that are touched
    earlier : what moving the branch does beside, since it reads by an older version; told in
        `classes`, and under no change
    unknown : if there are any, the branch cannot be moved: 409 `unknown_class`
    """

    head: Head
    effects: tuple[ChangeEffect, ...]
    examples: tuple[Sequence[ExampleImage], ...]
    classes: tuple[ClassTurn, ...]
    earlier: tuple[ClassChange, ...]
    unknown: tuple[UnknownClass, ...]
    job: Job | None

    @property
    def pending(self) -> bool:
        """Whether some numbers are not counted yet; `job` counts them."""
        return self.job is not None

    @property
    def can_move(self) -> bool:
        """Whether the new taxonomy knows every class of the branch's labels."""
        return not self.unknown


@dataclass(frozen=True, slots=True)
class Preview:
    """What changes would do to branches, in the order in which they were given."""

    changes: tuple[ClassChange, ...]
    branches: tuple[BranchPreview, ...]

    @property
    def pending(self) -> bool:
        """Whether some numbers are not counted yet: ask again when the jobs are done."""
        return any(branch.pending for branch in self.branches)

    @property
    def jobs(self) -> list[UUID]:
        """The jobs that count what is missing."""
        return [branch.job.pk for branch in self.branches if branch.job is not None]


def preview_changes(
    *,
    old: Reading,
    new: Reading,
    changes: Sequence[ClassChange],
    heads: Sequence[Head],
    actor: Any,
    examples: int = 0,
) -> Preview:
    """Measure on each head what each change would do, from statistics.

    A constant number of queries per head, whatever the number of images (and two to four per
    change, where examples are wanted). What a request cannot wait for is left to one job per
    head, and its numbers are None until then.

    Parameters
    ----------
    old, new
        The taxonomy before and after the changes, which are all that lies between. A head may
        read by an older version than `old`: what counts is the difference between how it reads
        now and how it would read by `new`.
    actor
        Who asks for the jobs; nobody where it is None or anonymous.
    examples
        How many images to find per change and head, 0 to 12. Of many changes on many heads only
        the first 100 pairs get some, those that change reading first.
    """
    touched = touched_ids(old, new, changes)
    order = sorted(range(len(changes)), key=lambda place: not changes[place].changes_reading)
    pairs = [(head, place) for place in order for head in range(len(heads))][:_EXAMPLES_OF]
    branches = []
    for number, head in enumerate(heads):
        shown = {place for one, place in pairs if one == number} if examples else set()
        branches.append(_preview_head(head, old, new, changes, touched, shown, examples, actor))
    return Preview(tuple(changes), tuple(branches))


def _preview_head(
    head: Head,
    old: Reading,
    new: Reading,
    changes: Sequence[ClassChange],
    touched: Sequence[StoredIds],
    shown: set[int],
    examples: int,
    actor: Any,
) -> BranchPreview:
    now = reading_of(head.version.taxonomy_version)
    stored = _Stored.of(head.version)

    def measure(counter: SegmentCounter) -> tuple[tuple[ChangeEffect, ...], tuple[ClassTurn, ...]]:
        effects = [
            measure_change(counter, change, ids, now=now, then=new)
            for change, ids in zip(changes, touched, strict=True)
        ]
        return tuple(effects), tuple(measure_classes(counter, changes, now=now, then=new))

    asked = AskedSets()
    measure(SegmentCounter(stored.classes, asked))
    unions = get_union_counts(head.version, asked.sets, actor=actor, held=stored.held)
    effects, classes = measure(SegmentCounter(stored.classes, unions.over_splits))
    sets = [ids if place in shown else frozenset() for place, ids in enumerate(touched)]
    return BranchPreview(
        head=head,
        effects=effects,
        examples=tuple(find_examples(head.version, sets, wanted=examples)),
        classes=classes,
        earlier=diff_classes(now.classes.values(), old.classes.values()) if now != old else (),
        unknown=tuple(
            UnknownClass(row.class_id, row.segments)
            for row in stored.classes.values()
            if row.segments and row.class_id != VOID_CLASS and row.class_id not in new.live_of
        ),
        job=unions.job if unions.pending else None,
    )


class _Stored(NamedTuple):
    """The statistics of a version: over all splits, and what unions need to know."""

    classes: dict[int, ClassCount]
    held: HeldImages

    @classmethod
    def of(cls, version: Version) -> _Stored:
        """Read them; two queries."""
        stats = get_stats(version)
        return cls(
            {row.class_id: row for row in stats.over_splits()},
            held_by(stats.classes, {row.split: row.labelled for row in stats.splits}),
        )
