from datetime import UTC, datetime

import pytest
from django.db import models, transaction
from django.http import HttpResponse
from django.test import RequestFactory
from rest_framework.test import APIRequestFactory

from people_app.actions.tokens import create_token
from people_app.audit import ObjectName, object_name, record
from people_app.authentication import TokenAuthentication
from people_app.errors import AuditIsAppendOnly, AuditOutsideTransaction
from people_app.middleware import RequestContextMiddleware
from people_app.models import AuditEvent
from people_app.request_context import current_request, request_context
from people_app.roles import Role
from tests.people_app.builders import person

STREETS = ObjectName("dataset", "7")


@pytest.mark.django_db
def test_an_event_tells_who_did_what_to_which_object():
    ada = person("ada")
    record(ada, "branch.advanced", STREETS, old=bytes(32), new=b"\xff" * 32)
    event = AuditEvent.objects.get()
    assert (event.actor, event.verb) == (ada, "branch.advanced")
    assert (event.object_kind, event.object_id) == ("dataset", "7")
    assert event.facts == {"old": "00" * 32, "new": "ff" * 32}


@pytest.mark.django_db
def test_facts_are_written_as_plain_values():
    ada = person("ada")
    facts = {
        "user": ada,
        "role": Role.ADMIN,
        "at": datetime(2024, 5, 1, tzinfo=UTC),
        "heads": {"main": b"\x01", 2: (b"\x02",)},
        "nothing": None,
        "share": 0.5,
    }
    record(None, "tried", STREETS, **facts)
    assert AuditEvent.objects.get().facts == {
        "user": str(ada.pk),
        "role": "admin",
        "at": "2024-05-01T00:00:00+00:00",
        "heads": {"main": "01", "2": ["02"]},
        "nothing": None,
        "share": 0.5,
    }


@pytest.mark.django_db
def test_a_token_is_named_without_the_hash_of_its_secret():
    token, _ = create_token(user=person("ada"))
    assert object_name(token) == ObjectName("token", token.digest[:16])


@pytest.mark.django_db(transaction=True)
def test_an_event_is_undone_with_its_change():
    @transaction.atomic
    def fail():
        record(None, "tried", STREETS)
        raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_of_a_transaction_is_refused():
    with pytest.raises(AuditOutsideTransaction, match=r"branch\.advanced"):
        record(None, "branch.advanced", STREETS)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "alter",
    [
        lambda event: event.save(),
        lambda event: event.delete(),
        lambda event: AuditEvent.objects.update(verb="other"),
        lambda event: AuditEvent.objects.all().delete(),
        lambda event: AuditEvent.objects.bulk_update([event], ["verb"]),
        lambda event: AuditEvent.objects.update_or_create(pk=event.pk, defaults={"verb": "other"}),
    ],
)
def test_an_event_is_never_altered_or_removed(alter):
    event = record(None, "tried", STREETS)
    with pytest.raises(AuditIsAppendOnly), transaction.atomic():
        alter(AuditEvent.objects.get(pk=event.pk))
    assert AuditEvent.objects.get().verb == "tried"


@pytest.mark.django_db
def test_who_acted_cannot_be_deleted():
    ada = person("ada")
    record(ada, "tried", STREETS)
    with pytest.raises(models.ProtectedError):
        ada.delete()


@pytest.mark.django_db
def test_an_event_names_the_request_and_its_token():
    token, secret = create_token(user=person("ada"), name="laptop")
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Token {secret}")
    with request_context("request-1"):
        TokenAuthentication().authenticate(request)
        event = record(token.user, "tried", STREETS)
    assert (event.request_id, event.token_name) == ("request-1", "laptop")
    assert event.token_id == token.public_id


@pytest.mark.django_db
def test_a_token_is_forgotten_when_no_request_is_open():
    _, secret = create_token(user=person("ada"))
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Token {secret}")
    TokenAuthentication().authenticate(request)
    assert current_request().token_id == ""


@pytest.mark.django_db
def test_events_of_an_object_are_found_newest_first():
    first, _, third = (record(None, f"v{n}", ObjectName("dataset", n)) for n in ("7", "8", "7"))
    assert list(AuditEvent.objects.about("dataset", "7")) == [third, first]


@pytest.mark.parametrize(
    ("sent", "kept"), [("abcdef-123", True), ("short", False), ("a\nb" * 9, False), ("", False)]
)
def test_a_request_id_is_taken_over_when_it_is_harmless(sent, kept):
    seen = []

    def view(request):
        seen.append(current_request().request_id)
        return HttpResponse()

    request = RequestFactory().get("/", HTTP_X_REQUEST_ID=sent)
    response = RequestContextMiddleware(view)(request)
    assert (response["X-Request-ID"] == sent) == kept
    assert seen == [response["X-Request-ID"]]
    assert current_request().request_id == ""
