"""What the forms of webhooks take, and how people call events."""

from __future__ import annotations

from typing import Any

from django import forms

from datasets_app.models import WebhookEvent
from datasets_app.models.webhook import MAX_URL
from datasets_app.webhooks.errors import InvalidWebhookUrl
from datasets_app.webhooks.targets import parse_target

EVENT_WORDS = {
    WebhookEvent.VERSION_COMMITTED: "a version is made by a commit, import, merge or revert",
    WebhookEvent.TAG_CREATED: "a tag is given",
    WebhookEvent.JOB_FINISHED: "a job ends: done, failed or cancelled",
    WebhookEvent.BRANCH_CREATED: "a branch is made",
    WebhookEvent.BRANCH_ADVANCED: "a branch moves to another version",
    WebhookEvent.BRANCH_DELETED: "a branch is deleted",
    WebhookEvent.BRANCH_PROTECTED: "a branch is protected, or no longer",
}
_FIRST_CHOICE = [WebhookEvent.VERSION_COMMITTED, WebhookEvent.TAG_CREATED]


class WebhookForm(forms.Form):
    """Where a webhook goes, and what it is told."""

    url = forms.CharField(
        max_length=MAX_URL,
        label="URL",
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
        help_text="http or https, at a public address. Each message is a POST with a JSON body.",
    )
    events = forms.MultipleChoiceField(
        label="Send a message when",
        choices=list(EVENT_WORDS.items()),
        initial=_FIRST_CHOICE,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one event."},
    )

    def clean_url(self) -> str:
        """Say beside the field what the action would refuse."""
        url: str = self.cleaned_data["url"]
        try:
            parse_target(url)
        except InvalidWebhookUrl as error:
            raise forms.ValidationError(f"Not possible: {error.reason}.") from error
        return url


def changes_of(form: WebhookForm) -> dict[str, Any]:
    """Return what a valid form says otherwise than the webhook."""
    return {name: form.cleaned_data[name] for name in form.changed_data}
