"""What docs/formats.md says of every format, out of what the formats say of themselves."""

from __future__ import annotations

from collections.abc import Iterable

from panoptic.formats.base import Format

_COLUMNS = ("format", "in", "out", "void", "crowd", "overlap", "loses")
# How the commands call the settings of `ReadOptions`.
_FLAGS = {
    "class_name": "--class",
    "classes": "--classes",
    "labels": "--labels",
    "on_overlap": "--on-overlap",
}
_OPTION_COLUMNS = ("format", "when", "option", "values", "what it says")


def format_table(formats: Iterable[Format]) -> str:
    """A row of Markdown for each format: directions, and what becomes of what it cannot say."""
    return _table(
        _COLUMNS,
        (
            (
                f"`{one.name}`<br>{one.title}",
                _reads(one),
                "yes" if one.is_written else "",
                *(one.carries.void, one.carries.crowd, one.carries.overlap, one.carries.loses),
            )
            for one in sorted(formats, key=lambda one: one.name)
        ),
    )


def _reads(format_: Format) -> str:
    with_ = " ".join(f"`{_FLAGS[name]}`" for name in sorted(format_.settings))
    said = f"yes, with {with_}" if with_ else "yes"
    return said if format_.is_read else ""


def option_table(formats: Iterable[Format]) -> str:
    """A row of Markdown for each option of each format; the first of several values is usual."""
    return _table(
        _OPTION_COLUMNS,
        (
            (
                f"`{one.name}`",
                when,
                f"`{option.name}`",
                ", ".join(f"`{choice}`" for choice in option.choices) or "text",
                option.help,
            )
            for one in sorted(formats, key=lambda one: one.name)
            for when, options in (("import", one.read_options), ("export", one.write_options))
            for option in options
        ),
    )


def _table(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    titles = tuple(columns)
    lines = [titles, tuple("---" for _ in titles), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
