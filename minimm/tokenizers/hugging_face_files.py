"""Reading the files in which Hugging Face's libraries keep tokenizers.

    tokenizer.json               everything, of byte-level BPE (GPT-2, Llama 3's kind) and WordPiece (BERT)
    vocab.json + merges.txt      GPT-2's own
    vocab.txt                    BERT's own: one token a line

Ids are theirs, for any text. Differs from those libraries in one thing: a text that spells a special token, such as "[SEP]" or
"<|endoftext|>", is text and nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minimm.errors import MinimmError, check
from minimm.files import check_links, read_json, read_utf8
from minimm.tokenizers.foreign_byte_pair import ForeignBytePairTokenizer
from minimm.tokenizers.tokenizer import SPECIAL_TOKENS, Tokenizer
from minimm.tokenizers.word_piece import CONTINUES, LONGEST_WORD, WordPieceTokenizer

END_OF_TEXT = "<|endoftext|>"


def load_hugging_face_tokenizer(path: str | Path) -> Tokenizer:
    """Open a `tokenizer.json`, or a folder with one or with the older files.

    Raises `MinimmError` for kinds that minimm does not have (named), and for files that are damaged or do not fit together.
    """
    path = Path(path)
    if path.is_dir():
        check_links(path)
        if (path / "tokenizer.json").is_file():
            return load_hugging_face_tokenizer(path / "tokenizer.json")
        if (path / "vocab.json").is_file():
            return load_gpt2(path / "vocab.json", path / "merges.txt")
        check(
            (path / "vocab.txt").is_file(),
            f"{path} has no tokenizer.json, no vocab.json with merges.txt and no vocab.txt; sentencepiece models are not read",
        )
        return load_bert(path / "vocab.txt", lower_case=_lower_case_of(path))
    return from_hugging_face(read_json(path), path)


def load_gpt2(vocabulary_file: str | Path, merges_file: str | Path) -> ForeignBytePairTokenizer:
    """GPT-2's `vocab.json` and `merges.txt`. A token that no merge makes is special if it is written <so>."""
    vocabulary = _checked_vocabulary(read_json(vocabulary_file), vocabulary_file)
    lines = _read_lines(Path(merges_file))
    merges = _checked_merges([line for line in lines if line and not line.startswith("#version")], merges_file)
    made = {first + second for first, second in merges}
    special = {
        text: i for text, i in vocabulary.items() if len(text) > 2 and text[0] + text[-1] == "<>" and text not in made
    }
    return _byte_pair(vocabulary, merges, special, None, vocabulary_file)


def load_bert(vocabulary_file: str | Path, *, lower_case: bool = True) -> WordPieceTokenizer:
    """BERT's `vocab.txt`: the token with id i stands on line i + 1."""
    return _word_pieces(_read_lines(Path(vocabulary_file)), vocabulary_file, lower_case)


def from_hugging_face(saved: Any, path: str | Path) -> Tokenizer:
    """The parsed `tokenizer.json` at `path` as a tokenizer of ours."""
    model = saved.get("model") if isinstance(saved, dict) else None
    check(isinstance(model, dict), f"{path} has no 'model', so it is not a tokenizer.json of Hugging Face")
    kind = model.get("type")
    vocabulary = model.get("vocab")
    if kind == "WordPiece":
        return _word_piece(saved, model, path)
    check(
        kind == "BPE",
        f"{path} holds a {kind!r:.40} tokenizer, which minimm does not have; it knows BPE (byte-level) and WordPiece",
    )
    vocabulary = _checked_vocabulary(vocabulary, path)
    for name, wanted in (
        ("byte_fallback", (False, None)),
        ("dropout", (None, 0.0)),
        ("continuing_subword_prefix", ("", None)),
        ("end_of_word_suffix", ("", None)),
    ):
        check(model.get(name) in wanted, f"{path} says {name}={model.get(name)!r:.40}, which minimm does not have")
    check(
        saved.get("normalizer") is None,
        f"{path} changes the text before it is cut (normalizer), which minimm does not do here",
    )
    merges = _checked_merges(model.get("merges"), path)
    special = {token["content"]: token["id"] for token in _added_tokens(saved, path)}
    return _byte_pair({**vocabulary, **special}, merges, special, _pattern_of(saved.get("pre_tokenizer"), path), path)


def _byte_pair(
    vocabulary: dict[str, int],
    merges: list[tuple[str, str]],
    special: dict[str, int],
    pattern: str | None,
    path: str | Path,
) -> ForeignBytePairTokenizer:
    """Which special token plays which part is found by its name; GPT-2 has one for all."""
    check(len(special) > 0, f"{path} has no special token to end a text with; add {END_OF_TEXT}")
    end = special.get(END_OF_TEXT, next(iter(special.values())))
    names = {name: special.get(name, end) for name in SPECIAL_TOKENS}
    ordinary = {text: i for text, i in vocabulary.items() if text not in special}
    try:
        return ForeignBytePairTokenizer(
            ordinary, merges, special=names, special_texts={i: text for text, i in special.items()}, pattern=pattern
        )
    except MinimmError as error:
        raise MinimmError(f"{path} cannot be used: {error}") from None


