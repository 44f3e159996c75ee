"""Webhooks, against a real receiver on this machine."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.db import connection, transaction
from django.utils import timezone

from datasets_app.actions.branches import create_branch
from datasets_app.actions.tags import create_tag
from datasets_app.jobs import kinds
from datasets_app.jobs.queue import MAX_ATTEMPTS as MAX_LEASES
from datasets_app.jobs.queue import cancel, enqueue, reap
from datasets_app.jobs.running import run_job
from datasets_app.models import Delivery, DeliveryState, Job, JobState, Webhook, WebhookEvent
from datasets_app.webhooks import delivering, sending
from datasets_app.webhooks.delivering import attempt, deliver_due, drop_old_deliveries, pause_after
from datasets_app.webhooks.errors import TooManyWebhooks
from datasets_app.webhooks.managing import (
    MAX_WEBHOOKS,
    create_webhook,
    ping_webhook,
    redeliver,
    renew_secret,
    update_webhook,
)
from people_app.models import AuditEvent
from tests.datasets_app.builders import author, commit_to, dataset, names
from tests.datasets_app.receivers import receiver

pytestmark = pytest.mark.django_db

ALL = [event.value for event in WebhookEvent]


@pytest.fixture(autouse=True)
def _this_machine_is_allowed(settings):
    settings.TESSERA_WEBHOOK_ALLOW = ["127.0.0.0/8"]


def hook(streets, url, events=ALL, **fields):
    """A webhook and its secret."""
    return create_webhook(dataset=streets, url=url, events=events, actor=author(), **fields)


def pinged(url, **fields):
    """A waiting message to a new webhook."""
    return ping_webhook(webhook=hook(dataset(), url, **fields).webhook, actor=author())


def now_due(delivery):
    """Let the pause be over."""
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())


def test_a_receiver_is_told_what_happened_signed_with_its_secret():
    streets = dataset("told")
    with receiver() as there:
        secret = hook(streets, there.url).secret
        version = commit_to(streets, names("a.png"))
        create_tag(dataset=streets, name="paper", version=version, actor=author())
        create_branch(dataset=streets, name="dusk", head=version, actor=author())
        assert there.received == []
        assert deliver_due() == 3
    told = [json.loads(message.body) for message in there.received]
    assert [one["event"] for one in told] == ["version.committed", "tag.created", "branch.created"]
    assert {(one["dataset"], one["actor"]) for one in told} == {("told", "ada")}
    assert told[0]["data"]["version"] == version.id_hex
    assert told[0]["data"]["added"] == 1
    for message in there.received:
        assert message.is_signed_with(secret)
        assert not message.is_signed_with("whsec_other")


def test_only_chosen_events_are_told():
    streets = dataset()
    hook(streets, "https://example.org/", events=["tag.created"])
    version = commit_to(streets, names("a.png"))
    create_tag(dataset=streets, name="paper", version=version, actor=author())
    assert list(Delivery.objects.values_list("event", flat=True)) == ["tag.created"]


def test_nothing_is_told_of_another_dataset_or_to_an_inactive_webhook():
    streets, fields = dataset(), dataset()
    hook(fields, "https://example.org/")
    hook(streets, "https://example.org/", active=False)
    commit_to(streets, names("a.png"))
    assert not Delivery.objects.exists()


def test_what_is_rolled_back_is_not_told():
    streets = dataset()
    hook(streets, "https://example.org/")
    version = commit_to(streets, names("a.png"))
    before = Delivery.objects.count()

    @transaction.atomic
    def fail():
        create_branch(dataset=streets, name="dusk", head=version, actor=author())
        assert Delivery.objects.count() == before + 1
        raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert Delivery.objects.count() == before


def finished(state):
    """The data of the messages about finished jobs."""
    bodies = Delivery.objects.filter(event="job.finished").values_list("body", flat=True)
    return [json.loads(body)["data"]["state"] for body in bodies] == [state]


def test_a_job_that_is_done_is_told(monkeypatch):
    streets = dataset()
    hook(streets, "https://example.org/")
    monkeypatch.setitem(kinds._HANDLERS, "test", lambda job, progress: {})
    job = enqueue("test", {}, actor=author(), dataset=streets)
    run_job(str(job.pk))
    assert finished("done")


def test_a_waiting_job_that_is_cancelled_is_told():
    streets = dataset()
    hook(streets, "https://example.org/")
    cancel(enqueue("test", {}, actor=author(), dataset=streets), actor=author())
    assert finished("cancelled")


def test_a_running_job_that_is_asked_to_stop_is_told_when_it_has():
    streets = dataset()
    hook(streets, "https://example.org/")
    job = enqueue("test", {}, actor=author(), dataset=streets)
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING)
    cancel(job, actor=author())
    assert not Delivery.objects.filter(event="job.finished").exists()


def test_a_job_that_was_given_up_is_told():
    streets = dataset()
    hook(streets, "https://example.org/")
    job = enqueue("test", {}, actor=author(), dataset=streets)
    past = timezone.now() - timedelta(seconds=1)
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING, lease=MAX_LEASES, lease_expires_at=past
    )
    reap()
    assert finished("failed")


def test_a_message_that_fails_is_sent_again_with_the_same_body():
    with receiver(500, 200) as there:
        delivery = pinged(there.url)
        assert not attempt(delivery.pk)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.response_code) == (DeliveryState.WAITING, 500)
        assert delivery.next_attempt_at > timezone.now()
        assert deliver_due() == 0
        now_due(delivery)
        assert deliver_due() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 2)
    assert (delivery.response_code, delivery.problem) == (200, "")
    first, second = there.received
    assert first.body == second.body
    assert first.headers["Tessera-Delivery"] == second.headers["Tessera-Delivery"]


def test_a_message_is_given_up_after_the_last_attempt():
    with receiver(503) as there:
        delivery = pinged(there.url)
        for _ in range(delivering.MAX_ATTEMPTS):
            now_due(delivery)
            attempt(delivery.pk)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.next_attempt_at) == (DeliveryState.FAILED, None)
        assert deliver_due() == 0
    assert len(there.received) == delivering.MAX_ATTEMPTS


def test_pauses_grow_and_are_partly_chance():
    for attempts, full in [(1, 10), (2, 30), (3, 90), (9, 21_600)]:
        pauses = {pause_after(attempts).total_seconds() for _ in range(20)}
        assert full / 2 <= min(pauses) <= max(pauses) <= full
        assert len(pauses) > 1


def test_ten_attempts_are_spread_over_hours_and_none_comes_early(monkeypatch):
    now = begun = timezone.now() + timedelta(seconds=5)
    monkeypatch.setattr(timezone, "now", lambda: now)
    with receiver(500) as there:
        delivery = pinged(there.url)
        for attempts in range(1, delivering.MAX_ATTEMPTS + 1):
            assert deliver_due() == 1
            delivery.refresh_from_db()
            assert delivery.attempts == attempts
            if delivery.next_attempt_at is not None:
                now = delivery.next_attempt_at - timedelta(seconds=1)
                assert deliver_due() == 0
                now = delivery.next_attempt_at
    assert delivery.state == DeliveryState.FAILED
    assert timedelta(hours=7) < now - begun < timedelta(hours=17)


def test_a_receiver_may_ask_for_a_pause_up_to_a_day():
    assert pause_after(1, 3_600) == timedelta(hours=1)
    assert pause_after(1, 10**8) == timedelta(days=1)
    assert pause_after(1, 0.0) >= timedelta(seconds=5)


@pytest.mark.parametrize("kind", ["seconds", "date"])
def test_retry_after_is_respected(kind):
    date = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    with receiver(429, Retry_After="7200" if kind == "seconds" else date) as there:
        delivery = pinged(there.url)
        attempt(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.next_attempt_at > timezone.now() + timedelta(minutes=119)


def test_a_receiver_that_is_gone_is_not_asked_again():
    with receiver(410) as there:
        delivery = pinged(there.url)
        attempt(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 1)


def test_redirects_are_not_followed():
    with receiver() as elsewhere, receiver(302, Location=elsewhere.url) as there:
        delivery = pinged(there.url)
        assert not attempt(delivery.pk)
    assert elsewhere.received == []
    delivery.refresh_from_db()
    assert delivery.problem == "answered 302: redirects are not followed"


def test_nobody_listening_is_a_reason_to_try_later():
    with receiver() as there:
        url = there.url
    delivery = pinged(url)
    attempt(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.WAITING
    assert delivery.problem.startswith("unreachable: no connection")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nX-A: ", b"nonsense\r\n"])
def test_an_answer_that_drips_or_is_none_ends_in_time(monkeypatch, answer):
    monkeypatch.setattr(sending, "TOTAL_SECONDS", 0.6)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            client, _ = server.accept()
            with client:
                try:
                    client.sendall(answer)
                    for _ in range(50):
                        time.sleep(0.05)
                        client.sendall(b"a")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        delivery = pinged(f"http://127.0.0.1:{server.getsockname()[1]}/")
        began = time.monotonic()
        assert not attempt(delivery.pk)
        assert time.monotonic() - began < 2
        thread.join()
    delivery.refresh_from_db()
    assert delivery.problem.startswith("unreachable: no answer")


def test_an_endless_answer_is_not_read_to_its_end():
    with socket.create_server(("127.0.0.1", 0)) as server:
        sent = []

        def pour():
            client, _ = server.accept()
            with client:
                try:
                    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    while True:
                        sent.append(client.send(bytes(65_536)))
                except OSError:
                    return

        thread = threading.Thread(target=pour)
        thread.start()
        assert attempt(pinged(f"http://127.0.0.1:{server.getsockname()[1]}/").pk)
        thread.join()
    assert sum(sent) < 50 * 2**20


def test_the_secret_is_not_in_the_database_and_is_lost_with_the_key(settings):
    with receiver() as there:
        made = hook(dataset(), there.url)
        row = Webhook.objects.filter(pk=made.webhook.pk).values().get()
        assert not any(made.secret in str(value) for value in row.values())
        assert made.secret not in json.dumps(list(AuditEvent.objects.values("facts")))
        settings.SECRET_KEY = "another"
        delivery = ping_webhook(webhook=made.webhook, actor=author())
        attempt(delivery.pk)
        delivery.refresh_from_db()
        assert delivery.problem.startswith("secret_lost")
        settings.SECRET_KEY_FALLBACKS = ["only-for-tests"]
        assert attempt(ping_webhook(webhook=made.webhook, actor=author()).pk)
    [message] = there.received
    assert message.is_signed_with(made.secret)


def test_a_new_secret_takes_the_place_of_the_old_one():
    with receiver() as there:
        made = hook(dataset(), there.url)
        renewed = renew_secret(webhook=made.webhook, actor=author())
        assert attempt(ping_webhook(webhook=made.webhook, actor=author()).pk)
    [message] = there.received
    assert message.is_signed_with(renewed.secret)
    assert not message.is_signed_with(made.secret)


def test_an_old_delivery_is_sent_again_as_one_of_its_own():
    with receiver() as there:
        first = pinged(there.url)
        attempt(first.pk)
        again = redeliver(delivery=first, actor=author())
        assert deliver_due() == 1
    assert again.redelivers == first
    one, other = there.received
    assert one.body == other.body
    assert one.headers["Tessera-Delivery"] != other.headers["Tessera-Delivery"]


def test_what_waits_for_a_webhook_is_given_up_when_it_becomes_inactive():
    streets = dataset()
    webhook = hook(streets, "https://example.org/").webhook
    commit_to(streets, names("a.png"))
    update_webhook(webhook=webhook, actor=author(), active=False)
    assert Delivery.objects.get().state == DeliveryState.FAILED


def test_what_a_worker_is_sending_is_not_sent_by_another():
    with receiver() as there:
        delivery = pinged(there.url)
        assert delivering._claim(delivery.pk) is not None
        assert not attempt(delivery.pk)
        assert deliver_due() == 0
        now_due(delivery)  # its worker is held for dead
        assert deliver_due() == 1
    assert len(there.received) == 1


def test_who_was_held_for_dead_does_not_overwrite_what_came_after():
    with receiver() as there:
        delivery = pinged(there.url)
        slow = delivering._claim(delivery.pk)
        now_due(delivery)
        assert attempt(delivery.pk)
        delivering._settle(slow, False, True, None, "too late", 0.0)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DELIVERED


def test_a_message_at_which_workers_die_is_given_up():
    delivery = pinged("https://example.org/")
    Delivery.objects.filter(pk=delivery.pk).update(attempts=delivering.MAX_ATTEMPTS)
    assert not attempt(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.problem[:11]) == (DeliveryState.FAILED, "worker_lost")


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_hangs_holds_up_no_other(monkeypatch):
    monkeypatch.setattr(sending, "TOTAL_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent, receiver() as there:
        pinged(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        quick = hook(dataset(), there.url).webhook
        for _ in range(5):
            ping_webhook(webhook=quick, actor=author())
        arrived = []

        def deliver_all():
            arrived.append(deliver_due(threads))
            connection.close()

        with ThreadPoolExecutor(4) as threads:
            sending_all = threading.Thread(target=deliver_all)
            sending_all.start()
            deadline = time.monotonic() + 0.9
            while len(there.received) < 5 and time.monotonic() < deadline:
                time.sleep(0.02)
            assert len(there.received) == 5
            sending_all.join()
    assert arrived == [6]


def test_a_dataset_has_only_so_many_webhooks():
    streets = dataset()
    for _ in range(MAX_WEBHOOKS):
        hook(streets, "https://example.org/")
    with pytest.raises(TooManyWebhooks):
        hook(streets, "https://example.org/")


def test_the_log_is_kept_for_thirty_days():
    old, young = pinged("https://example.org/"), pinged("https://example.org/")
    long_ago = timezone.now() - timedelta(days=31)
    Delivery.objects.filter(pk=old.pk).update(
        created_at=long_ago, state=DeliveryState.FAILED, next_attempt_at=None
    )
    assert drop_old_deliveries() == 1
    assert list(Delivery.objects.all()) == [young]


def test_an_act_costs_one_query_more_where_nobody_listens(django_assert_num_queries):
    streets, ada = dataset(), author()
    version = commit_to(streets, names("a.png"))
    # Savepoints and the branch, the event, its proof, and who wants to know.
    with django_assert_num_queries(4 + 4):
        create_branch(dataset=streets, name="dusk", head=version, actor=ada)
