"""Cutting a line into words. English marks them with spaces; Chinese does not, so the cut is a search for the likeliest words.

    best(j) = max over words w that end at place j of  best(j - |w|) + ln p(w)             p(w) = count of w / all counts

`best` is filled from left to right and the words are read off from right to left: Viterbi's algorithm. Whoever took the
longest word first would cut 研究生命的起源 into 研究生 | 命 | ... (graduate student, fate); the likeliest words are
研究 | 生命 | 的 | 起源 (research into the origin of life). An unknown character is a word at the price of half an occurrence.

Sources: Viterbi 1967; Sproat, Shih, Gale and Chang 1996, "A stochastic finite-state word-segmentation algorithm for Chinese".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import regex

from minimm.errors import check
from minimm.files import read_utf8

_HAN = regex.compile(r"\p{Han}+")
# Numbers with their points and commas, words with their apostrophes and hyphens, then any other mark by itself.
_WORD = regex.compile(r"\p{N}+(?:[.,:]\p{N}+)*|[\p{L}\p{M}\p{N}_]+(?:['’-][\p{L}\p{M}\p{N}_]+)*|\S")
UNKNOWN_COUNT = 0.5
MAX_ROUNDS = 20


def english_words(text: str) -> list[str]:
    """Words, numbers and marks of a language that puts spaces between words.

    >>> english_words("Don't pay 3.50 for a well-known trick!")
    ["Don't", 'pay', '3.50', 'for', 'a', 'well-known', 'trick', '!']
    """
    return _WORD.findall(text)


class ChineseSegmenter:
    """Finds the likeliest words of a text by a dictionary with counts. Build it with `train`, or from `load`.

    Args:
        counts: word -> how often it was seen, above 0.
    """

    def __init__(self, counts: Mapping[str, float]) -> None:
        check(len(counts) > 0, "the dictionary is empty; give at least one word with its count")
        for word, count in counts.items():
            check(count > 0 and word != "", f"the word {word!r} has the count {count}; counts must be above 0")
        self.counts = dict(counts)
        total = math.log(sum(counts.values()) + UNKNOWN_COUNT)
        self._log_probability = {word: math.log(count) - total for word, count in counts.items()}
        self._unknown = math.log(UNKNOWN_COUNT) - total
        self._longest = max(map(len, counts))

    @classmethod
    def load(cls, path: str | Path) -> ChineseSegmenter:
        """From a file with a word, a space and its count in each line."""
        counts = {}
        for number, line in enumerate(read_utf8(path).splitlines(), start=1):
            word, _, count = line.partition(" ")
            check(
                word != "" and count.isdecimal() and len(count) <= 18 and int(count) > 0,
                f"{path}, line {number}: {line[:40]!r} is not a word and a count",
            )
            counts[word] = int(count)
        return cls(counts)

    @classmethod
    def train(cls, texts: Iterable[str], words: Iterable[str]) -> ChineseSegmenter:
        """Count the words of a dictionary in raw text, where nobody has marked them.

        Which words a text has depends on their counts, and the counts on which words the texts have; so both are
        improved in turn, from equal counts on, until nothing changes (hard expectation-maximization).
        """
        runs = Counter(run for text in texts for run in _HAN.findall(text))
        counts: dict[str, float] = dict.fromkeys(words, 1)
        for _ in range(MAX_ROUNDS):
            segmenter, found = cls(counts), Counter(dict.fromkeys(counts, 1))  # one each, so that no word dies out
            for run, times in runs.items():
                for word in segmenter.segment(run):
                    if word in counts:
                        found[word] += times
            if found == counts:
                break
            counts = dict(found)
        return cls(counts)

    def segment(self, text: str) -> list[str]:
        """The words of a text in order; runs of other scripts are cut by `english_words`, white space is dropped.

        >>> counts = {"研究": 9, "研究生": 3, "生命": 5, "命": 1, "的": 50, "起源": 2}
        >>> ChineseSegmenter(counts).segment("研究生命的起源, 1996")
        ['研究', '生命', '的', '起源', ',', '1996']
        """
        words, at = [], 0
        for run in _HAN.finditer(text):
            words += english_words(text[at : run.start()]) + self._likeliest(run[0])
            at = run.end()
        return words + english_words(text[at:])

    def log_probability(self, words: Iterable[str]) -> float:
        """ln p of a sequence of words, each independent of the others (unigram); unknown characters included."""
        return sum(self._log_probability.get(word, self._unknown) for word in words)

    def _likeliest(self, run: str) -> list[str]:
        best, length_of_last = [0.0], [0]
        for end in range(1, len(run) + 1):
            choices = []
            for length in range(1, min(self._longest, end) + 1):
                score = self._log_probability.get(run[end - length : end], self._unknown if length == 1 else None)
                if score is not None:
                    choices.append((best[end - length] + score, length))
            score, length = max(choices)  # of equals the longer word
            best.append(score)
            length_of_last.append(length)
        words, end = [], len(run)
        while end:
            words.append(run[end - length_of_last[end] : end])
            end -= length_of_last[end]
        return words[::-1]
