"""What may go wrong in the pixel core.

PanopticError
├── ShapeMismatch        two things do not cover the same image
├── MalformedLabel       a label, or the bytes of one, breaks a rule
├── MalformedFile        a file of some format cannot be read
├── OverlappingSegments  segments overlap where that is not allowed
├── UnknownClass         a class that nobody declared
├── TooLarge             a limit on pixels, segments, layers or runs is exceeded
├── LibraryMissing       an optional part is not installed
├── UnknownCodec         stored bytes of a form that nobody knows
└── MalformedPack        a file that is no pack, or a broken one

Every leaf has a stable `code`, a sentence, and its facts as attributes. All of them can be
pickled, since workers of a process pool raise them too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class PanopticError(ValueError):
    """The family of everything that the pixel core refuses."""

    code = "panoptic_error"

    def __reduce__(self) -> tuple[Callable[..., PanopticError], tuple[Any, ...]]:
        # The default would call the class with the sentence alone and so lose the facts.
        return _rebuild, (type(self), self.args, self.__dict__)


class ShapeMismatch(PanopticError):
    """Two things that should cover the same image do not."""

    code = "shape_mismatch"

    def __init__(self, expected: tuple[int, ...], actual: tuple[int, ...]) -> None:
        super().__init__(f"shapes differ: expected {tuple(expected)}, got {tuple(actual)}")
        self.expected, self.actual = tuple(expected), tuple(actual)


class MalformedLabel(PanopticError):
    """A label or its bytes break a rule; `where` names the part, `reason` the rule."""

    code = "malformed_label"

    def __init__(self, reason: str, *, where: str = "") -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.reason, self.where = reason, where


class MalformedFile(PanopticError):
    """A file cannot be read as its format demands."""

    code = "malformed_file"

    def __init__(
        self, reason: str, *, file: str = "", image: str = "", segment: int | str | None = None
    ) -> None:
        places = [file, f"image {image}" if image else ""]
        places.append("" if segment is None else f"segment {segment}")
        super().__init__(": ".join([*filter(None, places), reason]))
        self.reason, self.file, self.image, self.segment = reason, file, image, segment


class LibraryMissing(PanopticError):
    """What was asked for needs a library that is not installed; `extra` brings it."""

    code = "library_missing"

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(
            f"{library} is not installed: pip install 'tessera[{extra}]', or {library} itself"
        )
        self.library, self.extra = library, extra


class OverlappingSegments(PanopticError):
    """Two segments share pixels where the caller asked that none do."""

    code = "overlapping_segments"

    def __init__(self, lower: int, upper: int, *, image: str = "") -> None:
        place = f"image {image}: " if image else ""
        super().__init__(f"{place}segments {lower} and {upper} overlap")
        self.lower, self.upper, self.image = lower, upper, image


class UnknownClass(PanopticError):
    """A segment names a class that is not declared."""

    code = "unknown_class"

    def __init__(self, class_id: int | str, *, where: str = "") -> None:
        super().__init__(
            f"{where}: unknown class {class_id}" if where else f"unknown class {class_id}"
        )
        self.class_id, self.where = class_id, where


class TooLarge(PanopticError):
    """A limit is exceeded; found from a header, before anything is allocated."""

    code = "too_large"

    def __init__(self, what: str, *, actual: int, limit: int) -> None:
        super().__init__(f"too many {what}: {actual}, at most {limit} are allowed")
        self.what, self.actual, self.limit = what, actual, limit


class UnknownCodec(PanopticError):
    """No codec has this number or name."""

    code = "unknown_codec"

    def __init__(self, codec: object) -> None:
        super().__init__(f"there is no codec {codec!r}")
        self.codec = str(codec)


class MalformedPack(PanopticError):
    """A file does not have the form of docs/formats/pack.md."""

    code = "malformed_pack"

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a pack: {reason}")
        self.reason = reason


def _rebuild(
    leaf: type[PanopticError], args: tuple[Any, ...], facts: dict[str, Any]
) -> PanopticError:
    error = leaf.__new__(leaf)
    error.args = args
    error.__dict__.update(facts)
    return error
