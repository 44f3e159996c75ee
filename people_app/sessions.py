"""Django's sessions in the database, with whose they are beside them (`SESSION_ENGINE`)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from people_app.sign_in_models import BrowserSession


class SessionStore(DatabaseStore):
    """Writes the account of a session into a column that can be searched."""

    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        """Return the model of the rows."""
        return BrowserSession

    def create_model_instance(self, data: dict[str, Any]) -> BrowserSession:
        """Return the row of a session that is being saved."""
        row: BrowserSession = super().create_model_instance(data)
        account = str(data.get(SESSION_KEY, ""))
        row.account_id = int(account) if account.isdecimal() else None
        return row
