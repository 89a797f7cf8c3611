"""Text -> token ids -> text. Three kinds behind one protocol (`tokenizer.py`), from the plainest to the usual one:

`CharacterTokenizer`, `WordTokenizer`, `BytePairTokenizer`: `train`, `encode`, `decode`, `encode_batch`, `save`, `load`.
"""

from __future__ import annotations

from pathlib import Path

from minimm.errors import check
from minimm.files import read_json
from minimm.tokenizers.byte_pair import BytePairTokenizer, byte_pair_decode, byte_pair_encode
from minimm.tokenizers.byte_pair_training import train_byte_pair
from minimm.tokenizers.character import CharacterTokenizer
from minimm.tokenizers.splitting import split_words
from minimm.tokenizers.tokenizer import SPECIAL_TOKENS, Tokenizer
from minimm.tokenizers.word import WordTokenizer

__all__ = [
    "SPECIAL_TOKENS",
    "TOKENIZERS",
    "BytePairTokenizer",
    "CharacterTokenizer",
    "Tokenizer",
    "WordTokenizer",
    "byte_pair_decode",
    "byte_pair_encode",
    "load_tokenizer",
    "split_words",
    "train_byte_pair",
]

TOKENIZERS: dict[str, type[Tokenizer]] = {
    cls.kind: cls for cls in (CharacterTokenizer, WordTokenizer, BytePairTokenizer)
}


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Open a saved `tokenizer.json` as the kind it is. A missing, damaged or foreign file raises a `MinimmError`."""
    saved = read_json(path)
    kind = saved.get("kind") if isinstance(saved, dict) else None
    check(
        isinstance(kind, str) and kind in TOKENIZERS,
        f"{path} says kind={kind!r:.80}, expected one of {', '.join(TOKENIZERS)}; choose a file that minimm saved",
    )
    return TOKENIZERS[kind].from_saved(saved, path)
