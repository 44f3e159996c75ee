"""Forms that name people and teams."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import QuerySet

from datasets_app.names import is_storable
from people_app.actions.teams import MAX_DESCRIPTION, MAX_NAME, MAX_SLUG
from people_app.models import Team, User
from web.dataset_forms import ProseField

_NAME = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
_LONGEST_USERNAME = 150
# More teams than this nobody picks from a menu; they are written then.
_TEAMS_IN_MENU = 200
Choices = Iterable[tuple[str, str]]


class PersonForm(forms.Form):
    """Somebody by the name of their account, and what they shall be."""

    username = forms.CharField(
        max_length=_LONGEST_USERNAME, label="User name", widget=forms.TextInput(_NAME)
    )
    role = forms.ChoiceField(
        widget=forms.RadioSelect, error_messages={"required": "Choose a role."}
    )

    def __init__(self, data: Any, *, roles: Choices, first: str) -> None:
        super().__init__(data, auto_id="person-%s", initial={"role": first})
        self.fields["role"].choices = list(roles)  # type: ignore[attr-defined]

    def clean_username(self) -> User:
        """Return the account; one that was deactivated is as good as none."""
        name = self.cleaned_data["username"]
        user = find_user(name)
        if user is None:
            raise forms.ValidationError(f"Nobody here is called “{name}”.", code="not_found")
        return user


class TeamRoleForm(forms.Form):
    """A team, and what all in it shall be."""

    team = forms.CharField(max_length=MAX_SLUG, label="Team", widget=forms.TextInput(_NAME))
    role = forms.ChoiceField(
        widget=forms.RadioSelect, error_messages={"required": "Choose a role."}
    )

    def __init__(self, data: Any, *, teams: QuerySet[Team], roles: Choices, first: str) -> None:
        super().__init__(data, auto_id="team-%s", initial={"role": first})
        self._teams = teams
        self.fields["role"].choices = list(roles)  # type: ignore[attr-defined]
        found = list(teams.order_by("slug").values_list("slug", "name")[: _TEAMS_IN_MENU + 1])
        self.has_teams = bool(found)
        if len(found) <= _TEAMS_IN_MENU:
            menu = [(slug, f"{name} ({slug})" if name else slug) for slug, name in found]
            self.fields["team"].widget = forms.Select(choices=[("", "choose a team"), *menu])

    def clean_team(self) -> Team:
        """Return the team; what the admin may not see is not there."""
        team = self._teams.filter(slug=self.cleaned_data["team"]).first()
        if team is None:
            raise forms.ValidationError("There is no such team that you can see.", code="not_found")
        return team


class TeamForm(forms.Form):
    """What is said about a team."""

    name = forms.CharField(
        max_length=MAX_NAME, required=False, help_text="As people say it: “Night shift, Oslo”."
    )
    description = ProseField(
        max_length=MAX_DESCRIPTION, required=False, widget=forms.Textarea({"rows": 3})
    )


class NewTeamForm(TeamForm):
    """A team to make."""

    field_order = ["slug", "name", "description"]
    slug = forms.SlugField(
        max_length=MAX_SLUG,
        label="Short name",
        widget=forms.TextInput(_NAME),
        help_text="Letters, digits, - and _. It is in addresses and never changes.",
    )


def find_user(name: str, *, gone: bool = False) -> User | None:
    """Return an account by its name; a deactivated one only where `gone`, to take what it has."""
    if not is_storable(name):
        return None
    users = User.objects.filter(username=name)
    return (users if gone else users.filter(is_active=True)).first()
