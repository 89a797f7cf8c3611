"""`minimm progress`: which exercises of a folder are solved, which are begun, and which is next."""

from command_line import run
from handed_in import CAUSAL_MASK, exercise, hand_in, notebook

from minimm.specs.registry import spec_of

STUB = "def {name}:\n    raise NotImplementedError\n"
BEGUN = "import numpy as np\n\ndef causal_mask(length):\n    return np.ones((length, length), dtype=bool)\n"


def rows_of(text):
    return [line.split() for line in text.splitlines() if line.startswith(("solved", "begun", "next", "to do"))]


def test_every_exercise_has_a_state_and_the_first_that_is_to_do_is_next(tmp_path, capsys):
    cells = [
        CAUSAL_MASK,
        STUB.format(name="softmax(logits, axis=-1)"),
        "def gelu(x):\n    return 'an example'\n",
        "1 / 0",
    ]
    marked = {"cell0": exercise("causal_mask"), "cell1": exercise("softmax")}
    hand_in(tmp_path, ".", notebook(*cells, **marked), "04_attention.ipynb")
    hand_in(tmp_path, ".", STUB.format(name="edit_distance(a, b)"), "words.py")
    assert run("progress", tmp_path) == 0
    shown = capsys.readouterr().out
    assert [row[:3] for row in rows_of(shown)] == [
        ["next", "softmax", "04_attention.ipynb"],
        ["solved", "causal_mask", "04_attention.ipynb"],
        ["to", "do", "edit_distance"],
    ]
    assert "lesson 04, attention" in shown and "1 of 3 solved" in shown and "gelu" not in shown


def test_the_law_that_is_still_broken_is_shown(tmp_path, capsys):
    hand_in(tmp_path, ".", BEGUN, "mine.py")
    hand_in(tmp_path, ".", "{", "cut.ipynb")
    assert run("progress", tmp_path) == 0
    shown = capsys.readouterr().out
    ((state, function, *_),) = rows_of(shown)
    assert (state, function) == ("begun", "causal_mask") and "0 of 1 solved; `minimm.check(causal_mask)`" in shown
    assert any(law.words in shown for law in spec_of("causal_mask").laws())
    assert "cut.ipynb is not readable JSON" in shown


def test_what_could_not_be_tried_says_why(tmp_path, capsys):
    hand_in(tmp_path, ".", "size = undefined\n\ndef causal_mask(length):\n    return size\n", "mine.py")
    assert run("progress", tmp_path) == 0
    assert (
        "causal_mask can be loaded" in (shown := capsys.readouterr().out) and "name 'undefined' is not defined" in shown
    )


def test_bad_input_ends_in_one_sentence(tmp_path, refused):
    assert "there is no folder" in refused("progress", tmp_path / "absent")
    assert "minimm release --lessons 04" in refused("progress", tmp_path)
