"""The tables of statistics as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.http import HttpResponse

# A cell that begins with one of these is a formula to a spreadsheet, and names come from people.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


class Table(NamedTuple):
    """Columns, and rows of as many cells."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def csv_response(table: Table, name: str) -> HttpResponse:
    """Return a table as a file to keep, named `name`."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(table.columns)
    writer.writerows([_plain(cell) for cell in row] for row in table.rows)
    response = HttpResponse(file.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-cache"
    return response


def _plain(cell: Any) -> Any:
    if isinstance(cell, float):
        return f"{cell:.6g}"
    if isinstance(cell, str) and cell.startswith(_FORMULAS):
        return f"'{cell}"
    return cell
