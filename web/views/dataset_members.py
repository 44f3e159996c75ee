"""Who may do what with a dataset: people by name, and teams."""

from __future__ import annotations

from typing import NamedTuple

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from datasets_app.models import Dataset
from datasets_app.models.dataset import DATASET_KIND
from datasets_app.names import is_storable
from people_app.actions.roles import grant_role, grant_team_role, revoke_role, revoke_team_role
from people_app.errors import LastAdmin, RightsError
from people_app.models import Membership, Team
from people_app.roles import Role
from web.administering import frame_of, get_dataset_to_review
from web.dataset_people import ROLE_WORDS, read_people
from web.people_forms import PersonForm, TeamRoleForm, find_user
from web.sentences import sentence


class Refusal(NamedTuple):
    """What was not done to a row of the page, and why: `holder` is a user name or a slug."""

    holder: str
    is_team: bool
    text: str


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest, slug: str) -> HttpResponse:
    """Show who has which role, and through what (reviewers); `?after=NAME` goes on.

    Admins change it by POST: `act` is add, change or remove, or one of these with `-team`.
    """
    dataset = get_dataset_to_review(request, slug)
    if request.method == "POST" and not dataset.may_administer:
        raise PermissionDenied("giving roles takes the role admin")
    act = request.POST.get("act", "")
    person = PersonForm(
        request.POST if act == "add" else None, roles=ROLE_WORDS.items(), first=Role.READER
    )
    team = TeamRoleForm(
        request.POST if act == "add-team" else None,
        teams=Team.objects.visible_to(request.user),
        roles=ROLE_WORDS.items(),
        first=Role.READER,
    )
    refused: Refusal | None = None
    if request.method == "POST":
        if act in ("add", "add-team"):
            said = _add(request, dataset, person if act == "add" else team)
        else:
            done = _change(request, dataset, act)
            refused = done if isinstance(done, Refusal) else None
            said = done if isinstance(done, str) else ""
        if said:
            messages.success(request, said)
            return _back(request, dataset)
    after = request.GET.get("after", "")
    people = read_people(dataset, after if is_storable(after) else "")
    team_roles = Membership.objects.on(DATASET_KIND, dataset.pk).of_teams()
    context = {
        **frame_of(dataset),
        "people": people.rows,
        "following": people.following,
        "team_roles": team_roles.select_related("team")
        .annotate(people=Count("team__members"))
        .order_by("team__slug"),
        "roles": ROLE_WORDS.items(),
        "person": person,
        "team": team,
        "refused": refused,
    }
    wrong = refused or person.errors or team.errors
    return render(request, "web/dataset_members.html", context, status=422 if wrong else 200)


def _add(request: HttpRequest, dataset: Dataset, form: PersonForm | TeamRoleForm) -> str:
    """Give the role that a form says; return what was done, "" where it was refused."""
    if not form.is_valid():
        return ""
    role = Role(form.cleaned_data["role"])
    try:
        if isinstance(form, TeamRoleForm):
            team = form.cleaned_data["team"]
            grant_team_role(team=team, resource=dataset, role=role, actor=request.user)
            return f"Everybody in the team {team.slug} is {role} now."
        user = form.cleaned_data["username"]
        grant_role(user=user, resource=dataset, role=role, actor=request.user)
    except RightsError as error:
        field = "team" if isinstance(form, TeamRoleForm) else "username"
        form.add_error(field, forms.ValidationError(_kindly(request, error)))
        return ""
    return f"{user.get_username()} is {role} now."


def _change(request: HttpRequest, dataset: Dataset, act: str) -> str | Refusal:
    """Change or take the role of a row; return what was done, or why it was not."""
    is_team = act.endswith("-team")
    holder = request.POST.get("holder", "")
    role = request.POST.get("role", "")
    actor = request.user
    if act not in ("change", "remove", "change-team", "remove-team"):
        return Refusal("", False, "Nothing was asked for.")
    if act.startswith("change") and role not in Role.of_kind(DATASET_KIND):
        return Refusal(holder, is_team, "Choose a role.")
    # Who left must be removable; nobody gives a role to an account that is off.
    user = None if is_team else find_user(holder, gone=act == "remove")
    team = _find_team(request, holder) if is_team else None
    if user is None and team is None:
        return Refusal(holder, is_team, f"“{holder}” is not here any more.")
    try:
        if act == "change" and user is not None:
            grant_role(user=user, resource=dataset, role=Role(role), actor=actor)
            return f"{holder} is {role} now."
        if act == "remove" and user is not None:
            revoke_role(user=user, resource=dataset, actor=actor)
            return f"{holder} has no role by name here any more."
        assert team is not None  # the other two acts are about teams
        if act == "change-team":
            grant_team_role(team=team, resource=dataset, role=Role(role), actor=actor)
            return f"Everybody in the team {holder} is {role} now."
        revoke_team_role(team=team, resource=dataset, actor=actor)
        return f"The team {holder} has no role here any more."
    except RightsError as error:
        return Refusal(holder, is_team, _kindly(request, error))


def _kindly(request: HttpRequest, error: RightsError) -> str:
    if not isinstance(error, LastAdmin):
        return sentence(error)
    who, is_are = (
        ("You", "are") if error.username == request.user.get_username() else (error.username, "is")
    )
    return (
        f"{who} {is_are} the only admin by name, and a dataset keeps one: somebody must be able to "
        "let others in. Make somebody else admin first. Admins through a team do not count, "
        "since people leave teams."
    )


def _find_team(request: HttpRequest, slug: str) -> Team | None:
    if not is_storable(slug):
        return None
    return Team.objects.visible_to(request.user).filter(slug=slug).first()


def _back(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """Lead to the page again, or away from it where who asked took their own role."""
    visible = Dataset.objects.visible_to(request.user, Role.REVIEWER)
    if not visible.filter(pk=dataset.pk).exists():
        return HttpResponseRedirect(reverse("web:datasets"))
    return HttpResponseRedirect(reverse("web:dataset-members", args=[dataset.slug]))
