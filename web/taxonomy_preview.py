"""What publishing a draft would do, as the preview page tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple
from uuid import UUID

from datasets_app.models import Dataset, Job
from datasets_app.previews import (
    BranchPreview,
    ChangeEffect,
    ClassTurn,
    ExampleImage,
    Head,
    NamedBranch,
    Preview,
    choose_heads,
    find_examples,
    preview_changes,
)
from datasets_app.previews.sources import touched_ids
from datasets_app.taxonomy_access import Somebody
from labels_app.actions.drafts import Draft
from labels_app.class_spec import ClassSpec, id_of
from labels_app.models import Taxonomy
from labels_app.reading import reading_of
from labels_app.taxonomy_diff import ClassChange, ClassChangeKind
from web.classes import VOID, Chip
from web.taxonomy_taking_back import key_of
from web.taxonomy_use import UsedBranch, used_branches
from web.taxonomy_words import Sentence, chip_of_spec, tell_changes

# Each branch costs some queries. Nobody named those of the default; a reader may name more.
DEFAULT_BRANCHES = 5
MOST_BRANCHES = 20
# Pictures of one change, shared among the first branches.
_PICTURES = 4
# Pictures before and after differ by these; by the others only words do.
_SHOWS = frozenset(
    {
        ClassChangeKind.MERGED,
        ClassChangeKind.RETIRED,
        ClassChangeKind.FLIPPED,
        ClassChangeKind.REVIVED,
        ClassChangeKind.RECOLORED,
    }
)


class Choice(NamedTuple):
    """A branch that can be ticked; `name` is "DATASET/BRANCH"."""

    name: str
    used: UsedBranch
    is_chosen: bool


class Chosen(NamedTuple):
    """The branches that a preview is about, and all that there are to tick."""

    heads: list[Head]
    choices: list[Choice]
    left_out: int
    has_more: bool


class EffectRow(NamedTuple):
    """What one change does to one branch."""

    branch: BranchPreview
    effect: ChangeEffect


@dataclass(frozen=True)
class Block:
    """One change on all branches. `has_pictures`: its images look otherwise afterwards."""

    key: str
    sentence: Sentence
    rows: list[EffectRow]

    @property
    def change(self) -> ClassChange:
        """The change itself."""
        return self.sentence.change

    @property
    def anchor(self) -> str:
        """Where the block is in its page."""
        return self.key.replace(":", "-")

    @property
    def touches(self) -> bool:
        """Say whether a branch holds anything of it, as far as is counted."""
        return any(value != 0 for row in self.rows for value in row.effect)

    @property
    def has_pictures(self) -> bool:
        """Say whether images look otherwise afterwards."""
        return self.change.kind in _SHOWS and any(row.effect.pixels for row in self.rows)


class TurnRow(NamedTuple):
    """A class before and after, with what it has of images, segments and pixels on each side.

    A number is None while it is counted, and where its side has no such class.
    """

    chip: Chip
    has_before: bool
    has_after: bool
    pairs: list[tuple[int | None, int | None]]


@dataclass(frozen=True)
class BranchBlock:
    """One branch: its classes before and after, and what stands in the way of moving it.

    `turns` are of the classes that it holds anything of on either side.
    """

    preview: BranchPreview
    turns: list[TurnRow]
    unknown: list[tuple[Chip, int]]
    earlier: list[Sentence]

    @property
    def anchor(self) -> str:
        """Where the block is in its page."""
        return f"branch-{self.preview.head.version.pk}-{self.preview.head.branch}"


@dataclass(frozen=True)
class ShownPreview:
    """A preview in words.

    `reading` are the changes by which labels read otherwise, `wording` those that touch labels
    and leave them as they read, `idle` those of whose classes the branches hold nothing, `added`
    the classes that no label has yet.
    """

    reading: list[Block]
    wording: list[Block]
    idle: list[Block]
    added: list[Chip]
    branches: list[BranchBlock]
    jobs: list[Job]


class Picture(NamedTuple):
    """One image that a change touches."""

    head: Head
    image: ExampleImage
    can_move: bool


def choose_branches(taxonomy: Taxonomy, user: Somebody, names: Sequence[str]) -> Chosen:
    """Return the branches that a query names, "DATASET/BRANCH" each, by default the default ones.

    Raises
    ------
    NotFound
        One is not there, or the user may not see it.
    TaxonomiesDiffer
        One reads by another taxonomy.
    """
    named = [NamedBranch(*_parts(name)) for name in names] or None
    limit = MOST_BRANCHES if named else DEFAULT_BRANCHES
    heads, left_out = choose_heads(taxonomy, Dataset.objects.visible_to(user), named, limit=limit)
    chosen = {(head.dataset.slug, head.branch) for head in heads}
    used, has_more = used_branches(taxonomy, user)
    choices = [
        Choice(
            f"{one.dataset.slug}/{one.branch.name}",
            one,
            (one.dataset.slug, one.branch.name) in chosen,
        )
        for one in used
        if one.branch.head.taxonomy_version.taxonomy_id == taxonomy.pk
    ]
    return Chosen(heads, choices, left_out, has_more)


def read_preview(draft: Draft, heads: Sequence[Head], user: Somebody) -> ShownPreview:
    """Measure what publishing a draft would do to branches, and tell it."""
    preview = preview_changes(
        old=reading_of(draft.base),
        new=draft.reading,
        changes=draft.changes,
        heads=heads,
        actor=user,
    )
    base = reading_of(draft.base).classes
    now = {id_of(spec): spec for spec in draft.classes}
    blocks = _blocks(preview, tell_changes(preview.changes, base, now))
    touching = [one for one in blocks if one.touches]
    return ShownPreview(
        reading=[one for one in touching if one.change.changes_reading],
        wording=[one for one in touching if not one.change.changes_reading],
        idle=[
            one for one in blocks if not one.touches and one.change.kind != ClassChangeKind.ADDED
        ],
        added=[
            chip_of_spec(now[one.change.class_id])
            for one in blocks
            if one.change.kind == ClassChangeKind.ADDED
        ],
        branches=[_branch_block(branch, draft) for branch in preview.branches],
        jobs=[branch.job for branch in preview.branches if branch.job is not None],
    )


def find_pictures(draft: Draft, change: ClassChange, heads: Sequence[Head]) -> list[Picture]:
    """Return a few images that a change touches, some of each of the first branches."""
    changes = draft.changes
    new = draft.reading
    sets = touched_ids(reading_of(draft.base), new, changes)
    touched = next(ids for one, ids in zip(changes, sets, strict=True) if one == change)
    shown = heads[:_PICTURES]
    pictures: list[Picture] = []
    for place, head in enumerate(shown):
        wanted = ceil((_PICTURES - len(pictures)) / (len(shown) - place))
        known = reading_of(head.version.taxonomy_version).live_of.keys() <= new.live_of.keys()
        (found,) = find_examples(head.version, [touched], wanted=wanted)
        pictures += [Picture(head, image, known) for image in found]
    return pictures


def find_jobs(keys: str, user: Somebody) -> list[Job]:
    """Return those jobs of a list of ids that count for datasets which the user may read."""
    wanted = []
    for key in keys.split(",")[:MOST_BRANCHES]:
        try:
            wanted.append(UUID(key))
        except ValueError:
            continue
    return list(Job.objects.filter(pk__in=wanted, dataset__in=Dataset.objects.visible_to(user)))


def _parts(name: str) -> tuple[str, str | None]:
    dataset, _, branch = name.partition("/")
    return dataset, branch or None


def _blocks(preview: Preview, sentences: Iterable[Sentence]) -> list[Block]:
    return [
        Block(
            key_of(sentence.change),
            sentence,
            [EffectRow(branch, branch.effects[place]) for branch in preview.branches],
        )
        for place, sentence in enumerate(sentences)
    ]


def _branch_block(branch: BranchPreview, draft: Draft) -> BranchBlock:
    own = reading_of(branch.head.version.taxonomy_version)
    base = reading_of(draft.base)
    return BranchBlock(
        branch,
        sorted(
            (_turn_row(turn) for turn in branch.classes if _holds(turn)),
            key=lambda row: (row.chip == VOID, row.chip.name.casefold()),
        ),
        [(_known_chip(row.class_id, own.classes), row.segments) for row in branch.unknown],
        tell_changes(branch.earlier, own.classes, base.classes),
    )


def _holds(turn: ClassTurn) -> bool:
    return any(value != 0 for side in (turn.before, turn.after) for value in side or ())


def _turn_row(turn: ClassTurn) -> TurnRow:
    nothing = (None, None, None)
    return TurnRow(
        VOID if turn.spec is None else chip_of_spec(turn.spec),
        turn.before is not None,
        turn.after is not None,
        list(zip(turn.before or nothing, turn.after or nothing, strict=True)),
    )


def _known_chip(class_id: int, classes: Mapping[int, ClassSpec]) -> Chip:
    spec = classes.get(class_id)
    return VOID._replace(name=f"class {class_id}") if spec is None else chip_of_spec(spec)
