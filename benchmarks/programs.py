"""git and dvc as they come, without anybody's settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_IDENTITY = {
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@localhost",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@localhost",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "DVC_NO_ANALYTICS": "1",
}


def run_program(folder: Path, *command: str) -> bytes:
    """Run a program in a folder and return what it prints; CalledProcessError where it fails."""
    environment = {**os.environ, **_IDENTITY}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return done.stdout


def commit_all(folder: Path) -> None:
    """Commit everything that git does not ignore."""
    run_program(folder, "git", "add", "--all")
    run_program(folder, "git", "commit", "--quiet", "--message", "Synthetic")
