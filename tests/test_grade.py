"""`minimm grade`: a class's notebooks and files, right, wrong, broken and hostile, each with the grade it deserves."""

import ast
import csv
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import run
from handed_in import CAUSAL_MASK, HEAD, SOFTMAX, STUB, broken, exercise, hand_in, hostile, notebook, planted_source
from hypothesis import given
from hypothesis import strategies as st
from mutants import softmaxes  # noqa: F401, fills the catalogue
from mutants.catalogue import RIGHT, WRONG

from minimm.classroom.child_process import Limits
from minimm.classroom.grader import Graded, grade_submission, no_grade
from minimm.classroom.handed_in import read_handed_in
from minimm.classroom.needed import needed, source_of, used_names
from minimm.classroom.resemblance import look_at_together, shingles
from minimm.classroom.submissions import find_submissions
from minimm.features.near_duplicates import jaccard

LIMITS = Limits(seconds=60.0, memory_bytes=2**30)
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has fewer limits")


def grade_of(folder, code, name="solution.py", function="causal_mask"):
    """The grade of one file, which is not softmax where that does not matter: causal_mask is the quickest to grade."""
    hand_in(folder, "anna", code, name)
    ((one,), _) = find_submissions(folder)
    student = grade_submission(one, [function], 0, LIMITS)
    return student.grades[0], student


def test_the_command_writes_a_table_pages_and_results(tmp_path, capsys):
    folder = tmp_path / "submitted"
    hand_in(folder, "anna", SOFTMAX + CAUSAL_MASK)
    hand_in(
        folder, "李雷", notebook(SOFTMAX.replace("logits.max(axis=axis, keepdims=True)", "0"), CAUSAL_MASK), "04.ipynb"
    )
    hand_in(folder, "=cmd()", STUB)
    out = tmp_path / "out" / "grades.csv"
    assert run("grade", folder, "--out", out, "--functions", "softmax,causal_mask", "--jobs", "2") == 0
    shown = capsys.readouterr().out
    assert "softmax      1 of 3" in shown and "none is NaN, however large the logits (1 of 3)" in shown

    rows = list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines()))
    table = {(row["student"], row["function"]): row for row in rows}
    assert table["anna", "total"]["points"] == "2.0" and table["anna", "total"]["out_of"] == "2"
    assert table["anna", "softmax"]["status"] == "holds" and table["anna", "softmax"]["what"] == ""
    wrong = table["李雷", "softmax"]
    assert wrong["status"] == "broken" and 0 < float(wrong["points"]) < 1
    assert float(wrong["points"]) == pytest.approx(int(wrong["laws_held"]) / int(wrong["laws"]), abs=1e-4)
    assert (
        table["'=cmd()", "softmax"]["status"] == "not written"
        and table["'=cmd()", "causal_mask"]["status"] == "missing"
    )

    results = json.loads((out.parent / "results.json").read_text(encoding="utf-8"))
    assert [one["student"] for one in results["students"]] == ["=cmd()", "anna", "李雷"]
    assert results["functions"] == ["softmax", "causal_mask"] and results["summary"][1]["passed"] == 2
    pages = sorted(path.name for path in (out.parent / "feedback").iterdir())
    assert pages == ["anna.html", "anna.md", "cmd.html", "cmd.md", "李雷.html", "李雷.md"]


def test_what_a_student_wrote_cannot_become_part_of_a_page(tmp_path):
    folder = tmp_path / "submitted"
    attack = "<script>alert(1)</script>```\\n# a heading"
    hand_in(folder, "<b>eve", f"{HEAD}    raise ValueError({attack!r})\n")
    out = tmp_path / "grades.csv"
    assert run("grade", folder, "--out", out, "--functions", "softmax", "--jobs", "1") == 0
    page = (tmp_path / "feedback" / "b_eve.html").read_text(encoding="utf-8")
    assert "<script" not in page and "<b>eve" not in page and "&lt;script&gt;" in page and "http" not in page
    text = (tmp_path / "feedback" / "b_eve.md").read_text(encoding="utf-8")
    assert "<b>" not in text.split("```")[0] and "````" in text


