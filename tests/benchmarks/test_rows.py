"""When a goal is reached, and what the table and the programs are told."""

from benchmarks.rows import Goal, Row, left_out


def test_a_speed_is_reached_from_its_limit_on():
    assert Goal(20).is_reached(20)
    assert not Goal(20).is_reached(19.9)


def test_a_size_is_reached_up_to_its_limit():
    assert Goal(0.35, at_most=True).is_reached(0.35)
    assert not Goal(0.35, at_most=True).is_reached(0.36)


def test_a_row_that_was_left_out_neither_reaches_nor_misses_its_goal():
    assert left_out("listing/dvc", "there is no dvc").is_reached is None


def test_json_tells_the_goal_in_words_and_whether_it_is_reached():
    row = Row("png", 1, 40, "µs", 40.0, Goal(30)).to_json()
    assert (row["goal"], row["reached"]) == ("≥ 30", True)
