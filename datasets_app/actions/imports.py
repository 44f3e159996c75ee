"""Import label files as one version of a dataset."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from os.path import exists
from pathlib import Path

from django.db import transaction

from datasets_app.actions.commits import ImageChange, commit
from datasets_app.actions.datasets import create_dataset
from datasets_app.errors import NotFound
from datasets_app.imports.checking import ImportRules
from datasets_app.imports.classes import (
    ClassPlan,
    find_taxonomy_version,
    plan_from_file_classes,
    plan_from_taxonomy_file,
    plan_with_version,
)
from datasets_app.imports.errors import ImportRefused
from datasets_app.imports.intake import TakenImage, iter_stored, take_in
from datasets_app.imports.planning import Planner
from datasets_app.imports.reading import read_images
from datasets_app.imports.request import ImportReport, ImportRequest
from datasets_app.imports.spill import Spill
from datasets_app.imports.unpacking import unpacked
from datasets_app.jobs.kinds import Progress, silent, watched
from datasets_app.label_checks import ViolationList
from datasets_app.models import Branch, Dataset, IdempotencyKey, Version
from datasets_app.names import clean_split
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.models import TaxonomyVersion
from labels_app.rule_checks import RuleBook, closed_classes
from panoptic.errors import MalformedFile
from panoptic.formats.base import ReadOptions, Source
from panoptic.formats.options import find_ignored, parse_read_options
from panoptic.formats.recognition import AUTO, choose, locate, place_in
from panoptic.formats.registry import get_format
from people_app.models import User
from store_app.blobs import get_blobs

_MEGABYTE = 1_000_000


def import_labels(
    request: ImportRequest,
    *,
    actor: User,
    progress: Progress = silent,
    idempotency_key: str | None = None,
) -> ImportReport:
    """Read label files, store what is new, and commit what changed as one version.

    An archive is unpacked for as long as that takes. The format `auto` is the one that the files
    look like; the report says which, and why.

    All or nothing: a problem that is an error refuses the whole import, after all files
    were read, so that one run tells all problems. An import that changes nothing makes no
    version. With the key of an import that was committed before, nothing is done again.

    Raises
    ------
    ImportRefused
        With the report, whose problems say which file, image and segment.
    AmbiguousFormat, UnrecognisedFormat, InvalidOption, UnsafeArchive
    BranchMoved
        Somebody committed to the branch meanwhile.
    """
    place = _find_place(request)
    report = ImportReport(dry_run=request.dry_run)
    report.version = _find_finished(place, actor, idempotency_key)
    if report.version is not None:
        return report
    with unpacked(request.path, progress) as root:
        found = _find_files(request, root, report)
        _import_found(found, place, report, actor, progress, idempotency_key)
    return report


def _import_found(
    request: ImportRequest,
    place: _Place,
    report: ImportReport,
    actor: User,
    progress: Progress,
    idempotency_key: str | None,
) -> None:
    split = None if request.split is None else clean_split(request.split)
    options = _read_options(request)
    for problem in find_ignored(get_format(request.format), options):
        report.add_problem(problem)
    store = not request.dry_run
    with (
        _open_source(request, options, progress) as source,
        Spill[TakenImage]() as taken,
        Spill[ImageChange]() as changes,
    ):
        plan = _plan_classes(request, place, source)
        _report_source(report, source, plan)
        planner = Planner(place.head, request.mode, split, report, plan.reading)
        images = read_images(
            request.format,
            source.iter_items(),
            plan.binding,
            options,
            _ParentFinder(planner),
            _rules_of(plan),
        )
        take_in(images, taken, report, total=source.count, store=store, progress=progress)
        if store:
            _refuse_errors(report)
        stored = watched(iter_stored(taken, store=store), progress, taken.count, "images stored")
        for change in planner.iter_changes(stored):
            changes.add(change)
        if store:
            # Names that exist, in append mode; rules that new labels break.
            _refuse_errors(report)
        for change in planner.iter_removals():
            changes.add(change)
        if store and changes.count:
            report.version = _commit(
                request,
                place,
                plan,
                watched(changes.iter_batches(), progress, changes.count, "images committed"),
                planner.violations,
                actor,
                idempotency_key,
            )


def _find_files(request: ImportRequest, root: Path, report: ImportReport) -> ImportRequest:
    """Return the request of a format and of what it opens, and report which they are.

    `root` is the path of the request, or the folder that it was unpacked to.
    """
    path = root / request.inside if request.inside else root
    if not exists(path):  # Path.exists raises where a name is too long for the disk
        raise MalformedFile("there is no such file or folder", file=request.inside or str(path))
    if request.format == AUTO:
        report.format, path, report.reason = choose(path)
    else:
        report.format, path = request.format, locate(path, request.format)
    report.path = place_in(root, path)
    name = (request.path.absolute() if path == root else path).name
    found = replace(
        request,
        path=path,
        format=report.format,
        message=request.message or f"Import {name}",
    )
    if root != request.path:
        found = replace(
            found,
            labels=_in_archive(root, request.labels),
            images=_in_archive(root, request.images),
            classes=_in_archive(root, request.classes),
        )
    # Of labels the formats themselves say more.
    for apart in (found.images, found.classes):
        if apart is not None and not exists(apart):
            raise MalformedFile("there is no such file or folder", file=place_in(root, apart))
    return found


def _in_archive(root: Path, path: Path | None) -> Path | None:
    """Return a path of the archive where there is none of this name here."""
    if path is None or exists(path) or path.is_absolute() or ".." in path.parts:
        return path
    return root / path


def _read_options(request: ImportRequest) -> ReadOptions:
    return ReadOptions(
        labels=request.labels,
        images=request.images,
        class_name=request.class_name,
        on_overlap=request.on_overlap,
        classes=request.classes,
        values=parse_read_options(get_format(request.format), request.options),
    )


def _open_source(request: ImportRequest, options: ReadOptions, progress: Progress) -> Source:
    def watch(done: int, total: int) -> None:
        if total > _MEGABYTE:
            progress(
                done // _MEGABYTE, -(-total // _MEGABYTE), f"MB of {request.path.name} scanned"
            )

    try:
        return get_format(request.format).open(request.path, replace(options, watch=watch))
    except OSError as error:
        raise MalformedFile(error.strerror or str(error), file=str(request.path)) from error


@dataclass(frozen=True)
class _Place:
    """Where an import goes. `dataset` None: it has to be created."""

    dataset: Dataset | None
    branch: str
    head: Version | None


@dataclass(frozen=True)
class _ParentFinder:
    """Finds the stored labels that the head of the branch has for some names."""

    planner: Planner

    def __call__(self, names: list[str]) -> dict[str, bytes]:
        present = self.planner.entries_by_name(names)
        labels = {name: entry.label for name, (_, entry) in present.items() if entry.label}
        stored = get_blobs(set(labels.values()))
        return {name: stored[label] for name, label in labels.items()}


def _find_place(request: ImportRequest) -> _Place:
    dataset = Dataset.objects.filter(slug=request.dataset).select_related("taxonomy").first()
    if dataset is None:
        if not request.create:
            raise NotFound("dataset", request.dataset)
        return _Place(None, request.branch or "main", None)
    branch_name = request.branch or dataset.default_branch
    branch = (
        Branch.objects.filter(dataset=dataset, name=branch_name)
        .select_related("head__taxonomy_version__taxonomy", "head__dataset")
        .first()
    )
    if branch is None:
        raise NotFound("branch", branch_name)
    return _Place(dataset, branch_name, branch.head)


def _find_finished(place: _Place, actor: User, key: str | None) -> Version | None:
    if key is None or place.dataset is None:
        return None
    found = (
        IdempotencyKey.objects.filter(
            user=actor, dataset=place.dataset, branch=place.branch, key=key
        )
        .select_related("version")
        .first()
    )
    return found.version if found else None


def _plan_classes(request: ImportRequest, place: _Place, source: Source) -> ClassPlan:
    if request.taxonomy is not None and Path(request.taxonomy).is_file():
        return plan_from_taxonomy_file(Path(request.taxonomy), source.classes, source.scheme)
    existing = _existing_taxonomy(request, place)
    if existing is not None:
        return plan_with_version(existing, source.classes, source.scheme)
    return plan_from_file_classes(source.classes, source.scheme)


def _existing_taxonomy(request: ImportRequest, place: _Place) -> TaxonomyVersion | None:
    if request.taxonomy is not None:
        return find_taxonomy_version(request.taxonomy)
    if place.head is not None:
        return place.head.taxonomy_version
    if place.dataset is not None:
        return find_taxonomy_version(place.dataset.taxonomy.slug)
    return None


def _report_source(report: ImportReport, source: Source, plan: ClassPlan) -> None:
    for problem in (*source.problems, *plan.problems):
        report.add_problem(problem)
    report.unknown_classes = [file_class.name for file_class in plan.unknown]


def _rules_of(plan: ClassPlan) -> ImportRules | None:
    """Return what labels are checked against, None where every label is fine."""
    closed = closed_classes(plan.reading)
    if not plan.rules and not closed:
        return None
    return ImportRules(RuleBook.of(plan.reading, plan.rules), closed)


def _refuse_errors(report: ImportReport) -> None:
    if report.error_count:
        raise ImportRefused(report)


def _commit(
    request: ImportRequest,
    place: _Place,
    plan: ClassPlan,
    changes: Iterable[list[ImageChange]],
    violations: ViolationList,
    actor: User,
    idempotency_key: str | None,
) -> Version:
    # A new dataset appears together with its first version or not at all. A large commit
    # into one that exists keeps its transactions short, so it gets none around it.
    with transaction.atomic() if place.dataset is None else nullcontext():
        taxonomy_version = plan.version or create_taxonomy(
            slug=request.dataset,
            classes=plan.specs,
            actor=actor,
            message=f"Classes of {request.path.name}",
        )
        dataset = place.dataset or create_dataset(
            slug=request.dataset,
            taxonomy=taxonomy_version.taxonomy,
            actor=actor,
            default_branch=place.branch,
        )
        return commit(
            dataset=dataset,
            branch=place.branch,
            expected_head=place.head.version_id if place.head else None,
            changes=(change for batch in changes for change in batch),
            message=request.message,
            author=actor,
            taxonomy_version=taxonomy_version,
            idempotency_key=idempotency_key,
            checked=violations,
        )
