"""Whether pages are light or dark, kept in a cookie of the browser."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

THEMES = ("light", "dark")
_COOKIE = "theme"
_YEAR_SECONDS = 365 * 24 * 3600


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Remember `theme`, "system" being neither light nor dark, and go back to `next`."""
    theme = request.POST.get("theme", "")
    if theme not in (*THEMES, "system"):
        return HttpResponseBadRequest("theme is light, dark or system", content_type="text/plain")
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None) or not back.startswith("/"):
        back = reverse("web:datasets")
    # 303, since what is gone back to is a page, whatever was posted here.
    answer = HttpResponse(status=303, headers={"Location": back})
    if theme in THEMES:
        answer.set_cookie(
            _COOKIE, theme, max_age=_YEAR_SECONDS, samesite="Lax", secure=request.is_secure()
        )
    else:
        answer.delete_cookie(_COOKIE, samesite="Lax")
    return answer
