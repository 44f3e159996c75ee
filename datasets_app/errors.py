"""What can go wrong with a dataset's history.

HistoryError
├── InvalidName          400  invalid_name
├── InvalidChange        400  invalid_change
├── InvalidCursor        400  invalid_cursor
├── NotFound             404  not_found          a dataset, branch, tag, version, image
├── AmbiguousRevision    400  ambiguous_revision
├── BranchMoved          409  branch_moved
├── BranchProtected      409  branch_protected
├── NameTaken            409  name_taken         a branch or tag of that name exists
├── TagIsFixed           409  tag_is_fixed
├── NothingChanged       409  nothing_changed
│   └── AlreadyMerged    409  nothing_changed    an ancestor has nothing to bring
├── ObjectsMissing       409  object_missing     blobs or labels that a commit names
├── UnknownClass         409  unknown_class      labels hold classes the taxonomy lacks
│   └── ClassesStillUsed 409  unknown_class      by going back to an older taxonomy version
├── ClassNotOpen         422  class_not_open     new segments of retired or split classes
├── LabelRulesBroken     422  label_rules_broken what the taxonomy asks of labels
├── TaxonomiesDiffer     409  taxonomies_differ  two taxonomies that share no line
├── KeyReused            422  idempotency_key_reused
├── NoCommonAncestor     409  no_common_ancestor
├── MergeConflicts       409  merge_conflicts    with what three sides disagree on
├── InvalidResolution    422  invalid_resolution it settles no conflict
├── NotInHistory         409  not_in_history     a version to be reverted
├── DatasetFull          409  too_large
└── NodeDamaged          500  object_corrupt     the tree cannot be read
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from store_app.errors import TesseraError


class HistoryError(TesseraError):
    """Anything wrong with datasets, versions, branches and tags."""

    code = "history_error"
    status = 400


class InvalidName(HistoryError):
    """A name of an image, branch or tag that the rules refuse."""

    code = "invalid_name"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name!r} cannot be a name: {reason}", name=name, reason=reason)
        self.name, self.reason = name, reason


class InvalidChange(HistoryError):
    """A change of a commit that contradicts itself or another one."""

    code = "invalid_change"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}", name=name, reason=reason)
        self.name, self.reason = name, reason


class InvalidCursor(HistoryError):
    """A cursor that no list gave."""

    code = "invalid_cursor"

    def __init__(self, cursor: str) -> None:
        super().__init__(f"{cursor!r} is no cursor of this list", cursor=cursor)
        self.cursor = cursor


class NotFound(HistoryError):
    """Nothing of this kind has this name."""

    code = "not_found"
    status = 404

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"there is no {kind} {name!r}", kind=kind, name=name)
        self.kind, self.name = kind, name


class AmbiguousRevision(HistoryError):
    """More than one version id starts with these digits."""

    code = "ambiguous_revision"

    def __init__(self, prefix: str) -> None:
        super().__init__(f"more than one version id starts with {prefix}", prefix=prefix)
        self.prefix = prefix


class BranchMoved(HistoryError):
    """A branch points elsewhere than its writer believed. Ids are hex, None: no version."""

    code = "branch_moved"
    status = 409

    def __init__(self, name: str, *, expected: str | None, actual: str | None) -> None:
        super().__init__(
            f"{name} is at {_short(actual)}, not at {_short(expected)}",
            name=name,
            expected=expected,
            actual=actual,
        )
        self.name, self.expected, self.actual = name, expected, actual


class BranchProtected(HistoryError):
    """A protected branch is not deleted."""

    code = "branch_protected"
    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(f"branch {name!r} is protected", name=name)
        self.name = name


class NameTaken(HistoryError):
    """A name that exists already."""

    code = "name_taken"
    status = 409

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name!r} exists already", kind=kind, name=name)
        self.kind, self.name = kind, name


class TagIsFixed(HistoryError):
    """A tag never moves."""

    code = "tag_is_fixed"
    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(f"tag {name!r} stays where it is", name=name)
        self.name = name


class NothingChanged(HistoryError):
    """A commit that would equal its parent."""

    code = "nothing_changed"
    status = 409

    def __init__(self, branch: str) -> None:
        super().__init__(f"{branch} has this content already", branch=branch)
        self.branch = branch


class ObjectsMissing(HistoryError):
    """Digests (hex, sorted) that a commit names and that this dataset does not hold."""

    code = "object_missing"
    status = 409

    def __init__(self, digests: Sequence[str]) -> None:
        self.digests = list(digests)
        super().__init__(
            f"{len(digests)} objects are missing, the first is {digests[0]}", digests=self.digests
        )


class UnknownClass(HistoryError):
    """Labels hold classes that the taxonomy version does not know.

    `segments` counts the segments of the new version by such class id.
    """

    code = "unknown_class"
    status = 409

    def __init__(self, taxonomy: str, segments: Mapping[int, int]) -> None:
        named = ", ".join(f"{class_id} ({count})" for class_id, count in sorted(segments.items()))
        super().__init__(
            f"{taxonomy} has no class of these ids (segments): {named}",
            taxonomy=taxonomy,
            classes=[
                {"class_id": class_id, "segments": count}
                for class_id, count in sorted(segments.items())
            ],
        )
        self.taxonomy, self.segments = taxonomy, dict(segments)


class ClassNotOpen(HistoryError):
    """New segments have classes that take none any more.

    `errors` are the first as JSON has them: image, class and what to use instead; `count` is
    how many there are.
    """

    code = "class_not_open"
    status = 422

    def __init__(self, taxonomy: str, errors: Sequence[Mapping[str, Any]], count: int) -> None:
        first = errors[0]
        more = f" (and {count - 1} more)" if count > 1 else ""
        super().__init__(
            f"{first['image']}: {first['message']}{more}", taxonomy=taxonomy, count=count
        )
        self.taxonomy, self.errors, self.count = taxonomy, list(errors), count


class LabelRulesBroken(HistoryError):
    """Labels break rules of the taxonomy that refuse a commit.

    `errors` are the first violations as JSON has them, errors before warnings.
    """

    code = "label_rules_broken"
    status = 422

    def __init__(
        self, taxonomy: str, rows: Sequence[Mapping[str, Any]], *, errors: int, warnings: int
    ) -> None:
        first = rows[0]
        more = f" (and {errors - 1} more errors)" if errors > 1 else ""
        super().__init__(
            f"{first['image']}: {first['message']}{more}",
            taxonomy=taxonomy,
            error_count=errors,
            warning_count=warnings,
        )
        self.taxonomy, self.errors = taxonomy, list(rows)
        self.error_count, self.warning_count = errors, warnings


class TaxonomiesDiffer(HistoryError):
    """Two taxonomies that share no line: their class ids mean other classes (RULES 3.8)."""

    code = "taxonomies_differ"
    status = 409

    def __init__(self, old: str, new: str) -> None:
        super().__init__(f"{old} and {new} share no line: their class ids mean other classes")
        self.old, self.new = old, new


class KeyReused(HistoryError):
    """An idempotency key came again with another request."""

    code = "idempotency_key_reused"
    status = 422

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key!r} was used for another request", key=key)
        self.key = key


class NoCommonAncestor(HistoryError):
    """Two versions that have no history in common."""

    code = "no_common_ancestor"
    status = 409

    def __init__(self, old: str, new: str) -> None:
        super().__init__(f"{old[:12]} and {new[:12]} have no common ancestor", old=old, new=new)
        self.old, self.new = old, new


class AlreadyMerged(NothingChanged):
    """A merge of a version that is the branch's head or one of its ancestors."""

    def __init__(self, branch: str, version: str) -> None:
        super().__init__(branch)
        self.message = f"{branch} has all of {version[:12]} already"
        self.args = (self.message,)
        self.version = version


