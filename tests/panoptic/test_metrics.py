import json
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from panoptic.diff import Kinds, diff_labels
from panoptic.label import Label, Segment, count_classes, label_from_id_map
from panoptic.metrics import (
    BoundaryTally,
    ClassPixels,
    ClassTally,
    PanopticTally,
    SemanticTally,
    boundary_quality,
    boundary_tally_of_counts,
    panoptic_quality,
    panoptic_tally_of_counts,
    semantic_quality,
    semantic_tally_of_counts,
    semantic_tally_of_flow,
)
from panoptic.metrics.ratios import TICKS
from tests.builders import label, stack
from tests.panoptic import brute_force
from tests.panoptic.strategies import STUFF_IDS, label_pairs, layered_labels
from tests.real_data import real_data

CAR, PERSON, SKY = 1, 2, 3
KINDS = Kinds(STUFF_IDS)
GOLDEN = Path(__file__).parent.parent / "golden" / "panopticapi_pq.json"


def counts(truth: Label, other: Label, class_id: int = CAR) -> tuple[int, int, int, float]:
    tally = panoptic_quality(truth, other, KINDS).classes.get(class_id, ClassTally())
    return tally.tp, tally.fp, tally.fn, tally.iou_sum


def test_a_segment_that_is_found_counts_with_its_iou():
    assert counts(label("1111", {1: CAR}), label("2223", {2: CAR, 3: SKY})) == (1, 0, 0, 0.75)


def test_half_an_overlap_is_missed_and_invented():
    truth = label("1133", {1: CAR, 3: SKY})
    assert counts(truth, label("3113", {1: CAR, 3: SKY})) == (0, 1, 1, 0.0)


def test_void_of_the_truth_leaves_the_union():
    assert counts(label("11..", {1: CAR}), label("1111", {1: CAR})) == (1, 0, 0, 1.0)


def test_void_of_the_other_side_does_not():
    assert counts(label("1111", {1: CAR}), label("111.", {1: CAR})) == (1, 0, 0, 0.75)


def test_what_lies_mostly_on_void_is_not_invented():
    truth = label("3...", {3: SKY})
    assert counts(truth, label("1111", {1: CAR})) == (0, 0, 0, 0.0)
    half = label("33..", {3: SKY})
    assert counts(half, label("1111", {1: CAR})) == (0, 1, 0, 0.0)


def test_a_crowd_is_neither_found_nor_missed():
    truth = label("1111", {1: CAR}, crowds={1})
    assert counts(truth, label("1111", {1: CAR})) == (0, 0, 0, 0.0)
    assert counts(truth, label("....", {})) == (0, 0, 0, 0.0)


def test_what_lies_mostly_on_crowds_of_its_class_is_not_invented():
    truth = label("1123", {1: CAR, 2: PERSON, 3: CAR}, crowds={1})
    assert counts(truth, label("111.", {1: CAR}))[1] == 0
    assert counts(truth, label("222.", {2: PERSON}), PERSON)[1] == 1


def test_all_crowds_of_a_class_count_together():
    truth = label("1224", {1: CAR, 2: PERSON, 4: CAR}, crowds={1, 4})
    assert counts(truth, label("1..1", {1: CAR}))[1] == 0


def test_a_ratio_without_segments_is_undefined():
    empty = PanopticTally()
    assert (empty.pq, empty.sq, empty.rq) == (None, None, None)
    assert ClassTally(fn=1).sq is None
    assert ClassTally(fn=1).pq == 0


def test_pq_is_the_product_of_sq_and_rq():
    truth = label("1111.2", {1: CAR, 2: CAR})
    tally = panoptic_quality(truth, label("111...", {1: CAR}), KINDS).classes[CAR]
    assert (tally.pq, tally.sq, tally.rq) == (0.5, 0.75, pytest.approx(2 / 3))


def test_means_are_over_classes_and_by_kind():
    truth = label("1133", {1: CAR, 3: SKY})
    tally = panoptic_quality(truth, label("1144", {1: CAR, 4: PERSON}), KINDS)
    assert tally.pq == pytest.approx(1 / 3)
    assert tally.things.pq == 0.5
    assert tally.stuff.pq == 0
    assert tally.only({CAR}).pq == 1


def test_a_class_without_a_match_counts_0_in_the_mean_sq():
    truth = label("1133", {1: CAR, 3: SKY})
    assert panoptic_quality(truth, label("11..", {1: CAR}), KINDS).sq == 0.5


def test_labels_of_two_sizes_have_nothing_in_common():
    truth = label("112", {1: CAR, 2: CAR}, crowds={2})
    assert counts(truth, label("11", {1: CAR})) == (0, 1, 1, 0.0)
    assert semantic_quality(truth, label("11", {1: CAR})).pixel_accuracy == 0
    assert boundary_quality(truth, label("11", {1: CAR})).boundary_iou is None


