"""What is alive: the apps above say which blobs they hold, since the store knows no version."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from store_app.errors import TesseraError
from store_app.progress import Progress


class Reference(NamedTuple):
    """A blob that somebody needs: by whom (`streets v12`), and where in it (`val/7.jpg: label`)."""

    digest: bytes
    parent: str
    path: str


class Finding(NamedTuple):
    """Something wrong in the store. `object` is a digest in hex or the name of a file."""

    code: str
    message: str
    object: str = ""
    parent: str = ""
    path: str = ""


class Sweep(NamedTuple):
    """How an app is to delete rows of its own that nothing needs.

    Rows seen dead for the first time are condemned `now`; those condemned at `before` or earlier
    and still dead are deleted. A dry run changes nothing.
    """

    dry_run: bool
    now: datetime
    before: datetime
    progress: Progress


class SweepReport(NamedTuple):
    """What became of rows of one kind, or in a dry run would."""

    kind: str
    condemned: int
    reprieved: int
    deleted: int


Walker = Callable[[], Iterable[Reference]]
Check = Callable[[str], Iterable[Finding]]
Sweeper = Callable[[Sweep], Iterable[SweepReport]]


class _Roots(NamedTuple):
    walker: Walker
    check: Check | None


_registered: dict[str, _Roots] = {}
_sweepers: dict[str, Sweeper] = {}


def register_roots(name: str, walker: Walker, check: Check | None = None) -> None:
    """Add to the closed list of what is alive. Apps call it when they are ready.

    `walker()` yields every blob that the app needs, however often; it raises rather than leave one
    out, for what it does not name is deleted. `check(level)` yields what the app itself
    finds wrong at a level of `verify`: a branch without its version, a damaged tree node.
    """
    _registered[name] = _Roots(walker, check)


def register_sweeper(name: str, sweeper: Sweeper) -> None:
    """Let an app delete its own unneeded rows whenever garbage is collected.

    Sweepers run before the store marks what is alive, so that what the deleted rows alone
    held is dead in the same run. `store_app.condemned` keeps when rows were condemned.
    """
    _sweepers[name] = sweeper


def sweep_apps(sweep: Sweep) -> Iterator[SweepReport]:
    """Let all apps delete their unneeded rows."""
    for sweeper in list(_sweepers.values()):
        yield from sweeper(sweep)


def has_roots() -> bool:
    return bool(_registered)


def iter_roots() -> Iterator[Reference]:
    """Walk through everything that is alive."""
    for roots in list(_registered.values()):
        yield from roots.walker()


def iter_readable_roots(unreadable: list[Finding]) -> Iterator[Reference]:
    """Walk through what can be walked through, and note where a walker had to give up."""
    for name, roots in list(_registered.items()):
        try:
            yield from roots.walker()
        except TesseraError as error:
            unreadable.append(Finding("roots_unreadable", error.message, name))


def iter_findings(level: str) -> Iterator[Finding]:
    """Walk through what the apps themselves find wrong."""
    for roots in list(_registered.values()):
        if roots.check is not None:
            yield from roots.check(level)
