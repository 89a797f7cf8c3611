"""WordPiece: BERT's vocabulary of words and parts of words, where a part that does not begin a word is marked with ##.

    unbelievable  ->  un ##believ ##able

Encoding takes the longest piece that fits, from left to right; a word with a place where nothing fits is [UNK] as a whole.
Training joins the most frequent neighbours, as byte pairs do, but of characters.

Source: encoding as in Wu et al. 2016, section 4.1, and Devlin et al. 2019. How the vocabulary of BERT was learnt has not been
published; Schuster & Nakajima 2012 choose the pair that raises the likelihood most. Differs from that: we count, as the
`tokenizers` library does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from minimm.errors import MinimmError, check
from minimm.tokenizers.bert_text import split_bert_words
from minimm.tokenizers.byte_pair_training import MAX_VOCAB_SIZE, learn_merges
from minimm.tokenizers.tokenizer import (
    REPLACEMENT_CHARACTER,
    Tokenizer,
    Unknown,
    as_texts,
    check_unknown,
    numbered,
    visible,
)

# BERT's names of what every tokenizer here has, and its own token for a gap.
BERT_NAMES = {"<pad>": "[PAD]", "<unk>": "[UNK]", "<bos>": "[CLS]", "<eos>": "[SEP]", "<mask>": "[MASK]"}
CONTINUES = "##"
LONGEST_WORD = 100  # characters; longer ones are [UNK]
DEFAULT_VOCAB_SIZE = 2000
CACHED_WORDS = 65_536


class WordPieceTokenizer(Tokenizer):
    """A token is a word or a part of one; white space is not kept, and case only when `lower_case` is False.

    `mask_id` is the token that stands for a gap. Ids are those of the vocabulary's order, as in BERT's vocab.txt.
    """

    kind = "word_piece"

    def __init__(self, tokens: Sequence[str], *, lower_case: bool = True, strip_accents: bool | None = None):
        """`tokens`: all tokens in the order of their ids, BERT's five special ones among them.

        `strip_accents` None does what BERT does: yes for uncased vocabularies, no for cased ones.
        """
        check(isinstance(tokens, (list, tuple)), f"tokens is a {type(tokens).__name__}, expected a list of str")
        for i, token in enumerate(tokens):
            check(
                isinstance(token, str) and token != "",
                f"tokens[{i}] is {token!r:.80}, expected a str that is not empty",
            )
        self._tokens = list(tokens)
        self._id_of = numbered(tokens)
        missing = [name for name in BERT_NAMES.values() if name not in self._id_of]
        check(not missing, f"the vocabulary lacks {', '.join(missing)}; add them, BERT has all five")
        self.lower_case = lower_case
        self.strip_accents = lower_case if strip_accents is None else strip_accents
        self._special_ids = {ours: self._id_of[theirs] for ours, theirs in BERT_NAMES.items()}
        special = set(BERT_NAMES.values())
        # What a user writes can never spell a special token: these have no piece.
        self._pieces = {token: i for token, i in self._id_of.items() if token not in special}
        self._longest = max((len(token) for token in self._pieces), default=1)
        self._known: dict[str, list[int] | None] = {}

    @classmethod
    def train(
        cls, text: str | Iterable[str], vocab_size: int | None = None, *, lower_case: bool = True
    ) -> WordPieceTokenizer:
        """Learn from one text or several; `vocab_size` (2,000 unless told) counts everything.

        The rarest characters are left out when they would fill more than half of the vocabulary.
        """
        vocab_size = DEFAULT_VOCAB_SIZE if vocab_size is None else vocab_size
        check(
            isinstance(vocab_size, int) and len(BERT_NAMES) + 2 <= vocab_size <= MAX_VOCAB_SIZE,
            f"vocab_size={vocab_size!r}, expected an integer from {len(BERT_NAMES) + 2}, five special tokens and some pieces, "
            f"to {MAX_VOCAB_SIZE:,}",
        )
        words: Counter[str] = Counter()
        for one in as_texts(text):
            words.update(
                word
                for word in split_bert_words(one, lower_case=lower_case, strip_accents=lower_case)
                if len(word) <= LONGEST_WORD
            )
        check(len(words) > 0, "the training text has no words; give more text")
        characters: Counter[str] = Counter()
        for word, count in words.items():
            characters.update({piece: count * times for piece, times in Counter(_characters(word)).items()})
        ranked = sorted(characters, key=lambda piece: (-characters[piece], piece))
        alphabet = sorted(ranked[: max(2, (vocab_size - len(BERT_NAMES)) // 2)])
        symbol = {piece: chr(i) for i, piece in enumerate(alphabet)}
        spelled = {
            "".join(symbol[piece] for piece in _characters(word)): count
            for word, count in words.items()
            if all(piece in symbol for piece in _characters(word))
        }
        pieces = list(alphabet)
        plain = [piece.removeprefix(CONTINUES).encode() for piece in alphabet]
        room = vocab_size - len(BERT_NAMES)
        for first, second in learn_merges(list(spelled), list(spelled.values()), plain, room):
            pieces.append(pieces[first] + pieces[second].removeprefix(CONTINUES))
        return cls([*BERT_NAMES.values(), *dict.fromkeys(pieces)], lower_case=lower_case)

    @property
    def vocab_size(self) -> int:
        """The number of tokens, including BERT's five special ones."""
        return len(self._tokens)

    @property
    def tokens(self) -> list[str]:
        """All tokens in the order of their ids; a copy."""
        return list(self._tokens)

    @property
    def special_ids(self) -> dict[str, int]:
        """Where BERT's five special tokens stand."""
        return self._special_ids

    @property
    def mask_id(self) -> int:
        """The id of [MASK], which stands for a gap."""
        return self._special_ids["<mask>"]

    def encode(self, text: str, *, unknown: Unknown = "error") -> list[int]:
        """Turn text into ids. A word that cannot be spelled raises `MinimmError`, or becomes [UNK]."""
        check_unknown(unknown)
        ids: list[int] = []
        for word in split_bert_words(text, lower_case=self.lower_case, strip_accents=self.strip_accents):
            found = self._pieces_of(word)
            if found is None and unknown == "error":
                raise MinimmError(
                    f"the word {word[:40]!r} cannot be spelled with the {self.vocab_size} tokens of this vocabulary; train on "
                    "text that contains its characters, or pass unknown='replace' to encode it as [UNK]"
                )
            ids += [self.unk_id] if found is None else found
        return ids

    def _pieces_of(self, word: str) -> list[int] | None:
        """The ids of one word, or None when it cannot be spelled."""
        if word in self._known:
            return self._known[word]
        ids: list[int] | None = []
        start = 0 if len(word) <= LONGEST_WORD else None
        while start is not None and start < len(word):
            prefix = CONTINUES if start else ""
            ends = range(min(len(word), start + self._longest), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self._pieces), None)
            if end is not None:
                ids.append(self._pieces[prefix + word[start:end]])
            start = end
        if start is None:
            ids = None
        if len(self._known) >= CACHED_WORDS:
            self._known.clear()
        self._known[word] = ids
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids into text: pieces joined, words with a space between. What case and spaces were is lost."""
        words: list[str] = []
        special = {i: name for name, i in self._special_ids.items()}
        for token_id in self._checked_ids(ids):
            if token_id in special:
                if special[token_id] == "<unk>":
                    words.append(REPLACEMENT_CHARACTER)
            elif words and self._tokens[token_id].startswith(CONTINUES):
                words[-1] += self._tokens[token_id].removeprefix(CONTINUES)
            else:
                words.append(self._tokens[token_id].removeprefix(CONTINUES))
        return " ".join(words)

    def _ordinary_token_text(self, token_id: int) -> str:
        return visible(self._tokens[token_id])

    def _learnt(self) -> dict[str, Any]:
        return {"tokens": self._tokens, "lower_case": self.lower_case, "strip_accents": self.strip_accents}

    @classmethod
    def _from_learnt(cls, learnt: dict[str, Any]) -> WordPieceTokenizer:
        check(
            learnt.keys() == {"tokens", "lower_case", "strip_accents"}
            and isinstance(learnt["lower_case"], bool)
            and isinstance(learnt["strip_accents"], bool),
            f"it has the keys {sorted(learnt)}, expected tokens, and true or false for lower_case and strip_accents",
        )
        return cls(learnt["tokens"], lower_case=learnt["lower_case"], strip_accents=learnt["strip_accents"])


def _characters(word: str) -> list[str]:
    """The pieces of one character each: the first as it is, the others marked.

    >>> _characters("cat")
    ['c', '##a', '##t']
    """
    return [word[0], *(CONTINUES + character for character in word[1:])]
