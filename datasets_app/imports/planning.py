"""Compare what an import read with the head of the branch: what changes, and how."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from datasets_app.bulk import batched
from datasets_app.entries import Entry
from datasets_app.imports.checking import CLEAN, CheckedLabel
from datasets_app.imports.request import ImportMode, ImportReport
from datasets_app.label_checks import ViolationList
from datasets_app.label_facts import LabelFacts, label_facts
from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import find_numbers, names_of
from datasets_app.staging import KEEP, ImageChange
from datasets_app.tree import get_entries, iter_entries
from labels_app.reading import Reading
from labels_app.rule_checks import closed_message
from panoptic.formats.problems import Problem

_NAMES_PER_QUERY = 1_000


class StoredImage(NamedTuple):
    """One image of an import after its bytes were stored. None: the import has none."""

    name: str
    label: bytes | None
    photo: bytes | None
    attributes: bytes | None
    checked: CheckedLabel = CLEAN
    split: str | None = None


class Planner:
    """Turns stored images into the changes of one commit, a thousand at a time.

    `report` counts them. It remembers which images of the head it saw, one bit each,
    so that `iter_removals` knows the others. `violations` are those of labels that are new to
    their image; `reading` says how their classes read.
    """

    def __init__(
        self,
        head: Version | None,
        mode: ImportMode,
        split: str | None,
        report: ImportReport,
        reading: Reading,
    ) -> None:
        self._head, self._mode, self._split, self._report = head, mode, split, report
        self._classes = reading.classes
        self.violations = ViolationList(reading.classes)
        self._seen = bytearray()

    def iter_changes(self, batches: Iterable[list[StoredImage]]) -> Iterator[ImageChange]:
        """Yield the changes that these images make; in append mode existing names are problems."""
        for batch in batches:
            present = self.entries_by_name([image.name for image in batch])
            before = self._facts_before(batch, present)
            for image in batch:
                change = self._plan(image, present.get(image.name))
                if change is None:
                    continue
                if change.label is not KEEP:
                    _, entry = present.get(image.name, (None, None))
                    self._tell(image, before.get(entry.label) if entry and entry.label else None)
                yield change

    def iter_removals(self) -> Iterator[ImageChange]:
        """Yield the deletion of every image of the head (in the split) that was not seen."""
        if self._mode is not ImportMode.REPLACE or self._head is None:
            return
        unseen = (
            image_no
            for image_no, entry in iter_entries(SqlNodes(), self._head.root)
            if not self._was_seen(image_no) and self._split in (None, entry.split)
        )
        for numbers in batched(unseen, _NAMES_PER_QUERY):
            names = names_of(self._head.dataset_id, numbers)
            for image_no in numbers:
                self._report.removed += 1
                yield ImageChange(names[image_no], delete=True)

    def entries_by_name(self, names: list[str]) -> dict[str, tuple[int, Entry]]:
        """Return the head's entries of these names; names that it lacks are left out."""
        if self._head is None or self._head.root is None:
            return {}
        numbers = find_numbers(self._head.dataset_id, names)
        entries = get_entries(SqlNodes(), self._head.root, numbers.values())
        return {
            name: (image_no, entries[image_no])
            for name, image_no in numbers.items()
            if image_no in entries
        }

    def _plan(self, image: StoredImage, present: tuple[int, Entry] | None) -> ImageChange | None:
        if present is None:
            self._report.added += 1
            return ImageChange(
                image.name,
                image=image.photo,
                label=image.label,
                split=self._split or image.split,
                attributes=image.attributes,
            )
        image_no, entry = present
        self._mark_seen(image_no)
        if self._mode is ImportMode.APPEND:
            self._report.conflicting += 1
            message = "the branch has an image of this name; --mode update would change it"
            self._report.add_problem(Problem("image_exists", message, image=image.name))
            return None
        change = self._difference(image, entry)
        if change is None:
            self._report.unchanged += 1
        else:
            self._report.changed += 1
        return change

    def _difference(self, image: StoredImage, entry: Entry) -> ImageChange | None:
        """Return what differs; an image without a label clears one only in replace mode."""
        wanted = {
            "image": KEEP if image.photo is None else image.photo,
            "label": image.label,
            "split": self._split or image.split or KEEP,
            "attributes": KEEP if image.attributes is None else image.attributes,
        }
        if image.label is None and self._mode is ImportMode.UPDATE:
            wanted["label"] = KEEP
        fields = {
            name: value
            for name, value in wanted.items()
            if value is not KEEP and value != getattr(entry, name)
        }
        if not fields:
            return None
        if "label" in fields:
            # A review saw the old label, so it does not hold for the new one.
            fields["status"] = None
        return ImageChange(image.name, **fields)

    def _facts_before(
        self, batch: list[StoredImage], present: dict[str, tuple[int, Entry]]
    ) -> dict[bytes, LabelFacts]:
        """Return the facts of the labels that images have which bring closed classes."""
        named = [image.name for image in batch if image.checked.closed and image.name in present]
        labels = {label for name in named if (label := present[name][1].label) is not None}
        return label_facts(labels)

    def _tell(self, image: StoredImage, before: LabelFacts | None) -> None:
        """Report what the new label of an image breaks."""
        if image.checked.findings:
            self._report.add_findings(image.name, image.checked.findings)
            self.violations.add(image.name, image.checked.findings)
        had = _segments_of(before)
        for class_id, segments in image.checked.closed.items():
            more = len(segments) - had.get(class_id, 0)
            if more > 0:
                message = f"new segments ({more}): {closed_message(class_id, self._classes)}"
                only = segments[0] if len(segments) == 1 else None
                self._report.add_problem(
                    Problem("class_not_open", message, image=image.name, segment=only)
                )

    def _mark_seen(self, image_no: int) -> None:
        byte, bit = divmod(image_no, 8)
        if byte >= len(self._seen):
            self._seen.extend(bytes(byte + 1 - len(self._seen) + 1024))
        self._seen[byte] |= 1 << bit

    def _was_seen(self, image_no: int) -> bool:
        byte, bit = divmod(image_no, 8)
        return byte < len(self._seen) and bool(self._seen[byte] >> bit & 1)


def _segments_of(facts: LabelFacts | None) -> dict[int, int]:
    """Return how many segments a label has of each stored class."""
    if facts is None:
        return {}
    counts = facts.counts
    return dict(zip(counts.class_ids.tolist(), counts.segments.tolist(), strict=True))