@pytest.mark.parametrize("expected", [one for one in broken() if one.status != "holds"], ids=lambda one: one.label)
def test_a_file_with_something_amiss_is_graded_as_far_as_possible(tmp_path, expected):
    grade, _ = grade_of(tmp_path, expected.code, function="softmax")
    assert (grade.status, grade.points) == (expected.status, 1.0 if expected.status == "holds" else 0.0)
    assert expected.words in grade.what


SOME = (
    "endless loop",
    "memory bomb",
    "deletes a folder",
    "fork bomb",
    "os._exit",
    "forged answers",
    "patches the checker",
)


@pytest.mark.parametrize("label", SOME)
def test_harm_is_named_and_in_vain(tmp_path, label):
    victim = hand_in(tmp_path / "submitted", "victim", SOFTMAX)
    (one,) = [one for one in hostile(victim) if one.label == label]
    grade, _ = grade_of(tmp_path / "others", one.code, function="softmax")
    assert grade.status == one.status and one.words in grade.what and grade.points < 1
    assert victim.read_text(encoding="utf-8") == SOFTMAX


def test_code_that_no_function_needs_is_not_run_but_seen(tmp_path):
    marker = tmp_path / "marker"
    code = (
        f"import minimm.specs.grading\nopen({str(marker)!r}, 'w')\nminimm.specs.grading.grade = None\n"
        f"import os\nos.system('touch {marker}')\nos._exit(0)\n{CAUSAL_MASK}"
    )
    grade, student = grade_of(tmp_path / "all", code)
    assert grade.status == "holds" and not marker.exists()
    seen = " ".join(student.remarks)
    assert "line 3: changes minimm.specs.grading.grade, in vain" in seen and "os.system starts another process" in seen
    assert "os._exit ends the process" in seen


def test_a_function_that_only_calls_a_librarys_is_pointed_out(tmp_path):
    code = "import numpy.lib as mine\n\ndef causal_mask(length):\n    return mine.causal_mask(length)\n"
    grade, student = grade_of(tmp_path, code)
    assert grade.status == "broken" and "causal_mask calls numpy.lib.causal_mask" in student.remarks[0]


def test_a_cell_that_fails_hides_nothing(tmp_path):
    cells = [
        "%matplotlib inline\nimport numpy as np\n!pip install nothing",
        "1 / 0",
        "%%bash\nrm -rf /",
        "def broken(:\n",
        CAUSAL_MASK,
        "softmax?",
    ]
    grade, student = grade_of(tmp_path, notebook(*cells), "lesson.ipynb")
    assert grade.status == "holds"
    assert [problem for problem in student.problems if "code cell 4, line 1 is not Python" in problem]


def test_the_marked_cell_is_the_exercise_whatever_comes_behind_it(tmp_path):
    later = "def causal_mask(length):\n    return 'broken on purpose'\n"
    shadow = "from minimm.first_principles.masks import causal_mask\n"
    code = notebook(CAUSAL_MASK, later, shadow, cell0=exercise("causal_mask"))
    assert grade_of(tmp_path, code, "lesson.ipynb")[0].status == "holds"


def test_a_line_of_a_notebook_is_named_by_its_cell(tmp_path):
    code = notebook("import numpy as np", "\n\ndef causal_mask(length):\n    raise KeyError('x')\n")
    assert "code cell 2, line 4" in grade_of(tmp_path, code, "lesson.ipynb")[0].what


