"""How many examples a law is tried with."""

from __future__ import annotations

import os

from hypothesis import settings

USUAL = 40
# A machine that is busy, or compiles a kernel, must not fail a law. `make test-long` tries more.
EXAMPLES = int(os.environ.get("TESSERA_LAW_EXAMPLES", str(USUAL)))


def examples(count: int) -> settings:
    """So many examples, and as many more or fewer as TESSERA_LAW_EXAMPLES asks of others.

    At most twice as many: what has a count of its own is slow.
    """
    return settings(max_examples=max(2, round(count * min(2, EXAMPLES / USUAL))))
