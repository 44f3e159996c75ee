"""Every URL of the service."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from web.views.accounts import SignOutView, sign_in_to_admin

urlpatterns = [
    # Before the admin's own: one page where signing in is counted, one for the own password.
    path("admin/login/", sign_in_to_admin),
    path("admin/logout/", SignOutView.as_view()),
    path("admin/password_change/", RedirectView.as_view(pattern_name="web:account")),
    path("admin/", admin.site.urls),
    path("", include("api.urls")),
    path("", include("web.urls")),
]

handler400 = "api.errors.bad_request"
handler404 = "api.errors.not_found"
handler500 = "api.errors.server_error"
