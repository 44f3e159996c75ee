"""Two sides are run in turn, and a ratio above 1 says that ours is quicker."""

import time

from benchmarks.timing import duel, measure


def test_sides_take_turns_after_a_round_that_is_not_counted():
    calls = []
    duel(lambda: calls.append("ours"), lambda: calls.append("peer"), rounds=2)
    assert calls == ["ours", "peer"] * 3


def test_the_quicker_side_wins():
    found = duel(lambda: None, lambda: time.sleep(0.01), rounds=1)
    assert found.ratio > 1


def test_waiting_costs_time_on_the_clock_and_none_of_the_processor():
    cost = measure(lambda: time.sleep(0.05))
    assert cost.wall >= 0.05 > cost.cpu
