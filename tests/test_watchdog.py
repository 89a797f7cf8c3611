"""Time limits are fair: they stop what hangs, and no right code because a machine is busy."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from minimm.specs.watchdog import FairClock, TookTooLong, Watchdog

counted = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="Linux alone counts waiting")
BUSY = [sys.executable, "-c", "while True: pass"]


def compute(seconds):
    """Use that much of the processor."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_sleeping_counts():
    clock = FairClock(thread=threading.get_native_id())
    before = clock.now()
    time.sleep(0.2)
    assert clock.now() - before > 0.19
    clock.close()


@counted
def test_waiting_for_a_busy_processor_does_not():
    allowed = os.sched_getaffinity(0)
    clock = FairClock(thread=threading.get_native_id())
    os.sched_setaffinity(0, {min(allowed)})
    others = [subprocess.Popen(BUSY) for _ in range(3)]  # on the same core
    try:
        started, before = time.monotonic(), clock.now()
        compute(0.5)
        passed, fair = time.monotonic() - started, clock.now() - before
    finally:
        os.sched_setaffinity(0, allowed)
        for other in others:
            other.kill()
            other.wait()
        clock.close()
    assert passed > 1.0 and 0.45 < fair < 0.8 * passed


@counted
def test_what_a_process_had_waited_is_not_forgotten_when_it_ends():
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    process, other = subprocess.Popen(BUSY), subprocess.Popen(BUSY)
    os.sched_setaffinity(0, allowed)
    clock = FairClock(process.pid)
    try:
        time.sleep(0.6)  # both want one core, so either has waited by now
        before, started = clock.now(), time.monotonic()
        assert started - before > 0.1
    finally:
        for one in (process, other):
            one.kill()
            one.wait()
    passed = time.monotonic() - started
    assert clock.now() - before <= passed + 0.1
    clock.close()


@pytest.mark.parametrize("hang", [lambda: time.sleep(0.02), lambda: None], ids=["sleeping", "computing"])
def test_a_call_that_hangs_is_interrupted_even_where_it_swallows_errors(hang):
    watchdog, caught = Watchdog(0.2), 0
    try:
        with pytest.raises(TookTooLong), watchdog:
            while True:
                try:
                    while True:
                        hang()
                except TookTooLong:
                    caught += 1
                    if caught == 2:
                        raise
    finally:
        watchdog.close()
    with watchdog:  # and nothing is thrown any more
        time.sleep(0.3)
