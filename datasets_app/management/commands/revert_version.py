"""One version of a branch → undone by another one."""

from argparse import ArgumentParser
from typing import Any

from datasets_app.actions.reverts import preview_revert, revert_version
from datasets_app.management.console import get_dataset, get_operator
from datasets_app.management.survey_console import SurveyCommand
from datasets_app.merging import Take
from datasets_app.revs import resolve


class Command(SurveyCommand):
    help = "Undo one version of a branch by a new one"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument("branch", help="the branch that gets the new version")
        parser.add_argument("rev", help="what is undone: v12, tag, id prefix, main~2")
        self.add_survey_arguments(parser)

    def run(
        self,
        *,
        slug: str,
        branch: str,
        rev: str,
        message: str,
        strategy: Take | None,
        dry_run: bool,
        user: str | None,
        **options: Any,
    ) -> None:
        dataset = get_dataset(slug)
        wanted = resolve(dataset, rev)
        preview = preview_revert(dataset=dataset, branch=branch, version=wanted, strategy=strategy)
        version = None
        if preview.survey.is_clean and not dry_run:
            version = revert_version(
                dataset=dataset,
                branch=branch,
                expected_head=bytes(preview.ours.version_id),
                version=wanted,
                author=get_operator(user),
                message=message or None,
                strategy=strategy,
            )
        self.tell(preview.survey, version, dry_run=dry_run)
