"""A branch → another version of its taxonomy."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from datasets_app.actions.migrations import MigrationPreview, migrate_branch, preview_migration
from datasets_app.errors import UnknownClass
from datasets_app.management.console import ConsoleCommand, get_dataset, get_operator, problem_of
from datasets_app.models import Version
from datasets_app.revs import get_branch
from datasets_app.taxonomy_access import get_taxonomy_version
from labels_app.models import TaxonomyVersion


class Command(ConsoleCommand):
    help = "Let a branch read by another version of its taxonomy; labels are not touched"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument("branch", help="the branch that moves")
        parser.add_argument("taxonomy", help="SLUG@N, or SLUG for its newest version")
        parser.add_argument("-m", "--message", default="")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen")
        parser.add_argument("--user", help="who commits (default: the operator account)")

    def run(
        self,
        *,
        slug: str,
        branch: str,
        taxonomy: str,
        message: str,
        dry_run: bool,
        user: str | None,
        **options: Any,
    ) -> None:
        dataset = get_dataset(slug)
        operator = get_operator(user)
        # An operator sees every taxonomy.
        wanted = get_taxonomy_version(None, taxonomy)
        head = get_branch(dataset, branch).head
        preview = preview_migration(dataset=dataset, branch=branch, taxonomy_version=wanted)
        problem = _find_problem(preview)
        version = None
        if problem is None and not dry_run:
            assert head is not None  # or there would be no preview
            version = migrate_branch(
                dataset=dataset,
                branch=branch,
                expected_head=bytes(head.version_id),
                taxonomy_version=wanted,
                author=operator,
                message=message,
            )
        self._tell(preview, version, problem, dry_run=dry_run)
        if problem is not None:
            raise CommandError(f"{problem} [{problem.code}]") from problem

    def _tell(
        self,
        preview: MigrationPreview,
        version: Version | None,
        problem: UnknownClass | None,
        *,
        dry_run: bool,
    ) -> None:
        if self.as_json:
            said = problem_of(problem) if problem else {}
            self.print_json(said | _report(preview, version) | {"dry_run": dry_run})
            return
        undone = "undone: " if preview.goes_back else ""
        for change in preview.changes:
            self.stdout.write(f"{undone}{change.kind.value} {change.name}")
        head = f"v{version.number} {version.id_hex[:12]}" if version else "Would be"
        self.stdout.write(f"{head}: from {_name(preview.old)} to {_name(preview.new)}")


def _report(preview: MigrationPreview, version: Version | None) -> dict[str, Any]:
    return {
        "version": version and {"id": version.id_hex, "number": version.number},
        "taxonomy": {"old": _name(preview.old), "new": _name(preview.new)},
        "goes_back": preview.goes_back,
        "changes": [change.to_plain() for change in preview.changes],
        "unknown_classes": [
            {"class_id": class_id, "segments": segments}
            for class_id, segments in preview.unknown_classes.items()
        ],
    }


def _find_problem(preview: MigrationPreview) -> UnknownClass | None:
    if not preview.unknown_classes:
        return None
    return UnknownClass(_name(preview.new), preview.unknown_classes)


def _name(version: TaxonomyVersion) -> str:
    return f"{version.taxonomy.slug}@{version.number}"
