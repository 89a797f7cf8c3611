"""What the classroom says of files and functions that it cannot check: each sentence beside what causes it."""

from __future__ import annotations

import functools
import json
import re
import sys

import numpy as np
import pytest
from handed_in import exercise, notebook

import minimm
from minimm.classroom import solution
from minimm.classroom.child_process import Limits
from minimm.classroom.handed_in import read_handed_in
from minimm.classroom.supervisor import check_file
from minimm.errors import MinimmError
from minimm.specs.watchdog import Watchdog

SOFTMAX = "def softmax(logits, axis=-1):\n    return logits\n"
DEEP = "x = " + "-" * 100_000 + "1\n"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (DEEP, "solution.py is nested too deeply for Python; split what is long into parts"),
        (
            "x = " + "(" * 1000,
            "solution.py, line 1: too many nested parentheses; Python cannot read `x = " + "(" * 56 + "`",
        ),
        ("x = 1\x00", "solution.py is not Python: source code string cannot contain null bytes"),
    ],
    ids=["signs", "brackets", "null byte"],
)
def test_of_files_that_are_hardly_python(write, source, sentence):
    with pytest.raises(MinimmError, match=re.escape(sentence)):
        check_file(write(source), "softmax")


def test_of_a_handed_in_file_that_is_hardly_python(write):
    (problem,) = read_handed_in(write(DEEP + SOFTMAX)).problems
    assert re.fullmatch(r"solution\.py is not Python \(.*(deep|recursion|complex).*\); the rest was graded", problem)


@pytest.fixture
def own_imports(monkeypatch):
    """What loading a file changes in this process is put back; else it happens in a child's."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    monkeypatch.delitem(sys.modules, "solution_mine", raising=False)
    yield
    sys.modules.pop("solution_mine", None)


@pytest.mark.usefixtures("own_imports")
@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import sys\nsys.exit('done')\n", "solution.py calls sys.exit while it is loaded; take that out of the file"),
        (
            "import numpy\n\nnumpy.ones(2) @ numpy.ones(3)\n",
            "solution.py, line 3 raises ValueError while it is loaded: matmul",
        ),
        (
            "from helpers import softmax\n",
            "solution.py, line 1 raises ModuleNotFoundError while it is loaded: No module named",
        ),
        (
            "while True:\n    pass\n",
            "solution.py could not be loaded: it did not come back in time and was stopped; keep long work inside functions",
        ),
    ],
    ids=["exits", "wrong shapes", "a file that was not handed in", "endless"],
)
def test_of_files_that_cannot_be_loaded(write, source, sentence):
    watchdog = Watchdog(0.5)
    with pytest.raises(MinimmError, match=re.escape(sentence)), watchdog:
        solution.load(write(source))
    watchdog.close()


@pytest.mark.usefixtures("own_imports")
@pytest.mark.parametrize(
    ("source", "wanted", "sentence"),
    [
        ("x = 1\n", None, "solution.py has no function of the contract; `minimm list-specs` shows their names"),
        (SOFTMAX, "gelu", "solution.py has no function gelu; it defines softmax"),
        (SOFTMAX, "softmaxx", "solution.py has no function softmaxx; did you mean to call softmax so?"),
        ("x = 1\n", "gelu", "solution.py has no function gelu; it defines no function"),
    ],
)
def test_of_files_without_the_function(write, source, wanted, sentence):
    path = write(source)
    with pytest.raises(MinimmError, match=re.escape(sentence)):
        solution.find_functions(solution.load(path), path, ["softmax", "gelu"], wanted)


FORGER = """
import os
for number in range(3, 40):
    try: os.write(number, b'{"number": 1, "functions": "all of them are right"}\\n')
    except OSError: pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the line has no such number there")
def test_of_a_file_that_answers_for_minimm(write):
    with pytest.raises(MinimmError, match=r"solution\.py: it wrote into the line on which its answers travel"):
        check_file(write(FORGER + SOFTMAX), "softmax", limits=Limits(memory_bytes=2**30))


def test_of_a_name_without_a_file(refused):
    said = refused("check", "softmax")
    assert "which file? Write `minimm check softmax FILE.py`, or `minimm check FILE.py` for all in it" in said


def test_of_a_function_without_a_name():
    with pytest.raises(
        MinimmError, match=r"this function has no name; say which one it should be: check\(function, 'sof"
    ):
        minimm.check(functools.partial(np.linalg.norm, axis=-1))


def test_of_a_lesson_in_which_a_solution_begins_twice(tmp_path, refused, write):
    source = (
        "def gelu(x):\n    ### BEGIN SOLUTION\n    y = x\n    ### BEGIN SOLUTION\n    return y\n    ### END SOLUTION\n"
    )
    lesson = json.loads(notebook(source))
    lesson["cells"][-1]["metadata"] = exercise("gelu")
    write(json.dumps(lesson), "04_attention.ipynb")
    said = refused("release", "--lessons", "04", "--from", tmp_path, "--out", tmp_path / "out")
    assert "04_attention.ipynb, cell 1: a second '### BEGIN SOLUTION' before '### END SOLUTION'" in said
