"""`minimm check`: a student's file in a process of its own, whatever it does; and `minimm.check` where it was written."""

import ast
import json
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import minimm
from minimm.classroom.child_process import Limits
from minimm.classroom.solution import read_source
from minimm.classroom.supervisor import check_file
from minimm.cli import app
from minimm.errors import MinimmError

RIGHT = """
import numpy as np

def softmax(logits, axis=-1):
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)
"""
WRONG = """
import numpy as np

def softmax(logits, axis=-1):
    return np.exp(logits) / np.exp(logits).sum(axis=axis, keepdims=True)
"""
QUICK = Limits(seconds=60.0, memory_bytes=2**30)


def run(*arguments):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def test_exit_code_0_when_all_laws_hold_and_1_when_one_is_broken(write):
    done = run("softmax", write(RIGHT))
    assert done.exit_code == 0 and "softmax: all 8 laws hold" in done.output
    done = run("softmax", write(WRONG))
    assert done.exit_code == 1 and "none is NaN, however large the logits" in done.output


def test_json_holds_the_whole_report(write):
    done = run("softmax", write(WRONG), "--json")
    (report,) = json.loads(done.output)
    assert done.exit_code == 1 and report["name"] == "softmax" and report["status"] == "broken"
    assert report["failure"]["hint"] and report["broken"] and report["kept"]


def test_the_same_file_gives_the_same_words(write):
    path = write(WRONG)
    assert run("softmax", path, "--json").output == run("softmax", path, "--json").output


def test_without_a_name_every_function_of_the_contract_is_graded(write):
    source = RIGHT + "\ndef gelu(x):\n    raise NotImplementedError\n\ndef helper(x):\n    return x\n"
    done = run(write(source))
    assert done.exit_code == 1
    assert "softmax: all 8 laws hold" in done.output and "gelu: not written yet" in done.output
    assert "helper" not in done.output


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def softmax(logits, axis=-1:\n    pass\n", "line 1"),
        ("x = 1 / 0\n", "line 1 raises ZeroDivisionError while it is loaded"),
        ("import sys\nsys.exit(0)\n", "calls sys.exit while it is loaded"),
        ("import os\nos._exit(4)\n", "ended the process (exit code 4)"),
        ("def softmacs(logits, axis=-1):\n    return logits\n", "did you mean to call softmacs so?"),
        ("", "it defines no function"),
        ("\x00", "is not Python"),
    ],
)
def test_a_file_that_cannot_be_used_raises_one_sentence(write, source, sentence):
    with pytest.raises(MinimmError, match=".") as error:
        check_file(write(source), "softmax", limits=QUICK)
    assert sentence in str(error.value) and "solution.py" in str(error.value) and "\n" not in str(error.value)


def test_a_path_that_is_no_python_file_raises_one_sentence(tmp_path, write):
    for path, sentence in (
        (tmp_path / "absent.py", "there is no file"),
        (tmp_path, "is a folder"),
        (write("{}", "lesson.ipynb"), "minimm.check(function)"),
        (write("text", "notes.txt"), "not a Python file"),
    ):
        with pytest.raises(MinimmError, match=".") as error:
            check_file(path, "softmax")
        assert sentence in str(error.value)
    with pytest.raises(MinimmError, match="did you mean softmax"):
        check_file(write(RIGHT), "sofmax")
    with pytest.raises(MinimmError, match="no function of the contract"):
        check_file(write("x = 1\n"))


def failure_of(path):
    (report,) = check_file(path, "softmax", limits=QUICK)
    assert not report
    return report.failure


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("open('answers.txt', 'w')", "opens the file 'answers.txt'"),
        ("np.load('answers.npy')", "opens the file 'answers.npy'"),
        ("time.time()", "calls time.time"),
        ("datetime.datetime.now()", "calls datetime.now"),
        ("sys.exit(0)", "called sys.exit"),
        ("os._exit(0 * 3 + 7)", "ended the process (exit code 7)"),
        ("print('x' * 3_000_000)", "printed more than 1,000,000 characters"),
        ("raise KeyError('row')", "raised KeyError: 'row'"),
        ("input()", "raised EOFError"),
        ("softmax(logits)", "raised RecursionError"),
    ],
)
def test_whatever_a_function_does_comes_back_as_a_sentence(write, body, sentence):
    imports = "import datetime, os, sys, time\nimport numpy as np\n"
    source = f"{imports}\ndef softmax(logits, axis=-1):\n    {body}\n    return logits\n"
    assert sentence in failure_of(write(source)).what


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has time limits only")
def test_memory_is_limited(write):
    failure = failure_of(write("def softmax(logits, axis=-1):\n    return bytearray(2**31)\n"))
    assert "memory" in failure.what


