"""Change passwords; whoever else is signed in to the account with the old one is signed out."""

from __future__ import annotations

from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest

from people_app.actions.sessions import delete_sessions
from people_app.audit import record
from people_app.models import User


@transaction.atomic
def change_own_password(request: HttpRequest, user: User, password: str) -> None:
    """Give `user`, who asks for it in this session, a new password; only this session goes on.

    Whether it is a good one, and whether they know the old one, is asked before.
    """
    user.set_password(password)
    user.save(update_fields=["password"])
    # The session gets a new id, too: who had copied the old one has nothing any more.
    update_session_auth_hash(request, user)
    ended = delete_sessions(user, keep=request.session.session_key)
    record(user, "password.changed", user, name=user.get_username(), sessions_ended=ended)
