"""Webhooks by requests: admins only, and a log to read."""

import pytest

from datasets_app.webhooks.delivering import deliver_due
from people_app.actions.roles import grant_role
from people_app.models import AuditEvent
from people_app.roles import Role
from tests.api.builders import STREETS, build_world, client_of, member, person, walk
from tests.datasets_app.receivers import receiver

HOOKS = f"{STREETS}/webhooks/"
GOOD = {"url": "https://example.org/hook", "events": ["tag.created"]}


@pytest.fixture(autouse=True)
def _this_machine_is_allowed(settings):
    settings.TESSERA_WEBHOOK_ALLOW = ["127.0.0.0/8"]


def made(client, **fields):
    """A new webhook."""
    response = client.post(HOOKS, GOOD | fields)
    assert response.status_code == 201, response.content
    return response.json()


def test_the_secret_is_shown_once(admin):
    response = admin.post(HOOKS, GOOD)
    assert response["Cache-Control"] == "no-store"
    webhook = response.json()
    assert webhook.pop("secret").startswith("whsec_")
    assert admin.get(f"{HOOKS}{webhook['id']}/").json() == webhook
    assert walk(admin, HOOKS) == [webhook]
    assert (webhook["created_by"], webhook["active"]) == ("ada", True)


def test_a_tag_is_told_and_the_log_says_that_it_arrived(admin):
    with receiver() as there:
        webhook = made(admin, url=there.url)
        tag = admin.post(f"{STREETS}/tags/", {"name": "paper", "version": "v2"})
        assert tag.status_code == 201
        deliver_due()
    [message] = there.received
    assert message.is_signed_with(webhook["secret"])
    log = f"{HOOKS}{webhook['id']}/deliveries/"
    [row] = walk(admin, log)
    assert (row["event"], row["state"], row["attempts"]) == ("tag.created", "delivered", 1)
    assert (row["response_code"], row["next_attempt_at"]) == (200, None)
    assert admin.get(f"{log}{row['id']}/").json()["body"].encode() == message.body
    assert walk(admin, f"{log}?state=failed") == []


def test_the_test_button_sends_a_ping_never_in_the_request(admin):
    with receiver(500) as there:
        webhook = made(admin, url=there.url, active=False)
        response = admin.post(f"{HOOKS}{webhook['id']}/test/")
        assert response.status_code == 202
        assert there.received == []
        deliver_due()
    delivery = admin.get(f"{HOOKS}{webhook['id']}/deliveries/{response.json()['id']}/").json()
    assert (delivery["event"], delivery["problem"]) == ("ping", "answered 500")
    assert there.received[0].headers["Tessera-Event"] == "ping"


def test_a_message_can_be_sent_again(admin):
    with receiver() as there:
        webhook = made(admin, url=there.url)
        first = admin.post(f"{HOOKS}{webhook['id']}/test/").json()["id"]
        again = admin.post(f"{HOOKS}{webhook['id']}/deliveries/{first}/redeliver/")
        assert again.status_code == 202
        deliver_due()
    assert again.json()["redelivers"] == first
    assert len(there.received) == 2


def test_a_webhook_is_changed_renewed_and_removed(admin):
    webhook = made(admin)
    path = f"{HOOKS}{webhook['id']}/"
    assert admin.patch(path, {"active": False, "events": ["job.finished"]}).status_code == 200
    found = admin.get(path).json()
    assert (found["active"], found["events"], found["url"]) == (
        False,
        ["job.finished"],
        GOOD["url"],
    )
    assert admin.post(f"{path}secret/").json()["secret"] != webhook["secret"]
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404
    verbs = AuditEvent.objects.filter(verb__startswith="webhook.").order_by("pk")
    assert list(verbs.values_list("verb", "line_kind")) == [
        ("webhook.created", "dataset"),
        ("webhook.updated", "dataset"),
        ("webhook.secret_renewed", "dataset"),
        ("webhook.deleted", "dataset"),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "http://10.0.0.1/"}, "invalid_webhook_url"),
        ({"url": "http://169.254.169.254/latest/meta-data/"}, "invalid_webhook_url"),
        ({"url": "ftp://example.org/"}, "invalid_webhook_url"),
        ({"url": "https://exa\x00mple.org/"}, "parse_error"),
        ({"url": 7.5}, "invalid_webhook_url"),
        ({"events": []}, "invalid"),
        ({"events": ["dataset.exploded"]}, "invalid"),
        ({"events": "tag.created"}, "invalid"),
        ({"active": None}, "invalid"),
    ],
)
def test_a_body_that_makes_no_webhook_is_refused(admin, body, code):
    for response in (
        admin.post(HOOKS, GOOD | body),
        admin.patch(f"{HOOKS}{made(admin)['id']}/", body),
    ):
        assert (response.status_code, response.json()["code"]) == (400, code)


def test_only_admins_see_that_there_are_webhooks(world, admin, reader, stranger, anonymous):
    webhook = made(admin)
    reviewer = member(world, Role.REVIEWER)
    delivery = admin.post(f"{HOOKS}{webhook['id']}/test/").json()["id"]
    one = f"{HOOKS}{webhook['id']}/"
    log = f"{one}deliveries/"
    for method, path in [
        ("get", HOOKS), ("post", HOOKS), ("get", one), ("patch", one), ("delete", one),
        ("post", f"{one}test/"), ("post", f"{one}secret/"), ("get", log),
        ("get", f"{log}{delivery}/"), ("post", f"{log}{delivery}/redeliver/"),
    ]:  # fmt: skip
        for client, code in [(anonymous, 404), (stranger, 404), (reader, 403), (reviewer, 403)]:
            answer = getattr(client, method)(path).status_code
            assert answer == code or (client is anonymous and answer == 401), (method, path)
    narrow = client_of("ada", scopes=["write"])
    assert narrow.get(HOOKS).status_code == 403


def test_the_webhook_of_another_dataset_is_not_there(world, admin):
    build_world("fields")
    bob = client_of("bob")
    grant_role(user=person("bob"), resource=world.dataset, role=Role.ADMIN, actor=None)
    other = admin.post(f"{STREETS.replace('streets', 'fields')}/webhooks/", GOOD).json()["id"]
    assert bob.get(f"{HOOKS}{other}/").status_code == 404
    assert bob.post(f"{HOOKS}{other}/test/").status_code == 404


def test_a_list_costs_the_same_queries_however_long_it_is(admin, django_assert_num_queries):
    webhook = made(admin)
    for _ in range(3):
        made(admin)
        admin.post(f"{HOOKS}{webhook['id']}/test/")
    # The token, the dataset, the role, and the rows with their names.
    with django_assert_num_queries(4):
        admin.get(HOOKS)
    with django_assert_num_queries(5):
        admin.get(f"{HOOKS}{webhook['id']}/deliveries/")
