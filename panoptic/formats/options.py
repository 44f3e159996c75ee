"""What people choose when a format is read or written: `name=value`, checked before any work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from panoptic.errors import PanopticError
from panoptic.formats.base import ExportClass, Format, Option, ReadOptions, WriteOptions
from panoptic.formats.problems import Problem, warn

SCHEME = Option(
    "scheme",
    "whose class ids the files have, such as coco; by default the format's own, if it has one",
)
GEOMETRY = Option(
    "geometry",
    "rle: exact masks; polygon: outlines of masks that they say exactly, rle of the others",
    ("rle", "polygon"),
)
PHOTOS = Option("photos", "whether the photographs are written, too", ("no", "yes"))
WITH_PHOTOS = Option("photos", PHOTOS.help, ("yes", "no"))

# Of `ReadOptions`, what only some formats have a use for.
SETTINGS = ("labels", "classes", "class_name", "on_overlap")


class InvalidOption(PanopticError):
    """An option that the format does not have, or a value that it cannot take."""

    code = "invalid_option"

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"option {option!r}: {reason}")
        self.option, self.reason = option, reason


def check_options(known: tuple[Option, ...], given: Mapping[str, str]) -> None:
    """Raise InvalidOption for a name that is not known, or a value that it cannot take."""
    by_name = {option.name: option for option in known}
    for name, value in given.items():
        if name not in by_name:
            raise InvalidOption(name, f"this format has {', '.join(by_name) or 'no options'}")
        choices = by_name[name].choices
        if choices and value not in choices:
            raise InvalidOption(name, f"{value!r} is none of {', '.join(choices)}")


def find_ignored(format_: Format, options: ReadOptions) -> Iterator[Problem]:
    """A warning for every setting that somebody chose and the format has no use for."""
    for name in SETTINGS:
        is_chosen = getattr(options, name) != getattr(ReadOptions, name)
        if is_chosen and name not in format_.settings:
            yield warn("ignored_option", f"{format_.name} has no use for {name}: passed by")


def check_scheme(scheme: str, classes: Iterable[ExportClass]) -> None:
    """Raise InvalidOption for a scheme by which no class has an id; "" is none, and right."""
    known = sorted({each for one in classes for each in one.external})
    if scheme and scheme not in known:
        there_are = f"there are {', '.join(known)}" if known else "there is none"
        raise InvalidOption("scheme", f"no class has an id of {scheme!r}; {there_are}")


def parse_write_options(format_: Format, given: Mapping[str, str]) -> WriteOptions:
    """The options of an export, with the defaults of the format; raises InvalidOption."""
    check_options(format_.write_options, given)
    values = {option.name: option.value_in(given) for option in format_.write_options}
    return WriteOptions(
        scheme=values.pop("scheme", ""),
        geometry="polygon" if values.pop("geometry", "rle") == "polygon" else "rle",
        photos=values.pop("photos", "no") == "yes",
        values=values,
    )


def parse_read_options(format_: Format, given: Mapping[str, str]) -> dict[str, str]:
    """The values of a format's own options for reading, with defaults; raises InvalidOption."""
    check_options(format_.read_options, given)
    return {option.name: option.value_in(given) for option in format_.read_options}