def test_odd_files_are_read_or_said(tmp_path):
    output = {"output_type": "stream", "text": ["x" * 30_000_000]}
    error = {"output_type": "error", "ename": "ValueError"}
    large = json.loads(notebook(CAUSAL_MASK))
    large["cells"][0]["outputs"] = [output, error]
    for student, content, name in (
        ("large", json.dumps(large), "a.ipynb"),
        ("latin", CAUSAL_MASK.replace("dtype=bool))", "dtype=bool))  # größe").encode("cp1252"), "a.py"),
        ("wide", CAUSAL_MASK.encode("utf-16"), "a.py"),
        ("cut", notebook(CAUSAL_MASK)[:100], "a.ipynb"),
        ("list", "[1, 2]", "a.ipynb"),
        ("null", CAUSAL_MASK + "\n\0", "a.py"),
        ("deep", CAUSAL_MASK + "\nx = " + "-" * 300 + "1", "a.py"),
        ("twice", CAUSAL_MASK, "a.py"),
        ("twice", CAUSAL_MASK, "b.py"),
    ):
        hand_in(tmp_path, student, content, name)
    (tmp_path / "empty").mkdir()
    students = {one.student: grade_submission(one, ["causal_mask"], 0, LIMITS) for one in find_submissions(tmp_path)[0]}
    said = {name: " ".join(one.problems) for name, one in students.items()}
    status = {name: one.grades[0].status for name, one in students.items()}
    assert status == {name: "missing" if name in ("cut", "list", "empty") else "holds" for name in status}
    assert "30 MB" in said["large"] and "errors in its outputs: cell 1 with ValueError" in said["large"]
    assert "not UTF-8 text and was read as cp1252" in said["latin"] and "utf-16" in said["wide"]
    assert "not readable JSON" in said["cut"] and "no notebook" in said["list"] and "no notebook" in said["empty"]
    assert "is not Python" in said["null"] and "deep" in said["deep"] and "defined in a.py and b.py" in said["twice"]


def test_names_that_differ_in_case_alone_and_links_that_lead_out(tmp_path):
    folder = tmp_path / "submitted"
    secret = tmp_path / "secret.py"
    secret.write_text(SOFTMAX, encoding="utf-8")
    hand_in(folder, "Anna", CAUSAL_MASK)
    hand_in(folder, "anna", CAUSAL_MASK)
    if len(list(folder.iterdir())) < 2:
        pytest.skip("this file system does not tell Anna from anna")
    (folder / "anna" / "link.py").symlink_to(secret)
    (folder / "anna" / "circle.py").symlink_to(folder / "anna" / "circle.py")
    (folder / "bob").symlink_to(folder / "anna")
    hand_in(folder, ".", SOFTMAX, "stray.py")
    submissions, problems = find_submissions(folder)
    assert [one.page for one in submissions] == ["anna", "anna-2"]
    said = " ".join([*problems, *submissions[1].problems])
    assert "bear one name" in said and "link.py leads out of the folder" in said and "circle.py leads out" in said
    assert "bob is a link" in said and "stray.py lies beside" in said
    assert submissions[1].files == [folder / "anna" / "solution.py"]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no endless file here")
def test_an_endless_file_is_not_begun(tmp_path):
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    assert read_handed_in(tmp_path / "zero.py").problems == ["zero.py is a folder or a device and was not read"]
    assert "folder" in read_handed_in(tmp_path).problems[0]


