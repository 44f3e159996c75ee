import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from tests.api.builders import API, STREETS

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict}
DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("openapi") / "openapi.yaml"
    call_command("spectacular", file=str(path), validate=True, fail_on_warn=True)
    return path.read_text()


@pytest.fixture(scope="module")
def document(generated: str) -> dict[str, Any]:
    return yaml.load(generated, Loader=yaml.CSafeLoader)


def test_the_committed_document_is_the_one_that_the_code_makes(generated):
    assert DOCUMENT.read_text() == generated, "make docs/openapi.yaml"


def test_every_operation_says_what_it_does_and_how_it_fails(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)
            codes = set(operation["responses"])
            assert codes & {"400", "401", "404", "503"} or path == "/healthz", (method, path)


def test_every_refusal_is_a_problem_and_says_why(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                if int(status) >= 400 and status != "503":
                    assert list(response["content"]) == ["application/problem+json"], (method, path)
                    assert response["description"], (method, path, status)


def test_every_operation_of_the_api_may_be_refused_for_its_caller(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/api/v1/"):
                writes = {"403"} if method != "get" else set()
                assert {"401", "429"} | writes <= operation["responses"].keys(), (method, path)


def test_every_operation_has_a_name_of_its_own(document):
    names = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(names) == len(set(names))


def test_the_page_loads_nothing_from_elsewhere(client):
    response = client.get("/api/docs/")
    text = response.content.decode()
    assert "http://" not in text
    assert "https://" not in text
    assert "<script>" not in text
    policy = response["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src 'self';" in f"{policy};"


def test_other_pages_keep_the_strict_policy(client):
    assert "unsafe-inline" not in client.get("/healthz")["Content-Security-Policy"]


READ = [
    f"{API}/datasets/",
    f"{STREETS}/",
    f"{STREETS}/versions/",
    f"{STREETS}/versions/v1/",
    f"{STREETS}/versions/v1/stats/",
    f"{STREETS}/versions/v1/distributions/?class=2",
    f"{STREETS}/versions/v1/images/",
    f"{STREETS}/versions/v1/images/1/",
    f"{STREETS}/versions/v3/images/1/history/",
    f"{STREETS}/compare/v1..v3/",
    f"{STREETS}/compare/v1..v3/images/",
    f"{STREETS}/compare/v1..v3/images/1/",
    f"{STREETS}/branches/",
    f"{STREETS}/tags/",
    f"{API}/taxonomies/",
    f"{API}/taxonomies/streets-classes/versions/",
    f"{API}/taxonomies/streets-classes/versions/1/",
    f"{API}/tokens/",
    "/readyz",
]


@pytest.mark.parametrize("url", READ)
def test_an_answer_has_no_other_members_than_the_document_says(document, admin, url):
    response = admin.get(url)
    template = re.sub(r"<\w+:(\w+)>", r"{\1}", f"/{response.resolver_match.route}")
    described = document["paths"][template]["get"]["responses"]["200"]["content"]
    [media_type] = described.values()
    assert list(differences(document, media_type["schema"], response.json())) == []


def differences(document, schema, value, place="body"):
    """Yield where a value does not have the members or the type of its schema."""
    if value is None and schema.get("nullable"):
        return
    for one in schema.get("allOf", []):
        yield from differences(document, one, value, place)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from differences(document, document["components"]["schemas"][name], value, place)
    if value is None:
        if "type" in schema:
            yield f"{place} is null"
    elif schema.get("type") == "array":
        for item in value:
            yield from differences(document, schema["items"], item, f"{place}[]")
    elif "properties" in schema:
        if value.keys() != schema["properties"].keys():
            yield f"{place}: {sorted(value.keys() ^ schema['properties'].keys())}"
        for name in value.keys() & schema["properties"].keys():
            yield from differences(
                document, schema["properties"][name], value[name], f"{place}.{name}"
            )
    elif schema.get("type") in TYPES and not isinstance(value, TYPES[schema["type"]]):
        yield f"{place} is no {schema['type']}"
