"""What a preset is."""

from __future__ import annotations

from dataclasses import dataclass

from labels_app.class_spec import ClassSpec
from labels_app.errors import LabelsError


@dataclass(frozen=True)
class Preset:
    """A list of classes that many datasets use, ready to become a taxonomy.

    `scheme` names the ids by which files of this list know its classes: each class has one
    in `external`. The classes have no class ids: the taxonomy that takes them gives its own.
    `source` is where the list is written down by those who made it.
    """

    key: str
    title: str
    scheme: str
    description: str
    source: str
    classes: tuple[ClassSpec, ...]

    @property
    def things(self) -> int:
        return sum(spec.kind == "thing" for spec in self.classes)

    @property
    def stuff(self) -> int:
        return len(self.classes) - self.things


class UnknownPreset(LabelsError):
    """No preset has this key, or nobody proposes to map these two."""

    code = "not_found"
    status = 404

    def __init__(self, key: str, *, kind: str = "preset") -> None:
        super().__init__(f"there is no {kind} {key!r}", kind=kind, name=key)
        self.key, self.kind = key, kind
