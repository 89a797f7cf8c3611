"""One language model with four vocabularies, each trained for the same seconds on the same text: which tokens serve best?

    MINIMM_DATA=folder python tests/benchmarks/tokenizers_comparison.py [--seconds 120] [--out results.json]

Losses per token do not compare between vocabularies; bits per byte of the validation text do. Words and WordPiece read what
they do not know as <unk>, which is easy to predict and can never be written back: `unknown` says how many bytes are lost so,
and those bytes are charged at 8 bits each, the price of writing them plainly. WordPiece, as BERT's, also drops capitals, line
breaks and where spaces were: `lossless` is 0 where the text does not come back from its ids, and such a model had less to say
than the others, so its bits per byte are too low to be compared with theirs.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from minimm.datasets.folders import find_folder
from minimm.datasets.text_corpus import read_corpus, split_text
from minimm.files import write_json
from minimm.tasks import TextGenerator
from minimm.tokenizers import Tokenizer

SETTINGS = {"character": None, "byte_pair": 1024, "word_piece": 2000, "word": 8000}
PLAIN_BITS = 8  # of a byte that the vocabulary cannot spell


def lost_bytes(tokenizer: Tokenizer, text: str) -> int:
    """How many bytes of `text` stand for tokens that became <unk>, word by word."""
    return sum(
        len(word.encode())
        for word in text.split()
        if tokenizer.unk_id in tokenizer.encode(f" {word}", unknown="replace")
    )


def measure(kind: str, vocab_size: int | None, text: str, seconds: float) -> dict[str, float]:
    """Train and score one vocabulary."""
    task = TextGenerator("small", tokenizer=kind, vocab_size=vocab_size, seed=0)
    task.fit(text, max_seconds=seconds)
    validation = split_text(text)[1]
    start = time.perf_counter()
    ids = task.tokenizer.encode(validation, unknown="replace")
    encode_seconds = time.perf_counter() - start
    num_bytes, lost = len(validation.encode()), lost_bytes(task.tokenizer, validation)
    modelled = task.evaluate(validation)["bits_per_byte"]
    return {
        "vocab_size": task.tokenizer.vocab_size,
        "bytes_per_token": num_bytes / len(ids),
        "megabytes_per_second": num_bytes / 1e6 / encode_seconds,
        "unknown": lost / num_bytes,
        "lossless": float(task.tokenizer.decode(ids) == validation),
        "bits_per_byte": modelled + PLAIN_BITS * lost / num_bytes,
        "bits_per_byte_without_unknown": modelled,
        "steps": task.training.steps,
    }


def main() -> None:
    """Measure, print, write `--out`."""
    parser = argparse.ArgumentParser(description="character, byte-pair, WordPiece and word vocabularies compared")
    parser.add_argument("--seconds", type=float, default=120, help="training time for each (default 120)")
    parser.add_argument("--out", type=Path, help="write the numbers to this JSON file")
    arguments = parser.parse_args()
    text = read_corpus(find_folder("tinyshakespeare") / "input.txt")
    results = {kind: measure(kind, size, text, arguments.seconds) for kind, size in SETTINGS.items()}
    names = list(next(iter(results.values())))
    print("| tokenizer | " + " | ".join(names) + " |\n|---" * 1 + "|---" * len(names) + "|")
    for kind, found in results.items():
        print(f"| {kind} | " + " | ".join(f"{found[name]:.4g}" for name in names) + " |")
    if arguments.out:
        write_json(arguments.out, {"seconds": arguments.seconds, "tokenizers": results})


if __name__ == "__main__":
    main()
