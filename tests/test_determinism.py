"""The same seed on the same machine gives the same weights, losses and answers, to the last bit, whatever else a program does.

Each task is trained in two processes that differ in all that must not matter: the order in which Python goes through sets
(PYTHONHASHSEED), what other code has drawn from the global generators, which tasks were trained before.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from all_tasks import TRAINED

from minimm import tasks
from minimm.fairness.studies import study
from minimm.features import speech_synthesis
from minimm.runs import bias

PROGRAM = Path(__file__).with_name("all_tasks.py")
Digests = dict[str, str]


def digests(hash_seed: int, *options: str) -> Digests:
    """By task, in a new process."""
    threads = options[options.index("--threads") + 1] if "--threads" in options else "1"
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "OMP_NUM_THREADS": threads}
    done = subprocess.run([sys.executable, PROGRAM, *options], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def twice() -> tuple[Digests, Digests]:
    return digests(1), digests(2, "--backwards")


@pytest.mark.parametrize("name", TRAINED)
def test_two_processes_train_the_same_and_say_the_same(twice, name):
    first, second = twice
    assert first[name] == second[name]


def test_every_task_is_trained_here():
    assert set(tasks.__all__) == set(TRAINED)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [2, 3])
def test_so_it_is_with_several_threads(threads):
    """With as many: sums of another number of parts are rounded otherwise."""
    first, second = digests(3, "--threads", str(threads)), digests(4, "--backwards", "--threads", str(threads))
    assert [name for name in TRAINED if first[name] != second[name]] == []


def test_texts_that_are_spoken_by_several_workers_stay_in_their_order(monkeypatch):
    """Whichever is done first."""
    monkeypatch.setattr(speech_synthesis, "speak", lambda text, voice, rate: (text, voice, rate))
    texts = [(str(i), i) for i in range(40)]
    assert speech_synthesis.speak_all(texts, 8000) == [(*pair, 8000) for pair in texts]


@pytest.mark.slow
def test_remedies_against_bias_find_the_same_in_one_process_and_in_two_at_once():
    case = ("speech", study("speech").remedies[0].name, 1)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = [bias._run(*case), *pool.map(bias._run, *zip(case, case, strict=True))]
    scores = [{name: value for name, value in scores.items() if name != "seconds"} for _, scores in found]
    assert scores[1:] == scores[:1] * 2
