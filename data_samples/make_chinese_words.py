"""Writes `chinese/dictionary.txt`: Chinese words with counts, for `minimm.features.segmentation`. Deterministic.

The words are those of common_words.txt and of the other generators' word lists. Their counts are not looked up anywhere: they
are estimated from this folder's own Chinese texts, in which no word is marked (see `ChineseSegmenter.train`).
"""

from __future__ import annotations

from pathlib import Path

import parallel_words
import regex
from make_summaries import read_news

from minimm.datasets.pair_splits import read_pair_table
from minimm.features.segmentation import ChineseSegmenter
from minimm.files import write_text

HERE = Path(__file__).parent
MADE = 8  # generated sentences repeat themselves: this many of them weigh as much as one written sentence
_HAN = regex.compile(r"\p{Han}+")


def dictionary() -> set[str]:
    """Every Chinese word that some list of this folder has."""
    words = set()
    for line in (HERE / "chinese" / "common_words.txt").read_text(encoding="utf-8").splitlines():
        words |= set() if line.startswith(("#", "[")) else set(line.split())
    tables = [value for name, value in vars(parallel_words).items() if name.isupper()]
    words |= set(_HAN.findall(repr(tables)))
    for name in ("news.txt", "facts.txt"):
        for options in read_news(HERE / name)["words zh"].values():
            words |= {word for word in options[0].split(", ") if len(word) > 1}
    return words


def main() -> None:
    """Write the dictionary, the most frequent word first."""
    written = [path.read_text(encoding="utf-8") for path in sorted((HERE / "text").glob("chinese_*.txt"))]
    made = [chinese for _, chinese in read_pair_table(HERE / "parallel" / "train.tsv")]
    segmenter = ChineseSegmenter.train(written * MADE + made, sorted(dictionary()))
    ordered = sorted(segmenter.counts.items(), key=lambda pair: (-pair[1], pair[0]))
    write_text(HERE / "chinese" / "dictionary.txt", "".join(f"{word} {count}\n" for word, count in ordered))


if __name__ == "__main__":
    main()
