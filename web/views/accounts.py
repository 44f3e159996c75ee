"""Signing in and out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from people_app.actions.signing_in import end_session, find_by_password, start_session
from people_app.errors import SignInLocked
from people_app.known_browsers import browser_known_to, remember_browser
from people_app.oidc.settings import provider_name

_MOST_CHARACTERS = 4_096  # longer passwords would only cost time to hash


class SignInForm(AuthenticationForm):
    """Name and password; every try is counted, so `is_valid` may raise `SignInLocked`."""

    password = forms.CharField(strip=False, max_length=_MOST_CHARACTERS)

    def clean(self) -> dict[str, Any]:
        """Look whose name and password these are."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if name and password:
            known = browser_known_to(self.request, name)
            self.user_cache = find_by_password(self.request, name, password, known)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
        return self.cleaned_data


class SignInView(LoginView):
    """The sign-in page. Django follows `next` only where it stays on this host."""

    template_name = "web/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign in; after too many failures not even the right password is looked at."""
        try:
            return super().post(request, *args, **kwargs)
        except SignInLocked as error:
            return too_many_tries(request, error, self.get_redirect_url())

    def form_valid(self, form: SignInForm) -> HttpResponse:
        """Begin a session and know the browser again next time."""
        user = form.get_user()
        start_session(self.request, user)
        response = HttpResponseRedirect(self.get_success_url())
        remember_browser(self.request, response, user.get_username())
        return response

    def form_invalid(self, form: SignInForm) -> HttpResponse:
        """Show the form again; 422, so that browsers keep no wrong password."""
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the organisation's provider, where there is one."""
        return {**super().get_context_data(**kwargs), "provider": provider_name()}


class SignOutView(LogoutView):
    """Signing out is a POST."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """End the session."""
        end_session(request)
        return HttpResponseRedirect(self.get_success_url())


@never_cache
def sign_in_to_admin(request: HttpRequest) -> HttpResponse:
    """Lead who comes for /admin/ to the one page where signing in is counted."""
    target = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()):
        target = reverse("admin:index")
    if not request.user.is_authenticated:
        return HttpResponseRedirect(f"{reverse('web:sign-in')}?{urlencode({'next': target})}")
    if not request.user.is_staff or not request.user.is_active:
        raise PermissionDenied("these pages are for operators")
    return HttpResponseRedirect(target)


def too_many_tries(request: HttpRequest, error: SignInLocked, following: str = "") -> HttpResponse:
    """Answer 429, with the time to wait in the header and in words."""
    minutes = -(-error.wait_seconds // 60)
    context = {
        "wait": f"{minutes} minutes" if minutes > 1 else "a minute",
        "next": following,
        "provider": provider_name(),
    }
    response = render(request, "web/locked.html", context, status=429)
    response["Retry-After"] = str(error.wait_seconds)
    return response