def _word_piece(saved: dict[str, Any], model: dict[str, Any], path: str | Path) -> WordPieceTokenizer:
    normalizer, cutter = saved.get("normalizer") or {}, saved.get("pre_tokenizer") or {}
    usual = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True}
    check(
        isinstance(normalizer, dict) and all(normalizer.get(name) == value for name, value in usual.items()),
        f"{path} prepares text in another way than BERT ({normalizer!r:.80}), which minimm does not have",
    )
    check(
        isinstance(cutter, dict) and cutter.get("type") == "BertPreTokenizer",
        f"{path} cuts text in another way than BERT ({cutter!r:.60}), which minimm does not have",
    )
    for name, wanted in (("continuing_subword_prefix", CONTINUES), ("max_input_chars_per_word", LONGEST_WORD)):
        check(
            model.get(name, wanted) == wanted,
            f"{path} says {name}={model.get(name)!r:.40}, which minimm does not have; BERT's is {wanted!r}",
        )
    vocabulary = _checked_vocabulary(model.get("vocab"), path)
    vocabulary |= {token["content"]: token["id"] for token in _added_tokens(saved, path)}
    tokens = sorted(vocabulary, key=vocabulary.get)
    check(
        [vocabulary[token] for token in tokens] == list(range(len(tokens))),
        f"{path} has ids with holes or twice; they must be 0 to {len(tokens) - 1}",
    )
    lower_case = normalizer.get("lowercase") is True
    return _word_pieces(tokens, path, lower_case, normalizer.get("strip_accents"))


def _word_pieces(
    tokens: list[str], path: str | Path, lower_case: bool, strip_accents: bool | None = None
) -> WordPieceTokenizer:
    try:
        return WordPieceTokenizer(tokens, lower_case=lower_case, strip_accents=strip_accents)
    except MinimmError as error:
        raise MinimmError(f"{path} does not hold BERT's vocabulary: {error}") from None


def _pattern_of(cutter: Any, path: str | Path) -> str | None:
    """The regular expression of a pre-tokenizer, or None for GPT-2's rule."""
    parts = cutter.get("pretokenizers") if isinstance(cutter, dict) and cutter.get("type") == "Sequence" else [cutter]
    parts = parts if isinstance(parts, list) and all(isinstance(part, dict) for part in parts) else [{}]
    last = parts[-1]
    fits = last.get("type") == "ByteLevel" and not last.get("add_prefix_space", True)
    if fits and len(parts) == 1 and last.get("use_regex", True):
        return None
    if fits and len(parts) == 2 and not last.get("use_regex", True):
        split = parts[0]
        pattern = split.get("pattern") if split.get("type") == "Split" else None
        pattern = pattern.get("Regex") if isinstance(pattern, dict) else None
        if isinstance(pattern, str) and split.get("behavior") == "Isolated" and not split.get("invert"):
            return pattern
    raise MinimmError(
        f"{path} cuts text into words in a way that minimm does not have ({cutter!r:.80}); it knows ByteLevel "
        "without a space in front, alone or behind one Split by a regular expression"
    )


def _checked_vocabulary(vocabulary: Any, path: str | Path) -> dict[str, int]:
    check(
        isinstance(vocabulary, dict)
        and len(vocabulary) > 0
        and all(type(i) is int and i >= 0 for i in vocabulary.values()),
        f"{path} has no vocabulary, an object of tokens with whole numbers",
    )
    check(len(set(vocabulary.values())) == len(vocabulary), f"{path} gives one id to two tokens")
    return vocabulary


def _checked_merges(merges: Any, path: str | Path) -> list[tuple[str, str]]:
    """Merges as lists of two, or as one string with a space, the older form."""
    check(isinstance(merges, list), f"{path} has no list of merges")
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    for number, pair in enumerate(pairs):
        check(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) and part for part in pair),
            f"{path}: merge {number} is {pair!r:.60}, expected two tokens",
        )
    return [(first, second) for first, second in pairs]


def _added_tokens(saved: dict[str, Any], path: str | Path) -> list[dict[str, Any]]:
    added = saved.get("added_tokens") or []
    check(
        isinstance(added, list)
        and all(
            isinstance(token, dict) and isinstance(token.get("content"), str) and type(token.get("id")) is int
            for token in added
        ),
        f"{path} has added_tokens without content and id",
    )
    return added


def _read_lines(path: Path) -> list[str]:
    return read_utf8(path).rstrip("\n").split("\n")


def _lower_case_of(folder: Path) -> bool:
    """Whether a BERT folder says that its vocabulary is uncased, which is what it means when it says nothing."""
    path = folder / "tokenizer_config.json"
    values = read_json(path) if path.is_file() else {}
    return not isinstance(values, dict) or values.get("do_lower_case", True) is not False
