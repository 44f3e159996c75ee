"""Real worker processes for tests: `manage.py run_jobs`, forked from a process that has it loaded.

Run as `python -m tests.scenarios.worker_processes`, with the environment of a service. Reads
commands from its standard input, one a line, and answers each with a line: `start [POINT]` (the
pid of a worker that kills itself at this crash point), `wait PID` (how it ended: its exit
code, or the negative number of the signal), `kill` (how many were left). Starting Python and
Django anew for each worker would take minutes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LONGEST_SECONDS = 60
_STILL_THERE = 1_000  # no exit code
_ROOT = Path(__file__).resolve().parent.parent.parent


class WorkerProcesses:
    """The side of the test: starts workers on the database and the storage of the test."""

    def __init__(self, folder: Path, *, lease_seconds: float) -> None:
        self.storage = folder / "blobs"
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "TESSERA_DATA_DIR": str(folder),
            "TESSERA_STORAGE_URL": self.storage.as_uri(),
            "TESSERA_SECRET_KEY": "only-for-tests",
            "TESSERA_JOB_LEASE_SECONDS": str(lease_seconds),
            "TESSERA_WORKERS": "1",
            "TESSERA_TEST_DATABASES": json.dumps(_database_of_the_test()),
        }
        environment.pop("TESSERA_CRASH_AT", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.scenarios.worker_processes"],
            cwd=_ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def start(self, crash_at: str = "") -> int:
        """Start a worker; return its pid. With `crash_at` it kills itself there."""
        return self._ask(f"start {crash_at}")

    def wait(self, pid: int) -> int:
        """Wait until a worker ends; return its exit code, or minus the signal that killed it."""
        code = self._ask(f"wait {pid}")
        assert code != _STILL_THERE, "the worker did not end"
        return code

    def kill_all(self) -> None:
        """Kill the workers that are left."""
        self._ask("kill")

    def close(self) -> None:
        """End all that is left."""
        self._process.stdin.close()
        assert self._process.wait(timeout=30) == 0
        self._process.stdout.close()

    def _ask(self, command: str) -> int:
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def wait_until(holds: Callable[[], bool], *, seconds: float = _LONGEST_SECONDS) -> None:
    """Wait for other processes; fail when it takes too long."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "this did not happen in time"
        time.sleep(0.02)


def _database_of_the_test() -> dict[str, Any]:
    from django.db import connection

    given = connection.settings_dict
    names = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
    return {name: str(given[name]) if name == "NAME" else given[name] for name in names}


# ---- the process that forks ----------------------------------------------------


def main() -> None:
    import django
    from django.conf import settings

    settings.DATABASES["default"] = json.loads(os.environ["TESSERA_TEST_DATABASES"])
    django.setup()
    import django_tasks_db.management.commands.db_worker  # noqa: F401

    import datasets_app.management.commands.run_jobs  # noqa: F401

    _warm_up()
    _register_kinds_of_tests()
    alive: set[int] = set()
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "start":
            answer = _fork(argument)
            alive.add(answer)
        elif command == "wait":
            answer = _wait(int(argument))
            if answer != _STILL_THERE:
                alive.discard(int(argument))
        else:
            answer = _kill(alive)
        print(answer, flush=True)  # noqa: T201
    _kill(alive)


def _kill(alive: set[int]) -> int:
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    number = len(alive)
    alive.clear()
    return number


def _wait(pid: int) -> int:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return _STILL_THERE


def _warm_up() -> None:
    """Load kernels once, before the forks: that takes a second."""
    import numpy as np

    import datasets_app.jobs.running  # noqa: F401
    from panoptic.codec import decode_label, pack_label
    from panoptic.label import Segment, compose_label
    from panoptic.runs import encode_runs

    rows = [(Segment(number, 1), encode_runs(np.eye(8, dtype=bool))) for number in (1, 2)]
    decode_label(pack_label(compose_label(8, 8, rows)).stored)


def _fork(crash_at: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        if crash_at:
            os.environ["TESSERA_CRASH_AT"] = crash_at
        os.close(0)
        os.dup2(2, 1)  # the pipe is for answers
        _run_jobs()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:  # noqa: BLE001  the fork ends here: nobody above would print it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _run_jobs() -> None:
    from django.core.management import call_command

    call_command("run_jobs", "--interval", "0.02", verbosity=0)


def _register_kinds_of_tests() -> None:
    """Let workers know work that takes as long as a test wants, loud and silent."""
    from datasets_app.jobs.kinds import Progress, job_kind

    @job_kind("test-loud")
    def be_loud(job: Any, progress: Progress) -> dict[str, Any]:
        for done in range(job.arguments["steps"]):
            progress(done, job.arguments["steps"], "steps taken")
            time.sleep(0.01)
        return {"worker": os.getpid()}

    @job_kind("test-silent")
    def be_silent(job: Any, progress: Progress) -> dict[str, Any]:
        progress(0, 1, "something that takes long")
        time.sleep(job.arguments["seconds"])
        return {"worker": os.getpid()}


if __name__ == "__main__":
    main()
