"""Columns with a promise about their order."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class NameField(models.CharField):
    """Text that sorts by its UTF-8 bytes, on every database.

    Manifest lines, cursors and prefix filters rely on this order. SQLite compares bytes
    anyway; PostgreSQL follows the language of the server unless the collation "C" is named.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """Add the collation where the database needs to be told."""
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters
