"""Who may do what with a taxonomy."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from datasets_app.names import is_storable
from people_app.actions.roles import grant_role, revoke_role
from people_app.models import Membership, User
from people_app.roles import Role
from web.taxonomy_finding import REFUSALS, Place, get_place, get_place_to_share, sentences_of

_ROLES = [
    (Role.READER, "sees the taxonomy, also where no public dataset uses it"),
    (Role.CURATOR, "edits the draft and publishes versions"),
    (Role.OWNER, "also gives and takes roles"),
]


@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest, slug: str) -> HttpResponse:
    """Show who has which role; owners give and take them by POST."""
    problems: list[str] = []
    if request.method == "POST":
        place = get_place_to_share(request, slug)
        try:
            messages.success(request, _change(request, place))
        except (ValueError, *REFUSALS) as error:
            problems = sentences_of(error)
        else:
            return HttpResponseRedirect(reverse("web:taxonomy-members", args=[slug]))
    else:
        place = get_place(request, slug)
    people = Membership.objects.on("taxonomy", place.taxonomy.pk).select_related("user")
    return render(
        request,
        "web/taxonomy_members.html",
        {
            "place": place,
            "taxonomy": place.taxonomy,
            # Names of accounts are for those who work here.
            "members": list(people.order_by("user__username")) if place.may_edit else [],
            "roles": _ROLES,
            "problems": problems,
            "filled": request.POST,
        },
        status=422 if problems else 200,
    )


def _change(request: HttpRequest, place: Place) -> str:
    """Give or take a role; return what was done in words."""
    name = request.POST.get("username", "").strip()
    found = User.objects.filter(username=name, is_active=True) if is_storable(name) else None
    user = found.first() if found is not None else None
    if user is None:
        raise ValueError(f"nobody here is called “{name}”")
    if request.POST.get("act") == "remove":
        revoke_role(user=user, resource=place.taxonomy, actor=request.user)
        return f"{name} has no role here any more."
    wanted = request.POST.get("role", "")
    if wanted not in Role.of_kind("taxonomy"):
        raise ValueError("choose a role")
    grant_role(user=user, resource=place.taxonomy, role=Role(wanted), actor=request.user)
    return f"{name} is {wanted} now."