def test_cells_that_only_use_the_same_names_are_not_run(tmp_path):
    """A lesson trains on a `logits` of its own, and asserts what a function under limits cannot give."""
    training = "logits = [open(__file__)]\nfor axis in logits:\n    assert False\nrow = undefined"
    wanted = SOFTMAX.replace("def softmax", "def helper(row):\n    return row\n\n\ndef softmax")
    path = hand_in(tmp_path, "anna", notebook(training, wanted), "14.ipynb")
    file = read_handed_in(path)
    (function,) = [one for one in file.statements if getattr(one.tree, "name", "") == "softmax"]
    assert used_names(function.tree) == {"np"}
    assert len(needed(file, "softmax")) == 2  # the import and the function
    assert grade_of(tmp_path, notebook(training, SOFTMAX), "14.ipynb", function="softmax")[0].status == "holds"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(x, y=size):\n    z = x + len(x)\n    return [g(a, z) for a in z]", {"size", "len", "g"}),
        ("def f(x):\n    global seen\n    seen = x\n    return seen", {"seen"}),
        ("def f(x):\n    def inner():\n        return x + other\n    return inner", {"other"}),
        (
            "class A(Base):\n    size = width\n\n    def f(self):\n        return self.size * depth",
            {"Base", "width", "depth"},
        ),
        ("f = lambda text: text @ weights", {"weights"}),
        ("if data:\n    total = sum(row for row in data)", {"data", "sum"}),
        ("return x + y", {"x", "y"}),
        ("@decorated\ndef f(x: Array) -> Other:\n    return x", {"decorated", "Array", "Other"}),
    ],
)
def test_names_are_those_that_come_from_around_a_statement(source, names):
    assert used_names(ast.parse(source).body[0]) - {"total"} == names


def test_nbgraders_layout_is_understood(tmp_path):
    hand_in(tmp_path / "submitted", "anna", notebook(SOFTMAX), "lesson04/04.ipynb")
    hand_in(tmp_path / "source", "lesson04", notebook(STUB), "04.ipynb")
    (one,), _ = find_submissions(tmp_path)
    assert one.student == "anna" and [path.name for path in one.files] == ["04.ipynb"]


