"""Lists of the changed images of a comparison: what they are filtered and sorted by.

One language for pages and for programs: the parameters of a URL. Values of one parameter are
alternatives, parameters are conditions that all have to hold:

    ?change=split&change=merged&class=car&severity=major&flow=2-3&unit=pixels&order=quality
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet

from datasets_app.comparison import ImageChangeKind
from datasets_app.entries import Facet
from datasets_app.errors import HistoryError
from datasets_app.models.pixel_comparison import (
    ComparedFlow,
    ComparedImage,
    PixelComparison,
    RankedImage,
)
from labels_app.classes import id_of
from labels_app.reading import Reading
from panoptic.changes import ChangeKind

Choice = TypeVar("Choice", bound=StrEnum)


class KindFlip(StrEnum):
    """A segment whose class is of the other kind now; listed beside the kinds of changes."""

    TO_THING = "stuff_to_thing"
    TO_STUFF = "thing_to_stuff"


class Severity(StrEnum):
    """How much of an image changed: no pixel, less than 1 %, less than 10 %, more."""

    NONE = "none"
    MINOR = "minor"
    MODERATE = "moderate"
    MAJOR = "major"


class ListOrder(StrEnum):
    """What comes first: the most of this."""

    CHANGED_PIXELS = "changed_pixels"
    SHARE = "share"
    QUALITY = "quality"
    SEGMENTS = "segments"
    BOUNDARY = "boundary"


class Unit(StrEnum):
    """What a class flow counts."""

    PIXELS = "pixels"
    SEGMENTS = "segments"


IMAGE_KINDS = [kind.value for kind in ImageChangeKind]
CHANGE_KINDS = [*(kind.value for kind in ChangeKind), *(flip.value for flip in KindFlip)]
# The parameters of a filter, in the order in which pages tell them.
PARAMETERS = ("kind", "change", "facet", "severity", "class", "flow")
ORDER_FIELDS = {
    ListOrder.CHANGED_PIXELS: "changed_pixels",
    ListOrder.SHARE: "changed_share",
    ListOrder.QUALITY: "quality_loss",
    ListOrder.SEGMENTS: "segments",
    ListOrder.BOUNDARY: "boundary_loss",
}
_FLOW = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")
_MOST_VALUES = 50
_MIRRORED = {
    "added": "removed",
    "removed": "added",
    "split": "merged",
    "merged": "split",
    KindFlip.TO_THING: KindFlip.TO_STUFF.value,
    KindFlip.TO_STUFF: KindFlip.TO_THING.value,
}
_CHOICES: Mapping[str, Sequence[str]] = {
    "kind": [*dict.fromkeys([*IMAGE_KINDS, *CHANGE_KINDS])],
    "change": CHANGE_KINDS,
    "facet": [facet.value for facet in Facet],
    "severity": [severity.value for severity in Severity],
}


class WrongFilter(HistoryError):
    """A parameter of a list of changed images that nothing can be listed by."""

    code = "invalid_parameter"

    def __init__(self, parameter: str, value: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}", parameter=parameter, reason=reason)
        self.parameter, self.value, self.reason = parameter, value, reason


@dataclass(frozen=True)
class ChangedFilter:
    """Which changed images, and in which order.

    values : by parameter (`PARAMETERS`), as the URL says them
    unit : what `flow` counts
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unit: Unit = Unit.PIXELS
    order: ListOrder = ListOrder.CHANGED_PIXELS

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves anything out."""
        return any(self.values.values())

    def has(self, parameter: str, value: str) -> bool:
        """Whether a parameter has this value."""
        return value in self.values.get(parameter, ())

    def toggled(self, parameter: str, value: str) -> ChangedFilter:
        """Return this filter with one value more, or less where it is there."""
        held = self.values.get(parameter, ())
        kept = tuple(one for one in held if one != value)
        return replace(
            self,
            values={**self.values, parameter: kept if value in held else (*held, value)},
        )

    @property
    def mirrored(self) -> ChangedFilter:
        """Return what keeps the same images, in the same order, of the comparison back."""
        turned = {
            name: tuple(_MIRRORED.get(value, value) for value in values)
            for name, values in self.values.items()
        }
        flows = (value.partition("-") for value in self.values.get("flow", ()))
        turned["flow"] = tuple(f"{new}-{old}" for old, _, new in flows)
        return replace(self, values=turned)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the parameters of a URL that says this; what is the default is left out."""
        found = [(name, value) for name in PARAMETERS for value in self.values.get(name, ())]
        if self.unit != Unit.PIXELS:
            found.append(("unit", self.unit.value))
        if self.order != ListOrder.CHANGED_PIXELS:
            found.append(("order", self.order.value))
        return found


