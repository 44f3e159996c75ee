"""The taxonomies that somebody sees, as rows of a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Q

from datasets_app.models import Dataset
from labels_app.models import LabelClass, Taxonomy, TaxonomyDraft, TaxonomyVersion
from people_app.models import Membership
from people_app.roles import Role
from web.classes import Chip

_COLORS_SHOWN = 40


@dataclass(frozen=True)
class ListedTaxonomy:
    """One taxonomy of the list."""

    taxonomy: Taxonomy
    newest: TaxonomyVersion | None
    things: int
    stuff: int
    colors: list[Chip]
    datasets: list[Dataset]
    draft_by: str | None
    draft_at: datetime | None
    role: Role | None

    @property
    def class_count(self) -> int:
        """The number of live classes."""
        return self.things + self.stuff


def read_list(
    taxonomies: Sequence[Taxonomy], user: AbstractBaseUser | AnonymousUser
) -> list[ListedTaxonomy]:
    """Return the rows of taxonomies; six queries, whatever their number."""
    keys = [taxonomy.pk for taxonomy in taxonomies]
    newest: dict[int, TaxonomyVersion] = {}
    for version in TaxonomyVersion.objects.filter(taxonomy__in=keys).order_by("number"):
        newest[version.taxonomy_id] = version
    datasets: dict[int, list[Dataset]] = defaultdict(list)
    for dataset in Dataset.objects.visible_to(user).filter(taxonomy__in=keys).order_by("slug"):
        datasets[dataset.taxonomy_id].append(dataset)
    drafts = TaxonomyDraft.objects.filter(taxonomy__in=keys).select_related("updated_by")
    edited = {draft.taxonomy_id: draft for draft in drafts.defer("classes", "rules")}
    roles = Membership.objects.roles_on(user, "taxonomy", keys)
    counts = _counts([version.pk for version in newest.values()])
    rows = []
    for taxonomy in taxonomies:
        version = newest.get(taxonomy.pk)
        draft = edited.get(taxonomy.pk)
        facts: dict[str, Any] = counts.get(version.pk if version else 0, {})
        rows.append(
            ListedTaxonomy(
                taxonomy,
                version,
                facts.get("things", 0),
                facts.get("stuff", 0),
                facts.get("colors", []),
                datasets[taxonomy.pk],
                str(draft.updated_by or "somebody") if draft else None,
                draft.updated_at if draft else None,
                roles.get(taxonomy.pk),
            )
        )
    return rows


def _counts(versions: list[int]) -> dict[int, dict[str, Any]]:
    """Return for each version its things, its stuff and the first of its colours."""
    live = LabelClass.objects.filter(version__in=versions, retired=False)
    counted = live.values("version_id").annotate(
        things=Count("pk", filter=Q(kind="thing")), stuff=Count("pk", filter=Q(kind="stuff"))
    )
    found: dict[int, dict[str, Any]] = {
        row["version_id"]: {**row, "colors": []} for row in counted.order_by("version_id")
    }
    named = live.values_list("version_id", "class_id", "name", "kind", "color")
    for version_id, *chip in named.order_by("version_id", "class_id"):
        colors = found[version_id]["colors"]
        if len(colors) < _COLORS_SHOWN:
            colors.append(Chip(*chip))
    return found
