"""What errors say is listed, each sentence with a test whose input causes it: `tests/every_sentence.tsv`."""

import ast
import subprocess
import sys
from functools import lru_cache

from sentences import ROOT, all_sentences, listed, seen_in


def test_there_are_sentences_in_every_room_that_takes_input():
    rooms = {sentence.room for sentence in all_sentences()}
    assert rooms >= {
        "layers",
        "models",
        "training",
        "tokenizers",
        "datasets",
        "tasks",
        "classroom",
        "files",
        "generation",
    }


def test_what_made_an_error_is_written_down(tmp_path):
    seen = tmp_path / "seen.txt"
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "import pathlib, sentences\n"
        f"sentences.record(pathlib.Path({str(seen)!r}))\n"
        "from minimm.layers.masks import causal_mask\n"
        "from minimm.layers.multi_head_attention import SelfAttention\n"
        "for wrong in (lambda: causal_mask(3, 2), lambda: SelfAttention(10, 4)):\n"
        "    try: wrong()\n"
        "    except ValueError: pass\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    made = seen_in(seen)
    assert {sentence.file for sentence in made} == {"minimm/layers/masks.py", "minimm/layers/multi_head_attention.py"}
    assert len(made) == 2


@lru_cache
def functions_in(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_sentence_is_listed_with_a_test_that_causes_it():
    tests = listed()
    missing = [one for one in all_sentences() if (one.file, one.words) not in tests]
    assert missing == [], "write a test that causes it, then see tests/sentences.py"
    named = [test.split("::") for test in set(tests.values())]  # file, class if there is one, function
    assert [test for test in named if test[-1] not in functions_in(test[0])] == []
