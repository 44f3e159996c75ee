"""How good predictions are, measured against a version: PQ, SQ, RQ and mIoU by class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from panoptic.formats.base import BoundClass, FileClass, ReadOptions
from panoptic.formats.problems import Problem, has_errors
from panoptic.formats.registry import get_format
from panoptic.kinds import Kinds
from panoptic.label import Label, empty_label
from panoptic.metrics import PanopticTally, SemanticTally, panoptic_quality, semantic_quality
from tessera.errors import UsageError
from tessera.progress import Progress, silent
from tessera.snapshot import Snapshot
from tessera.taxonomy import Taxonomy

_MOST_NAMES = 5


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    images : how many images of the version were measured
    missing : labelled images of the version without a prediction: all their segments are missed
    unknown : predictions of images that the version does not have
    """

    panoptic: PanopticTally
    semantic: SemanticTally
    images: int
    missing: list[str]
    unknown: list[str]
    problems: list[Problem]

    def to_json(self, taxonomy: Taxonomy) -> dict[str, Any]:
        """Return plain JSON; ratios from 0 to 1, None where there is nothing to divide by."""
        parts = {"all": self.panoptic, "things": self.panoptic.things, "stuff": self.panoptic.stuff}
        return {
            "images": self.images,
            "missing": self.missing,
            "unknown": self.unknown,
            "quality": {
                name: {"pq": part.pq, "sq": part.sq, "rq": part.rq, "classes": len(part.classes)}
                for name, part in parts.items()
            },
            "miou": self.semantic.miou,
            "pixel_accuracy": self.semantic.pixel_accuracy,
            "classes": [
                {
                    "class_id": class_id,
                    "class": taxonomy.classes[class_id].name,
                    "pq": tally.pq,
                    "sq": tally.sq,
                    "rq": tally.rq,
                    "found": tally.tp,
                    "invented": tally.fp,
                    "missed": tally.fn,
                }
                for class_id, tally in sorted(self.panoptic.classes.items())
            ],
            "problems": [problem._asdict() for problem in self.problems],
        }


def evaluate(
    snapshot: Snapshot,
    path: Path,
    format_name: str,
    *,
    labels: Path | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Measure predictions in a label format against a snapshot.

    Images are known by their names, classes by their ids in the format's scheme, else by name.
    A labelled image without a prediction counts as wholly missed.

    Raises
    ------
    UsageError
        The file cannot be read, or has classes that the version does not know.
    """
    label_format = get_format(format_name)
    options = ReadOptions(labels=labels)
    panoptic, semantic = PanopticTally(), SemanticTally()
    kinds = snapshot.taxonomy.reading.kinds
    met: set[str] = set()
    unknown: list[str] = []
    problems: list[Problem] = []
    with label_format.open(path, options) as source:
        problems += source.problems
        if has_errors(source.problems):
            raise _unreadable(path, problems)
        binding = bind_classes(snapshot.taxonomy, source.classes, source.scheme)
        for item in source.iter_items():
            place = snapshot.table.find(item.name)
            if place is None:
                unknown.append(item.name)
                continue
            met.add(item.name)
            truth = snapshot[place]
            if not truth.is_labelled:
                continue
            found = label_format.read_item(item, binding, options)
            problems += found.problems
            if has_errors(found.problems) or found.label is None:
                met.discard(item.name)
                continue
            panoptic += panoptic_quality(truth.label, found.label, kinds)
            semantic += semantic_quality(truth.label, found.label)
            progress(len(met), source.count)
    missing = [entry.name for entry in snapshot.table if entry.label and entry.name not in met]
    for name in missing:
        truth = snapshot[name]
        panoptic += _missed(truth.label, kinds)
        semantic += semantic_quality(truth.label, empty_label(*truth.label.shape))
    return Evaluation(panoptic, semantic, len(met) + len(missing), missing, unknown, problems)


def bind_classes(
    taxonomy: Taxonomy, classes: Iterable[FileClass], scheme: str
) -> Mapping[int | str, BoundClass]:
    """Return the live class of each class of a file: by its id in the scheme, else by its name.

    A file all of whose classes have their names and ids here, as that of a working copy, is
    taken at its word.

    Raises
    ------
    UsageError
        Classes that are not there, or whose id says another class than their name.
    """
    classes = tuple(classes)
    by_id = {
        one.external[scheme]: one for one in taxonomy.classes.values() if scheme in one.external
    }
    if all(_is_own(taxonomy, one) for one in classes):
        by_id = {}
    bound: dict[int | str, BoundClass] = {}
    strangers = []
    for one in classes:
        named, numbered = taxonomy.by_name.get(one.name), by_id.get(one.external_id)
        found = numbered or named
        if found is None or (named is not None and numbered is not None and named != numbered):
            strangers.append(one.name)
            continue
        bound[one.external_id] = BoundClass(found.class_id, "stuff" if found.is_stuff else "thing")
    if strangers:
        rest = f" and {len(strangers) - _MOST_NAMES} more" if len(strangers) > _MOST_NAMES else ""
        raise UsageError(
            f"{taxonomy.slug}@{taxonomy.number} does not know the classes"
            f" {', '.join(strangers[:_MOST_NAMES])}{rest}",
            code="unknown_class",
            errors=strangers,
        )
    return bound


def _is_own(taxonomy: Taxonomy, one: FileClass) -> bool:
    named = taxonomy.by_name.get(one.name)
    return named is not None and named.class_id == one.external_id


def _missed(truth: Label, kinds: Kinds) -> PanopticTally:
    return panoptic_quality(truth, empty_label(*truth.shape), kinds)


def _unreadable(path: Path, problems: list[Problem]) -> UsageError:
    first = next(problem for problem in problems if problem.severity == "error")
    return UsageError(
        f"{path.name}: {first.message}",
        code=first.code,
        errors=[problem._asdict() for problem in problems],
    )