def test_wholly_hidden_segments_are_compared_among_themselves():
    truth = stack("11..", "3333", classes={1: CAR, 3: SKY})
    assert counts(truth, truth) == (1, 0, 0, 1.0)
    assert counts(truth, label("3333", {3: SKY})) == (0, 0, 1, 0.0)
    assert counts(label("3333", {3: SKY}), truth) == (0, 1, 0, 0.0)


def test_mean_iou_is_over_the_classes_of_either_side():
    tally = semantic_quality(label("1122", {1: CAR, 2: SKY}), label("1114", {1: CAR, 4: PERSON}))
    assert tally.classes == {
        CAR: ClassPixels(2, 2, 3),
        SKY: ClassPixels(0, 2, 0),
        PERSON: ClassPixels(0, 0, 1),
    }
    assert tally.miou == pytest.approx((2 / 3 + 0 + 0) / 3)
    assert tally.pixel_accuracy == 0.5


def test_void_of_the_truth_is_not_looked_at():
    tally = semantic_quality(label("11..", {1: CAR}), label("1111", {1: CAR}))
    assert tally.miou == tally.pixel_accuracy == 1


def test_nothing_but_void_is_undefined():
    tally = semantic_quality(label("..", {}), label("11", {1: CAR}))
    assert (tally.miou, tally.pixel_accuracy) == (None, None)
    assert boundary_quality(label("..", {}), label("11", {1: CAR})).boundary_iou is None


def test_boundaries_are_those_of_visible_masks():
    truth = stack("11111", ".33..", classes={1: CAR, 3: SKY})
    other = stack("1111.", ".33..", classes={1: CAR, 3: SKY})
    assert boundary_quality(truth, other).classes[CAR].boundary_iou == pytest.approx(2 / 3)


@given(label_pairs())
def test_panoptic_counts_are_those_of_the_pixels(pair: tuple[Label, Label]):
    visible = [_without_hidden(one) for one in pair]
    expected = brute_force.panoptic_counts(*visible)
    tally = panoptic_quality(*visible, KINDS)
    assert {c: list(t[:3]) for c, t in tally.classes.items()} == {
        c: numbers[:3] for c, numbers in expected.items()
    }
    for class_id, numbers in expected.items():
        assert tally.classes[class_id].iou_sum == pytest.approx(numbers[3], abs=1e-9)


@given(label_pairs())
def test_mean_boundary_iou_is_that_of_the_pixels(pair: tuple[Label, Label]):
    truth, other = (_without_hidden(one) for one in pair)
    views = brute_force.view_of(truth), brute_force.view_of(other)
    tally = boundary_quality(truth, other)
    sums: dict[int, list[float]] = {}
    for old in truth.segments:
        for new in other.segments:
            only_old = brute_force.panoptic_counts(truth, _only(other, new.segment_id))
            if old.crowd or old.class_id != new.class_id or old.class_id not in only_old:
                continue
            a, b = views[0] == old.segment_id, views[1] == new.segment_id
            union = (a | b) & ~((views[0] == 0) & b)
            if 2 * (a & b).sum() > union.sum():
                sums.setdefault(old.class_id, []).append(brute_force.boundary_iou(a, b))
    assert {c: t.pairs for c, t in tally.classes.items()} == {c: len(s) for c, s in sums.items()}
    for class_id, ious in sums.items():
        assert tally.classes[class_id].boundary_iou == pytest.approx(np.mean(ious), abs=1e-9)


@given(layered_labels())
def test_statistics_give_the_tallies_of_a_label_with_itself(one: Label):
    counted = count_classes(one)
    assert panoptic_tally_of_counts(counted, KINDS) == panoptic_quality(one, one, KINDS)
    assert semantic_tally_of_counts(counted) == semantic_quality(one, one)
    assert boundary_tally_of_counts(counted) == boundary_quality(one, one)


@given(label_pairs())
def test_a_diff_holds_the_semantic_tally(pair: tuple[Label, Label]):
    flow = diff_labels(*pair, kinds=KINDS).flow
    assert semantic_tally_of_flow(flow) == semantic_quality(*pair)


@given(st.lists(label_pairs(), min_size=2, max_size=3))
def test_shards_add_up_in_any_order(pairs: list[tuple[Label, Label]]):
    sums = {
        (
            json.dumps(
                sum((panoptic_quality(*p, KINDS) for p in order), PanopticTally()).to_dict()
            ),
            json.dumps(sum((semantic_quality(*p) for p in order), SemanticTally()).to_dict()),
            json.dumps(sum((boundary_quality(*p) for p in order), BoundaryTally()).to_dict()),
        )
        for order in permutations(pairs)
    }
    assert len(sums) == 1


