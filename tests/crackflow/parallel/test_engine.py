import functools
import os
import time

import pytest

from crackflow.parallel.engine import AHEAD, ShardError, WorkerTimes, fan_out
from tests.crackflow.parallel import engine_work


def test_results_come_in_the_order_of_the_items(engine):
    assert list(fan_out(engine, engine_work.slow_first, range(50))) == list(range(50))


def test_nothing_to_do_gives_nothing(engine):
    assert list(fan_out(engine, engine_work.square, [])) == []


def test_what_the_function_raises_is_raised(engine):
    with pytest.raises(ValueError, match="three"):
        list(fan_out(engine, engine_work.refuse_three, range(50)))
    assert list(fan_out(engine, engine_work.square, [4])) == [16]


def test_only_a_few_shards_are_taken_ahead(engine):
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = fan_out(engine, engine_work.square, items())
    assert next(results) == 0
    # of three items, on two workers
    assert len(taken) <= (2 * AHEAD + 2) * 3
    results.close()


def test_each_workers_time_is_known(engine):
    times = WorkerTimes()
    workers = set(fan_out(engine, engine_work.process, range(30), times=times))
    rows = times.rows()
    assert 10 <= sum(row["shards"] for row in rows) <= 30
    assert {int(row["worker"].rpartition(":")[2]) for row in rows} == workers
    assert [row["seconds"] for row in rows] == sorted((row["seconds"] for row in rows), reverse=True)


@pytest.mark.parametrize("name", ["processes", "dask"])
def test_an_item_that_kills_its_workers_is_named_and_all_others_are_done(new_engine, name):
    given = []
    # the twentieth is one of three in a shard
    with pytest.raises(ShardError, match=r"no worker lived through 20 \(.* died.*\); all others are done"):  # noqa: PT012
        for one in fan_out(new_engine(name), functools.partial(engine_work.kill_at, 20), range(40)):
            given.append(one)  # noqa: PERF402 extend would lose what came before the error
    assert given == [*range(20), *range(21, 40)]


def test_an_item_whose_workers_die_gets_the_result_that_the_caller_has_for_it(new_engine):
    work, lost = functools.partial(engine_work.kill_at, 4), "{}: {}".format
    found = fan_out(new_engine("processes"), work, range(6), lost=lost)
    assert list(found) == [0, 1, 2, 3, "4: the process died 3 times", 5]


@pytest.mark.parametrize("name", ["processes", "dask"])
def test_a_worker_that_dies_costs_nothing_but_its_shards(new_engine, name, tmp_path):
    work = functools.partial(engine_work.kill_once, str(tmp_path / "died"))
    assert list(fan_out(new_engine(name), work, range(60))) == list(range(60))
    assert (tmp_path / "died").exists()


def test_processes_are_others_than_this_one(engine):
    workers = set(fan_out(engine, engine_work.process, range(30)))
    assert (os.getpid() in workers) == (type(engine).__name__ == "Threads")


@pytest.mark.slow
def test_a_process_that_dies_while_the_caller_is_busy_costs_nothing_but_its_shard(new_engine):
    given = []
    with pytest.raises(ShardError, match="no worker lived through 4 "):  # noqa: PT012
        for one in fan_out(new_engine("processes"), functools.partial(engine_work.kill_at, 4), range(60)):
            given.append(one)
            time.sleep(0.02)
    assert given == [0, 1, 2, 3, *range(5, 60)]


def test_shards_of_what_takes_long_are_small_and_those_of_what_is_quick_grow(engine):
    def shards(seconds, items):
        times = WorkerTimes()
        list(fan_out(engine, time.sleep, [seconds] * items, times=times))
        return sum(row["shards"] for row in times.rows())

    assert shards(0.4, 6) == 6
    # of three items, but for those that are handed out first
    assert 20 <= shards(0.0, 60) < 50
