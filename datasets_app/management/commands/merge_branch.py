"""What another version changed → a branch."""

from argparse import ArgumentParser
from typing import Any

from datasets_app.actions.merges import merge_versions, preview_merge
from datasets_app.errors import AlreadyMerged
from datasets_app.management.console import get_dataset, get_operator
from datasets_app.management.survey_console import SurveyCommand
from datasets_app.merging import Take
from datasets_app.revs import resolve


class Command(SurveyCommand):
    help = "Merge a revision into a branch of a dataset"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument("branch", help="the branch that moves")
        parser.add_argument("rev", help="branch, tag, v12, id prefix, main~2")
        parser.add_argument(
            "--no-ff", dest="fast_forward", action="store_false",
            help="make a version also where the branch could just move",
        )  # fmt: skip
        self.add_survey_arguments(parser)

    def run(
        self,
        *,
        slug: str,
        branch: str,
        rev: str,
        message: str,
        strategy: Take | None,
        fast_forward: bool,
        dry_run: bool,
        user: str | None,
        **options: Any,
    ) -> None:
        dataset = get_dataset(slug)
        theirs = resolve(dataset, rev)
        preview = preview_merge(
            dataset=dataset, branch=branch, from_version=theirs, strategy=strategy
        )
        if preview.up_to_date:
            raise AlreadyMerged(branch, theirs.id_hex)
        version = None
        if preview.survey.is_clean and not dry_run:
            version = merge_versions(
                dataset=dataset,
                branch=branch,
                from_version=theirs,
                expected_head=bytes(preview.ours.version_id) if preview.ours else None,
                author=get_operator(user),
                message=message,
                strategy=strategy,
                fast_forward=fast_forward,
            )
        moves = preview.fast_forward and (fast_forward or preview.ours is None)
        self.tell(preview.survey, version, dry_run=dry_run, fast_forward=moves)
