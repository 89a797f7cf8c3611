"""Texts with and without their stop words: when does it help to remove them, and when does it destroy what is learned?

    python tests/benchmarks/stop_words.py [--steps 300] [--out results.json]

search     the document that belongs to a question or a summary, found by plain word counts or by TF-IDF: share found first.
           Counts are misled by "the" and "of"; TF-IDF knows by itself that such words tell nothing.
writing    two language models with the same steps, each trained on one kind of text; both are asked for the bits per byte
           of real text (kept for validation, with every word in it) and to continue its first words.

All on the data that comes with minimm, in English and in Chinese. Stop words leave both a document and its query.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from minimm.datasets.bundled import bundled
from minimm.datasets.collection import collect
from minimm.datasets.question_answering import read_squad
from minimm.datasets.summaries import read_summaries
from minimm.datasets.text_corpus import read_corpus, split_text
from minimm.features.segmentation import ChineseSegmenter, english_words
from minimm.features.stop_words import remove_stop_words
from minimm.features.tf_idf import TfIdf, search_words
from minimm.files import write_json
from minimm.tasks import TextGenerator

STORIES = {
    "en": ["stories_animals.txt", "stories_people.txt", "stories_road.txt", "stories_work.txt"],
    "zh": ["chinese_stories.txt", "chinese_explanations.txt"],
}
SAMPLE_TOKENS = 40
Search = tuple[str, list[str], list[str], list[int]]  # language, documents, queries, which document belongs to each


def rewrite(text: str, language: str, *, without_stop_words: bool) -> str:
    """The words of each line put together again; both kinds of text go this way, so that only the stop words differ."""
    cut = english_words if language == "en" else CHINESE.segment
    between = " " if language == "en" else ""
    lines = (cut(line) for line in text.split("\n"))
    return "\n".join(
        between.join(remove_stop_words(words, language) if without_stop_words else words) for words in lines
    )


CHINESE = ChineseSegmenter.load(bundled("chinese") / "dictionary.txt")


def searches() -> Iterator[tuple[str, Search]]:
    """What is looked for in what."""
    documents = collect([bundled("knowledge") / "documents"])
    asked = json.loads((bundled("knowledge") / "questions.json").read_text(encoding="utf-8"))
    places = {document.source: number for number, document in enumerate(documents)}
    texts, questions = [document.text for document in documents], [item["question"] for item in asked]
    yield "documents by questions", ("en", texts, questions, [places[item["source"]] for item in asked])
    for name, language in (("test.json", "en"), ("chinese.json", "zh")):
        found = read_squad(bundled("questions") / name)
        contexts = sorted({question.context for question in found})
        truth = [contexts.index(question.context) for question in found]
        yield f"paragraphs by questions, {language}", (language, contexts, [q.question for q in found], truth)
    items = read_summaries(bundled("summaries") / "test.jsonl")
    yield (
        "articles by summaries",
        ("en", [item.article for item in items], [item.summary for item in items], list(range(len(items)))),
    )


def first_by_counts(documents: Sequence[str]) -> Callable[[str], int]:
    """Finds the document whose word counts have the smallest angle to the query's."""
    counts = [Counter(search_words(document)) for document in documents]
    lengths = [math.hypot(*count.values()) or 1.0 for count in counts]

    def find(query: str) -> int:
        wanted = Counter(search_words(query))
        scores = [
            sum(number * count[word] for word, number in wanted.items()) / length
            for count, length in zip(counts, lengths, strict=True)
        ]
        return scores.index(max(scores))

    return find


def first_by_tf_idf(documents: Sequence[str]) -> Callable[[str], int | None]:
    """Finds the most similar document by TF-IDF."""
    index = TfIdf().fit(documents)
    return lambda query: next((number for number, _ in index.search(query, 1)), None)


def measure_search(search: Search) -> dict[str, float]:
    """The share of queries whose document comes first, each way, and the words that an index must hold."""
    language, documents, queries, truth = search
    results = {}
    for name, without in (("with", False), ("without", True)):
        texts, asked = (
            [rewrite(text, language, without_stop_words=without) for text in many] for many in (documents, queries)
        )
        for method, fit in (("counts", first_by_counts), ("tf_idf", first_by_tf_idf)):
            find = fit(texts)
            hits = sum(find(query) == number for query, number in zip(asked, truth, strict=True))
            results[f"{method}_{name}"] = hits / len(truth)
        results[f"words_{name}"] = sum(len(search_words(text)) for text in texts)
    return results


def measure_writing(language: str, steps: int) -> dict[str, float | str]:
    """Bits per byte of real text for a model trained on it and for one trained without stop words, and what each writes."""
    text = read_corpus(*(bundled("text") / file for file in STORIES[language]))
    real = rewrite(split_text(text)[1], language, without_stop_words=False)
    opening = real[:12]
    results: dict[str, float | str] = {"opening": opening}
    for name, without in (("with", False), ("without", True)):
        task = TextGenerator("tiny", seed=0).fit(rewrite(text, language, without_stop_words=without), max_steps=steps)
        results[f"bits_per_byte_{name}"] = task.evaluate(real)["bits_per_byte"]
        results[f"sample_{name}"] = task.generate(opening, SAMPLE_TOKENS)
    return results


def main() -> None:
    """Measure, print, write `--out`."""
    parser = argparse.ArgumentParser(description="searching and writing with and without stop words")
    parser.add_argument("--steps", type=int, default=300, help="training steps of each model (default 300)")
    parser.add_argument("--out", type=Path, help="write the numbers to this JSON file")
    arguments = parser.parse_args()
    found = {name: measure_search(search) for name, search in searches()}
    writing = {language: measure_writing(language, arguments.steps) for language in STORIES}

    print(f"\n{'found first':32} {'by counts':>22} {'by TF-IDF':>22} {'words in the index':>22}")
    print(f"{'':32}" + f" {'with':>11} {'without':>10}" * 3)
    for name, row in found.items():
        print(
            f"{name:32} {row['counts_with']:11.3f} {row['counts_without']:10.3f} {row['tf_idf_with']:11.3f} "
            f"{row['tf_idf_without']:10.3f} {row['words_with']:11,} {row['words_without']:10,}"
        )
    for language, row in writing.items():
        print(
            f"\nreal text, {language}: trained with stop words {row['bits_per_byte_with']:.2f} bits per byte, "
            f"without {row['bits_per_byte_without']:.2f}"
        )
        for name in ("with", "without"):
            print(f"  {name:8} {row[f'sample_{name}']!r}")
    if arguments.out:
        write_json(
            arguments.out,
            {"steps": arguments.steps, "search": found, "writing": writing},
        )


if __name__ == "__main__":
    main()
