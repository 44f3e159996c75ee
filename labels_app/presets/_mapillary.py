"""How a row of the two lists of Mapillary Vistas becomes a class."""

from labels_app.class_spec import ClassSpec


def mapillary_classes(scheme: str, rows: tuple[tuple[str, ...], ...]) -> tuple[ClassSpec, ...]:
    """Return the classes; a row's number from 0 is the class's id in `scheme`.

    Mapillary's own name is a path (`construction--barrier--curb`): its first part becomes
    the heading, the whole of it a synonym.
    """
    return tuple(_spec(scheme, number, *row) for number, row in enumerate(rows))


def _spec(
    scheme: str, number: int, path: str, name: str, kind: str, color: str, description: str = ""
) -> ClassSpec:
    return ClassSpec(
        name,
        kind,
        color=color,
        heading=path.split("--")[0],
        description=description,
        external={scheme: number},
        synonyms=(path,),
    )
