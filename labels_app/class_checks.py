"""What is wrong with a list of classes: every problem is a sentence that names its class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from labels_app.class_spec import (
    ATTRIBUTE_TYPES,
    HIGHEST_CLASS_ID,
    AttributeSpec,
    ClassSpec,
    id_of,
    parent_of,
    successor_of,
)

LONGEST_NAME = 200
LONGEST_TEXT = 20_000
_COLOR = re.compile(r"#[0-9a-f]{6}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def own_problems(spec: ClassSpec) -> list[str]:
    """Say what is wrong with a class by itself."""
    rules: list[tuple[bool, str]] = [
        (bool(spec.name), "a class has no name"),
        (len(spec.name) <= 200, f"{spec.name[:20]}...: a name has at most 200 characters"),
        (len(spec.heading) <= 200, f"{spec.name}: a heading has at most 200 characters"),
        (spec.name.isprintable(), f"{spec.name!r}: a name has no control characters"),
        (spec.kind in ("stuff", "thing"), f"{spec.name}: kind is stuff or thing, not {spec.kind}"),
        (
            spec.color is None or bool(_COLOR.fullmatch(spec.color.lower())),
            f"{spec.name}: a colour is #rrggbb, not {spec.color}",
        ),
        (
            spec.class_id is None or 1 <= spec.class_id <= HIGHEST_CLASS_ID,
            f"{spec.name}: a class id is from 1 to {HIGHEST_CLASS_ID}, not {spec.class_id}",
        ),
        (
            spec.retired or spec.forwards_to is None,
            f"{spec.name}: only a retired class forwards to another",
        ),
    ]
    rules += [
        (not spec.split_into or spec.deprecated, f"{spec.name}: only a deprecated class is split"),
        *(
            (
                len(text) <= LONGEST_TEXT,
                f"{spec.name}: {what} has at most {LONGEST_TEXT:,} characters",
            )
            for what, text in (("description", spec.description), ("guideline", spec.guideline))
        ),
        *(
            (
                bool(synonym.strip()) and len(synonym) <= LONGEST_NAME and synonym.isprintable(),
                f"{spec.name}: {synonym[:20]!r} is no synonym",
            )
            for synonym in spec.synonyms
        ),
        *(
            (
                bool(_DIGEST.fullmatch(example.picture)) and len(example.caption) <= LONGEST_NAME,
                f"{spec.name}: an example is the sha256 of a picture and a short caption",
            )
            for example in spec.examples
        ),
    ]
    rules += [
        (_is_external_id(value), f"{spec.name}: {value!r} is no id of the scheme {scheme}")
        for scheme, value in spec.external.items()
    ]
    problems = [problem for holds, problem in rules if not holds]
    problems += [
        f"{spec.name}: {problem}"
        for attribute in spec.attributes
        for problem in _attribute_problems(attribute)
    ]
    times = Counter(attribute.name for attribute in spec.attributes)
    return problems + [
        f"{spec.name}: {n} attributes are named {name}" for name, n in times.items() if n > 1
    ]


def _attribute_problems(attribute: AttributeSpec) -> Iterator[str]:
    name = attribute.name
    if not (name.strip() and len(name) <= 100 and name.isprintable()):
        yield "an attribute has a name of 1 to 100 characters"
    if attribute.type not in ATTRIBUTE_TYPES:
        yield f"the attribute {name} is of type {', '.join(ATTRIBUTE_TYPES)}, not {attribute.type}"
    if (attribute.type == "choice") != bool(attribute.choices):
        yield f"the attribute {name}: a choice, and only a choice, has choices"
    if len(set(attribute.choices)) < len(attribute.choices):
        yield f"the attribute {name} has a choice twice"
    if attribute.type != "number" and (attribute.minimum, attribute.maximum) != (None, None):
        yield f"the attribute {name}: only a number has a minimum or a maximum"
    if (
        attribute.minimum is not None
        and attribute.maximum is not None
        and attribute.minimum > attribute.maximum
    ):
        yield f"the attribute {name}: its minimum is above its maximum"


def _is_external_id(value: object) -> bool:
    # Cityscapes has an id -1; numbers of 2^32 and more fit into no class map.
    if isinstance(value, str):
        return 1 <= len(value) <= 200
    return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**32


def id_problems(
    classes: Sequence[ClassSpec],
    known: set[int | None],
    given: set[int | None],
    next_class_id: int,
) -> list[str]:
    """Say which ids come twice, were given to other classes, or are missing.

    `known` are the ids of the version before, `given` those and the ids of the draft.
    """
    times = Counter(spec.class_id for spec in classes if spec.class_id is not None)
    problems = [f"class id {class_id} is given twice" for class_id, n in times.items() if n > 1]
    problems += [
        f"{spec.name}: the class id {spec.class_id} belonged to another class"
        for spec in classes
        if spec.class_id is not None
        and spec.class_id < next_class_id
        and spec.class_id not in given
    ]
    # Labels may hold the class for ever: it can be retired, never left out.
    problems += [
        f"class {class_id} is missing; retire it instead"
        for class_id in sorted(class_id for class_id in known if class_id is not None)
        if class_id not in times
    ]
    return problems


def name_problems(classes: Sequence[ClassSpec]) -> list[str]:
    """Say which names live classes share."""
    times = Counter(spec.name for spec in classes if not spec.retired)
    return [f"{n} live classes are named {name}" for name, n in times.items() if n > 1]


def reference_problems(classes: Sequence[ClassSpec]) -> list[str]:
    """Say where settled references lead to a retired class, or back to where they start."""
    by_id = {id_of(spec): spec for spec in classes}
    problems = [
        f"{spec.name}: its parent {by_id[spec.parent].name} is retired"
        for spec in classes
        if isinstance(spec.parent, int) and not spec.retired and by_id[spec.parent].retired
    ]
    problems += [
        f"{spec.name}: it is split into itself"
        for spec in classes
        if spec.class_id in spec.split_into
    ]
    for what, next_of in (("parent", parent_of), ("successor", successor_of)):
        problems += [
            f"{spec.name}: is its own {what}, over others or at once"
            for spec in classes
            if _returns(spec, by_id, next_of)
        ]
    return problems


def _returns(
    start: ClassSpec, by_id: Mapping[int, ClassSpec], next_of: Callable[[ClassSpec], int | None]
) -> bool:
    """Say whether following `next_of` from `start` comes back to it."""
    seen: set[int] = set()
    class_id = next_of(start)
    while class_id is not None and class_id not in seen:
        if class_id == start.class_id:
            return True
        seen.add(class_id)
        class_id = next_of(by_id[class_id])
    return False
