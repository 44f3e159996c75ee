"""Random operations that can be done to the classes of a draft."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from labels_app.classes import ClassSpec, id_of, settle_classes
from labels_app.operations import apply_operation
from tests.labels_app.builders import classes

START = settle_classes(classes("road/stuff car sky/stuff bus grass/stuff person")).classes
OPS = ("add", "rename", "recolor", "reparent", "edit", "merge", "split", "retire", "flip", "revive")


def draw_operation(draw: Callable[[Any], Any], specs: Sequence[ClassSpec], fresh: str) -> Any:
    """Draw an operation that can be done to settled classes; `fresh` is a name nobody has."""
    live = [spec for spec in specs if not spec.retired]
    gone = [spec for spec in specs if spec.retired or spec.deprecated]
    taken = {spec.name for spec in live}
    revivable = [spec for spec in gone if spec.deprecated or spec.name not in taken]
    possible = [
        name
        for name in OPS
        if name == "add"
        or (name == "revive" and revivable)
        or (name == "merge" and len(live) > 1)
        or (name not in ("revive", "merge") and live)
    ]
    name = draw(st.sampled_from(possible))
    one = st.sampled_from(live or specs).map(id_of)
    kinds = st.sampled_from(["stuff", "thing"])
    if name == "add":
        return {"op": name, "name": fresh, "kind": draw(kinds)}
    if name == "rename":
        return {"op": name, "class": draw(one), "name": fresh}
    if name == "recolor":
        return {"op": name, "class": draw(one), "color": f"#{draw(st.integers(0, 2**24 - 1)):06x}"}
    if name == "reparent":
        return {"op": name, "class": draw(one), "parent": None, "heading": fresh}
    if name == "edit":
        return {"op": name, "class": draw(one), "synonyms": [fresh], "guideline": fresh}
    if name == "merge":
        some = draw(st.lists(one, min_size=2, max_size=3, unique=True))
        into = draw(st.sampled_from([fresh, some[0]]))
        return {"op": name, "classes": some, "into": into, "kind": draw(kinds)}
    if name == "split":
        return {"op": name, "class": draw(one), "into": [f"{fresh}-a", f"{fresh}-b"]}
    if name == "retire":
        left = draw(one)
        kind = next(spec.kind for spec in specs if spec.class_id == left)
        others = [id_of(spec) for spec in live if spec.class_id != left and spec.kind == kind]
        return {"op": name, "class": left, "into": draw(st.sampled_from([None, *others]))}
    if name == "revive":
        return {"op": name, "class": draw(st.sampled_from(revivable).map(id_of))}
    return {"op": name, "class": draw(one)}


@st.composite
def edits(draw: Any, longest: int = 6) -> tuple[tuple[ClassSpec, ...], int, list[Any]]:
    """Draw operations on `START`; return the settled classes, the next id, the operations."""
    specs, next_id, done = START, len(START) + 1, []
    names = (f"class {number}" for number in itertools.count(1))
    for _ in range(draw(st.integers(0, longest))):
        operation = draw_operation(draw, specs, next(names))
        settled = settle_classes(
            apply_operation(specs, operation),
            previous=START,
            next_class_id=next_id,
            reserved=[id_of(spec) for spec in specs],
        )
        specs, next_id = settled
        done.append(operation)
    return specs, next_id, done
