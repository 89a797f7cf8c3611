"""Byte-pair training and encoding beside the Rust `tokenizers` library, on one text, taking turns.

    python tests/benchmarks/byte_pair.py TEXT_FILE [--rounds 5] [--out results.json]

Both learn 1,024 tokens: 256 bytes, 4 special ones, 764 merges. Both start every round new, so 'encode' begins with empty
caches; 'encode again' has them filled. Wall seconds and processor seconds (all threads) are reported: best and median.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from minimm.files import write_json
from minimm.tokenizers import SPECIAL_TOKENS, BytePairTokenizer

VOCAB_SIZE = 1024


def train_theirs(texts: list[str]) -> tokenizers.Tokenizer:
    """The same vocabulary size with the Rust library."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def measure(work: Callable[[], object]) -> tuple[float, float]:
    """(wall, processor) seconds of `work()`."""
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def compare(text: str, rounds: int) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """task -> side -> the (wall, processor) seconds of each round."""
    lines = text.splitlines(keepends=True)
    ours, theirs = BytePairTokenizer.train(text, VOCAB_SIZE), train_theirs([text])
    assert ours.vocab_size == theirs.get_vocab_size() == VOCAB_SIZE
    seconds: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for _ in range(rounds):
        our_copy = BytePairTokenizer(ours.merges)
        their_copy = tokenizers.Tokenizer.from_str(theirs.to_str())
        for task, our_work, their_work in (
            ("train on one text", lambda: BytePairTokenizer.train(text, VOCAB_SIZE), lambda: train_theirs([text])),
            ("train on lines", lambda: BytePairTokenizer.train(lines, VOCAB_SIZE), lambda: train_theirs(lines)),
            ("encode", lambda o=our_copy: o.encode(text), lambda t=their_copy: t.encode(text).ids),
            ("encode again", lambda o=our_copy: o.encode(text), lambda t=their_copy: t.encode(text).ids),
        ):
            sides = seconds.setdefault(task, {"minimm": [], "tokenizers": []})
            sides["minimm"].append(measure(our_work))
            sides["tokenizers"].append(measure(their_work))
    return seconds


def main() -> None:
    """Measure, print a table, write `--out`."""
    parser = argparse.ArgumentParser(description="minimm's byte-pair tokenizer beside the Rust tokenizers library")
    parser.add_argument("text", type=Path, help="the text to learn from and to encode, UTF-8")
    parser.add_argument("--rounds", type=int, default=5, help="how often each side runs (default 5)")
    parser.add_argument("--out", type=Path, help="write the numbers to this JSON file")
    arguments = parser.parse_args()
    text = arguments.text.read_text(encoding="utf-8")

    results: dict[str, object] = {"characters": len(text), "vocab_size": VOCAB_SIZE, "rounds": arguments.rounds}
    print(f"{'task':18} {'clock':10} {'minimm best/median':>20} {'tokenizers best/median':>24} {'ratio of bests':>16}")
    for task, sides in compare(text, arguments.rounds).items():
        for clock, which in (("wall", 0), ("processor", 1)):
            best = {side: min(pair[which] for pair in pairs) for side, pairs in sides.items()}
            median = {side: statistics.median(pair[which] for pair in pairs) for side, pairs in sides.items()}
            ratio = best["minimm"] / best["tokenizers"]
            ours, theirs = (f"{best[side]:.3f} / {median[side]:.3f} s" for side in ("minimm", "tokenizers"))
            print(f"{task:18} {clock:10} {ours:>20} {theirs:>24} {ratio:>16.2f}")
            results[f"{task}, {clock}"] = {"best_seconds": best, "median_seconds": median, "ratio_of_bests": ratio}
    if arguments.out:
        write_json(arguments.out, results)


if __name__ == "__main__":
    main()
