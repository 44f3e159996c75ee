"""Run a management command as an operator would, and read what it prints."""

import io
import json
from typing import Any

from django.core.management import CommandError, call_command


def run(name: str, *arguments: object, **options: Any) -> dict[str, Any]:
    """Run a command with --json and return its document."""
    out = io.StringIO()
    call_command(name, *map(str, arguments), "--json", stdout=out, stderr=io.StringIO(), **options)
    return json.loads(out.getvalue())


def refuse(name: str, *arguments: object, **options: Any) -> dict[str, Any]:
    """Run a command with --json that must fail, and return the problem that it prints."""
    out = io.StringIO()
    try:
        call_command(
            name, *map(str, arguments), "--json", stdout=out, stderr=io.StringIO(), **options
        )
    except CommandError as error:
        assert error.returncode != 0
        return json.loads(out.getvalue())
    raise AssertionError(f"{name} was not refused: {out.getvalue()}")
