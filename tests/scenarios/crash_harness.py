"""A process of its own that imports, is killed, and is looked at again.

Run as `python -m tests.scenarios.crash_harness` with TESSERA_DATA_DIR set, and DATABASE_URL for
another database than SQLite, and TESSERA_KILLS for more random moments. Prints one JSON document:
a report per trial.

Every act runs in a fork: starting Python and Django anew for each would take minutes. The parent
does each kind of act once before the first fork, so that no fork has to load modules and kernels.
"""

import io
import json
import os
import random
import signal
import sys
import time
import traceback
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
import numpy as np
from PIL import Image

POINTS = (
    "before_pack_fsync",
    "after_pack_fsync",
    "after_pack_before_sql",
    "after_sql",
    "import_image:5",
    "before_commit_sql",
    "after_commit_sql",
)
JOB_POINTS = ("job_progress", "job_before_result")
RANDOM_TRIALS = int(os.environ.get("TESSERA_KILLS", "16"))
IMAGES = 6


def main(folder: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["TESSERA_WORKERS"] = "1"
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    reports = []
    for state in range(4 + len(POINTS) + RANDOM_TRIALS + len(JOB_POINTS)):
        write_state(folder, state)
    warm_up(folder)
    # The quickest of three, so that most of the random moments are within an import.
    seconds = min(
        time_of(lambda state=state: run_in_fork(lambda: import_state(folder, state)))
        for state in (1, 2, 3)
    )
    state = 3
    chance = random.Random(7)
    for point in POINTS:
        state += 1
        kill_at(point, lambda state=state: import_state(folder, state))
        reports.append({"at": point, **look(folder, state)})
    for _ in range(RANDOM_TRIALS):
        state += 1
        after = chance.uniform(0, seconds)
        killed = kill_after(after, lambda state=state: import_state(folder, state))
        reports.append({"at": f"{after:.3f} s", "killed": killed, **look(folder, state)})
    for point in JOB_POINTS:
        state += 1
        run_in_fork(lambda state=state: ask_for_job(folder, state))
        kill_at(point, run_jobs)
        run_in_fork(let_leases_end)
        run_in_fork(run_jobs)
        reports.append({"at": point, **look(folder, state), **run_in_fork(last_job)})
    reports[-1]["finally"] = run_in_fork(look_around)
    json.dump(reports, sys.stdout)


def warm_up(folder: Path) -> None:
    """Bring the branch to state 0, and load what the acts need: two seconds, spent once."""
    import datasets_app.jobs.running  # noqa: F401

    import_state(folder, 0)
    import_state(folder, 0)
    look_around()


# ---- acts, each in a process of its own --------------------------------------


def import_state(folder: Path, state: int) -> dict[str, Any]:
    """Bring the branch to a state: another set of masks for every image."""
    from datasets_app.actions.imports import import_labels
    from datasets_app.imports.request import ImportMode, ImportRequest
    from datasets_app.management.console import get_operator

    request = ImportRequest(
        dataset="cells",
        path=path_of(folder, state),
        format="instance_masks",
        mode=ImportMode.REPLACE,
        message=f"state {state}",
        create=True,
    )
    report = import_labels(request, actor=get_operator())
    return {"made": report.version is not None, "unchanged": report.unchanged}


def look_around(level: str = "data") -> dict[str, Any]:
    """Say what is wrong in the store, and where the branch is."""
    from datasets_app.models import Branch
    from store_app.verification import verify

    head = Branch.objects.get(dataset__slug="cells", name="main").head
    return {"findings": [finding.code for finding in verify(level)], "head": head.message}


def ask_for_job(folder: Path, state: int) -> dict[str, Any]:
    from datasets_app.actions.transfers import request_import
    from datasets_app.management.console import get_dataset, get_operator

    archive = io.BytesIO()
    path = path_of(folder, state)
    with zipfile.ZipFile(archive, "w") as file:
        for mask in sorted(path.rglob("*.png")):
            file.write(mask, mask.relative_to(path))
    archive.seek(0)
    fields = {"format": "instance_masks", "mode": "replace", "message": f"state {state}"}
    request_import(get_dataset("cells"), archive, fields, actor=get_operator())
    return {}


def run_jobs() -> dict[str, Any]:
    from django.core.management import call_command

    call_command("run_jobs", "--batch", "--interval", "0.01", verbosity=0)
    return {}


def let_leases_end() -> dict[str, Any]:
    """Do what half a minute of waiting would do."""
    from django.utils import timezone

    from datasets_app.models import Job, JobState

    past = timezone.now() - timedelta(seconds=1)
    Job.objects.filter(state=JobState.RUNNING).update(lease_expires_at=past)
    return {}


def last_job() -> dict[str, Any]:
    from datasets_app.models import Job, Version

    job = Job.objects.latest("created_at")
    versions = Version.objects.filter(message=job.arguments["message"]).count()
    return {"job": job.state, "lease": job.lease, "versions": versions}


def look(folder: Path, state: int) -> dict[str, Any]:
    """Look at what a crash left behind, repeat the import, and look again."""

    def act() -> dict[str, Any]:
        after_crash = look_around()
        import_state(folder, state)
        repeated = import_state(folder, state)
        return {
            "expected": [f"state {state - 1}", f"state {state}"],
            "after_crash": after_crash,
            # The next trial begins with reading all of it.
            "finally": look_around("refs"),
            "settled": repeated == {"made": False, "unchanged": IMAGES},
        }

    return run_in_fork(act)


# ---- forks -------------------------------------------------------------------


def run_in_fork(act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run an act in a fork and return its report; an act that fails ends the harness."""
    reading, writing = os.pipe()
    pid = _fork(act, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        report = pipe.read()
    _, status = os.waitpid(pid, 0)
    if status:
        raise SystemExit(f"an act ended with status {status}: {report}")
    return json.loads(report)


def kill_at(point: str, act: Callable[[], dict[str, Any]]) -> None:
    """Run an act that kills itself at a crash point."""
    os.environ["TESSERA_CRASH_AT"] = point
    try:
        status = os.waitpid(_fork(act, None), 0)[1]
    finally:
        del os.environ["TESSERA_CRASH_AT"]
    if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
        raise SystemExit(f"the act did not reach {point}: status {status}")


def kill_after(seconds: float, act: Callable[[], dict[str, Any]]) -> bool:
    """Kill an act after some time; say whether it was still at work."""
    pid = _fork(act, None)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def _fork(act: Callable[[], dict[str, Any]], pipe: int | None) -> int:
    from django.db import connections

    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        report = act()
        if pipe is not None:
            os.write(pipe, json.dumps(report).encode())
        status = 0
    except Exception:  # noqa: BLE001  the fork ends here: nobody above would print it
        traceback.print_exc()
    finally:
        connections.close_all()
        os._exit(status)


def time_of(act: Callable[[], Any]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def path_of(folder: Path, state: int) -> Path:
    return folder / f"state-{state}"


def write_state(folder: Path, state: int) -> None:
    """Write masks that differ in every image from those of any other state."""
    for number in range(IMAGES):
        masks = path_of(folder, state) / f"cell-{number:02d}" / "masks"
        masks.mkdir(parents=True)
        for instance in range(3):
            mask = np.zeros((48, 48), np.uint8)
            mask[2 + 14 * instance : 12 + 14 * instance, 2 + state % 40 : 8 + state % 40] = 255
            mask[2 + 14 * instance, number] = 255
            Image.fromarray(mask).save(masks / f"{instance}.png")


if __name__ == "__main__":
    main(Path(os.environ["TESSERA_DATA_DIR"]))
