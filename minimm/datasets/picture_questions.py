"""Pictures with questions and answers: a folder with `questions.json`, and the pictures beside it or in `images/`.

    [{"image": "cat.png", "question": "what colour is the cat", "answer": "black"}, ...]

A picture may have several questions. Answers are whole: each different one is a choice of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from minimm.datasets.coco_captions import Report, find_picture, leads_out, to_bytes
from minimm.datasets.folders import find_folder
from minimm.errors import MinimmError, check
from minimm.features.image import load_image
from minimm.files import check_inside, read_json

FEWEST_TO_SPLIT = 20  # with fewer pictures all are learned from


class PictureQuestions:
    """All questions of a folder, with their pictures in memory as bytes.

    Args:
        folder: where `questions.json` lies. image_size: side in pixels that pictures are brought to.

    Attributes: `questions` and `answers` (str each), `pictures` the number of each question's picture, `images`
    (N, 3, S, S) uint8, `report`. Entries without a readable picture are counted in `report` and left out; a folder that is
    not in this layout, or in which nothing is left, is refused.
    """

    def __init__(self, folder: str | Path, image_size: int = 32) -> None:
        folder = find_folder(folder)
        path = folder / "questions.json"
        check(path.is_file(), f"{folder} has no questions.json; give a folder with questions.json and pictures")
        report = Report(texts="question")
        images: dict[str, Tensor | None] = {}
        rows: list[tuple[str, str, str]] = []
        for name, question, answer in _entries(path):
            if name not in images:
                images[name] = _load(folder, name, image_size, report)
            if images[name] is not None:
                rows.append((name, question, answer))
        kept = {name: image for name, image in images.items() if image is not None}
        check(len(rows) > 0, f"{folder} has no picture with a question: {report}")
        places = {name: index for index, name in enumerate(kept)}
        self.images = torch.stack(list(kept.values()))  # (N, 3, S, S) uint8
        self.pictures = [places[name] for name, _, _ in rows]
        self.questions, self.answers = [row[1] for row in rows], [row[2] for row in rows]
        self.report = report
        report.num_pictures, report.num_captions = len(kept), len(rows)

    def __len__(self) -> int:
        return len(self.questions)

    def batch(self, indices: Sequence[int]) -> Tensor:
        """The pictures of these questions, (B, 3, S, S) float32 in [0, 1]."""
        return self.images[torch.tensor([self.pictures[i] for i in indices], dtype=torch.long)].float() / 255.0

    def split(self) -> tuple[list[int], list[int]]:
        """Numbers of the questions to learn from, and of those about every tenth picture, to validate on."""
        if len(self.images) < FEWEST_TO_SPLIT:
            return list(range(len(self))), []
        kept = [i for i, picture in enumerate(self.pictures) if picture % 10 != 9]
        return kept, sorted(set(range(len(self))) - set(kept))


def plain_question(text: str) -> str:
    """A question as it is learned: small letters, single spaces, no mark at the end.

    >>> plain_question("  What colour is  the cat? ")
    'what colour is the cat'
    """
    check(isinstance(text, str), f"the question must be a str, but it is a {type(text).__name__}")
    plain = " ".join(text.casefold().split()).rstrip("?？!！.。 ")
    check(plain != "", "the question is empty; ask something, such as 'how many red shapes are there'")
    return plain


def _entries(path: Path) -> list[tuple[str, str, str]]:
    """(picture's name, question, answer) for each entry, or an error that shows the first that is not so."""
    content = read_json(check_inside(path, path.parent))
    check(isinstance(content, list), f"{path} must hold a list of objects with image, question and answer")
    rows = []
    for number, entry in enumerate(content):
        values = [entry.get(key) for key in ("image", "question", "answer")] if isinstance(entry, dict) else [None]
        check(
            all(isinstance(value, str) and value.strip() for value in values),
            f"{path}: entry {number} must have an image, a question and an answer in words, but it is {entry!r:.80}",
        )
        check(
            not leads_out(values[0]),
            f"{path}: the file name {values[0]!r} leads out of the folder; pictures must lie inside it",
        )
        rows.append((values[0], plain_question(values[1]), " ".join(values[2].split())))
    return rows


def _load(folder: Path, name: str, image_size: int, report: Report) -> Tensor | None:
    """The picture as bytes, or None and a note in the report."""
    path = find_picture(folder, (folder, folder / "images"), name)
    if path is None:
        report.leave_out("the picture is missing", name)
        return None
    try:
        return to_bytes(load_image(path, size=image_size))
    except MinimmError:
        report.leave_out("the picture cannot be read", name)
        return None
