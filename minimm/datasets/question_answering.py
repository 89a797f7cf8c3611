"""Questions with the text that answers them, in SQuAD's layout (Rajpurkar et al. 2016).

{"data": [{"paragraphs": [{"context": "...", "qas": [
    {"id": "...", "question": "...", "answers": [{"text": "...", "answer_start": 7}]}]}]}]}
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from minimm.errors import MinimmError, check
from minimm.files import read_json


@dataclass(frozen=True)
class Question:
    """A question, its text, and the accepted answers with the character at which each begins in the text."""

    context: str
    question: str
    answers: tuple[str, ...]
    answer_starts: tuple[int, ...]


def read_squad(path: str | Path) -> list[Question]:
    """All questions of a file. An answer that does not stand where the file says raises a `MinimmError` with its id."""
    saved = read_json(path)
    questions = []
    try:
        for article in saved["data"]:
            for paragraph in article["paragraphs"]:
                for item in paragraph["qas"]:
                    questions.append(_question(paragraph["context"], item, path))
    except (AttributeError, KeyError, TypeError) as error:
        raise MinimmError(
            f"{path} is not in SQuAD's layout ({error!r:.60}): data, paragraphs, context, qas, answers"
        ) from None
    check(len(questions) > 0, f"{path} has no question in it")
    return questions


def _question(context: str, item: dict, path: str | Path) -> Question:
    check(
        isinstance(context, str) and isinstance(item["question"], str),
        f"{path}: a context and a question must be texts, but one is {context!r:.40} with {item['question']!r:.40}",
    )
    answers = tuple(answer["text"] for answer in item["answers"])
    starts = tuple(answer["answer_start"] for answer in item["answers"])
    name = item.get("id", item["question"])
    check(
        len(answers) > 0, f"{path}: the question {name!r:.60} has no answer; minimm needs one that stands in the text"
    )
    for answer, start in zip(answers, starts, strict=True):
        check(
            isinstance(start, int)
            and start >= 0
            and isinstance(answer, str)
            and answer != ""
            and context[start : start + len(answer)] == answer,
            f"{path}: the answer {answer!r:.40} of {name!r:.60} does not stand at character {start} of its text",
        )
    return Question(context, item["question"], answers, starts)
