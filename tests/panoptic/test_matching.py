from hypothesis import given

from panoptic.kinds import Kinds
from panoptic.label import Label
from panoptic.matching import Side, find_pieces, match_segments
from panoptic.overlaps import cut_cells, shared_masks, sum_by_member
from tests.builders import label, stack
from tests.panoptic import brute_force
from tests.panoptic.strategies import STUFF_IDS, label_pairs

SKY = 3
THINGS = Kinds()
SKY_IS_STUFF = Kinds(frozenset({SKY}))


def matched(old: Label, new: Label, kinds: Kinds) -> tuple[dict[int, int], dict[int, int]]:
    """Old id → new id of the pairs, and new id → old id of the pieces."""
    cells = cut_cells(old, new)
    shared = shared_masks(cells)
    old_areas = sum_by_member(cells.old_stacks, cells.pixels, len(old.segments))
    new_areas = sum_by_member(cells.new_stacks, cells.pixels, len(new.segments))
    matching = match_segments(
        Side(old.segments, old_areas), Side(new.segments, new_areas), shared, kinds
    )
    old_ids, new_ids = old.segments.ids.tolist(), new.segments.ids.tolist()
    pieces = find_pieces(old.segments, new.segments, new_areas, cells, shared, matching)
    return (
        {
            old_ids[place]: new_ids[partner]
            for place, partner in enumerate(matching.partners_of_old.tolist())
            if partner >= 0
        },
        {new_ids[piece]: old_ids[whole] for piece, whole in pieces.items()},
    )


def pairs(old: Label, new: Label, kinds: Kinds = THINGS) -> dict[int, int]:
    return matched(old, new, kinds)[0]


def test_the_better_overlap_wins_over_the_same_id():
    old, new = label("1111", {1: 7}), label("2221", {2: 7, 1: 7})
    assert pairs(old, new) == {1: 2}


def test_half_an_overlap_is_not_enough_for_another_class():
    old = label("1111 ....", {1: 7})
    assert pairs(old, label("11.. ....", {1: 8})) == {}
    assert pairs(old, label("111. ....", {1: 8})) == {1: 1}


def test_the_same_id_and_class_is_matched_by_a_single_pixel():
    assert pairs(label("1111..", {1: 7}), label("...111", {1: 7})) == {1: 1}


def test_the_same_id_without_overlap_is_not_matched():
    assert pairs(label("11..", {1: 7}), label("..11", {1: 7})) == {}


def test_stuff_is_matched_by_its_class_even_without_overlap():
    old, new = label("11..", {1: SKY}), label("..22", {2: SKY})
    assert pairs(old, new, SKY_IS_STUFF) == {1: 2}
    assert pairs(old, new, THINGS) == {}


def test_stuff_goes_before_a_better_overlap_with_another_class():
    old, new = label("1111....", {1: SKY}), label("222.1111", {2: 7, 1: SKY})
    assert pairs(old, new, SKY_IS_STUFF) == {1: 1}


def test_parted_stuff_of_several_segments_is_matched_by_id_first():
    old = label("12..", {1: SKY, 2: SKY})
    new = label("..23", {2: SKY, 3: SKY})
    assert pairs(old, new, SKY_IS_STUFF) == {2: 2, 1: 3}


def test_a_small_part_of_the_same_class_is_matched_if_most_of_it_lies_inside():
    old = label("111111", {1: 7})
    assert pairs(old, label("22....", {2: 7})) == {1: 2}
    assert pairs(old, label("22....", {2: 8})) == {}


def test_full_masks_are_matched_not_what_is_visible():
    old = stack("1111", classes={1: 7})
    new = stack("1111", "222.", classes={1: 7, 2: 8})
    assert pairs(old, new) == {1: 1}


def test_a_piece_is_what_the_rest_left_behind():
    old, new = label("111111", {1: 7}), label("111122", {1: 7, 2: 7})
    assert matched(old, new, THINGS) == ({1: 1}, {2: 1})


def test_a_part_of_another_class_is_no_piece():
    old, new = label("111111", {1: 7}), label("111122", {1: 7, 2: 8})
    assert matched(old, new, THINGS) == ({1: 1}, {})


def test_a_segment_that_the_rest_still_covers_is_no_piece():
    old = stack("1111", classes={1: 7})
    new = stack("1111", "22..", classes={1: 7, 2: 7})
    assert matched(old, new, THINGS) == ({1: 1}, {})


@given(label_pairs())
def test_matching_is_the_greedy_choice_among_all_pairs(pair: tuple[Label, Label]):
    assert pairs(*pair, Kinds(STUFF_IDS)) == brute_force.match(*pair, STUFF_IDS)


@given(label_pairs())
def test_pieces_are_those_of_their_pixels(pair: tuple[Label, Label]):
    found, pieces = matched(*pair, Kinds(STUFF_IDS))
    assert pieces == brute_force.pieces_of(*pair, found)


@given(label_pairs())
def test_swapped_labels_are_matched_alike(pair: tuple[Label, Label]):
    old, new = pair
    there, back = pairs(old, new, Kinds(STUFF_IDS)), pairs(new, old, Kinds(STUFF_IDS))
    assert back == {n: o for o, n in there.items()}
