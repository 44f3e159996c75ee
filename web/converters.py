"""How revisions and images stand in URLs.

A name of a branch or tag may contain `/` but neither `:` nor `..` (RULES 6.5), so `REV:7` is
image 7 of a revision and `OLD..NEW` a comparison, whatever the names are.
"""

from __future__ import annotations

_REV = r"(?:(?!\.\.)[^:])+"


class RevConverter:
    """A revision: `main`, `feature/night`, `v12`, `main~2`, a full id."""

    regex = _REV

    def to_python(self, value: str) -> str:
        """Return the revision as it stands."""
        return value

    def to_url(self, value: str) -> str:
        """Return the revision as it stands."""
        return value


class SpecConverter(RevConverter):
    """A comparison: `OLD..NEW`, or `OLD...NEW` from the merge base."""

    regex = rf"{_REV}\.\.\.?{_REV}"


class NumberConverter:
    """The number of an image; longer ones than any tree has room for do not match."""

    regex = "[0-9]{1,9}"

    def to_python(self, value: str) -> int:
        """Return the number."""
        return int(value)

    def to_url(self, value: int) -> str:
        """Return the digits."""
        return str(value)


class ViewConverter(RevConverter):
    """A view of a label."""

    regex = "panoptic|semantic|instances"


class DiffFormConverter(RevConverter):
    """What a comparison can be downloaded as."""

    regex = "html|json|csv"


class StatisticsPartConverter(RevConverter):
    """A page of statistics beside that of classes."""

    regex = "sizes|instances|places|together|history"


class StatisticsFileConverter(RevConverter):
    """A table of statistics that can be downloaded."""

    regex = f"classes|splits|{StatisticsPartConverter.regex}"
