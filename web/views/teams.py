"""Teams: people who are given roles together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from datasets_app.names import is_storable
from people_app.actions.teams import (
    create_team,
    delete_team,
    remove_team_member,
    set_team_member,
    update_team,
)
from people_app.errors import InvalidTeam, LastMaintainer, RightsError
from people_app.models import Team, TeamMember
from people_app.roles import TeamRole
from web.people_forms import NewTeamForm, PersonForm, TeamForm, find_user
from web.sentences import sentence
from web.team_roles import read_roles

_TEAMS_PER_PAGE = 50
_MEMBERS_PER_PAGE = 200
_ROLE_WORDS = {
    TeamRole.MEMBER: "may do what the team may do",
    TeamRole.MAINTAINER: "also says who is in it, and what it is called",
}


class _Refused(Exception):
    """An act upon a member that was not done; `holder` is whose row says why."""

    def __init__(self, holder: str, text: str) -> None:
        super().__init__(text)
        self.holder, self.text = holder, text


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def list_teams(request: HttpRequest) -> HttpResponse:
    """Show the teams that the user sees, by slug; `?after=SLUG` goes on, a POST makes one."""
    form = NewTeamForm(request.POST or None, auto_id="team-%s")
    if request.method == "POST" and form.is_valid():
        try:
            team = create_team(actor=request.user, **form.cleaned_data)
        except RightsError as error:
            _put_beside(form, error, "slug")
        else:
            messages.success(request, f"{team.name or team.slug} is made. Who is in it with you?")
            return _to(team)
    wanted = Team.objects.visible_to(request.user)
    after = request.GET.get("after", "")
    if is_storable(after):
        wanted = wanted.filter(slug__gt=after)
    counted = wanted.annotate(people=Count("members", distinct=True))
    found = list(counted.order_by("slug")[: _TEAMS_PER_PAGE + 1])
    shown = found[:_TEAMS_PER_PAGE]
    roles = TeamMember.objects.roles_in(request.user, [team.pk for team in shown])
    context = {
        "rows": [(team, roles.get(team.pk)) for team in shown],
        "following": shown[-1].slug if len(found) > len(shown) else None,
        "form": form,
    }
    return render(request, "web/teams.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def show_team(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a team, who is in it and what it may do; a POST is one `act` upon it.

    An `act` is describe, add, change, remove or delete (maintainers), or leave.
    """
    team = _get_team(request, slug)
    role = team.role_of(request.user)
    act = request.POST.get("act", "")
    said = {"name": team.name, "description": team.description}
    describing = TeamForm(
        request.POST if act == "describe" else None, initial=said, auto_id="team-%s"
    )
    person = PersonForm(
        request.POST if act == "add" else None, roles=_ROLE_WORDS.items(), first=TeamRole.MEMBER
    )
    refused: _Refused | None = None
    if request.method == "POST":
        needed = TeamRole.MEMBER if act == "leave" else TeamRole.MAINTAINER
        if role is None or not role.covers(needed):
            raise PermissionDenied(f"this takes a {needed} of the team")
        try:
            answer = _act(request, team, act, describing, person)
        except _Refused as error:
            refused = error
        else:
            if answer is not None:
                return answer
    context = {
        "team": team,
        "role": role,
        "is_inside": role is not None,
        "may_maintain": role == TeamRole.MAINTAINER,
        "is_member": TeamMember.objects.of(request.user).filter(team=team).exists(),
        "held": read_roles(request, team, is_inside=role is not None),
        "roles": _ROLE_WORDS.items(),
        "describing": describing,
        "person": person,
        "refused": refused,
        **(_members(request, team) if role is not None else {}),
    }
    wrong = refused or describing.errors or person.errors
    return render(request, "web/team.html", context, status=422 if wrong else 200)


