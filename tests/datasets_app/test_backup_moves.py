"""The way of a whole service from one database to the other, and back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import start_postgres

ROOT = Path(__file__).resolve().parent.parent.parent


def in_service(folder: Path, database: str, *arguments: object) -> dict[str, Any]:
    """Run the script in a service of its own."""
    folder.mkdir()
    environment = {**os.environ, "TESSERA_DATA_DIR": str(folder), "TESSERA_WORKERS": "1"}
    environment.pop("DATABASE_URL", None)
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    if database:
        environment["DATABASE_URL"] = database
    done = subprocess.run(
        [sys.executable, "-m", "tests.datasets_app.backup_script", *map(str, arguments)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_service_moves_from_sqlite_to_postgres_and_back(tmp_path):
    server = start_postgres()
    url = f"postgres://{server['USER']}@/{server['NAME']}?host={server['HOST']}"
    first, second, third = (tmp_path / f"{n}.tar" for n in (1, 2, 3))
    made = in_service(tmp_path / "made", "", "make", first)
    moved = in_service(tmp_path / "moved", url, "take", first, second)
    back = in_service(tmp_path / "back", "", "take", second, third)
    assert made["findings"] == moved["findings"] == back["findings"] == []
    assert made["audit_findings"] == moved["audit_findings"] == back["audit_findings"] == []
    assert len(made["manifests"]) == 3
    assert made["tags"]["1.0"] in made["manifests"].values()
    assert made["audit_heads"]
    for field in ("heads", "manifests", "tags", "audit_heads"):
        assert made[field] == moved[field] == back[field]
    assert [label for label, rows in made["rows"].items() if not rows] == []
    assert moved["audit"][: len(made["audit"])] == made["audit"]
    assert back["audit"][: len(moved["audit"])] == moved["audit"]
    for label, rows in made["rows"].items():
        assert moved["rows"][label] == rows, label
