"""What may go wrong between a client and a service, as a tree.

TesseraError                 exit code 1
├── UsageError            2  the request, an option or a file is wrong
├── AccessError           3  not signed in, or not allowed
├── NotFound              4  nothing of this name that the caller may see
├── ConflictError         5  somebody else was quicker, or two sides disagree
│   ├── BranchMoved
│   ├── MergeConflicts
│   └── WorkingCopyChanged   local edits would be lost
├── NetworkError          6  the service does not answer, or not now
│   └── RateLimited
└── DamagedError          7  bytes are not what they should be
    ├── ObjectCorrupt
    ├── ObjectMissing
    └── ObjectErased

The service names each of its errors by a `code`. `of_problem` raises the leaf of that code, or
the family of its HTTP status where a newer service has codes that this client does not know; the
code is there either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class TesseraError(Exception):
    """The family of everything that a client may be told.

    code : stable, for programs
    status : the HTTP status of the answer; None for errors found here
    errors : the list that came with it: fields, images, conflicts
    facts : what else the service said
    """

    code: str = "error"
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        errors: Sequence[Any] = (),
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.status = status
        self.errors = list(errors)
        self.facts = dict(facts or {})

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        body = {"code": self.code, "detail": self.message, "errors": self.errors, **self.facts}
        return body if self.status is None else {**body, "status": self.status}


class UsageError(TesseraError):
    """The request, an option or a file is wrong; asking again the same way will not help."""

    code = "invalid"
    exit_code = 2


class AccessError(TesseraError):
    """Not signed in, or not allowed."""

    code = "permission_denied"
    exit_code = 3


class NotFound(TesseraError):
    """Nothing of this name, or nothing that the caller may see."""

    code = "not_found"
    exit_code = 4


class ConflictError(TesseraError):
    """Somebody else was quicker, or two sides disagree; `errors` lists about what."""

    code = "conflict"
    exit_code = 5


class BranchMoved(ConflictError):
    """The branch is elsewhere than was believed; `facts["actual"]` says where."""

    code = "branch_moved"


class MergeConflicts(ConflictError):
    """Two sides changed the same; `errors` lists the images."""

    code = "merge_conflicts"


class WorkingCopyChanged(ConflictError):
    """Files of a working copy were edited and would be overwritten."""

    code = "working_copy_changed"


class NetworkError(TesseraError):
    """The service cannot be reached, breaks off, or is in trouble.

    retry_after : after how many seconds to ask again; None where the service did not say
    """

    code = "unreachable"
    exit_code = 6
    retry_after: float | None = None


class RateLimited(NetworkError):
    """Too many requests."""

    code = "rate_limited"


class DamagedError(TesseraError):
    """Bytes are not what they should be."""

    code = "damaged"
    exit_code = 7


class ObjectCorrupt(DamagedError):
    """Bytes do not have the digest by which they were asked for."""

    code = "object_corrupt"


class ObjectMissing(DamagedError):
    """The service or the cache lacks bytes that a version names."""

    code = "object_missing"


class ObjectErased(DamagedError):
    """Bytes were destroyed on purpose; only their digest stays."""

    code = "object_erased"


def of_problem(status: int, problem: Mapping[str, Any]) -> TesseraError:
    """Return the error that a problem document (RFC 9457) tells of."""
    code = str(problem.get("code") or "")
    kind = _LEAVES.get(code) or _family(status)
    facts = {key: value for key, value in problem.items() if key not in _STANDARD}
    errors = problem.get("errors")
    return kind(
        str(problem.get("detail") or problem.get("title") or f"the service answered {status}"),
        code=code or None,
        status=status,
        errors=errors if isinstance(errors, list) else (),
        facts=facts,
    )


def _family(status: int) -> type[TesseraError]:
    if status in (401, 403):
        return AccessError
    if status == 404:
        return NotFound
    if status == 409:
        return ConflictError
    if status == 429:
        return RateLimited
    if status == 410:
        return DamagedError
    return NetworkError if status >= 500 else UsageError


_LEAVES: dict[str, type[TesseraError]] = {
    leaf.code: leaf
    for leaf in (
        BranchMoved,
        MergeConflicts,
        RateLimited,
        ObjectCorrupt,
        ObjectMissing,
        ObjectErased,
    )
}
_STANDARD = frozenset({"type", "title", "status", "detail", "code", "errors", "instance"})