class ClassesStillUsed(UnknownClass):
    """As `UnknownClass`, where an older taxonomy version is what lacks the classes."""

    hint = (
        "publish a taxonomy version that revives the old classes and keeps these, "
        "and commit that instead"
    )

    def __init__(self, taxonomy: str, segments: Mapping[int, int]) -> None:
        super().__init__(taxonomy, segments)
        self.message = f"{self.message}; {self.hint}"
        self.args = (self.message,)
        self.facts["hint"] = self.hint


class MergeConflicts(HistoryError):
    """What base, ours and theirs disagree on.

    `conflicts` are the first of them as JSON can express them, `conflict_count` is how many
    there are.
    """

    code = "merge_conflicts"
    status = 409

    def __init__(self, conflicts: Sequence[Mapping[str, Any]], conflict_count: int) -> None:
        self.conflicts, self.conflict_count = list(conflicts), conflict_count
        first = self.conflicts[0]
        where = f"{first['name']} ({first['field']})" if first["name"] else first["field"]
        super().__init__(
            f"{conflict_count} conflicts, the first is {where}",
            conflicts=self.conflicts,
            conflict_count=conflict_count,
        )


class InvalidResolution(HistoryError):
    """A resolution of a merge that settles nothing. `field` None is the whole image."""

    code = "invalid_resolution"
    status = 422

    def __init__(self, name: str | None, field: str | None, reason: str) -> None:
        where = " ".join(part for part in (name, field) if part)
        super().__init__(f"{where}: {reason}", name=name, field=field, reason=reason)
        self.name, self.field, self.reason = name, field, reason


class NotInHistory(HistoryError):
    """A branch never had this version, so there is nothing of it to undo."""

    code = "not_in_history"
    status = 409

    def __init__(self, version: str, branch: str) -> None:
        super().__init__(
            f"{version[:12]} is not in the history of {branch}", version=version, branch=branch
        )
        self.version, self.branch = version, branch


class DatasetFull(HistoryError):
    """The tree has room for 2^30 image numbers."""

    code = "too_large"
    status = 409

    def __init__(self, slug: str, limit: int) -> None:
        super().__init__(
            f"{slug} has used all of its {limit:,} image numbers", dataset=slug, limit=limit
        )
        self.slug, self.limit = slug, limit


class NodeDamaged(HistoryError):
    """A tree node is missing or is not what its digest says."""

    code = "object_corrupt"
    status = 500

    def __init__(self, digest: str, reason: str) -> None:
        super().__init__(f"tree node {digest[:12]}: {reason}", digest=digest, reason=reason)
        self.digest, self.reason = digest, reason


def _short(version_id: str | None) -> str:
    return version_id[:12] if version_id else "no version"
