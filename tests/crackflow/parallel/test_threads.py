import threading

import cv2
import pytest

from crackflow.parallel.engine import AHEAD, fan_out
from crackflow.parallel.threads import Threads


def test_results_keep_the_order_of_the_items():
    assert list(fan_out(Threads(), lambda number: number * number, range(100))) == [
        number * number for number in range(100)
    ]


def test_only_a_few_items_are_taken_ahead():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = fan_out(Threads(2), lambda number: number, items())
    assert next(results) == 0
    assert len(taken) <= 2 * AHEAD + 1
    results.close()


def test_an_error_is_raised_and_queued_work_dropped():
    done, gate = [], threading.Event()

    def work(number):
        if number == 0:
            raise ValueError("broken")
        gate.wait(5)
        done.append(number)

    with pytest.raises(ValueError, match="broken"):
        next(fan_out(Threads(1), work, range(50)))
    gate.set()
    assert len(done) <= 1


def test_opencv_gets_its_threads_back():
    before = cv2.getNumThreads()
    inside = list(fan_out(Threads(), lambda _: cv2.getNumThreads(), range(3)))
    assert inside == [1, 1, 1]
    assert cv2.getNumThreads() == before
