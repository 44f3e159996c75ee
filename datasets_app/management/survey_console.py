"""What the commands share that merge and revert: they look first, tell, and then write."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from datasets_app.errors import HistoryError
from datasets_app.management.console import ConsoleCommand, problem_of
from datasets_app.merge_surveys import Survey, check_survey
from datasets_app.merging import Take
from datasets_app.models import Version

_CONFLICTS_SHOWN = 20


class SurveyCommand(ConsoleCommand):
    """A command that tells what it would do, and fails where conflicts stand against it."""

    def add_survey_arguments(self, parser: ArgumentParser) -> None:
        """Add what merging and reverting take alike."""
        parser.add_argument("-m", "--message", default="")
        parser.add_argument(
            "--strategy", type=Take, choices=[Take.OURS, Take.THEIRS],
            help="settle conflicts by the branch (ours) or against it (theirs)",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="say what would happen")
        parser.add_argument("--user", help="who commits (default: the operator account)")

    def tell(self, survey: Survey, version: Version | None, **facts: Any) -> None:
        """Tell what happened, or, with `version` None, what would happen.

        Raises
        ------
        CommandError
            Something stands against it; that was told too.
        """
        problem = None if version else _find_problem(survey)
        if self.as_json:
            said = problem_of(problem) if problem else {}
            found = version and {"id": version.id_hex, "number": version.number}
            self.print_json(said | {"version": found} | facts | survey.to_json())
        else:
            self._tell_people(survey, version)
        if problem is not None:
            raise CommandError(f"{problem} [{problem.code}]") from problem

    def _tell_people(self, survey: Survey, version: Version | None) -> None:
        for conflict in survey.conflicts[:_CONFLICTS_SHOWN]:
            where = f"{conflict.name}: " if conflict.name else ""
            self.stderr.write(f"conflict: {where}{conflict.field}")
        if survey.conflict_count > _CONFLICTS_SHOWN:
            self.stderr.write(
                f"… {survey.conflict_count - _CONFLICTS_SHOWN} more; --json lists them"
            )
        head = f"v{version.number} {version.id_hex[:12]}" if version else "Would be"
        images = survey.images
        moved = survey.new_taxonomy_version
        taxonomy = f"; taxonomy {moved.taxonomy.slug}@{moved.number}" if moved else ""
        self.stdout.write(
            f"{head}: images {images.added} added, {images.changed} changed, "
            f"{images.removed} removed{taxonomy}"
        )


def _find_problem(survey: Survey) -> HistoryError | None:
    try:
        check_survey(survey)
    except HistoryError as error:
        return error
    return None
