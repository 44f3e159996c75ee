"""What is true of every operation, said once and added to the OpenAPI document.

`describe_every_operation` runs after the document is made (`SPECTACULAR_SETTINGS`): views
declare what is particular to them, and here follows from what an operation takes how it may be
refused, that problems are `application/problem+json`, and what the parts of paths look like.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from api.errors import MEDIA_TYPE
from datasets_app.tree import CAPACITY

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_SLUGS = frozenset({"slug", "key", "target", "token_id"})
_NUMBERS = frozenset({"number", "class_id", "segment_id"})
_WHY = {
    "400": "the request cannot be read, or a value of it is wrong",
    "401": "nobody is signed in, or the token is wrong or has ended",
    "403": "the caller, or their token, may not do this",
    "404": "there is no such thing, or the caller may not see it",
    "409": "it cannot be done to what is there now; `code` says why",
    "410": "it was there and is no more: `object_erased`, `lease_ended`, `upload_ended`",
    "412": "a condition of the request does not hold",
    "413": "the body is too large",
    "415": "the body is of a media type that is not taken here",
    "416": "the range is beyond the end",
    "422": "the request can be read, and what it asks for cannot be done; `code` says why",
    "429": "`rate_limited`: too many requests",
}
_ETAG = {"schema": {"type": "string"}, "description": "for If-None-Match"}
_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds to wait"}}


def describe_every_operation(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Return the document with what all operations have in common."""
    for path, method, operation in _iter_operations(result):
        responses = operation["responses"]
        for status in _refusals(path, method, operation):
            responses.setdefault(status, {"description": ""})
        if "If-None-Match" in {part["name"] for part in operation.get("parameters", ())}:
            responses.setdefault("304", {"description": "the caller has it: its ETag is equal"})
            responses["200"].setdefault("headers", {})["ETag"] = _ETAG
        for status, response in responses.items():
            if status in _WHY or _tells_a_problem(response):
                response["content"] = {MEDIA_TYPE: {"schema": _PROBLEM}}
                response["description"] = response["description"] or _WHY.get(
                    status, "`code` says why"
                )
        if "429" in responses:
            responses["429"]["headers"] = _RETRY_AFTER
        operation["responses"] = dict(sorted(responses.items()))
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                _narrow(parameter["name"], parameter["schema"])
    return result


def _iter_operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield path, method, operation


def _refusals(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    if not path.startswith("/api/v1/"):
        return
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    yield from ("401", "429")
    if "requestBody" in operation or places - {"path"}:
        yield "400"
    if method != "get":
        yield "403"
    if "path" in places:
        yield "404"
    if "requestBody" in operation:
        yield from ("413", "415")


def _tells_a_problem(response: dict[str, Any]) -> bool:
    return any(content["schema"] == _PROBLEM for content in response.get("content", {}).values())


def _narrow(name: str, schema: dict[str, Any]) -> None:
    """Say what a part of a path looks like, where the routes take nothing else."""
    if name in _SLUGS:
        schema["pattern"] = "^[-a-zA-Z0-9_]+$"
    elif name in _NUMBERS:
        schema |= {"type": "integer", "minimum": 0, "maximum": CAPACITY - 1}
    elif name == "digest":
        schema["pattern"] = "^[0-9a-f]{64}$"