@given(label_pairs())
def test_tallies_survive_json(pair: tuple[Label, Label]):
    tallies = panoptic_quality(*pair, KINDS), semantic_quality(*pair), boundary_quality(*pair)
    for tally in tallies:
        assert type(tally).from_dict(json.loads(json.dumps(tally.to_dict()))) == tally


def test_a_tick_is_small():
    third = panoptic_quality(label("111", {1: CAR}), label("11.", {1: CAR}), KINDS)
    error = Fraction(third.classes[CAR].iou_ticks, TICKS) - Fraction(2, 3)
    assert abs(error) <= Fraction(1, 2 * TICKS)


def perturb(ids: np.ndarray, rows: list[Segment], seed: int) -> tuple[np.ndarray, list[Segment]]:
    """A made-up second annotator: moved blocks, merged and invented segments, wrong classes.

    The golden numbers are of these very maps: changing a line here needs new ones.
    """
    random = np.random.RandomState(seed)  # its stream is frozen for good
    height, width = ids.shape
    edited = np.roll(ids, tuple(random.randint(-4, 5, 2)), (0, 1))
    classes = {row.segment_id: row.class_id for row in rows}
    known = np.array(sorted(classes), np.uint32)
    for number in range(12):
        top, left = random.randint(0, height - 40), random.randint(0, width - 40)
        tall, wide = random.randint(10, 40, 2)
        block = (slice(top, top + tall), slice(left, left + wide))
        action = random.randint(0, 4)
        if action == 0:
            edited[block] = 0
        elif action == 1:
            edited[block] = random.choice(known)
        elif action == 2:
            edited[block] = 100 + number
            classes[100 + number] = int(random.choice([row.class_id for row in rows]))
        else:
            merged, into = random.choice(known, 2)
            edited[edited == merged] = into
    for segment_id in random.choice(known, 2, replace=False).tolist():
        classes[segment_id] = int(random.choice([row.class_id for row in rows]))
    present = set(np.unique(edited).tolist()) - {0}
    return edited, [Segment(i, c) for i, c in sorted(classes.items()) if i in present]


@pytest.mark.parametrize("stem", ["000000142238", "000000439180"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_real_labels_have_the_quality_that_panopticapi_says(stem: str, seed: int):
    golden = json.loads(GOLDEN.read_text())["images"][stem][str(seed)]
    ids, rows = real_label(stem, void_block=golden["void_block"], crowds=golden["crowds"])
    edited = label_from_id_map(*perturb(ids, rows, seed))
    tally = panoptic_quality(label_from_id_map(ids, rows), edited, Kinds())
    assert {str(c): list(t[:3]) for c, t in sorted(tally.classes.items())} == {
        c: numbers[:3] for c, numbers in golden["classes"].items()
    }
    for class_id, numbers in golden["classes"].items():
        assert tally.classes[int(class_id)].iou_sum == pytest.approx(numbers[3], abs=1e-8)
    means = [tally.pq, tally.sq, tally.rq]
    assert means == pytest.approx([golden["pq"], golden["sq"], golden["rq"]], abs=1e-9)


def real_label(
    stem: str, *, void_block: list[int], crowds: list[int]
) -> tuple[np.ndarray, list[Segment]]:
    """A label of the COCO sample with a hole of void, and some segments made crowds."""
    folder = real_data("coco_panoptic_sample")
    rgb = np.asarray(Image.open(folder / "panoptic_examples" / f"{stem}.png")).astype(np.uint32)
    ids = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
    top, left, bottom, right = void_block
    ids[top:bottom, left:right] = 0
    annotations = json.loads((folder / "panoptic_examples.json").read_text())["annotations"]
    (one,) = [a for a in annotations if a["file_name"] == f"{stem}.png"]
    present = set(np.unique(ids).tolist())
    rows = [
        Segment(row["id"], row["category_id"], row["id"] in crowds)
        for row in one["segments_info"]
        if row["id"] in present
    ]
    return ids, rows


def _without_hidden(one: Label) -> Label:
    """What the panoptic view shows, as a partition."""
    view = brute_force.view_of(one)
    visible = set(np.unique(view).tolist())
    return label_from_id_map(view, [row for row in one.segments if row.segment_id in visible])


def _only(one: Label, segment_id: int) -> Label:
    view = np.where(brute_force.view_of(one) == segment_id, np.uint32(segment_id), np.uint32(0))
    return label_from_id_map(view, [one.segments.row(segment_id)])
