"""Writing a tokenizer of ours as `tokenizer.json` or as GPT-2's two files, which `tokenizers` and `transformers` open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minimm.errors import check
from minimm.files import write_json, write_text
from minimm.tokenizers.byte_pair import BytePairTokenizer
from minimm.tokenizers.foreign_byte_pair import VISIBLE_BYTES, ForeignBytePairTokenizer
from minimm.tokenizers.tokenizer import Tokenizer
from minimm.tokenizers.word_piece import BERT_NAMES, CONTINUES, LONGEST_WORD, WordPieceTokenizer


def save_hugging_face_tokenizer(tokenizer: Tokenizer, folder: str | Path) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`, which `tokenizers` and `transformers` open with equal ids.

    Raises `MinimmError` for character and word tokenizers, which have no counterpart there.
    """
    folder = Path(folder)
    names = tokenizer.special_ids
    if isinstance(tokenizer, WordPieceTokenizer):
        texts = {names[ours]: theirs for ours, theirs in BERT_NAMES.items()}
        parts = _word_piece_parts(tokenizer)
    else:
        check(
            isinstance(tokenizer, BytePairTokenizer),
            f"a {tokenizer.kind} tokenizer has no counterpart in Hugging Face's libraries; train with byte_pair",
        )
        texts = {i: tokenizer.token_text(i) for i in names.values()}
        parts = _byte_pair_parts(tokenizer)
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added = [{"id": i, "content": text, **flags} for i, text in sorted(texts.items())]
    write_json(
        folder / "tokenizer.json",
        {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "post_processor": None, **parts},
    )
    roles = {
        "<pad>": "pad_token",
        "<bos>": "bos_token",
        "<eos>": "eos_token",
        "<unk>": "unk_token",
        "<mask>": "mask_token",
    }
    if isinstance(tokenizer, WordPieceTokenizer):
        roles |= {"<bos>": "cls_token", "<eos>": "sep_token"}
    config = {role: texts[names[name]] for name, role in roles.items() if name in names}
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, **config},
    )


def save_gpt2(tokenizer: Tokenizer, folder: str | Path) -> None:
    """Write GPT-2's `vocab.json` and `merges.txt`, for byte pairs whose words are cut by GPT-2's rule.

    Special tokens stand in `vocab.json` under the text that labels them. Raises `MinimmError` for other tokenizers.
    """
    check(
        isinstance(tokenizer, BytePairTokenizer),
        f"GPT-2's files hold byte pairs, but this is a {tokenizer.kind} tokenizer; train with byte_pair",
    )
    parts = _byte_pair_parts(tokenizer)
    check(
        parts["pre_tokenizer"]["type"] == "ByteLevel",
        "GPT-2's files have no place for another rule of cutting words than GPT-2's; use save_hugging_face_tokenizer",
    )
    special = {tokenizer.token_text(i): i for i in tokenizer.special_ids.values()}
    write_json(Path(folder) / "vocab.json", {**parts["model"]["vocab"], **special})
    lines = (f"{first} {second}\n" for first, second in parts["model"]["merges"])
    write_text(Path(folder) / "merges.txt", "".join(["#version: 0.2\n", *lines]))


def _byte_pair_parts(tokenizer: BytePairTokenizer) -> dict[str, Any]:
    if isinstance(tokenizer, ForeignBytePairTokenizer):
        learnt = tokenizer.saved()
        vocabulary, merges, pattern = learnt["vocabulary"], learnt["merges"], learnt["pattern"]
    else:
        texts = list(VISIBLE_BYTES)
        merges, pattern = [], None
        for first, second in tokenizer.merges:
            merges.append([texts[first], texts[second]])
            texts.append(texts[first] + texts[second])
        vocabulary = {text: i for i, text in enumerate(texts)}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": pattern is None}
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return {
        "normalizer": None,
        "pre_tokenizer": level if pattern is None else {"type": "Sequence", "pretokenizers": [split, level]},
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "vocab": vocabulary, "merges": merges},
    }


def _word_piece_parts(tokenizer: WordPieceTokenizer) -> dict[str, Any]:
    return {
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": tokenizer.strip_accents,
            "lowercase": tokenizer.lower_case,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "decoder": {"type": "WordPiece", "prefix": CONTINUES, "cleanup": False},
        "model": {
            "type": "WordPiece",
            "unk_token": BERT_NAMES["<unk>"],
            "continuing_subword_prefix": CONTINUES,
            "max_input_chars_per_word": LONGEST_WORD,
            "vocab": {token: i for i, token in enumerate(tokenizer.tokens)},
        },
    }
