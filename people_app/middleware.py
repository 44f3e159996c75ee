"""Give every request an id that logs, audit events and the client can share."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from people_app.client_address import client_address
from people_app.request_context import request_context

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestContextMiddleware:
    """Open the request's context; answer with its id in `X-Request-ID`.

    An id that the client or a proxy sends is kept when it is 8 to 64 characters that are
    harmless in a log line.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-ID", "")
        request_id = sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
        with request_context(request_id, client_address(request.META)):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response
