"""What the forms of the page /account/ take."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest

from people_app.actions.signing_in import find_by_password
from people_app.models import TokenScope, User

_MOST_CHARACTERS = 4_096
_DAYS = ((7, "a week"), (30, "30 days"), (90, "90 days"), (365, "a year"), (0, "until I revoke it"))
_SCOPES = (
    (TokenScope.READ, "Read", "what you may see: pull, export, compare"),
    (TokenScope.WRITE, "Read and write", "also commit, import, tag, branch"),
    (TokenScope.ADMIN, "Everything you may do", "also roles, webhooks, other tokens"),
)


class OwnPasswordForm(PasswordChangeForm):
    """The old password and the new one twice; wrong old ones are counted as at the sign-in.

    `is_valid` may raise `SignInLocked`: a session left open is no place to guess passwords.
    """

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        super().__init__(request.user, data)
        self._request = request
        for field in self.fields.values():
            field.validators.append(MaxLengthValidator(_MOST_CHARACTERS))
            field.widget.attrs.pop("autofocus", None)
        self.fields["old_password"].label = "Present password"
        self.fields["new_password1"].label = "New password"
        self.fields["new_password2"].label = "The new one again"
        # As sentences: Django's own is a list, and stands in a paragraph here.
        self.fields["new_password1"].help_text = " ".join(password_validators_help_texts())
        self.fields["new_password2"].help_text = ""

    def clean_old_password(self) -> str:
        """Look whether it is theirs."""
        user: User = self.user
        old: str = self.cleaned_data["old_password"]
        known = f"account {user.pk}"
        if find_by_password(self._request, user.get_username(), old, known) is None:
            raise forms.ValidationError(
                self.error_messages["password_incorrect"], code="password_incorrect"
            )
        return old


class NewTokenForm(forms.Form):
    """A token for a program."""

    name = forms.CharField(
        max_length=200,
        label="What is it for?",
        help_text="So that you know later which one to revoke: “training cluster”.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(
        label="It may",
        choices=[(scope.value, text) for scope, text, _ in _SCOPES],
        initial=TokenScope.READ.value,
    )
    days = forms.TypedChoiceField(label="It works for", choices=_DAYS, coerce=int, initial=90)

    def values(self) -> dict[str, Any]:
        """Return what `create_token` takes."""
        scope, days = TokenScope(self.cleaned_data["scope"]), self.cleaned_data["days"]
        return {
            "name": self.cleaned_data["name"],
            "scopes": [] if scope == TokenScope.ADMIN else [scope],
            "read_only": scope == TokenScope.READ,
            "lifetime": timedelta(days=days) if days else None,
        }


def scopes_in_words() -> list[tuple[str, str, str]]:
    """Return value, name and explanation of what a token may be used for."""
    return [(scope.value, text, more) for scope, text, more in _SCOPES]
