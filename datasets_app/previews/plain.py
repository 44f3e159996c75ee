"""A preview as JSON has it."""

from __future__ import annotations

from typing import Any

from datasets_app.previews.counting import Totals
from datasets_app.previews.effects import ClassTurn
from datasets_app.previews.examples import ExampleImage
from datasets_app.previews.previewing import BranchPreview, Preview
from labels_app.taxonomy_diff import ClassChange


def preview_to_plain(preview: Preview) -> dict[str, Any]:
    """Return a preview as JSON; the `effects` of a branch are in the order of `changes`."""
    return {
        "pending": preview.pending,
        "jobs": [str(job) for job in preview.jobs],
        "changes": [change_to_plain(change) for change in preview.changes],
        "branches": [_branch(branch) for branch in preview.branches],
    }


def change_to_plain(change: ClassChange) -> dict[str, Any]:
    """Return a change as JSON, and whether labels read differently by it."""
    return change.to_plain() | {"changes_reading": change.changes_reading}


def _branch(branch: BranchPreview) -> dict[str, Any]:
    version = branch.head.version
    own = version.taxonomy_version
    return {
        "dataset": branch.head.dataset.slug,
        "branch": branch.head.branch,
        "version": version.id_hex,
        "number": version.number,
        "taxonomy": {"slug": own.taxonomy.slug, "number": own.number},
        "pending": branch.pending,
        "job": None if branch.job is None else str(branch.job.pk),
        "can_move": branch.can_move,
        "unknown_classes": [row._asdict() for row in branch.unknown],
        "earlier": [change_to_plain(change) for change in branch.earlier],
        "effects": [
            effect._asdict() | {"examples": [_example(one) for one in examples]}
            for effect, examples in zip(branch.effects, branch.examples, strict=True)
        ],
        "classes": [_turn(turn) for turn in branch.classes],
    }


def _example(example: ExampleImage) -> dict[str, Any]:
    return {"number": example.image_no, "name": example.name, "pixels": example.pixels}


def _turn(turn: ClassTurn) -> dict[str, Any]:
    return {
        "class": turn.class_id,
        "name": "void" if turn.spec is None else turn.spec.name,
        "kind": None if turn.spec is None else turn.spec.kind,
        "before": _totals(turn.before),
        "after": _totals(turn.after),
    }


def _totals(totals: Totals | None) -> dict[str, Any] | None:
    return None if totals is None else totals._asdict()
