"""Functions that workers in other processes find by name."""

import os
import signal
import time
from pathlib import Path


def square(number):
    return number * number


def refuse_three(number):
    if number == 3:
        raise ValueError("three")
    return number


def kill_at(bad, number):
    """End its own process at one item, as a decoder does that reads past its memory."""
    if number == bad:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def kill_once(marker, number):
    """End its own process the first time that it meets the item 5; write each call down."""
    if number == 5 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def slow_first(number):
    time.sleep(0.5 if number == 0 else 0)
    return number


def process(_):
    return os.getpid()


def short_sleep(number):
    time.sleep(0.02)
    return number