def test_bad_input_ends_in_one_sentence(tmp_path, refused):
    hand_in(tmp_path / "class", "anna", "x = 1\n")
    (tmp_path / "none").mkdir()
    grades = tmp_path / "grades.csv"
    assert "there is no folder" in refused("grade", tmp_path / "absent", "--out", grades)
    assert "has no folder in it" in refused("grade", tmp_path / "none", "--out", grades)
    assert "is a file" in refused("grade", hand_in(tmp_path, "x", ""), "--out", grades)
    assert "did you mean softmax" in refused("grade", tmp_path / "class", "--functions", "sofmax", "--out", grades)
    assert "no function is defined by half" in refused("grade", tmp_path / "class", "--jobs", "1", "--out", grades)
    assert "ends in .csv" in refused("grade", tmp_path / "class", "--out", tmp_path / "grades.txt")
    assert "lies among the submissions" in refused(
        "grade", tmp_path / "class", "--out", tmp_path / "class" / "grades.csv"
    )


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_file_is_read_without_an_exception(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("any")
    for name in ("a.py", "a.ipynb"):
        path = hand_in(
            folder, "anna", content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"), name
        )
        read_handed_in(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cells", "cell_type", "source", "metadata", "tags", "nbgrader", "outputs"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(
    st.lists(
        json_values
        | st.fixed_dictionaries({"cell_type": st.just("code"), "source": json_values, "metadata": json_values})
    )
)
def test_any_json_is_read_without_an_exception(tmp_path_factory, cells):
    path = hand_in(tmp_path_factory.mktemp("any"), "anna", json.dumps({"cells": cells}), "a.ipynb")
    read_handed_in(path)


def test_only_what_a_function_needs_is_kept_with_its_lines(tmp_path):
    lines = [
        "import numpy as np",
        "import os",
        "table = {}",
        "table[1] = np.e",
        "other = os",
        "def helper(x):",
        "    return table[x]",
    ]
    lines += ["def gelu(x):", "    return helper(x)", "print(gelu(1))"]
    file = read_handed_in(hand_in(tmp_path, "anna", "\n".join(lines)))
    kept = source_of(file, needed(file, "gelu")).rstrip().split("\n")
    assert kept == ["" if line in ("import os", "other = os") else line for line in lines[:-1]]


LONG = """
import numpy as np

def softmax(logits, axis=-1):
    biggest = logits.max(axis=axis, keepdims=True)
    shifted = logits - biggest
    powers = np.exp(shifted)
    if powers.ndim == 0:
        return powers / powers
    total = np.add.reduce(powers, axis=axis)
    total = np.expand_dims(total, axis)
    return np.divide(powers, total)
"""


def written(**codes):
    """Students by name, with their code for softmax, not graded."""
    return [Graded(name, name, [replace(no_grade("softmax", ""), code=code)]) for name, code in codes.items()]


def test_renaming_variables_hides_no_copy_and_a_right_answer_is_no_copy():
    copied = LONG.replace("biggest", "m").replace("shifted", "z").replace("powers", "e").replace("total", "s")
    copied = copied.replace("    m =", "    # all my own work\n    m =")
    assert jaccard(shingles(LONG), shingles(copied)) == 1.0
    students = written(anna=LONG, bert=copied, cleo=planted_source(RIGHT[0]), dora=SOFTMAX)
    (alike,) = look_at_together(students)
    assert alike.students == ["anna", "bert"] and alike.function == "softmax" and alike.resemblance == 1.0


def test_what_everybody_was_given_makes_nobody_alike():
    assert look_at_together(written(**{f"student{number}": LONG for number in range(5)})) == []
    assert look_at_together(written(anna=STUB, bert=STUB)) == []


@pytest.mark.slow
def test_sixty_submissions_get_the_grades_they_deserve_and_leave_the_machine_as_it_was(tmp_path, capsys):
    """Prints how long it took; the promise is ten minutes on two cores."""
    folder = tmp_path / "submitted"
    victim = hand_in(tmp_path / "precious", "folder", "whole", "victim.txt")
    plants = [(one.label, one) for one in [one for one in RIGHT if one.name == "softmax"][:8]]
    wrong = [one for one in WRONG if one.name == "softmax"]
    expected = {f"right {label}": ("holds", "") for label, _ in plants} | {
        f"wrong {one.label}": ("broken", "") for one in wrong
    }
    for prefix, planted in [*(("right", one) for _, one in plants), *(("wrong", one) for one in wrong)]:
        hand_in(folder, f"{prefix} {planted.label}", planted_source(planted))
    for one in [*broken(), *hostile(victim)]:
        expected[one.label] = (one.status, one.words)
        hand_in(folder, one.label, one.code)
    number = 0
    while len(expected) < 60:
        expected[f"plain {number}"] = ("holds", "")
        hand_in(folder, f"plain {number}", notebook(SOFTMAX), "04.ipynb")
        number += 1
    for student in expected:
        hand_in(folder, student, CAUSAL_MASK, "mask.py")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    temporary = set(Path(tempfile.gettempdir()).iterdir())
    started = time.monotonic()
    out = tmp_path / "out" / "grades.csv"
    options = ("--functions", "softmax,causal_mask", "--jobs", "2", "--max-memory", "0.5")
    assert run("grade", folder, "--out", out, *options) == 0
    seconds = time.monotonic() - started
    with capsys.disabled():
        print(f"\n{len(expected)} submissions of two functions in {seconds:.0f} s")

    results = json.loads((out.parent / "results.json").read_text(encoding="utf-8"))
    wrongly = []
    for student in results["students"]:
        softmax, mask = student["functions"]
        status, words = expected[student["student"]]
        if softmax["status"] != status or words not in softmax["what"] or mask["status"] != "holds":
            wrongly.append(
                f"{student['student']}: {softmax['status']}, {softmax['what']}; {mask['status']}, {mask['what']}"
            )
    assert not wrongly, "\n".join(wrongly)
    assert len(results["students"]) == len(expected) >= 60 and seconds < 600
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert victim.read_text(encoding="utf-8") == "whole" and set(Path(tempfile.gettempdir()).iterdir()) <= temporary
    processes = [path / "cmdline" for path in Path("/proc").glob("[0-9]*")]
    assert not any("minimm.classroom.child" in path.read_text(errors="replace") for path in processes if path.exists())
