"""Text -> token ids -> text. Four kinds behind one protocol (`tokenizer.py`), from the plainest to the usual ones:

`CharacterTokenizer`, `WordTokenizer`, `BytePairTokenizer`, `WordPieceTokenizer`: `train`, `encode`, `decode`, `encode_batch`,
`save`, `load`. Files of Hugging Face's libraries are read and written by `hugging_face_files.py`.
"""

from __future__ import annotations

from pathlib import Path

from minimm.errors import check
from minimm.files import read_json
from minimm.tokenizers.byte_pair import BytePairTokenizer, byte_pair_decode, byte_pair_encode
from minimm.tokenizers.byte_pair_training import train_byte_pair
from minimm.tokenizers.character import CharacterTokenizer
from minimm.tokenizers.foreign_byte_pair import ForeignBytePairTokenizer
from minimm.tokenizers.hugging_face_files import (
    from_hugging_face,
    load_bert,
    load_gpt2,
    load_hugging_face_tokenizer,
)
from minimm.tokenizers.hugging_face_saving import save_gpt2, save_hugging_face_tokenizer
from minimm.tokenizers.prompt import PromptTokenizer
from minimm.tokenizers.splitting import split_words
from minimm.tokenizers.tokenizer import SPECIAL_TOKENS, Tokenizer
from minimm.tokenizers.word import WordTokenizer
from minimm.tokenizers.word_piece import WordPieceTokenizer

__all__ = [
    "SPECIAL_TOKENS",
    "TOKENIZERS",
    "BytePairTokenizer",
    "CharacterTokenizer",
    "ForeignBytePairTokenizer",
    "PromptTokenizer",
    "Tokenizer",
    "WordPieceTokenizer",
    "WordTokenizer",
    "byte_pair_decode",
    "byte_pair_encode",
    "load_bert",
    "load_gpt2",
    "load_hugging_face_tokenizer",
    "load_tokenizer",
    "save_gpt2",
    "save_hugging_face_tokenizer",
    "split_words",
    "train_byte_pair",
]

# Those that can be trained, by name.
TOKENIZERS: dict[str, type[Tokenizer]] = {
    cls.kind: cls for cls in (CharacterTokenizer, WordTokenizer, BytePairTokenizer, WordPieceTokenizer)
}
_SAVED_KINDS = TOKENIZERS | {cls.kind: cls for cls in (ForeignBytePairTokenizer, PromptTokenizer)}


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Open a saved `tokenizer.json`, ours or Hugging Face's, as the kind it is.

    A missing, damaged or foreign file raises a `MinimmError`.
    """
    saved = read_json(path)
    if isinstance(saved, dict) and "kind" not in saved and "model" in saved:
        return from_hugging_face(saved, path)
    kind = saved.get("kind") if isinstance(saved, dict) else None
    check(
        isinstance(kind, str) and kind in _SAVED_KINDS,
        f"{path} says kind={kind!r:.80}, expected one of {', '.join(TOKENIZERS)}; choose a file that minimm saved",
    )
    return _SAVED_KINDS[kind].from_saved(saved, path)