def test_a_function_that_ends_the_process_does_not_take_the_others_along(write):
    source = RIGHT + "\nimport os\n\ndef gelu(x):\n    os._exit(1)\n\ndef silu(x):\n    raise NotImplementedError\n"
    statuses = {report.name: report.status for report in check_file(write(source), limits=QUICK)}
    assert statuses == {"softmax": "holds", "gelu": "stopped", "silu": "not written"}


def test_a_process_that_cannot_be_interrupted_is_killed(write):
    source = "import re\n\ndef softmax(logits, axis=-1):\n    return re.match(r'(a+)+$', 'a' * 64 + 'b')\n"
    (report,) = check_file(write(source), "softmax", limits=Limits(seconds=3.0, memory_bytes=2**30))
    assert report.status == "stopped" and "took longer than 3 seconds" in report.failure.what


def test_what_a_file_prints_is_shown_and_does_not_disturb_the_json(write):
    source = RIGHT.replace("    powers = np", "    print('hello', logits.shape)\n    powers = np")
    (report,) = json.loads(run("softmax", write(source), "--json").output)
    assert report["status"] == "holds" and report["printed"].startswith("hello (2, 3)")


def test_files_beside_the_solution_can_be_imported_and_no_cache_is_left(write, tmp_path):
    write("import numpy as np\n\ndef powers(x):\n    return np.exp(x)\n", "helpers_of_mine.py")
    source = RIGHT.replace(
        "import numpy as np\n", "import numpy as np\nfrom helpers_of_mine import powers as exponentials\n"
    )
    assert all(check_file(write(source.replace("np.exp", "exponentials")), "softmax"))
    assert not list(tmp_path.rglob("__pycache__"))


def test_check_in_python_prints_a_report_and_never_raises_for_a_wrong_function(capsys):
    def softmax(logits, axis=-1):
        return np.ones_like(logits)

    checked = minimm.check(softmax)
    assert not checked and "Broken" in capsys.readouterr().out
    assert "broken" in repr(checked)
    assert minimm.check(lambda x: np.maximum(x, 0), "gelu").report.name == "gelu"


def test_check_in_python_explains_what_it_cannot_grade():
    with pytest.raises(MinimmError, match="did you mean softmax"):
        minimm.check(lambda x: x, "sotfmax")
    with pytest.raises(MinimmError, match="without brackets"):
        minimm.check(np.ones(3))


def test_list_specs_shows_every_name_and_the_laws_of_one():
    listed = CliRunner().invoke(app, ["list-specs"]).output
    assert "softmax(logits, axis=-1)" in listed and "mel_filter_bank(" in listed
    shown = CliRunner().invoke(app, ["list-specs", "softmax"]).output
    assert "the weights of each row sum to one" in shown


def test_points_are_the_share_of_laws_that_hold_and_can_be_read_as_a_number():
    def softmax(logits, axis=-1):
        powers = np.exp(logits)  # overflows
        return powers / powers.sum(axis=axis, keepdims=True)

    checked = minimm.check(softmax)
    laws = len(checked.report.kept) + len(checked.report.broken)
    assert 0 < checked.points < 1 and checked.points == pytest.approx(len(checked.report.kept) / laws, abs=1e-4)

    def gelu(x):
        raise NotImplementedError

    assert minimm.check(gelu).points == 0.0 and float(repr(minimm.check(np.tanh, "gelu").points)) < 1


def test_threads_that_parse_at_the_same_time_and_are_told_so_try_again(write, monkeypatch):
    parse, told = ast.parse, []

    def disturbed(source):
        told.append(source)
        if len(told) < 3:
            raise SystemError("AST constructor recursion depth mismatch (before=30, after=65)")
        return parse(source)

    monkeypatch.setattr(ast, "parse", disturbed)
    assert read_source(write(RIGHT)) == RIGHT and told == [RIGHT] * 3
