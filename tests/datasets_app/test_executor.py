import os
import time

import pytest

from datasets_app.jobs.executor import map_shards
from panoptic import parallel


@pytest.fixture
def two_workers(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start two processes at once, however short the work is."""
    settings.TESSERA_WORKERS = 2
    monkeypatch.setattr(parallel, "SECONDS_ALONE", 0.0)


def _square(number: int) -> int:
    return number * number


def _slow_if_first(number: int) -> int:
    if number == 0:
        time.sleep(0.3)
    return number


def _process_id(number: int) -> int:
    return os.getpid()


def _refuse_three(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


def test_results_come_in_the_order_of_the_shards(two_workers: None) -> None:

    assert list(map_shards(_slow_if_first, range(10))) == list(range(10))


def test_short_work_starts_no_process(settings) -> None:
    settings.TESSERA_WORKERS = 2

    assert set(map_shards(_process_id, range(9))) == {os.getpid()}


def test_several_shards_run_in_other_processes(two_workers: None) -> None:

    assert os.getpid() not in list(map_shards(_process_id, range(4)))


def test_an_error_is_raised_at_its_shard(two_workers: None) -> None:
    results = map_shards(_refuse_three, range(6))

    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_shards_are_drawn_as_they_are_needed(two_workers: None) -> None:
    drawn = []

    def shards():
        for number in range(100):
            drawn.append(number)
            yield number

    results = map_shards(_square, shards())
    next(results)
    results.close()

    assert len(drawn) < 20


def test_a_dask_cluster_does_the_work_where_one_is_named(two_workers: None, settings) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, processes=False
    ) as cluster:
        settings.DASK_SCHEDULER_ADDRESS = cluster.scheduler_address

        assert list(map_shards(_square, range(6))) == [0, 1, 4, 9, 16, 25]
