import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels_app import revisions as module
from labels_app.models import LabelRevision
from labels_app.revisions import get_labels, register_labels, revisions
from panoptic.codec import pack_label
from panoptic.label import count_classes, label_from_id_map
from store_app.errors import ObjectMissing
from store_app.models import Blob
from tests.builders import label, rows

pytestmark = pytest.mark.django_db


def numbered(count):
    """Different labels of 1 by 24 pixels: the pixels spell the number in binary."""
    for number in range(1, count + 1):
        plane = np.array([[number >> bit & 1 for bit in range(24)]], np.uint32)
        yield label_from_id_map(plane, rows({1: 7}))


def test_what_was_registered_can_be_read():
    drawn = label("112 .22", {1: 7, 2: 9}, crowds=[2])
    packed = pack_label(drawn)
    assert register_labels([packed])[:2] == (1, 0)
    assert get_labels([packed.digest]) == {packed.digest: drawn}


def test_a_revision_says_what_is_known_without_opening_it():
    drawn = label("112 .22", {1: 7, 2: 9})
    packed = pack_label(drawn)
    register_labels([packed])
    row = revisions([packed.digest])[packed.digest]
    assert (row.height, row.width, row.segment_count, row.layer_count) == (2, 3, 2, 1)
    assert row.shape_digest == packed.shape_digest
    assert row.class_counts == count_classes(drawn)


def test_labels_that_differ_in_their_ids_only_share_the_shape():
    one, two = (pack_label(label(drawing, {n: 7})) for drawing, n in (("11", 1), ("22", 2)))
    register_labels([one, two])
    found = revisions([one.digest, two.digest])
    assert len(found) == 2
    assert len({row.shape_digest for row in found.values()}) == 1


def test_a_label_is_registered_once():
    packed = pack_label(label("11", {1: 7}))
    assert register_labels([packed, packed])[:2] == (1, 0)
    again = register_labels([packed])
    assert (again.new, again.known, again.stored_bytes) == (0, 1, 0)
    assert LabelRevision.objects.count() == Blob.objects.count() == 1


def test_no_labels_are_no_work():
    assert register_labels([]) == (0, 0, 0)
    assert get_labels([]) == revisions([]) == {}


def test_a_label_that_nobody_registered_is_an_error_that_names_it():
    with pytest.raises(ObjectMissing) as caught:
        get_labels([b"\x01" * 32])
    assert caught.value.digests == (b"\x01" * 32,)


def test_revisions_of_unknown_digests_are_left_out():
    packed = pack_label(label("11", {1: 7}))
    register_labels([packed])
    assert revisions([packed.digest, b"\x01" * 32]).keys() == {packed.digest}


def test_the_stream_is_drawn_batch_by_batch(monkeypatch):
    monkeypatch.setattr(module, "BATCH_LABELS", 4)
    seen = []

    def stream():
        for drawn in numbered(10):
            seen.append(LabelRevision.objects.count())
            yield pack_label(drawn)

    assert register_labels(stream())[:2] == (10, 0)
    assert seen == [0, 0, 0, 0, 4, 4, 4, 4, 8, 8]


def test_the_bytes_of_a_batch_are_bounded_too(monkeypatch):
    monkeypatch.setattr(module, "BATCH_BYTES", 1)
    seen = []

    def stream():
        for drawn in numbered(3):
            seen.append(LabelRevision.objects.count())
            yield pack_label(drawn)

    register_labels(stream())
    assert seen == [0, 1, 2]


def test_rows_that_another_import_inserted_meanwhile_are_no_error(monkeypatch):
    packed = pack_label(label("11", {1: 7}))
    insert = module._insert
    monkeypatch.setattr(module, "_insert", lambda rows: (insert(rows), insert(rows)))
    register_labels([packed])
    assert LabelRevision.objects.count() == 1


@settings(deadline=None)  # the first example may wait for a kernel to be compiled
@given(st.lists(st.integers(1, 5), max_size=12), st.integers(1, 4))
def test_batches_hold_every_label_once_and_in_order(numbers, size):
    by_number = dict(enumerate(map(pack_label, numbered(5)), 1))
    stream = iter([by_number[number] for number in numbers])
    held = []
    limit, module.BATCH_LABELS = module.BATCH_LABELS, size
    try:
        while True:
            batch = {}
            blobs = list(module._blobs_of_batch(stream, batch))
            if not batch:
                break
            assert [blob.digest for blob in blobs] == list(batch)
            assert len(batch) <= size
            held += batch
    finally:
        module.BATCH_LABELS = limit
    assert set(held) == {by_number[number].digest for number in numbers}


def test_a_batch_costs_the_same_queries_for_few_labels_and_for_many(
    django_assert_num_queries,
):
    packed = [pack_label(drawn) for drawn in numbered(2000)]
    for few in (packed[:2], packed[2:]):
        with django_assert_num_queries(8):
            register_labels(few)
    with django_assert_num_queries(2):
        register_labels(packed)
    digests = [one.digest for one in packed]
    with django_assert_num_queries(1):
        assert len(revisions(digests)) == 2000
    with django_assert_num_queries(1):
        assert len(get_labels(digests)) == 2000
