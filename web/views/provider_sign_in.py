"""Signing in with the organisation's provider: to it, and back with a code."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from people_app.actions.identities import find_account
from people_app.actions.signing_in import start_session, tell_failure
from people_app.client_address import client_network
from people_app.errors import IdentityRefused, RightsError, SignInLocked
from people_app.models import User
from people_app.oidc.flow import Flow, FlowBroken, ProviderFailed
from people_app.oidc.settings import OidcSettings, get_provider_of, oidc_settings
from people_app.sign_in_limits import charge, give_back, keys_of_address
from web.sentences import sentence
from web.views.accounts import too_many_tries

_log = logging.getLogger(__name__)
_COOKIE = "tessera_oidc"
_SALT = "web.provider_sign_in"
_MINUTES_THERE = 15
_MOST_FOLLOWING = 1_000  # characters
_HOW = "oidc"


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider. What it must bring back is kept in a signed cookie.

    A link leads here, not a form: a policy of `form-action 'self'` would forbid the redirect.
    Nobody who has no account yet leaves a row in the database by it.
    """
    config = oidc_settings()
    if config is None:
        raise Http404("Nobody signs in with a provider here.")
    try:
        url, flow = get_provider_of(config).begin(_return_address(request))
    except ProviderFailed as error:
        _log.warning("signing in with the provider failed: %s", error)
        return _refuse(request, error, _following(request))
    response = HttpResponseRedirect(url)
    response.set_cookie(
        _COOKIE,
        signing.dumps([*flow, _following(request)], salt=_SALT),
        max_age=60 * _MINUTES_THERE,
        path=reverse("web:sign-in"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        # Lax: the provider leads back here from its own site.
        samesite="Lax",
    )
    return response


@never_cache
@require_GET
def come_back(request: HttpRequest) -> HttpResponse:
    """Sign in who comes back from the provider with a code, or say why not."""
    config = oidc_settings()
    if config is None:
        raise Http404("Nobody signs in with a provider here.")
    following = ""
    try:
        *kept, following = _kept(request)
        user = _find_user(request, config, Flow(*kept))
    except SignInLocked as error:
        response = too_many_tries(request, error, following)
    except RightsError as error:
        response = _refuse(request, error, following)
    else:
        start_session(request, user, _HOW)
        response = HttpResponseRedirect(following or resolve_url(settings.LOGIN_REDIRECT_URL))
    response.delete_cookie(_COOKIE, path=reverse("web:sign-in"), samesite="Lax")
    return response


def _find_user(request: HttpRequest, config: OidcSettings, flow: Flow) -> User:
    """Return the account of who comes back; asking the provider is counted by address."""
    if not constant_time_compare(request.GET.get("state", ""), flow.state):
        raise FlowBroken("another sign-in was begun meanwhile; please begin again")
    if "code" not in request.GET:
        # What the provider calls the reason is for nobody: anybody writes texts into a URL.
        raise FlowBroken("signing in was given up, or the provider refused it")
    charged = charge(keys_of_address(client_network(request.META)))
    name = ""
    try:
        provider = get_provider_of(config)
        claims = provider.finish(_return_address(request), request.GET["code"], flow)
        name = claims.username or claims.email or claims.subject
        user = find_account(claims, config)
    except RightsError as error:
        _log.warning("signing in with the provider failed: %s", error)
        tell_failure(name, charged, _HOW)
        raise
    give_back(charged)
    return user


def _kept(request: HttpRequest) -> list[str]:
    """Return state, nonce, verifier, and where to go on."""
    try:
        kept: list[str] = signing.loads(
            request.COOKIES.get(_COOKIE, ""), salt=_SALT, max_age=60 * _MINUTES_THERE
        )
    except signing.BadSignature as error:
        raise FlowBroken(
            "this took too long, or was begun elsewhere; please begin again"
        ) from error
    return kept


def _following(request: HttpRequest) -> str:
    target = request.GET.get("next", "")
    is_here = url_has_allowed_host_and_scheme(
        target, {request.get_host()}, require_https=request.is_secure()
    )
    # A browser drops a cookie of more than four thousand characters.
    return target if is_here and len(target) <= _MOST_FOLLOWING else ""


def _return_address(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("web:provider-return"))


def _refuse(request: HttpRequest, error: RightsError, following: str = "") -> HttpResponse:
    """Lead back to the sign-in page, which says why: code and state leave the address bar."""
    known = isinstance(error, (FlowBroken, IdentityRefused))
    said = str(error) if known else "the provider could not be reached, or its answer made no sense"
    messages.error(request, sentence(said))
    query = f"?{urlencode({'next': following})}" if following else ""
    return HttpResponseRedirect(f"{reverse('web:sign-in')}{query}")
