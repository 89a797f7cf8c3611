"""What `minimm train translator | summarizer | encoder | classifier | question-answerer` do: train, measure on texts that were
never trained on, print a table, and write results.json, samples.txt and figures beside the model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minimm.datasets.folders import find_splits
from minimm.datasets.labelled_text import read_labelled
from minimm.datasets.pair_splits import read_pair_splits
from minimm.datasets.question_answering import read_squad
from minimm.datasets.summaries import read_summaries
from minimm.datasets.text_corpus import read_corpus
from minimm.features.sentences import split_sentences
from minimm.files import write_text
from minimm.plots.loss import loss_curves
from minimm.plots.style import save_figure
from minimm.runs.report import finish, training_results
from minimm.tasks.task import Task
from minimm.tasks.text.masked_text_model import MaskedTextModel
from minimm.tasks.text.question_answerer import QuestionAnswerer
from minimm.tasks.text.summarizer import Summarizer
from minimm.tasks.text.text_classifier import TextClassifier
from minimm.tasks.text.text_to_text import TextToText
from minimm.tasks.text.translator import Translator

MANY_PAIRS = 15_000  # from here on a translator is "small" instead of "tiny"
SHOWN = 12  # samples written
TEST_SHARE = 10  # one example in so many is the test when there is no file for it


def train_translator(
    pairs: str, source: str, target: str, out: Path, *, preset: str | None, limits: dict[str, Any], **options: Any
) -> dict[str, Any]:
    """Train on line-aligned files or a TSV file, from language `source` to `target`; results, samples and figures in `out`."""
    started = time.monotonic()
    splits = split_off_test(read_pair_splits(pairs, source, target))
    preset = preset or ("small" if len(splits["train"]) >= MANY_PAIRS else "tiny")
    task = Translator(preset, **options)
    task.fit(*_columns(splits["train"]), validation=splits.get("val"), folder=out, **limits)
    results = _measured(task, splits, lambda examples: task.evaluate(*_columns(examples)))
    _write_pair_samples(task, splits["test"], task.translate_all, out)
    return finish(results, started, out)


def train_summarizer(data: str, out: Path, *, preset: str, limits: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Train on articles with summaries; the extractive methods are measured on the same articles."""
    started = time.monotonic()
    splits = split_off_test(
        {
            name: [(item.article, item.summary) for item in read_summaries(path)]
            for name, path in find_splits(data, ".jsonl").items()
        }
    )
    task = Summarizer(preset, **{"context_length": 256, **options})
    task.fit(*_columns(splits["train"]), folder=out, **limits)
    results = _measured(task, splits, lambda examples: task.evaluate(*_columns(examples)))
    for method in ("lead", "text_rank"):
        results[method] = task.evaluate(*_columns(splits["test"]), method=method)
    _write_pair_samples(task, splits["test"], task.summarize_all, out)
    return finish(results, started, out)


def train_encoder(
    paths: list[Path], out: Path, *, preset: str, limits: dict[str, Any], **options: Any
) -> dict[str, Any]:
    """Pretrain on the sentences of text files or folders by filling gaps."""
    started = time.monotonic()
    text = read_corpus(*paths)
    texts = [part for line in text.splitlines() if line.strip() for part in _lines_or_sentences(line)]
    task = MaskedTextModel(preset, **options)
    task.fit(texts, folder=out, **limits)
    results = training_results(task) | {
        "validation_loss": task.training.best_validation_loss,
        "uniform_loss": math.log(task.tokenizer.vocab_size),
        "vocab_size": task.tokenizer.vocab_size,
        "texts": len(texts),
    }
    _draw_loss(task, "Masked-token pretraining", out, results["uniform_loss"])
    return finish(results, started, out)


