"""A corpus that does not fit: a gigabyte is read, its vocabulary learnt and its ids found in two gigabytes of memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

GIGABYTE = 2**30
LEARN = """
import resource, sys
from pathlib import Path
from minimm.tasks.text.text_generator import TextGenerator

task = TextGenerator("tiny", device="cpu", max_seconds=1000).fit(Path(sys.argv[1]), max_steps=3)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, task.tokenizer.vocab_size, len(task.validation_text))
"""


def write_text_of_rare_words(path: Path, size: int) -> None:
    """Lines of some twelve words, their counts falling as 1 / rank (Zipf, 1949), half a million different ones and more."""
    random = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfwypvbgkqjxz"))
    words = np.array(["".join(letters[random.integers(0, 26, length)]) for length in random.integers(1, 12, 600_000)])
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            ranks = np.minimum(random.zipf(1.1, 1_200_000), 2**40) % len(words)
            file.writelines(" ".join(line) + "\n" for line in words[ranks].reshape(-1, 12))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the resource module is of Unix")
def test_a_gigabyte_of_text_is_learnt_from_in_two_of_memory(tmp_path):
    write_text_of_rare_words(tmp_path / "large.txt", GIGABYTE)
    told = subprocess.run(
        [sys.executable, "-c", LEARN, str(tmp_path / "large.txt")], capture_output=True, text=True, check=True
    )
    most, vocab_size, validation = map(int, told.stdout.splitlines()[-1].split())
    assert most < 2 * GIGABYTE
    assert vocab_size == 512 and validation >= GIGABYTE // 10
