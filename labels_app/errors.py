"""What can be refused about taxonomies and labels.

TesseraError
└── LabelsError
    ├── InvalidTaxonomy        a list of classes breaks a rule; names every problem
    ├── TaxonomyIsFrozen       somebody tried to alter a published version
    ├── TaxonomyExists         the slug is taken
    ├── TaxonomyMoved          somebody published since the writer looked
    ├── DraftMoved             somebody edited the draft since the writer looked
    ├── InvalidOperation       an edit of a draft that cannot be done
    ├── InvalidMapping         a mapping leaves out a class or names one that is not there
    ├── NoMapping              nothing says how one taxonomy reads in another
    ├── MessageNeeded          publishing says what changed, and why
    └── UnknownScheme          no class has an id in this scheme of ids
"""

from collections.abc import Sequence
from typing import Any

from store_app.errors import TesseraError


class LabelsError(TesseraError):
    """A taxonomy or a label that is refused."""

    code = "labels_error"
    status = 400


class InvalidTaxonomy(LabelsError):
    """The classes of a taxonomy version contradict each other or what was published before."""

    code = "invalid_taxonomy"
    status = 422

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems), problems=list(problems))
        self.problems = tuple(problems)


class TaxonomyIsFrozen(LabelsError):
    """A published taxonomy version, or one of its classes, is never altered."""

    code = "taxonomy_is_frozen"
    status = 409

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is published and cannot be altered; publish a new version", what=what
        )
        self.what = what


class TaxonomyExists(LabelsError):
    """The slug of a new taxonomy is taken."""

    code = "taxonomy_exists"
    status = 409

    def __init__(self, slug: str) -> None:
        super().__init__(f"a taxonomy named {slug} exists", slug=slug)
        self.slug = slug


class TaxonomyMoved(LabelsError):
    """A taxonomy has a newer version than its writer believed."""

    code = "taxonomy_moved"
    status = 409

    def __init__(self, slug: str, *, expected: int, actual: int) -> None:
        super().__init__(
            f"{slug} is at version {actual}, not at {expected}",
            slug=slug,
            expected=expected,
            actual=actual,
        )
        self.slug, self.expected, self.actual = slug, expected, actual


class DraftMoved(LabelsError):
    """A draft has been edited since its writer read it; the error has both sides."""

    code = "draft_moved"
    status = 409

    def __init__(
        self, slug: str, *, expected: int, actual: int, theirs: Sequence[Any], yours: Any
    ) -> None:
        super().__init__(
            f"the draft of {slug} is at revision {actual}, not at {expected}",
            slug=slug,
            expected=expected,
            actual=actual,
            theirs=list(theirs),
            yours=yours,
        )
        self.slug, self.expected, self.actual = slug, expected, actual
        self.theirs, self.yours = tuple(theirs), yours


class InvalidOperation(LabelsError):
    """An edit of a draft that cannot be done: its place in the request, and why."""

    code = "invalid_operation"
    status = 422

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"operation {position + 1}: {reason}", position=position, reason=reason)
        self.position, self.reason = position, reason


class InvalidMapping(LabelsError):
    """A mapping between taxonomies that leaves out a class or names one that is not there."""

    code = "invalid_mapping"
    status = 422

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems), problems=list(problems))
        self.problems = tuple(problems)


class NoMapping(LabelsError):
    """Two taxonomies share no line, and nothing says how one reads in the other."""

    code = "taxonomies_differ"
    status = 409

    def __init__(self, source: str, target: str) -> None:
        super().__init__(
            f"{source} and {target} share no line of versions; make a mapping first",
            source=source,
            target=target,
        )
        self.source, self.target = source, target


class MessageNeeded(LabelsError):
    """A taxonomy version is published with a message."""

    code = "message_needed"
    status = 422

    def __init__(self) -> None:
        super().__init__("say in a message what changed, and why")


class UnknownScheme(LabelsError):
    """No class of the taxonomy has an id in this scheme, or the ids are not numbers."""

    code = "unknown_scheme"
    status = 404

    def __init__(self, scheme: str, reason: str) -> None:
        super().__init__(f"no ids of the scheme {scheme!r}: {reason}", scheme=scheme)
        self.scheme, self.reason = scheme, reason
