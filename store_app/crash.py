"""Points at which a test may kill the process, to prove that a crash loses nothing."""

import os
import signal
from collections import Counter

_hits: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """Kill this process here when TESSERA_CRASH_AT names this point, as `name` or `name:n`.

    `n` counts the visits of this process, from 1. The variable is read here and not in
    `config`, because no setting of a service should be able to do this.
    """
    wanted = os.environ.get("TESSERA_CRASH_AT", "")
    if not wanted:
        return
    point, _, visit = wanted.partition(":")
    if point != name:
        return
    _hits[name] += 1
    if _hits[name] == int(visit or 1):
        os.kill(os.getpid(), signal.SIGKILL)
