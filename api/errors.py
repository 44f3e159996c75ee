"""Every error as `application/problem+json` (RFC 9457) with a stable code.

`problem_handler` answers what views raise; `not_found`, `bad_request` and `server_error` are
Django's handlers for what never reaches a view. The families of the apps below bring code and
status themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from panoptic.errors import PanopticError
from store_app.errors import TesseraError

MEDIA_TYPE = "application/problem+json"
API_PREFIX = "/api/"

# The statuses of the pixel core's errors, which know nothing of HTTP.
_PANOPTIC_STATUS = {
    "shape_mismatch": 409,
    "unknown_class": 409,
    "target_exists": 409,
    "too_large": 413,
    "unknown_format": 400,
    "one_way_format": 400,
    "invalid_option": 400,
}
_RENAMED = {"throttled": "rate_limited"}
_RESERVED = frozenset({"type", "title", "status", "detail", "code", "errors"})


class Problem(exceptions.APIException):
    """A problem that the API itself finds: `Problem(409, "taxonomies_differ", "…")`."""

    def __init__(self, status: int, code: str, detail: str, **facts: Any) -> None:
        super().__init__(detail, code)
        self.status_code, self.facts = status, facts


def invalid(field: str, message: str, code: str = "invalid") -> exceptions.ValidationError:
    """Return the error of one field of a body or of one parameter."""
    return exceptions.ValidationError({field: [exceptions.ErrorDetail(message, code)]})


def problem_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the answer to an exception of a view; None for a bug, which Django reports."""
    found = _describe(error)
    if found is None:
        return None
    # The transaction of a request that failed must not be kept.
    set_rollback()
    headers = {}
    if (challenge := getattr(error, "auth_header", None)) is not None:
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    return Response(found, status=found["status"], headers=headers, content_type=MEDIA_TYPE)


def problem(
    status: int, code: str, detail: str, errors: list[Any] | None = None, **facts: Any
) -> dict[str, Any]:
    """Return the body of a problem; facts are members beside the standard ones."""
    body = {
        "type": f"urn:tessera:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "errors": errors or [],
    }
    return body | {name: value for name, value in facts.items() if name not in _RESERVED}


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a path that nothing answers."""
    if not request.path.startswith(API_PREFIX):
        return defaults.page_not_found(request, exception)
    return _plain(problem(404, "not_found", f"there is nothing at {request.path}"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django refuses to look at."""
    if not request.path.startswith(API_PREFIX):
        return defaults.bad_request(request, exception)
    return _plain(problem(400, "bad_request", "the request cannot be read"))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a bug; the log has it."""
    if not request.path.startswith(API_PREFIX):
        return defaults.server_error(request)
    return _plain(problem(500, "internal_error", "something went wrong here; it was logged"))


def _describe(error: Exception) -> dict[str, Any] | None:
    if isinstance(error, TesseraError):
        found = _of_tessera(error)
    elif isinstance(error, PanopticError):
        found = _of_panoptic(error)
    elif isinstance(error, exceptions.APIException):
        found = _of_framework(error)
    elif isinstance(error, Http404):
        found = problem(404, "not_found", str(error) or "there is no such thing")
    elif isinstance(error, DjangoPermissionDenied):
        found = problem(403, "permission_denied", str(error) or "this is not allowed")
    elif isinstance(error, RequestDataTooBig):
        found = problem(413, "too_large", str(error))
    elif isinstance(error, SuspiciousOperation):
        found = problem(400, "bad_request", str(error))
    elif isinstance(error, DataError):
        # A value that passed every check and that PostgreSQL refuses all the same.
        found = problem(400, "invalid", "a value of the request cannot be stored")
    else:
        return None
    return found


def _of_tessera(error: TesseraError) -> dict[str, Any]:
    errors = list(getattr(error, "errors", []))
    return problem(error.status, error.code, error.message, errors, **_plain_facts(error.facts))


def _of_panoptic(error: PanopticError) -> dict[str, Any]:
    status = _PANOPTIC_STATUS.get(error.code, 422)
    return problem(status, error.code, str(error), **_plain_facts(vars(error)))


def _of_framework(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        errors = list(_field_errors(error.detail))
        first = errors[0] if errors else {"field": "", "message": "invalid"}
        where = f"{first['field']}: " if first["field"] else ""
        return problem(400, "invalid", f"{where}{first['message']}", errors)
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else "error"
    facts = getattr(error, "facts", {})
    return problem(error.status_code, _RENAMED.get(code, code), str(error.detail), **facts)


def _field_errors(detail: Any, field: str = "") -> Iterator[dict[str, str]]:
    """Yield the errors of a tree of fields, as `{field: "changes.3.split", code, message}`."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            inner_field = field if name == "non_field_errors" else f"{field}.{name}".strip(".")
            yield from _field_errors(inner, inner_field)
    elif isinstance(detail, list):
        for place, inner in enumerate(detail):
            is_leaf = isinstance(inner, exceptions.ErrorDetail)
            yield from _field_errors(inner, field if is_leaf else f"{field}.{place}".strip("."))
    else:
        yield {"field": field, "code": detail.code, "message": str(detail)}


def _plain_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what JSON can express."""
    plain = {}
    for name, value in facts.items():
        try:
            orjson.dumps(value)
        except TypeError:
            continue
        plain[name] = value
    return plain


def _plain(body: dict[str, Any]) -> HttpResponse:
    assert HTTPStatus(body["status"])
    return HttpResponse(orjson.dumps(body), status=body["status"], content_type=MEDIA_TYPE)
