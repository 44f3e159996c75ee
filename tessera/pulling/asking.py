"""Ask for the pages of a plan, under a lease that keeps what they name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

from tessera.errors import NotFound, TesseraError, UsageError
from tessera.http import Connection
from tessera.pulling.plan import PlanPage, parse_page

# A page should not name more than arrives before its signed addresses are too old, also over a
# slow line: 64 MB take ten minutes at 1 Mbit/s for each of the pages that are under way.
_PAGE_BYTES = 64 * 2**20
# The first one is short, so that there are bytes to fetch while the next one is asked for.
_FIRST_PAGE, _LARGEST_PAGE, _SMALLEST_PAGE = 500, 5_000, 20


class PullRequest(NamedTuple):
    """What to pull: a revision, and which of its images (`class:car count>3 split:val`)."""

    slug: str
    rev: str
    filter: str = ""
    labels_only: bool = False

    @property
    def path(self) -> str:
        """The dataset's path in the API."""
        return f"/datasets/{quote(self.slug, safe='')}"

    @property
    def version_path(self) -> str:
        """The version's path in the API; `UsageError` where the revision can be none."""
        if not self.rev or ".." in self.rev:
            raise UsageError(f"{self.rev!r} is no revision")
        return f"{self.path}/versions/{quote(self.rev, safe='/~')}/"


class Plan:
    """The pages of one plan, asked for as they are wanted.

    `have`, `cursor` and `lease` are of the page to begin with.
    """

    def __init__(
        self,
        connection: Connection,
        request: PullRequest,
        version_id: str,
        *,
        have: str | None = None,
        cursor: str | None = None,
        lease: str | None = None,
    ) -> None:
        self._connection, self._request, self._version_id = connection, request, version_id
        self._have, self._cursor, self._lease = have, cursor, lease
        self._limit = _FIRST_PAGE

    def __iter__(self) -> Iterator[PlanPage]:
        while True:
            page = self._ask()
            self._lease, self._cursor = page.lease, page.next
            if page.length:
                fitting = self._limit * _PAGE_BYTES // page.length
                most = min(_LARGEST_PAGE, self._limit * 4)
                self._limit = max(_SMALLEST_PAGE, min(fitting, most))
            yield page
            if page.next is None:
                return

    def release(self) -> None:
        """Let the lease end: everything is here."""
        if self._lease is None:
            return
        try:
            self._connection.delete(f"{self._request.path}/pull/leases/{self._lease}/")
        except TesseraError:
            return  # it ends by itself

    def _ask(self) -> PlanPage:
        while True:
            body = {
                "version": self._version_id,
                "have": self._have,
                "filter": self._request.filter,
                "labels_only": self._request.labels_only,
                "cursor": self._cursor,
                "lease": self._lease,
                "limit": self._limit,
            }
            try:
                plain = self._connection.post(f"{self._request.path}/pull/", body, repeat=True)
                return parse_page(plain, self._cursor)
            except NotFound:
                if self._have is None or self._cursor is not None:
                    raise
                self._have = None  # that version was deleted meanwhile
            except TesseraError as error:
                if error.code != "lease_ended" or self._lease is None:
                    raise
                self._lease = None