def train_classifier(data: str, out: Path, *, preset: str, limits: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Train on lines of label, tab, text."""
    started = time.monotonic()
    splits = split_off_test({name: read_labelled(path) for name, path in find_splits(data, ".tsv").items()})
    task = TextClassifier(preset, **options)
    labels, texts = _columns(splits["train"])
    task.fit(texts, labels, folder=out, **limits)

    def measure(examples: Sequence[tuple[str, str]]) -> dict[str, float]:
        labels, texts = _columns(examples)
        return task.evaluate(texts, labels)

    results = _measured(task, splits, measure) | {"labels": task.labels, "method": task.method}
    labels, texts = _columns(splits["test"][:SHOWN])
    predicted = task.predict(texts)
    lines = [f"{label}\t{guess}\t{text}" for label, guess, text in zip(labels, predicted, texts, strict=True)]
    write_text(out / "samples.txt", "\n".join(["truth\tpredicted\ttext", *lines]) + "\n")
    _draw_loss(task, "Text classifier", out, math.log(len(task.labels)))
    return finish(results, started, out)


def train_question_answerer(
    data: str, out: Path, *, preset: str, limits: dict[str, Any], **options: Any
) -> dict[str, Any]:
    """Train on questions in SQuAD's layout."""
    started = time.monotonic()
    splits = split_off_test({name: read_squad(path) for name, path in find_splits(data, ".json").items()})
    task = QuestionAnswerer(preset, **options)
    task.fit(splits["train"], folder=out, **limits)
    results = _measured(task, splits, task.evaluate)
    shown = splits["test"][:SHOWN]
    answers = task.answer_all([(question.question, question.context) for question in shown])
    lines = [
        f"{question.question}\n  truth   {question.answers[0]}\n  answer  {answer.text} ({answer.probability:.0%})"
        for question, answer in zip(shown, answers, strict=True)
    ]
    write_text(out / "samples.txt", "\n".join(lines) + "\n")
    _draw_loss(task, "Question answerer", out, None)
    return finish(results, started, out)


def split_off_test(splits: dict[str, list]) -> dict[str, list]:
    """`splits` with a "test": the one that is there, or one training example in ten."""
    named = [name for name in splits if name.startswith("test")]
    if named:
        return {("test" if name == named[0] else name): examples for name, examples in splits.items()}
    train = splits["train"]
    return {
        **splits,
        "train": [example for number, example in enumerate(train) if number % TEST_SHARE != TEST_SHARE - 1],
        "test": train[TEST_SHARE - 1 :: TEST_SHARE] or train[-1:],
    }


def _measured(task: Task, splits: dict[str, list], measure: Callable[[list], dict[str, float]]) -> dict[str, Any]:
    """What the run says, and scores on every part that was not trained on: "test" plainly, others with their name behind."""
    results = training_results(task) | {"best_validation_loss": task.training.best_validation_loss}
    results |= {"vocab_size": task.tokenizer.vocab_size, "training_examples": len(splits["train"])}
    for name, examples in splits.items():
        if name not in ("train", "val"):
            suffix = "" if name == "test" else f"_{name}"
            results |= {f"{key}{suffix}": value for key, value in measure(examples).items()}
    return results


def _columns(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Pairs -> all firsts and all seconds."""
    return [first for first, _ in pairs], [second for _, second in pairs]


def _lines_or_sentences(line: str) -> list[str]:
    """A short line is one text; a long paragraph is cut into its sentences."""
    return [line] if len(line) <= 300 else split_sentences(line)


def _write_pair_samples(
    task: TextToText, test: Sequence[tuple[str, str]], write: Callable[[list[str]], list[str]], out: Path
) -> None:
    """samples.txt, the loss, and a map of where the decoder looked for the first test pair."""
    sources, targets = _columns(test[:SHOWN])
    lines = [
        f"read    {source}\ntruth   {target}\nwritten {text}\n"
        for source, target, text in zip(sources, targets, write(sources), strict=True)
    ]
    write_text(out / "samples.txt", "\n".join(lines))
    _draw_loss(task, type(task).__name__, out, math.log(task.tokenizer.vocab_size))
    source, target = min(test[:SHOWN], key=lambda pair: len(pair[0]))  # the whole map of a long one could not be read
    save_figure(task.attend(source, target).plot(), out / "figures" / "attention.png")


def _draw_loss(task: Task, title: str, out: Path, uniform_loss: float | None) -> None:
    save_figure(loss_curves(task.training.history, title, uniform_loss=uniform_loss), out / "figures" / "loss.png")
