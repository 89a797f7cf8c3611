"""Byte-pair training and encoding beside the Rust `tokenizers` library, on one text.

Both begin with 256 bytes and 4 special tokens and learn merges up to the same size. Encoding begins with empty caches, on one
thread; theirs also finds where each token came from. The text is given in lines, as corpora come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minimm.benchmarks.comparison import OURS, Comparison, take_turns
from minimm.benchmarks.peers import peer
from minimm.tokenizers import SPECIAL_TOKENS, BytePairTokenizer

if TYPE_CHECKING:
    import tokenizers

SIZES = (1024, 8192, 32768)
BYTES_FOR_A_TOKEN = 200  # a text this many times longer than the vocabulary has enough to learn from


def compare_byte_pair(text: str, rounds: int) -> list[Comparison]:
    """Training and encoding at each of `SIZES` that the text is long enough for; at least the smallest."""
    lines = text.splitlines(keepends=True)
    num_bytes = len(text.encode())
    missing: dict[str, str] = {}
    with peer("tokenizers", missing):
        import tokenizers  # noqa: F401
    found = []
    for size in (size for size in SIZES if size == SIZES[0] or size * BYTES_FOR_A_TOKEN <= num_bytes):
        ours = BytePairTokenizer.train(lines, size)
        training: dict[str, Any] = {OURS: lambda size=size: BytePairTokenizer.train(lines, size)}
        encoding: dict[str, Any] = {OURS: lambda merges=ours.merges: BytePairTokenizer(merges).encode(text)}
        if not missing:
            trained = train_theirs(lines, size).to_str()
            training["tokenizers"] = lambda size=size: train_theirs(lines, size)
            encoding["tokenizers"] = lambda trained=trained: _load_theirs(trained).encode(text).ids
        for work, sides in (("train", training), ("encode", encoding)):
            name = f"byte-pair, {work}, {size:,} tokens"
            found.append(Comparison(name, num_bytes, "byte", take_turns(sides, rounds), missing=missing))
    return found


def train_theirs(lines: list[str], size: int) -> tokenizers.Tokenizer:
    """The same vocabulary size with the Rust library."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def _load_theirs(saved: str) -> tokenizers.Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(saved)
