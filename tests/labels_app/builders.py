"""Classes and readings drawn in a line."""

from labels_app.classes import ClassSpec, settle_classes
from labels_app.reading import Reading


def classes(drawing: str) -> list[ClassSpec]:
    """`classes("1:road/stuff 2:car 3:van->2 4:dirt->void")`: things, unless they say stuff.

    An arrow retires the class; a class without a number is new.
    """
    return [_class(word) for word in drawing.split()]


def reading(drawing: str) -> Reading:
    """The reading of the classes that `classes` draws."""
    return Reading.from_classes(settle_classes(classes(drawing)).classes)


def _class(word: str) -> ClassSpec:
    word, _, successor = word.partition("->")
    number, _, name = word.rpartition(":")
    name, _, kind = name.partition("/")
    return ClassSpec(
        name=name,
        kind=kind or "thing",
        class_id=int(number) if number else None,
        retired=bool(successor),
        forwards_to=None if successor in ("", "void") else int(successor),
    )
