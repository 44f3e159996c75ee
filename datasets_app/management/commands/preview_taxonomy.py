"""A taxonomy's draft → what publishing it would do to branches."""

from argparse import ArgumentParser
from typing import Any

from rich.console import Console
from rich.table import Table

from datasets_app.errors import NotFound
from datasets_app.management.console import ConsoleCommand, get_operator
from datasets_app.models import Dataset
from datasets_app.previews import (
    BranchPreview,
    ChangeEffect,
    ChosenHeads,
    NamedBranch,
    Preview,
    choose_heads,
    preview_changes,
    preview_to_plain,
)
from labels_app.actions.drafts import get_draft, preview_operations
from labels_app.models import Taxonomy
from labels_app.reading import reading_of


class Command(ConsoleCommand):
    help = "Show what publishing the draft of a taxonomy would do to branches that use it"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the taxonomy")
        parser.add_argument("--dataset", help="only this one (default: all that use the taxonomy)")
        parser.add_argument("--branch", help="with --dataset; default: its default branch")

    def run(self, *, slug: str, dataset: str | None, branch: str | None, **options: Any) -> None:
        taxonomy = Taxonomy.objects.filter(slug=slug).first()
        if taxonomy is None:
            raise NotFound("taxonomy", slug)
        if branch is not None and dataset is None:
            raise NotFound("dataset", "of the branch: say --dataset")
        draft = preview_operations(get_draft(taxonomy))
        named = None if dataset is None else [NamedBranch(dataset, branch)]
        chosen = choose_heads(taxonomy, Dataset.objects.all(), named)
        preview = preview_changes(
            old=reading_of(draft.base),
            new=draft.reading,
            changes=draft.changes,
            heads=chosen.heads,
            actor=get_operator(),
        )
        if self.as_json:
            facts = {"taxonomy": slug, "base": draft.base.number, "revision": draft.revision}
            self.print_json(
                facts | preview_to_plain(preview) | {"branches_left_out": chosen.left_out}
            )
        else:
            self._tell(preview, chosen)

    def _tell(self, preview: Preview, chosen: ChosenHeads) -> None:
        if not preview.changes:
            self.stdout.write("Nothing would change")
        for branch in preview.branches:
            self._tell_branch(preview, branch)
        if preview.pending:
            self.stdout.write(
                f"? is being counted by {len(preview.jobs)} jobs; ask again when they are done"
            )
        if chosen.left_out:
            self.stdout.write(f"{chosen.left_out} more branches; name one with --dataset")

    def _tell_branch(self, preview: Preview, branch: BranchPreview) -> None:
        version = branch.head.version
        self.stdout.write(
            f"{branch.head.dataset.slug} {branch.head.branch} (v{version.number},"
            f" taxonomy {version.taxonomy_version.number})"
        )
        for row in branch.unknown:
            self.stdout.write(
                f"  cannot move: class {row.class_id} is unknown, with {row.segments:,} segments"
            )
        table = Table("change", "class", *ChangeEffect._fields, box=None)
        for change, effect in zip(preview.changes, branch.effects, strict=True):
            table.add_row(change.kind.value, change.name, *map(_number, effect))
        if preview.changes:
            Console(file=self.stdout).print(table)


def _number(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