def read_filter(
    get_values: Callable[[str], Sequence[str]], wrong: list[WrongFilter] | None = None
) -> ChangedFilter:
    """Read a filter from a query, whose values of a name `get_values` returns.

    With `wrong`, what cannot be read is put there and left out; else it is raised. Classes are
    looked up later, by who knows the taxonomy.
    """
    problems: list[WrongFilter] = []
    values: dict[str, tuple[str, ...]] = {}
    for name in PARAMETERS:
        given = list(dict.fromkeys(value for value in get_values(name) if value))[:_MOST_VALUES]
        fitting = [value for value in given if _fits(name, value)]
        problems += [_wrong(name, value) for value in given if value not in fitting]
        values[name] = tuple(fitting)
    unit = _choice(get_values, "unit", Unit.PIXELS, problems)
    order = _choice(get_values, "order", ListOrder.CHANGED_PIXELS, problems)
    if wrong is None and problems:
        raise problems[0]
    if wrong is not None:
        wrong += problems
    return ChangedFilter(values, unit, order)


def find_listed(
    comparison: PixelComparison, wanted: ChangedFilter, reading: Reading
) -> QuerySet[Any]:
    """Return the rows of the images that a filter keeps, in its order; nothing is asked yet.

    Rows have `image_no` and the field of the order (`ORDER_FIELDS`). By changed pixels, the rows
    of a single key are one range of an index; other conditions are looked up per row.

    Raises
    ------
    WrongFilter
        A class that the taxonomy has not.
    """
    groups = list(_groups(wanted, reading))
    keys = ComparedImage.objects.filter(comparison=comparison)
    found: QuerySet[Any]
    if wanted.order == ListOrder.CHANGED_PIXELS:
        # The rows of the rarest key are the fewest to look at.
        counts = comparison.image_counts
        single = [group for group in groups if len(group) == 1]
        first = min(single, key=lambda group: counts.get(group[0], 0), default=[""])
        found = keys.filter(key=first[0])
        groups = [group for group in groups if group is not first]
    else:
        found = RankedImage.objects.filter(comparison=comparison)
    for group in groups:
        found = found.filter(Exists(keys.filter(key__in=group, image_no=OuterRef("image_no"))))
    flows = _flow_condition(wanted)
    if flows is not None:
        cells = ComparedFlow.objects.filter(flows, comparison=comparison)
        found = found.filter(Exists(cells.filter(image_no=OuterRef("image_no"))))
    return found.order_by(f"-{ORDER_FIELDS[wanted.order]}", "image_no")


def get_class_id(reading: Reading, wanted: str) -> int:
    """Return the live class of this name or id; raise `WrongFilter` where there is none."""
    for spec in reading.live_classes:
        if wanted in (str(spec.class_id), spec.name):
            return id_of(spec)
    raise WrongFilter("class", wanted, f"the taxonomy has no class {wanted!r}")


def severity_of(changed_share: float) -> Severity:
    """Return how much it is that this share of an image's pixels changed."""
    if changed_share == 0:
        return Severity.NONE
    if changed_share < 0.01:
        return Severity.MINOR
    return Severity.MODERATE if changed_share < 0.1 else Severity.MAJOR


def _groups(wanted: ChangedFilter, reading: Reading) -> Iterator[list[str]]:
    """Yield the keys (`ComparedImage`) of each condition; one of them has to be there."""
    for name in ("kind", "change", "facet", "severity"):
        if values := wanted.values.get(name):
            yield [_key(name, value) for value in values]
    if classes := wanted.values.get("class"):
        yield [f"class:{get_class_id(reading, value)}" for value in classes]


def _key(name: str, value: str) -> str:
    # A kind of images that there is not is one of segments.
    return f"change:{value}" if name == "kind" and value not in IMAGE_KINDS else f"{name}:{value}"


def _flow_condition(wanted: ChangedFilter) -> Q | None:
    condition = None
    for value in wanted.values.get("flow", ()):
        old, new = map(int, value.split("-"))
        one = Q(old_class=old, new_class=new, **{f"{wanted.unit}__gt": 0})
        condition = one if condition is None else condition | one
    return condition


def _fits(name: str, value: str) -> bool:
    if name == "class":
        return len(value) <= 200 and "\0" not in value
    if name == "flow":
        return _FLOW.fullmatch(value) is not None
    return value in _CHOICES[name]


def _wrong(name: str, value: str) -> WrongFilter:
    if name == "flow":
        return WrongFilter(name, value, "OLD-NEW, two ids of classes; 0 is void, or no partner")
    if name == "class":
        return WrongFilter(name, value, "a name or id of a class")
    return WrongFilter(name, value, f"one of {', '.join(_CHOICES[name])}")


def _choice(
    get_values: Callable[[str], Sequence[str]],
    name: str,
    default: Choice,
    problems: list[WrongFilter],
) -> Choice:
    values = [value for value in get_values(name) if value]
    choices = type(default)
    if not values:
        return default
    if values[-1] in list(choices):
        return choices(values[-1])
    reason = f"one of {', '.join(choices)}"
    problems.append(WrongFilter(name, values[-1], reason))
    return default
