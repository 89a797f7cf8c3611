"""What a captioner must know of the language that it writes: what a token is, what a word is, how BLEU counts.

English is written in words. Chinese is written in characters: there are few of them, none is ever unknown because a word
is new, and nothing has to be cut before anything is learned. Where words are looked at (a heat map for each, the pointing
game), they are found with a dictionary (`features.segmentation`), and the character with which a word begins stands for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from minimm.datasets.bundled import bundled
from minimm.datasets.chinese_scenes import WORDS
from minimm.errors import check
from minimm.features.languages import mostly_chinese
from minimm.features.segmentation import ChineseSegmenter, english_words
from minimm.metrics import bleu, cider, exact_match
from minimm.metrics.bleu import tokenize_zh
from minimm.tokenizers import CharacterTokenizer, WordTokenizer
from minimm.tokenizers.pieces import PieceTokenizer

SCENE_WORD_COUNT = 1_000.0  # as frequent as the commonest words of the dictionary


@dataclass(frozen=True)
class CaptionLanguage:
    """How captions of one language are written, cut and counted."""

    tokenizer: type[PieceTokenizer]
    words: Callable[[str], list[str]]  # the words of a caption, in order
    bleu_tokens: str  # name of the tokenisation in `metrics.bleu`
    counted: Callable[[str], str]  # a caption with spaces between what n-grams are counted of


def chinese_words(text: str) -> list[str]:
    """The words of a Chinese text, those of scenes among them."""
    return _segmenter().segment(text)


@lru_cache(maxsize=1)
def _segmenter() -> ChineseSegmenter:
    counts = ChineseSegmenter.load(bundled("chinese") / "dictionary.txt").counts
    return ChineseSegmenter(counts | dict.fromkeys(WORDS, SCENE_WORD_COUNT))


CAPTION_LANGUAGES = {
    "en": CaptionLanguage(WordTokenizer, english_words, "13a", str),
    "zh": CaptionLanguage(CharacterTokenizer, chinese_words, "zh", lambda text: " ".join(tokenize_zh(text))),
}


def check_language(captions: Sequence[str], language: str) -> None:
    """Raise when Chinese captions are to be learned as English ones or the other way round."""
    found = "zh" if mostly_chinese(captions) else "en"
    check(
        (found == "zh") == (language == "zh"),
        f"the captions are {'' if found == 'zh' else 'not '}Chinese, such as {captions[0]!r:.60}, but this captioner learns "
        f"those of language={language!r}; give such captions, or for pictures make an ImageCaptioner(language={found!r})",
    )


def caption_scores(written: Sequence[str], references: Sequence[Sequence[str]], language: str) -> dict[str, float]:
    """How captions compare with the true ones: `exact_match` (0 to 1), `bleu4` (0 to 100) and `cider` (0 to 10)."""
    known = CAPTION_LANGUAGES[language]
    counted = [known.counted(caption) for caption in written]
    return {
        "exact_match": exact_match(written, references),
        "bleu4": bleu(written, references, tokenize=known.bleu_tokens),
        "cider": cider(counted, [[known.counted(caption) for caption in captions] for captions in references]),
    }


def maps_of_words(maps: np.ndarray, pieces: Sequence[str], words: Sequence[str]) -> np.ndarray:
    """One map for each word, (..., number of words, h, w), from one for each token, (..., T, h, w); see `first_tokens`."""
    return maps[..., first_tokens(pieces, words), :, :]


def first_tokens(pieces: Sequence[str], words: Sequence[str]) -> np.ndarray:
    """The number of the token in which each word begins, int64 (number of words,): its attention stands for the word's.

    That is where the word was chosen. What completes it is mostly spelled from what is written already, with hardly a look:
    for the second character of colours and shapes the pointing game is lost three times in four, for the first one won.

    Args:
        pieces: the tokens, which joined give the text. words: in order, as they stand in the text.
    """
    text, ends = "".join(pieces), np.cumsum([len(piece) for piece in pieces])
    starts, at = [], 0
    for word in words:
        starts.append(text.index(word, at))
        at = starts[-1] + len(word)
    return np.searchsorted(ends, starts, side="right")
