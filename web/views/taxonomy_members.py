"""Who may do what with a taxonomy."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from datasets_app.names import is_storable
from people_app.actions.roles import grant_role, grant_team_role, revoke_role, revoke_team_role
from people_app.models import Membership, Team, User
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
    # Names of accounts are for those who work here.
    rows = list(_members(place)) if place.may_edit else []
    return render(
        request,
        "web/taxonomy_members.html",
        {
            "place": place,
            "taxonomy": place.taxonomy,
            "members": [row for row in rows if row.team is None],
            "teams": [row for row in rows if row.team is not None],
            "roles": _ROLES,
            "problems": problems,
            "filled": request.POST,
        },
        status=422 if problems else 200,
    )


def _members(place: Place) -> QuerySet[Membership]:
    rows = Membership.objects.on("taxonomy", place.taxonomy.pk)
    return rows.select_related("user", "team").order_by("user__username", "team__slug")


def _change(request: HttpRequest, place: Place) -> str:
    """Give or take a role; return what was done in words."""
    if request.POST.get("team"):
        return _change_team(request, place, request.POST["team"].strip())
    name = request.POST.get("username", "").strip()
    found = User.objects.filter(username=name, is_active=True) if is_storable(name) else None
    user = found.first() if found is not None else None
    if user is None:
        raise ValueError(f"nobody here is called “{name}”")
    if request.POST.get("act") == "remove":
        revoke_role(user=user, resource=place.taxonomy, actor=request.user)
        return f"{name} has no role here any more."
    role = _role(request)
    grant_role(user=user, resource=place.taxonomy, role=role, actor=request.user)
    return f"{name} is {role} now."


def _change_team(request: HttpRequest, place: Place, slug: str) -> str:
    visible = Team.objects.visible_to(request.user)
    team = visible.filter(slug=slug).first() if is_storable(slug) else None
    if team is None:
        raise ValueError(f"there is no team “{slug}” that you can see")
    if request.POST.get("act") == "remove":
        revoke_team_role(team=team, resource=place.taxonomy, actor=request.user)
        return f"The team {slug} has no role here any more."
    role = _role(request)
    grant_team_role(team=team, resource=place.taxonomy, role=role, actor=request.user)
    return f"Everybody in the team {slug} is {role} now."


def _role(request: HttpRequest) -> Role:
    wanted = request.POST.get("role", "")
    if wanted not in Role.of_kind("taxonomy"):
        raise ValueError("choose a role")
    return Role(wanted)
