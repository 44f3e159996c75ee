"""docs/formats.md says what the code does: its tables, its codes, its losses, its commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from panoptic import formats
from panoptic.formats.documentation import format_table, option_table
from panoptic.formats.losses import LOSSES
from panoptic.formats.options import check_options
from panoptic.formats.registry import FORMATS

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "formats.md"
TEXT = DOCUMENT.read_text()
SOURCES = sorted(Path(formats.__file__).parent.rglob("*.py"))
# What makes a problem; the first argument is its code.
MAKERS = {"Problem", "warn", "_warn", "_error"}
# Of the errors that any module of the core may raise, those that a file or a label may cause.
CORE = {"malformed_file", "malformed_label", "too_large", "unknown_class", "overlapping_segments"}
CORE |= {"library_missing"}
COMMAND = re.compile(r"^tessera (import|export) (\S+)(.*)$", re.MULTILINE)


def section(title: str) -> str:
    return re.split(r"^## ", TEXT, flags=re.MULTILINE)[titles().index(title) + 1]


def titles() -> list[str]:
    return re.findall(r"^## (.*)$", TEXT, re.MULTILINE)


def listed(title: str) -> list[str]:
    """What stands in backticks in the first cells of the tables of a section."""
    rows = re.findall(r"^\| (`[^|]*)\|", section(title), re.MULTILINE)
    return [name for row in rows for name in re.findall("`([a-z_]+)`", row)]


def iter_codes() -> Iterator[str]:
    """The codes of problems and errors in the sources; `*` for what a format string fills in."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args:
                called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
                if getattr(called, "id", called) in MAKERS:
                    yield from _codes_of(node.args[0])
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "code":
                yield from _codes_of(node.value)


def _codes_of(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else "*" for p in node.values)
        yield "".join(map(str, parts))


@pytest.mark.parametrize("name", ["formats", "options"])
def test_the_tables_of_the_documentation_are_those_of_the_registry(name: str) -> None:
    """Copy what this expects where it differs."""
    expected = {"formats": format_table, "options": option_table}[name](FORMATS.values())
    found = TEXT.split(f"<!-- {name} -->\n")[1].split("\n<!-- end -->")[0]
    assert found == expected


def test_every_format_has_a_section_with_its_title() -> None:
    heads = [line[4:] for line in TEXT.splitlines() if line.startswith("### `")]
    assert heads == [f"`{name}` {FORMATS[name].title}" for name in sorted(FORMATS)]


def test_every_code_is_listed() -> None:
    known = {*listed("Problems"), *listed("Errors")}
    codes = set(iter_codes()) | CORE
    assert {code for code in codes if not any(fnmatchcase(one, code) for one in known)} == set()


def test_every_listed_code_exists() -> None:
    codes = set(iter_codes()) | CORE
    text = "".join(path.read_text() for path in SOURCES)
    strange = {
        code
        for code in {*listed("Problems"), *listed("Errors")}
        if not any(fnmatchcase(code, one) for one in codes) and f'"{code}"' not in text
    }
    assert strange == set()
    assert len(listed("Problems")) == len(set(listed("Problems")))


def test_every_loss_is_listed_once() -> None:
    assert sorted(listed("What an export loses")) == sorted(LOSSES)


def test_every_command_names_a_format_and_options_that_exist() -> None:
    shown: dict[str, set[str]] = {"import": set(), "export": set()}
    for direction, _, rest in COMMAND.findall(TEXT):
        name = re.search(r"--format (\S+)", rest)
        if name is None:
            continue
        form = FORMATS[name[1]]
        options = dict(re.findall(r"--option (\w+)=(\S+)", rest))
        check_options(form.read_options if direction == "import" else form.write_options, options)
        shown[direction].add(form.name)
    assert shown["import"] == {form.name for form in FORMATS.values() if form.is_read}
    assert shown["export"] == {form.name for form in FORMATS.values() if form.is_written}
