"""Signing in and out."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView


class SignInView(LoginView):
    """The sign-in page. Django follows `next` only where it stays on this host."""

    template_name = "web/sign_in.html"
    redirect_authenticated_user = True


class SignOutView(LogoutView):
    """Signing out is a POST."""