def _act(
    request: HttpRequest, team: Team, act: str, describing: TeamForm, person: PersonForm
) -> HttpResponse | None:
    """Do what was asked for; None where a form was refused.

    Raises
    ------
    _Refused
        It was about somebody who is in the team.
    """
    if act == "describe":
        return _describe(request, team, describing)
    if act == "add":
        return _add(request, team, person)
    if act == "delete":
        delete_team(team=team, actor=request.user)
        messages.success(request, f"The team {team.slug} is deleted, and its roles with it.")
        return HttpResponseRedirect(reverse("web:teams"))
    if act in _ACTS_ON_MEMBERS:
        holder = request.user.get_username() if act == "leave" else request.POST.get("holder", "")
        try:
            messages.success(request, _ACTS_ON_MEMBERS[act](request, team, holder))
        except RightsError as error:
            raise _Refused(holder, _kindly(request, error)) from error
        if _is_out(request, team):
            return HttpResponseRedirect(reverse("web:teams"))
        return _to(team)
    raise _Refused("", "Nothing was asked for.")


def _describe(request: HttpRequest, team: Team, form: TeamForm) -> HttpResponse | None:
    if not form.is_valid():
        return None
    try:
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        update_team(team=team, actor=request.user, **changed)
    except RightsError as error:
        _put_beside(form, error, "name")
        return None
    messages.success(request, "Saved." if changed else "Nothing was different.")
    return _to(team)


def _add(request: HttpRequest, team: Team, form: PersonForm) -> HttpResponse | None:
    if not form.is_valid():
        return None
    user, role = form.cleaned_data["username"], TeamRole(form.cleaned_data["role"])
    try:
        set_team_member(team=team, user=user, role=role, actor=request.user)
    except RightsError as error:
        form.add_error("username", forms.ValidationError(_kindly(request, error)))
        return None
    messages.success(request, f"{user.get_username()} is a {role} of the team now.")
    return _to(team)


def _change(request: HttpRequest, team: Team, holder: str) -> str:
    user, role = find_user(holder), request.POST.get("role", "")
    if user is None:
        raise _Refused(holder, f"Nobody here is called “{holder}”.")
    if role not in TeamRole.values:
        raise _Refused(holder, "Choose a role.")
    set_team_member(team=team, user=user, role=TeamRole(role), actor=request.user)
    return f"{holder} is a {role} of the team now."


def _remove(request: HttpRequest, team: Team, holder: str) -> str:
    user = find_user(holder, gone=True)
    if user is None:
        raise _Refused(holder, f"Nobody here is called “{holder}”.")
    remove_team_member(team=team, user=user, actor=request.user)
    if user == request.user:
        return f"You left the team {team.slug}."
    return f"{holder} is not in the team any more."


_ACTS_ON_MEMBERS: dict[str, Callable[[HttpRequest, Team, str], str]] = {
    "change": _change,
    "remove": _remove,
    "leave": _remove,
}


def _members(request: HttpRequest, team: Team) -> dict[str, Any]:
    """Return a page of who is in a team, by name; `?after=NAME` goes on."""
    places = TeamMember.objects.filter(team=team).select_related("user")
    after = request.GET.get("after", "")
    if after and is_storable(after):
        places = places.filter(user__username__gt=after)
    found = list(places.order_by("user__username")[: _MEMBERS_PER_PAGE + 1])
    shown = found[:_MEMBERS_PER_PAGE]
    following = shown[-1].user.get_username() if len(found) > len(shown) else None
    return {"places": shown, "following": following}


def _get_team(request: HttpRequest, slug: str) -> Team:
    team = Team.objects.visible_to(request.user).filter(slug=slug).first()
    if team is None:
        raise Http404(f"There is no team “{slug}”, or you are not in it.")
    return team


def _is_out(request: HttpRequest, team: Team) -> bool:
    return not Team.objects.visible_to(request.user).filter(pk=team.pk).exists()


def _put_beside(form: forms.Form, error: RightsError, field: str) -> None:
    """Say beside its field what an action refused."""
    if isinstance(error, InvalidTeam):
        form.add_error(error.field if error.field in form.fields else None, sentence(error.reason))
    else:
        form.add_error(field, sentence(error))


def _kindly(request: HttpRequest, error: RightsError) -> str:
    if not isinstance(error, LastMaintainer):
        return sentence(error)
    you = error.username == request.user.get_username()
    who = "You are" if you else f"{error.username} is"
    return (
        f"{who} the only maintainer, and a team keeps one. Make somebody else maintainer first; "
        "a team that nobody needs can be deleted."
    )


def _to(team: Team) -> HttpResponse:
    return HttpResponseRedirect(reverse("web:team", args=[team.slug]))
