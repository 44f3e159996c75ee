"""Run a management command as an operator would, and read what it prints."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command


def run(name: str, *arguments: object, **options: Any) -> dict[str, Any]:
    """Run a command with --json and return its document."""
    out = io.StringIO()
    call_command(name, *map(str, arguments), "--json", stdout=out, stderr=io.StringIO(), **options)
    return json.loads(out.getvalue())


def refuse(name: str, *arguments: object, **options: Any) -> dict[str, Any]:
    """Run a command with --json that must fail, and return the problem that it prints."""
    out = io.StringIO()
    with pytest.raises(CommandError) as refused:
        call_command(
            name, *map(str, arguments), "--json", stdout=out, stderr=io.StringIO(), **options
        )
    assert refused.value.returncode != 0
    return json.loads(out.getvalue())
