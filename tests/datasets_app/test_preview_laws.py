"""Random taxonomies over random layered labels: a preview against a count of every segment."""

from __future__ import annotations

from collections import Counter
from random import Random
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from datasets_app.actions.commits import ImageChange
from datasets_app.jobs.running import run_job
from datasets_app.nodes import SqlNodes
from datasets_app.previews.sources import touched_ids
from datasets_app.tree import iter_entries
from datasets_app.unions import counting
from labels_app.actions.drafts import get_draft, preview_operations
from labels_app.errors import InvalidOperation
from labels_app.reading import reading_of
from labels_app.revisions import get_labels
from panoptic.label import count_classes
from panoptic.reading import read_label
from tests.datasets_app.builders import commit_to, dataset
from tests.datasets_app.test_previews import draft_of, preview, publish, put_stack
from tests.laws import examples


class RandomPlace:
    """A dataset of random layered labels whose taxonomy and branch moved on at random."""

    def __init__(self, chance):
        self._chance = chance
        self.place = dataset(drawing="1:a/stuff 2:b 3:c 4:d/stuff 5:e 6:f/stuff")
        for _ in range(chance.randint(1, 2)):
            self._commit()
            for _ in range(chance.randint(0, 2)):
                self._try_publish(chance.random() < 0.5)

    def operations(self):
        """Some operations that can be done one after the other."""
        draft, done = get_draft(self.place.taxonomy), []
        for _ in range(self._chance.randint(1, 4)):
            operation = self._operation(draft)
            try:
                draft = preview_operations(draft, [operation])
            except InvalidOperation:
                continue
            done.append(operation)
        return done

    def _operation(self, draft):
        live = [spec.class_id for spec in draft.classes if not spec.retired]
        gone = [spec.class_id for spec in draft.classes if spec.retired]
        kind = self._chance.choice(["merge", "merge", "retire", "flip", "flip", "revive", "rename"])
        if kind == "merge":
            into = self._chance.choice([*live, f"new{draft.taxonomy.next_class_id}"])
            return {
                "op": kind,
                "classes": self._chance.sample(live, min(len(live), 2)),
                "into": into,
                "kind": self._chance.choice(["stuff", "thing"]),
            }
        if kind == "revive":
            return {"op": kind, "class": self._chance.choice(gone or [0])}
        one = self._chance.choice(live)
        if kind == "retire" and len(live) < 3:
            kind = "flip"
        if kind == "rename":
            return {"op": kind, "class": one, "name": f"name{self._chance.random()}"}
        return {"op": kind, "class": one}

    def _try_publish(self, migrate):
        operations = self.operations()
        if operations and draft_of(self.place, *operations).changes:
            publish(self.place, *operations, migrate=migrate)

    def _commit(self):
        head = self.place.branches.first()
        own = (
            head.head.taxonomy_version if head and head.head else self.place.taxonomy.versions.get()
        )
        live = reading_of(own).live_classes
        if live:
            changes = [
                ImageChange(f"{n}", label=self._label(live), split=self._chance.choice(["", "x"]))
                for n in self._chance.sample(range(6), 4)
            ]
            commit_to(self.place, changes, allow_empty=True)

    def _label(self, live):
        drawings = [
            "".join(self._chance.choice(signs) for _ in range(6))
            for signs in ("1122.", "33....", "45...")
        ]
        stuff = [spec for spec in live if spec.kind == "stuff"]
        self._chance.shuffle(stuff)
        things = [spec for spec in live if spec.kind == "thing"]
        classes, crowds = {}, []
        for sign in sorted({int(sign) for sign in "".join(drawings) if sign != "."}):
            spec = None
            if things and self._chance.random() < 0.6:
                spec = self._chance.choice(things)
                crowds += [sign] if self._chance.random() < 0.3 else []
            elif stuff:
                spec = stuff.pop()
            if spec is None:
                drawings = [drawing.replace(str(sign), ".") for drawing in drawings]
            else:
                classes[sign] = spec.class_id
        drawn = [drawing for drawing in drawings if set(drawing) != {"."}]
        if not drawn:
            return None
        kept = {sign: class_id for sign, class_id in classes.items() if str(sign) in "".join(drawn)}
        return put_stack(*drawn, classes=kept, crowds=[sign for sign in crowds if sign in kept])


def labels_of(version):
    entries = [entry for _, entry in iter_entries(SqlNodes(), version.root) if entry.label]
    found = get_labels({entry.label for entry in entries})
    return [found[entry.label] for entry in entries]


