"""`minimm release`: students' notebooks without solutions and outputs, and nothing released that gives one away."""

import json

import pytest
from command_line import run
from handed_in import exercise, hand_in, notebook
from hypothesis import given
from hypothesis import strategies as st

from minimm.classroom.release import stripped

STUB = "def gelu(x):\n    raise NotImplementedError\n"
SOLVED = "def gelu(x):\n    ### BEGIN SOLUTION\n    return secret(x)\n    ### END SOLUTION\n"


def a_lesson(folder, *sources, name="04_attention.ipynb", **metadata):
    lesson = json.loads(notebook(*sources, **metadata))
    lesson["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "source": ["![seen](figures/seen.png)"]})
    for cell in lesson["cells"][1:]:
        cell["outputs"] = [{"output_type": "stream", "text": ["secret"]}]
        cell["execution_count"] = 7
    hand_in(folder, "figures", b"picture", "seen.png")
    return hand_in(folder, ".", json.dumps(lesson), name)


def released(folder, name="04_attention.ipynb"):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_solutions_and_outputs_are_stripped_and_the_rest_stays(tmp_path, capsys):
    check = {"tags": ["check"], "nbgrader": {"grade": True, "locked": True, "points": 1, "grade_id": "check-gelu"}}
    cells = ["import numpy", SOLVED, "minimm.check(gelu)", "secret = 1", "more = 2"]
    tags = {"cell3": {"tags": ["solution"]}, "cell4": {"tags": ["extra"]}}
    a_lesson(tmp_path / "lessons", *cells, cell1=exercise("gelu"), cell2=check, **tags)
    assert run("release", "--lessons", "04", "--from", tmp_path / "lessons", "--out", tmp_path / "out") == 0
    assert "04_attention.ipynb: gelu" in capsys.readouterr().out
    text = (tmp_path / "out" / "04_attention.ipynb").read_text(encoding="utf-8")
    assert "secret" not in text and "more" not in text
    code = released(tmp_path / "out")["cells"][1:]
    assert [cell["outputs"] for cell in code] == [[]] * 3 and [cell["execution_count"] for cell in code] == [None] * 3
    assert code[1]["source"] == "def gelu(x):\n    raise NotImplementedError  # your code here\n"
    assert code[1]["metadata"] == exercise("gelu") and code[2]["metadata"] == check
    assert code[0]["source"] == "import numpy" and code[2]["source"] == "minimm.check(gelu).points"
    assert (tmp_path / "out" / "figures" / "seen.png").read_bytes() == b"picture"

    assert run("release", "--lessons", "04", "--from", tmp_path / "lessons", "--out", tmp_path / "all", "--extra") == 0
    assert "more = 2" in (tmp_path / "all" / "04_attention.ipynb").read_text(encoding="utf-8")


def test_releasing_again_is_nothing_new_and_nobodys_work_is_overwritten(tmp_path, refused):
    a_lesson(tmp_path / "lessons", STUB, cell0=exercise("gelu"))
    command = ("release", "--lessons", "04", "--from", tmp_path / "lessons", "--out", tmp_path / "out")
    assert run(*command) == 0 and run(*command) == 0
    hand_in(tmp_path, "out", notebook("my work"), "04_attention.ipynb")
    assert "may be somebody's work" in refused(*command)
    assert "my work" in (tmp_path / "out" / "04_attention.ipynb").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def gelu(x):\n    return x\n", "the exercise gelu is filled in"),
        ("def gelu(x):\n    ### BEGIN SOLUTION\n    return x\n", "without '### END SOLUTION'"),
        ("def gelu(x):\n    ### END SOLUTION\n    pass\n", "without '### BEGIN SOLUTION'"),
        ("def gelu(x:\n", "is not Python"),
        ("def gelu(x):\n    return '\ud800'\n", "is not Python"),  # half of a character, which JSON can hold
    ],
)
def test_what_would_give_a_solution_away_is_not_released(tmp_path, refused, source, sentence):
    a_lesson(tmp_path / "lessons", STUB, name="03_first.ipynb", cell0=exercise("gelu"))
    a_lesson(tmp_path / "lessons", source, cell0=exercise("gelu"))
    error = refused("release", "--lessons", "03,04", "--from", tmp_path / "lessons", "--out", tmp_path / "out")
    assert sentence in error and "04_attention.ipynb" in error and not (tmp_path / "out").exists()


def test_bad_input_ends_in_one_sentence(tmp_path, refused):
    a_lesson(tmp_path / "lessons", STUB)
    hand_in(tmp_path, "lessons", "[]", "05_list.ipynb")
    rest = ("--from", tmp_path / "lessons", "--out", tmp_path / "out")
    assert "no lesson '77'" in refused("release", "--lessons", "04,77", *rest)
    assert "there are 04, 05" in refused("release", "--lessons", "../04", *rest)
    assert "is no notebook" in refused("release", "--lessons", "05", *rest)
    assert "which lessons?" in refused("release", "--lessons", ",", *rest)
    assert "no folder of lessons" in refused(
        "release", "--lessons", "04", "--from", tmp_path / "absent", "--out", tmp_path
    )


lines = st.lists(st.sampled_from(["x = 1", "    y = 2", "", "### not a mark"]), max_size=4)


@given(lines, lines, lines)
def test_between_the_marks_everything_goes_and_outside_nothing_does(before, solution, after):
    marked = [*before, "### BEGIN SOLUTION", *(f"secret {line}" for line in solution), "### END SOLUTION", *after]
    given_notebook = json.loads(notebook("\n".join(marked)))
    (cell,) = stripped(given_notebook, "a.ipynb", extra=False)["cells"]
    assert cell["source"].split("\n") == [*before, "raise NotImplementedError  # your code here", *after]
    assert given_notebook == json.loads(notebook("\n".join(marked)))
