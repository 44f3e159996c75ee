"""How a worker that is told to stop gets out of its job.

Asked to stop, the job ends at its next progress. One that says nothing for some seconds is
interrupted where it is, as Ctrl-C would: it must bear a crash anyway, and this process ends.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Less than what service managers wait before they kill: Docker waits 10 seconds.
GRACE_SECONDS = 3.0

_asked = threading.Event()
_interruptible = False


class WorkerStopping(BaseException):
    """The worker stops: its job goes back to the queue.

    No `Exception`: whoever deals with errors of the work must not take it for one.
    """


def ask_to_stop(grace_seconds: float = GRACE_SECONDS) -> None:
    """Have the present job leave: at its next progress, or after this time. Main thread only."""
    _asked.set()
    signal.signal(signal.SIGALRM, _interrupt)
    # Again and again, should something on the way out have swallowed the first.
    signal.setitimer(signal.ITIMER_REAL, grace_seconds, grace_seconds)


def is_stopping() -> bool:
    """Say whether this process was asked to stop."""
    return _asked.is_set()


def raise_if_stopping() -> None:
    """Leave the job if this process was asked to stop."""
    if _asked.is_set():
        raise WorkerStopping


@contextmanager
def interruptible() -> Iterator[None]:
    """Allow the work within to be interrupted; not what publishes its result."""
    global _interruptible
    _interruptible = True
    try:
        yield
    finally:
        _interruptible = False


def _interrupt(signum: int, frame: FrameType | None) -> None:
    if _interruptible:
        raise WorkerStopping