def group(segment, read_by):
    """What a stored segment is part of: None for void, else what its segment is told by."""
    live = read_by.find(segment.class_id)
    if live is None:
        return None
    is_one = live.kind == "stuff" or segment.class_id in read_by.crowd_ids
    return (live.class_id, "joined" if is_one else segment.segment_id)


def recount_effect(labels, change, moved, now, then):
    """Count one change label by label and segment by segment."""
    total = Counter()
    for label in labels:
        counts = count_classes(label)
        pixels = dict(zip(counts.class_ids.tolist(), counts.pixels.tolist(), strict=True))
        own = [row for row in label.segments if row.class_id in moved]
        total["images"] += bool(own)
        total["pixels"] += sum(pixels[class_id] for class_id in {row.class_id for row in own})
        total["segments"] += len({group(row, now) for row in own} - {None})
        total["segments"] += len({group(row, then) for row in own if group(row, now) is None})
        if not change.changes_reading:
            continue
        results = {then.live_of[stored] for stored in moved} - {None}
        joined = {}
        for row in label.segments:
            after = group(row, then)
            if after and after[0] in results and after[1] == "joined" and group(row, now):
                joined.setdefault(after, set()).add(group(row, now))
        total["joined"] += sum(len(parts) - 1 for parts in joined.values())
        total["crowds"] += len(
            {
                group(row, then)
                for row in own
                if row.class_id in then.crowd_ids and row.class_id not in now.crowd_ids
            }
        )
    return tuple(total[name] for name in ("images", "segments", "pixels", "joined", "crowds"))


def recount_classes(labels, read_by):
    """Images, segments and pixels of each live class, of the labels as they read."""
    sums = {}
    for label in labels:
        counts = count_classes(read_label(label, read_by.label_reading))
        columns = (counts.class_ids, counts.segments, counts.pixels)
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        rows += [(0, 0, counts.void_pixels)] if counts.void_pixels else []
        for class_id, *numbers in rows:
            old = sums.get(class_id, (0, 0, 0))
            sums[class_id] = tuple(a + b for a, b in zip(old, (1, *numbers), strict=True))
    return sums


class Laws(TestCase):
    @examples(25)
    @given(st.integers(0, 2**32), st.sampled_from([0, 2_000]))
    def test_every_number_of_a_preview_equals_a_count_of_the_labels(self, seed, at_once):
        built = RandomPlace(Random(seed))
        operations = built.operations()
        with patch.object(counting, "IMAGES_AT_ONCE", at_once):
            found = preview(built.place, *operations)
            for job in found.jobs:
                run_job(str(job))
            found = preview(built.place, *operations)
        draft = draft_of(built.place, *operations)
        if not found.branches:
            return
        (branch,) = found.branches
        labels = labels_of(branch.head.version)
        now, then = reading_of(branch.head.version.taxonomy_version), draft.reading
        touched = touched_ids(reading_of(draft.base), then, draft.changes)
        for change, ids, effect in zip(draft.changes, touched, branch.effects, strict=True):
            moved = {one for one in ids if one in now.live_of}
            if change.changes_reading:
                moved = {one for one in moved if now.live_of[one] != then.live_of[one]}
            assert tuple(effect) == recount_effect(labels, change, moved, now, then), change
        self._check_classes(branch, labels, now, then)

    def _check_classes(self, branch, labels, now, then):
        before, after = recount_classes(labels, now), recount_classes(labels, then)
        told = {turn.class_id for turn in branch.classes}
        for turn in branch.classes:
            if turn.before is not None:
                assert tuple(turn.before) == before.get(turn.class_id, (0, 0, 0))
            if turn.after is not None:
                assert tuple(turn.after) == after.get(turn.class_id, (0, 0, 0))
        for class_id in (before.keys() | after.keys()) - told:
            assert before.get(class_id) == after.get(class_id)

    @examples(25)
    @given(st.integers(0, 2**32))
    def test_what_reads_differently_is_under_one_change_that_touches_its_class(self, seed):
        built = RandomPlace(Random(seed))
        draft = draft_of(built.place, *built.operations())
        old, new = reading_of(draft.base), draft.reading
        left = {one for change in draft.changes if change.changes_reading for one in change.sources}
        differing = {stored for stored in old.live_of if old.live_of[stored] != new.live_of[stored]}
        told = Counter()
        for change, ids in zip(draft.changes, touched_ids(old, new, draft.changes), strict=True):
            if change.changes_reading:
                told.update(ids)
        assert set(told.values()) <= {1}
        assert {stored for stored in differing if old.live_of[stored] in left} <= told.keys()
        assert told.keys() <= differing
