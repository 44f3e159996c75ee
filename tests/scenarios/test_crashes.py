"""Kill -9 anywhere: nothing is lost, nothing is half there, and the import can be repeated."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> list[Any]:
    environment = {
        **os.environ,
        "TESSERA_DATA_DIR": str(tmp_path_factory.mktemp("crashes")),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": _fresh_database(),
    }
    environment = {key: value for key, value in environment.items() if value}
    finished = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.crash_harness"],
        cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr[-4000:]
    return json.loads(finished.stdout)


def test_what_a_crash_leaves_behind_is_sound(reports: list[Any]) -> None:
    assert [r for r in reports if r["after_crash"]["findings"] or r["finally"]["findings"]] == []


def test_the_branch_is_where_it_was_or_where_the_commit_put_it(reports: list[Any]) -> None:
    assert [r for r in reports if r["after_crash"]["head"] not in r["expected"]] == []


def test_the_import_can_be_repeated(reports: list[Any]) -> None:
    for report in reports:
        assert report["finally"]["head"] == report["expected"][1], report
        assert report["settled"], report


def test_most_of_the_random_moments_hit_an_import_at_work(reports: list[Any]) -> None:
    killed = [report["killed"] for report in reports if "killed" in report]
    assert sum(killed) >= len(killed) / 2


def test_a_job_whose_worker_died_is_done_once_by_another(reports: list[Any]) -> None:
    jobs = [report for report in reports if "job" in report]

    assert [(job["job"], job["lease"], job["versions"]) for job in jobs] == [("done", 2, 1)] * 2


def _fresh_database() -> str:
    """An empty database beside the one of the tests; "" for the SQLite file of the harness."""
    if connection.vendor != "postgresql":
        return ""
    import psycopg2

    settings = connection.settings_dict
    server = psycopg2.connect(host=settings["HOST"], user=settings["USER"], dbname="postgres")
    server.autocommit = True
    name = f"crashes_{os.getpid()}"
    with server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    server.close()
    return f"postgres://{settings['USER']}@/{name}?host={settings['HOST']}"
