"""The next version of a taxonomy while curators work on it, to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max

from labels_app.class_json import class_from_plain
from labels_app.classes import ClassSpec
from labels_app.models import DraftEdit, Taxonomy, TaxonomyDraft, TaxonomyVersion
from labels_app.reading import Reading, reading_of
from labels_app.rules import LabelRule, stored_rules
from labels_app.taxonomy_diff import ClassChange, diff_classes
from people_app.models import User


@dataclass(frozen=True)
class Draft:
    """The next version of a taxonomy as it stands.

    `revision` grows with each edit and each publication of the taxonomy. `is_edited` is false
    where there is nothing to publish yet: then it says what `base`, the newest version, says.
    """

    taxonomy: Taxonomy
    base: TaxonomyVersion
    revision: int
    classes: tuple[ClassSpec, ...]
    rules: tuple[LabelRule, ...]
    is_edited: bool = False
    updated_by: User | None = None
    updated_at: datetime | None = None

    @property
    def reading(self) -> Reading:
        """Return how labels would read by it."""
        return Reading.from_classes(self.classes)

    @property
    def changes(self) -> tuple[ClassChange, ...]:
        """Return what publishing it would change."""
        return diff_classes(reading_of(self.base).classes.values(), self.classes)

    @property
    def changes_rules(self) -> bool:
        """Say whether publishing it would change the label rules."""
        return self.rules != stored_rules(self.base.rules)


def get_draft(taxonomy: Taxonomy) -> Draft:
    """Return the draft of a taxonomy; three queries at most, and nothing is written."""
    row = (
        TaxonomyDraft.objects.filter(taxonomy=taxonomy)
        .select_related("base__taxonomy", "updated_by")
        .first()
    )
    if row is not None:
        return draft_of(taxonomy, row)
    newest = taxonomy.newest_version()
    return Draft(
        taxonomy,
        newest,
        _last_revision(taxonomy),
        tuple(reading_of(newest).classes.values()),
        stored_rules(newest.rules),
    )


def edits_since(taxonomy: Taxonomy, revision: int) -> list[dict[str, Any]]:
    """Return who did what to the draft after a revision, oldest first."""
    edits = DraftEdit.objects.filter(taxonomy=taxonomy, revision__gt=revision).select_related(
        "actor"
    )
    return [
        {
            "revision": edit.revision,
            "by": edit.actor.get_username() if edit.actor else None,
            "at": edit.at.isoformat(),
            "operations": edit.operations,
        }
        for edit in edits.order_by("revision", "pk")
    ]


def _last_revision(taxonomy: Taxonomy) -> int:
    last = DraftEdit.objects.filter(taxonomy=taxonomy).aggregate(last=Max("revision"))["last"]
    return last or 0


def draft_of(taxonomy: Taxonomy, row: TaxonomyDraft) -> Draft:
    """Return the value of a draft's row."""
    return Draft(
        taxonomy,
        row.base,
        row.revision,
        tuple(class_from_plain(plain) for plain in row.classes),
        stored_rules(row.rules),
        True,
        row.updated_by,
        row.updated_at,
    )
