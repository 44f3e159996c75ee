"""The caller's own tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import check_scope
from api.documentation import PAGE, answers, page_of
from api.pagination import Keyset, page_json
from datasets_app.errors import NotFound
from people_app.actions.tokens import create_token, revoke_token
from people_app.models import Token, TokenScope

_ORDER = Keyset("tokens", ("-created", "digest"))
_MAX_DAYS = 3_650


class TokenSerializer(serializers.Serializer):
    """A token without its secret; no scope means all of them."""

    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(TokenScope.choices))
    read_only = serializers.BooleanField()
    created_at = serializers.DateTimeField(source="created")
    expires_at = serializers.DateTimeField(source="expiry", allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewTokenSerializer(serializers.Serializer):
    """A token to make."""

    name = serializers.CharField(max_length=200)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(TokenScope.choices), default=list, max_length=3
    )
    read_only = serializers.BooleanField(default=False)
    days = serializers.IntegerField(
        min_value=1, max_value=_MAX_DAYS, allow_null=True, default=None, help_text="null: for ever"
    )


class MadeTokenSerializer(TokenSerializer):
    """A token with its secret, which is shown this once."""

    secret = serializers.CharField()


class TokenList(APIView):
    """The caller's tokens."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="tokens_list",
        parameters=[*PAGE],
        responses=answers(page_of("Token", TokenSerializer(many=True)), 400, 401),
    )
    def get(self, request: Request) -> Response:
        """List the caller's tokens, newest first."""
        page = _ORDER.page(request, Token.objects.filter(user=request.user))
        return Response(
            page_json(
                request, _ORDER.name, page, lambda rows: TokenSerializer(rows, many=True).data
            )
        )

    @extend_schema(
        operation_id="tokens_create",
        request=NewTokenSerializer,
        responses=answers(MadeTokenSerializer, 400, 401, 403, status=201),
    )
    def post(self, request: Request) -> Response:
        """Make a token. A narrow token cannot make a wider one."""
        check_scope(request, TokenScope.ADMIN)
        body = NewTokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values: dict[str, Any] = dict(body.validated_data)
        days = values.pop("days")
        made = create_token(
            user=request.user, lifetime=None if days is None else timedelta(days=days), **values
        )
        answer = {**TokenSerializer(made.token).data, "secret": made.secret}
        return Response(
            answer, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"}
        )


class TokenDetail(APIView):
    """One of the caller's tokens."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="tokens_delete", responses=answers(None, 401, 403, 404, status=204))
    def delete(self, request: Request, token_id: str) -> Response:
        """Make a token useless, at once."""
        check_scope(request, TokenScope.ADMIN)
        token = (
            Token.objects.select_related("user")
            .filter(user=request.user, digest__startswith=token_id)
            .first()
        )
        if token is None:
            raise NotFound("token", token_id)
        revoke_token(token=token, actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
