"""How revisions and names of branches stand in paths.

Both may contain `/`, written as it is or as %2F, which servers decode. So a path is read from
its end: what follows the revision is fixed (`…/versions/feature/night/images/7/`), and the
longest text before it is the revision. Of a branch that is named like a path below another one
(`main/images`) the versions are reached by their ids.
"""

from __future__ import annotations

from datasets_app.tree import CAPACITY


class RevisionConverter:
    """A revision (RULES 6.5), a comparison `OLD..NEW`, or the name of a branch or tag."""

    regex = r"(?s:.+)"

    def to_python(self, value: str) -> str:
        """Return the text as it stands."""
        return value

    def to_url(self, value: str) -> str:
        """Return the text as it stands; `reverse` quotes it."""
        return value


class ImageNumberConverter:
    """The number of an image; other numbers are no path."""

    regex = r"[0-9]{1,10}"

    def to_python(self, value: str) -> int:
        """Return the number; no tree holds one beyond its capacity."""
        number = int(value)
        if number >= CAPACITY:
            raise ValueError(f"{value} is no image number")
        return number

    def to_url(self, value: int) -> str:
        """Return its digits."""
        return str(value)


class DigestConverter:
    """A sha256 in hex; anything else is no path."""

    regex = r"[0-9a-f]{64}"

    def to_python(self, value: str) -> str:
        """Return its digits."""
        return value

    def to_url(self, value: str) -> str:
        """Return its digits."""
        return value
