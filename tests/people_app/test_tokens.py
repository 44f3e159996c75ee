import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView, exception_handler

from people_app.actions.tokens import create_token, revoke_token
from people_app.authentication import TokenAuthentication
from people_app.models import AuditEvent, Token, TokenScope
from tests.people_app.builders import person

pytestmark = pytest.mark.django_db


class Echo(APIView):
    authentication_classes = [TokenAuthentication]
    permission_classes = []

    def get_exception_handler(self):
        return exception_handler  # how the API words its errors is no matter here

    def get(self, request):
        return Response(str(request.user))

    post = get


class Question(Echo):
    """Its POST only reads."""

    action = "ask"
    reading_actions = ("ask",)


def ask(secret, *, method="get", view=Echo, scheme="Token"):
    request = getattr(APIRequestFactory(), method)("/", HTTP_AUTHORIZATION=f"{scheme} {secret}")
    return view.as_view()(request)


def test_a_token_signs_its_user_in():
    _, secret = create_token(user=person("ada"))
    assert ask(secret).data == "ada"


def test_the_secret_is_kept_nowhere():
    token, secret = create_token(user=person("ada"), name="laptop")
    row = Token.objects.values().get()
    assert not any(secret in str(value) for value in row.values())
    assert secret not in json.dumps(list(AuditEvent.objects.values("facts", "object_id")))
    assert token.digest not in json.dumps(list(AuditEvent.objects.values("facts", "object_id")))


@pytest.mark.parametrize("secret", ["0" * 64, "ünïcode", "x"])
def test_a_wrong_secret_is_answered_401(secret):
    create_token(user=person("ada"))
    assert ask(secret).status_code == 401


def test_a_secret_whose_first_half_is_right_is_answered_401():
    _, secret = create_token(user=person("ada"))
    assert ask(secret[:32] + "0" * 32).status_code == 401


def test_another_scheme_of_sign_in_is_left_to_others():
    _, secret = create_token(user=person("ada"))
    assert ask(secret, scheme="Basic").data == "AnonymousUser"


def test_an_expired_token_is_refused_and_stays_in_its_owners_list():
    token, secret = create_token(user=person("ada"), lifetime=timedelta(hours=1))
    assert ask(secret).status_code == 200
    Token.objects.filter(pk=token.pk).update(expiry=timezone.now())
    assert ask(secret).status_code == 401
    assert Token.objects.get().is_expired()


def test_a_revoked_token_and_one_of_an_inactive_user_are_refused():
    ada = person("ada")
    token, revoked = create_token(user=ada)
    revoke_token(token=token, actor=ada)
    assert ask(revoked).status_code == 401
    _, secret = create_token(user=ada)
    type(ada).objects.update(is_active=False)
    assert ask(secret).status_code == 401


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_read_only_token_may_not_change_anything(method):
    _, secret = create_token(user=person("ada"), read_only=True)
    assert ask(secret).status_code == 200
    response = ask(secret, method=method)
    assert (response.status_code, response.data["detail"].code) == (403, "read_only_token")


def test_a_read_only_token_may_ask_a_question_by_post():
    _, secret = create_token(user=person("ada"), read_only=True)
    assert ask(secret, method="post", view=Question).status_code == 200


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ([], {"read", "write", "admin"}),
        (["read"], {"read"}),
        (["write"], {"read", "write"}),
        (["admin"], {"read", "write", "admin"}),
    ],
)
def test_a_wide_scope_covers_the_narrow_ones(scopes, allowed):
    token, _ = create_token(user=person("ada"), scopes=scopes)
    assert {scope for scope in TokenScope if token.has_scope(scope)} == allowed
    token.read_only = True
    assert {scope for scope in TokenScope if token.has_scope(scope)} == {"read"}


def test_signing_in_costs_one_query_and_once_a_minute_a_second_one(django_assert_num_queries):
    _, secret = create_token(user=person("ada"))
    with django_assert_num_queries(2):
        ask(secret)
    with django_assert_num_queries(1):
        ask(secret)
    Token.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    with django_assert_num_queries(2):
        ask(secret)


def test_the_last_use_is_known():
    _, secret = create_token(user=person("ada"))
    assert Token.objects.get().last_used_at is None
    ask(secret)
    assert timezone.now() - Token.objects.get().last_used_at < timedelta(seconds=10)


def test_a_request_that_is_refused_costs_no_write(django_assert_num_queries):
    create_token(user=person("ada"))
    with django_assert_num_queries(1):
        ask("0" * 64)


def test_the_command_prints_the_secret_alone_on_its_output():
    person("ada")
    out = StringIO()
    call_command(
        "create_token", "ada", "--name", "ci", "--read-only", stdout=out, stderr=StringIO()
    )
    token = Token.objects.get()
    assert (token.name, token.read_only) == ("ci", True)
    assert ask(out.getvalue().strip()).data == "ada"


def test_the_command_answers_machines_in_json():
    person("ada")
    out = StringIO()
    call_command("create_token", "ada", "--days", "2", "--json", stdout=out)
    answer = json.loads(out.getvalue())
    assert answer["id"] == Token.objects.get().public_id
    assert ask(answer["secret"]).data == "ada"
    assert Token.objects.get().expiry - timezone.now() > timedelta(days=1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["bob"], "no user is named bob"), (["ada", "--days", "0"], "at least 1")],
)
def test_the_command_says_what_is_wrong(arguments, reason):
    person("ada")
    with pytest.raises(CommandError, match=reason):
        call_command("create_token", *arguments)
