"""The page of one's own account: password, sessions, tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from people_app.actions.passwords import change_own_password
from people_app.actions.sessions import end_one_session, end_other_sessions, list_sessions
from people_app.actions.tokens import NewToken, create_token, revoke_token
from people_app.errors import SignInLocked
from people_app.models import Token
from people_app.oidc.settings import provider_name
from web.account_forms import NewTokenForm, OwnPasswordForm, scopes_in_words
from web.views.accounts import too_many_tries

_TOKENS_PER_PAGE = 20
_PUBLIC_ID = re.compile("[0-9a-f]{16}")


@sensitive_post_parameters()
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show_account(request: HttpRequest) -> HttpResponse:
    """Show what belongs to one's account; a POST is one `act` upon it."""
    if request.method != "POST":
        return _show(request)
    act = _ACTS.get(request.POST.get("act", ""))
    if act is None:
        return _show(request, problem="This form is not known here.")
    return act(request)


def _change_password(request: HttpRequest) -> HttpResponse:
    if not request.user.has_usable_password():
        return _show(request, problem="This account has no password.")
    form = OwnPasswordForm(request, request.POST)
    try:
        if not form.is_valid():
            return _show(request, password_form=form)
    except SignInLocked as error:
        return too_many_tries(request, error, reverse("web:account"))
    change_own_password(request, request.user, form.cleaned_data["new_password1"])
    return _done(request, "Your password is changed, and all other sessions have ended.")


def _end_session(request: HttpRequest) -> HttpResponse:
    ended = end_one_session(
        user=request.user, public_id=request.POST.get("session", ""), actor=request.user
    )
    return _done(request, "That session has ended." if ended else "That session was over already.")


def _end_others(request: HttpRequest) -> HttpResponse:
    key = request.session.session_key
    ended = end_other_sessions(user=request.user, keep=key, actor=request.user)
    return _done(request, f"{ended} other session{'s' if ended != 1 else ''} ended.")


def _make_token(request: HttpRequest) -> HttpResponse:
    form = NewTokenForm(request.POST)
    if not form.is_valid():
        return _show(request, token_form=form)
    made = create_token(user=request.user, **form.values())
    # Shown in this answer and kept nowhere: not in the session, not in a cookie.
    return _show(request, made=made)


def _revoke_token(request: HttpRequest) -> HttpResponse:
    own = Token.objects.select_related("user").filter(user=request.user)
    public_id = _PUBLIC_ID.fullmatch(request.POST.get("token", ""))
    token = own.filter(digest__startswith=public_id[0]).first() if public_id else None
    if token is None:
        raise Http404("There is no such token of yours.")
    name = token.name
    revoke_token(token=token, actor=request.user)
    return _done(request, f"The token “{name}” is revoked." if name else "The token is revoked.")


_ACTS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "change-password": _change_password,
    "end-session": _end_session,
    "end-others": _end_others,
    "make-token": _make_token,
    "revoke-token": _revoke_token,
}


def _done(request: HttpRequest, said: str) -> HttpResponse:
    messages.success(request, said)
    return HttpResponseRedirect(reverse("web:account"))


def _show(
    request: HttpRequest,
    *,
    password_form: OwnPasswordForm | None = None,
    token_form: NewTokenForm | None = None,
    made: NewToken | None = None,
    problem: str = "",
) -> HttpResponse:
    found = _tokens(request)
    tokens = found[:_TOKENS_PER_PAGE]
    sessions = list_sessions(request.user, request.session.session_key)
    context: dict[str, Any] = {
        "problems": [problem] if problem else [],
        "password_form": password_form or OwnPasswordForm(request),
        "provider": provider_name(),
        "sessions": sessions,
        "has_others": any(not one.is_this for one in sessions),
        "tokens": tokens,
        "now": timezone.now(),
        "following": _cursor(tokens[-1]) if len(found) > len(tokens) else None,
        "token_form": token_form or NewTokenForm(),
        "scopes": scopes_in_words(),
        "made": made,
    }
    is_wrong = bool(problem or password_form or token_form)
    return render(request, "web/account.html", context, status=422 if is_wrong else 200)


def _tokens(request: HttpRequest) -> list[Token]:
    """Return one token more than a page has, newest first; `?after=TIME,ID` goes on."""
    wanted = Token.objects.filter(user=request.user).order_by("-created", "digest")
    after = _read_cursor(request.GET.get("after", ""))
    if after is not None:
        created, public_id = after
        # Public ids are how digests begin: no two tokens share one.
        later = Q(created=created, digest__gt=f"{public_id}g")
        wanted = wanted.filter(Q(created__lt=created) | later)
    return list(wanted[: _TOKENS_PER_PAGE + 1])


def _cursor(token: Token) -> str:
    return f"{token.created.isoformat()},{token.public_id}"


def _read_cursor(text: str) -> tuple[datetime, str] | None:
    moment, _, public_id = text.partition(",")
    try:
        created = parse_datetime(moment)
    except ValueError:
        return None
    if created is None or created.tzinfo is None or not _PUBLIC_ID.fullmatch(public_id):
        return None
    return created, public_id
