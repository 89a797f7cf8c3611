"""What errors say can be listed, and found again where it was made; `tests/sentences.py` says which no test has seen."""

import subprocess
import sys

from sentences import ROOT, all_sentences, never_made


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
    made = set(all_sentences()) - set(never_made(seen))
    assert {sentence.file for sentence in made} == {"minimm/layers/masks.py", "minimm/layers/multi_head_attention.py"}
    assert len(made) == 2
