"""Rows on disk."""

from __future__ import annotations

import sqlite3
import tracemalloc

import pytest

from panoptic.formats.spool import Spool


def test_rows_come_back_in_the_order_that_is_asked_for() -> None:
    spool = Spool("CREATE TABLE rows (key TEXT, number INTEGER);")
    for number in range(2500):
        spool.insert("rows", (f"k{number % 3}", number))
    found = [row[0] for row in spool.iter_rows("SELECT number FROM rows WHERE key = ?", ["k1"])]
    assert found == list(range(1, 2500, 3))
    spool.close()


def test_memory_does_not_grow_with_the_rows() -> None:
    spool = Spool("CREATE TABLE rows (number INTEGER, raw BLOB);")
    tracemalloc.start()
    for number in range(20_000):
        spool.insert("rows", (number, b"%1000d" % number))
    assert sum(len(raw) for _, raw in spool.iter_rows("SELECT * FROM rows")) == 20_000_000
    _, top = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    spool.close()
    assert top < 1_000_000


def test_a_closed_spool_is_gone() -> None:
    spool = Spool("CREATE TABLE rows (number INTEGER);")
    spool.close()
    with pytest.raises(sqlite3.ProgrammingError):
        spool.value("SELECT 1")
