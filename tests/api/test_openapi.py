from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("openapi") / "openapi.yaml"
    call_command("spectacular", file=str(path), validate=True, fail_on_warn=True)
    return path.read_text()


def test_the_committed_document_is_the_one_that_the_code_makes(generated):
    assert DOCUMENT.read_text() == generated, "make docs/openapi.yaml"


def test_every_operation_says_what_it_does_and_how_it_fails(generated):
    for path, operations in yaml.safe_load(generated)["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)
            codes = set(operation["responses"])
            assert codes & {"400", "401", "404", "503"} or path == "/healthz", (method, path)


def test_every_operation_has_a_name_of_its_own(generated):
    names = [
        operation["operationId"]
        for operations in yaml.safe_load(generated)["paths"].values()
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
