"""Which function does which kind of job."""

from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, Protocol, TypeVar

from people_app.roles import Role

Result = dict[str, Any]
Batch = TypeVar("Batch", bound=Sized)


class Progress(Protocol):
    """Where long work says how far it is; calling it may end the work.

    A command draws a bar; a job writes its row and raises `JobCancelled` when
    somebody asked for that.
    """

    def __call__(self, done: int, total: int | None = None, message: str = "") -> None: ...


def silent(done: int, total: int | None = None, message: str = "") -> None:
    """Progress that nobody watches."""


def watched(
    batches: Iterable[Batch], progress: Progress, total: int | None, message: str
) -> Iterator[Batch]:
    """Yield batches, and say after each how many of their items are done."""
    done = 0
    for batch in batches:
        yield batch
        done += len(batch)
        progress(done, total, message)


Handler = Callable[[Any, Progress], Result]
_HANDLERS: dict[str, Handler] = {}
_NEEDED: dict[str, Role] = {}


def job_kind(kind: str, needs: Role = Role.READER) -> Callable[[Handler], Handler]:
    """Register a function as the work of a kind: `handler(job, progress) -> result`.

    A handler is idempotent: a worker that dies leaves its job to another. `needs` is the role
    in the dataset without which nobody has the work done once more.
    """

    def register(handler: Handler) -> Handler:
        _HANDLERS[kind] = handler
        _NEEDED[kind] = needs
        return handler

    return register


def get_handler(kind: str) -> Handler:
    """Return the function of a kind; `KeyError` for a kind nobody registered."""
    return _HANDLERS[kind]


def needed_role(kind: str) -> Role:
    """Return the role that the work of a kind needs; that of admins for one nobody registered."""
    return _NEEDED.get(kind, Role.ADMIN)
