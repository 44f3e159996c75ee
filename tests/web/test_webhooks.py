"""Webhooks by pages: made, changed, tested, sent again."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from datasets_app.models import Dataset, Delivery, DeliveryState, Webhook
from datasets_app.webhooks.delivering import deliver_due
from datasets_app.webhooks.managing import create_webhook, ping_webhook
from datasets_app.webhooks.secrets import secret_of
from people_app.models import AuditEvent
from tests.datasets_app.builders import author
from tests.datasets_app.receivers import receiver
from tests.web.builders import Page, shared_dataset

pytestmark = pytest.mark.django_db
HOOKS = "/datasets/town/settings/webhooks/"
GOOD = {"url": "https://example.org/hook", "events": ["tag.created"]}


@pytest.fixture(autouse=True)
def _this_machine_is_allowed(settings) -> None:
    settings.TESSERA_WEBHOOK_ALLOW = ["127.0.0.0/8"]


@pytest.fixture
def town() -> Dataset:
    return shared_dataset("town")


@pytest.fixture
def admin(town: Dataset, client: Client) -> Client:
    client.force_login(author())
    return client


def hook(dataset: Dataset, url: str = GOOD["url"]) -> Webhook:
    return create_webhook(dataset=dataset, url=url, events=["tag.created"], actor=author()).webhook


def page_of(webhook: Webhook) -> str:
    return f"{HOOKS}{webhook.pk}/"


def text_of(client: Client, url: str) -> str:
    return Page(client.get(url).content.decode()).text


def test_the_secret_is_shown_once_on_the_page_that_follows(admin: Client) -> None:
    response = admin.post(HOOKS, GOOD)
    webhook = Webhook.objects.get()
    assert response.url == page_of(webhook)
    secret = secret_of(webhook)
    first = admin.get(response.url)
    assert secret in first.content.decode()
    assert "no-store" in first["Cache-Control"]
    assert secret not in admin.get(response.url).content.decode()


def test_the_secret_is_in_no_session(admin: Client) -> None:
    admin.post(HOOKS, GOOD)
    assert secret_of(Webhook.objects.get()) not in str(dict(admin.session))


def test_looking_at_another_webhook_first_loses_no_secret(admin: Client, town: Dataset) -> None:
    other = hook(town)
    made = admin.post(HOOKS, GOOD).url
    assert "whsec_" not in admin.get(page_of(other)).content.decode()
    assert "whsec_" in admin.get(made).content.decode()


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        ({"url": "http://10.0.0.1/"}, "url", "Not possible: the host's address is not"),
        ({"url": "ftp://example.org/"}, "url", "Not possible: http:// or https://"),
        ({"url": "https://ex.org/" + "x" * 2_000}, "url", "at most 2000 characters"),
        ({"url": "a\x00b"}, "url", "Null characters are not allowed."),
        ({"url": ""}, "url", "This field is required."),
        ({"events": []}, "events", "Choose at least one event."),
        ({"events": ["town.exploded"]}, "events", "town.exploded is not one of the available"),
    ],
)
def test_what_makes_no_webhook_is_told_beside_its_field(
    admin: Client, fields: dict[str, object], field: str, problem: str
) -> None:
    response = admin.post(HOOKS, GOOD | fields)
    html = response.content.decode()
    assert response.status_code == 422
    beside = re.search(rf'id="id_{field}_error"[^>]*>([^<]*)<', html)
    assert beside is not None
    assert problem in beside[1].replace("&#x27;", "'")
    assert not Webhook.objects.exists()


def test_the_twenty_first_is_refused(admin: Client, town: Dataset) -> None:
    for _ in range(20):
        hook(town)
    assert "at most 20 webhooks" in text_of(admin, HOOKS)
    assert admin.post(HOOKS, GOOD).status_code == 422


def test_the_list_tells_state_and_last_message(admin: Client, town: Dataset) -> None:
    assert "Make the first one" in text_of(admin, HOOKS)
    webhook = hook(town)
    ping_webhook(webhook=webhook, actor=author())
    Delivery.objects.update(state=DeliveryState.FAILED)
    assert "https://example.org/hook tag.created active failed" in text_of(admin, HOOKS)


def test_a_test_is_sent_and_the_log_tells_request_and_answer(admin: Client, town: Dataset) -> None:
    with receiver(204) as there:
        webhook = hook(town, there.url)
        response = admin.post(page_of(webhook), {"act": "test"}, follow=True)
        assert 'hx-get="' in response.content.decode()
        deliver_due()
    html = admin.get(page_of(webhook)).content.decode()
    assert "ping delivered 204" in Page(html).text
    assert "hx-get" not in html
    delivery = Delivery.objects.get()
    text = text_of(admin, f"{page_of(webhook)}{delivery.pk}/")
    assert "Attempts 1 of at most 10" in text
    assert '"event": "ping"' in text


def test_asking_again_answers_with_the_log_alone(admin: Client, town: Dataset) -> None:
    webhook = hook(town)
    ping_webhook(webhook=webhook, actor=author())
    html = admin.get(page_of(webhook), headers={"hx-request": "true"}).content.decode()
    assert "waiting" in html
    assert "<html" not in html


def test_a_message_is_sent_again_as_one_of_its_own(admin: Client, town: Dataset) -> None:
    webhook = hook(town)
    first = ping_webhook(webhook=webhook, actor=author())
    response = admin.post(f"{page_of(webhook)}{first.pk}/again/")
    again = Delivery.objects.get(redelivers=first)
    assert response.url == f"{page_of(webhook)}{again.pk}/"
    assert "once before" in text_of(admin, response.url)
    assert "again" in text_of(admin, page_of(webhook))


def test_the_log_is_narrowed_by_result_and_goes_on(admin: Client, town: Dataset) -> None:
    webhook = hook(town)
    now = timezone.now()
    Delivery.objects.bulk_create(
        Delivery(
            webhook=webhook,
            event=f"event-{no:02}",
            body="{}",
            state=DeliveryState.FAILED if no % 2 else DeliveryState.DELIVERED,
            next_attempt_at=None,
            # Two at each moment: the order must not lose one of them between pages.
            created_at=now + timedelta(seconds=no // 2),
        )
        for no in range(60)
    )
    first = Page(admin.get(page_of(webhook)).content.decode())
    following = next(link for link in first.links if link.startswith("?after="))
    second = Page(admin.get(page_of(webhook) + following.partition("#")[0]).content.decode())
    names = [f"event-{no:02}" for no in range(60)]
    assert [name for name in names if (name in first.text) == (name in second.text)] == []
    failed = text_of(admin, f"{page_of(webhook)}?state=failed")
    assert "event-59" in failed
    assert "event-58" not in failed


def test_events_are_changed_and_nothing_else(admin: Client, town: Dataset) -> None:
    webhook = hook(town)
    fields = {"act": "change", "url": webhook.url, "events": ["job.finished", "tag.created"]}
    admin.post(page_of(webhook), fields)
    webhook.refresh_from_db()
    assert webhook.events == ["tag.created", "job.finished"]
    assert set(AuditEvent.objects.latest("pk").facts) == {"events"}
    before = AuditEvent.objects.count()
    assert (
        "Nothing was different."
        in Page(admin.post(page_of(webhook), fields, follow=True).content.decode()).text
    )
    assert AuditEvent.objects.count() == before


def test_it_is_paused_and_resumed(admin: Client, town: Dataset) -> None:
    webhook = hook(town)
    admin.post(page_of(webhook), {"act": "pause"})
    webhook.refresh_from_db()
    assert not webhook.active
    assert "Resume" in text_of(admin, page_of(webhook))
    admin.post(page_of(webhook), {"act": "resume"})
    webhook.refresh_from_db()
    assert webhook.active


def test_a_new_secret_is_shown_once_and_is_another(admin: Client, town: Dataset) -> None:
    webhook = hook(town)
    before = secret_of(webhook)
    html = admin.post(page_of(webhook), {"act": "renew"}, follow=True).content.decode()
    webhook.refresh_from_db()
    assert secret_of(webhook) != before
    assert secret_of(webhook) in html


def test_it_is_deleted(admin: Client, town: Dataset) -> None:
    webhook = hook(town)
    page = Page(admin.post(page_of(webhook), {"act": "delete"}, follow=True).content.decode())
    assert "The webhook to https://example.org/hook is deleted." in page.text
    assert not Webhook.objects.exists()


def test_a_webhook_of_another_dataset_is_not_there(admin: Client, town: Dataset) -> None:
    other = hook(shared_dataset("other"))
    delivery = ping_webhook(webhook=other, actor=author())
    for path in ("", f"{delivery.pk}/", f"{delivery.pk}/again/"):
        ask = admin.post if path.endswith("again/") else admin.get
        assert ask(page_of(other) + path).status_code == 404
    assert admin.post(page_of(other), {"act": "delete"}).status_code == 404
    mine = hook(town)
    assert admin.get(f"{page_of(mine)}{delivery.pk}/").status_code == 404
    assert Webhook.objects.filter(pk=other.pk).exists()


@pytest.mark.parametrize("query", ["?state=odd", "?after=odd", "?after=,", "?after=2026-02-30,x"])
def test_odd_parameters_are_no_error(admin: Client, town: Dataset, query: str) -> None:
    assert admin.get(page_of(hook(town)) + query).status_code == 200


def test_an_odd_act_changes_nothing(admin: Client, town: Dataset) -> None:
    webhook = hook(town)
    before = AuditEvent.objects.count()
    for act in ("", "explode"):
        assert admin.post(page_of(webhook), {"act": act}).status_code == 200
    assert AuditEvent.objects.count() == before
