"""What an import is asked to do, and what it reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from datasets_app.imports.checking import iter_problems
from datasets_app.models import Version
from labels_app.rule_checks import Findings
from labels_app.rules import Severity
from panoptic.formats.problems import Problem
from panoptic.formats.recognition import AUTO


class ImportMode(StrEnum):
    """What happens to image names that the branch has already (RULES 6.6)."""

    APPEND = "append"  # a name that exists is a problem
    UPDATE = "update"  # adds and changes, never removes
    REPLACE = "replace"  # update, and removes the names that the import does not hold


@dataclass(frozen=True)
class ImportRequest:
    """Which files become which change of which branch.

    `path` is a file or folder of a format, or a zip or tar of them; `inside` says where in it
    they lie. Of an archive, `labels`, `images` and `classes` may be inside of it, too.
    """

    dataset: str
    path: Path
    format: str = AUTO
    inside: str | None = None
    labels: Path | None = None
    images: Path | None = None
    classes: Path | None = None  # a table of the classes of the files
    options: Mapping[str, str] = field(default_factory=dict)  # of the format's own
    split: str | None = None
    branch: str | None = None  # None: the dataset's default branch
    message: str = ""
    mode: ImportMode = ImportMode.APPEND
    class_name: str | None = None
    on_overlap: str = "small"
    dry_run: bool = False
    create: bool = False
    taxonomy: str | None = None  # a file, or SLUG@N


@dataclass
class ImportReport:
    """What an import did or, in a dry run, would do; counts are of images.

    `path` is what was read by the format, inside of what was given; `reason` says why by this
    one, "" where somebody said it.
    """

    format: str = ""
    path: str = ""
    reason: str = ""
    version: Version | None = None
    dry_run: bool = False
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    conflicting: int = 0
    segments: int = 0
    hidden_pixels: int = 0
    lost_pixels: int = 0
    hidden_by_image: dict[str, int] = field(default_factory=dict)
    unknown_classes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    error_count: int = 0

    # A broken export of 118,000 images must not fill the memory with its problems.
    MOST_PROBLEMS = 1_000

    def add_problem(self, problem: Problem) -> None:
        self.problem_count += 1
        self.error_count += problem.severity == "error"
        if len(self.problems) < self.MOST_PROBLEMS:
            self.problems.append(problem)

    def add_findings(self, image: str, findings: Findings) -> None:
        """Add what the label of an image breaks of the label rules."""
        for problem in iter_problems(image, findings):
            self.add_problem(problem)
        # A label may break more than are listed of it.
        listed = sum(one.severity is Severity.ERROR for one in findings.violations)
        self.error_count += findings.errors - listed
        self.problem_count += findings.count - len(findings.violations)

    def to_json(self) -> dict[str, Any]:
        """Return the body that `import_labels --json` prints."""
        version = self.version
        return {
            "version": version and {"id": version.id_hex, "number": version.number},
            "dry_run": self.dry_run,
            "format": self.format,
            "path": self.path,
            "reason": self.reason,
            "images": {
                "added": self.added,
                "changed": self.changed,
                "removed": self.removed,
                "unchanged": self.unchanged,
                "conflicting": self.conflicting,
            },
            "segments": self.segments,
            "pixels": {
                "hidden": self.hidden_pixels,
                "lost": self.lost_pixels,
                "hidden_by_image": self.hidden_by_image,
            },
            "unknown_classes": self.unknown_classes,
            "problem_count": self.problem_count,
            "problems": [problem._asdict() for problem in self.problems],
        }
