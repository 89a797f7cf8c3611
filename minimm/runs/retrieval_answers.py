"""What a trained retriever answers, as samples.txt and as figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from minimm.datasets.coco_captions import evenly
from minimm.datasets.shapes import Scenes
from minimm.datasets.spoken_digits import DIGIT_WORDS
from minimm.datasets.three_way_digits import ThreeWayDigits
from minimm.files import write_text
from minimm.interpretation.grounding import named_objects
from minimm.plots.caption import caption_strip
from minimm.plots.loss import loss_curves
from minimm.plots.retrieval import Hit, retrieval_grid
from minimm.plots.style import save_figure
from minimm.tasks.retrieval.aligned import ALIGNMENT_TITLE
from minimm.tasks.retrieval.cross_modal_retriever import CrossModalRetriever

SHOWN, BEST = 2, 5  # queries for each kind of query, and hits for each
KIND = {1: "a recording", 3: "a picture"}  # by the number of axes


@dataclass(frozen=True)
class Answer:
    """What was asked, what it shows or says, and the best that were found."""

    query: Any
    name: str
    hits: list[Hit]


def _answer(
    task: CrossModalRetriever, query: Any, label: Any, among: str, shown: list[Any], labels: list[Any]
) -> Answer:
    """Ask the collection `among`, whose things are drawn as `shown`; those with the label of the query are right."""
    found = task.search(query, min(BEST, len(shown)), among=among)
    hits = [Hit(shown[hit.place], hit.score, labels[hit.place] == label, str(labels[hit.place])) for hit in found]
    return Answer(query[0] if isinstance(query, tuple) else query, str(label), hits)


def picture_answers(task: CrossModalRetriever, images: torch.Tensor, captions: list[str]) -> list[Answer]:
    """Captions to pictures, and pictures to captions."""
    task.index(images, "image").index(captions, "text")
    pictures, places = list(images.numpy()), evenly(list(range(len(captions))), 4 * SHOWN)
    half = len(places) // 2
    return [_answer(task, captions[place], captions[place], "image", pictures, captions) for place in places[:half]] + [
        _answer(task, pictures[place], captions[place], "text", captions, captions) for place in places[half:]
    ]


def digit_answers(task: CrossModalRetriever, unseen: ThreeWayDigits) -> list[Answer]:
    """Recordings to pictures, pictures to recordings, and words of both languages to both."""
    rate, recordings = unseen.spoken.sample_rate, unseen.spoken.recordings
    waveforms, pictures = [recording.waveform for recording in recordings], list(unseen.written.images.numpy())
    sounds = [(waveform, rate) for waveform in waveforms]
    said, written = [recording.digit for recording in recordings], unseen.written.digits.tolist()
    task.index(sounds, "audio").index(unseen.written.images, "image")
    answers = []
    for place in evenly(list(range(len(sounds))), SHOWN):
        answers.append(_answer(task, sounds[place], said[place], "image", pictures, written))
    for place in evenly(list(range(len(pictures))), SHOWN):
        answers.append(_answer(task, pictures[place], written[place], "audio", waveforms, said))
    for words in DIGIT_WORDS.values():
        answers.append(_answer(task, words[7], 7, "image", pictures, written))
        answers.append(_answer(task, words[7], 7, "audio", waveforms, said))
    return answers


def write_answers(task: CrossModalRetriever, answers: list[Answer], out: Path) -> None:
    """samples.txt, and figures of the loss and of what was found."""
    lines = []
    for answer in answers:
        asked = answer.query if isinstance(answer.query, str) else KIND[np.ndim(answer.query)]
        lines.append(f"asked: {asked} ({answer.name})")
        lines += [f"  {'right' if hit.correct else 'wrong'} {hit.score:6.3f}  {hit.name}" for hit in answer.hits]
    write_text(out / "samples.txt", "\n".join(lines) + "\n")
    uniform = math.log(task.preset.batch_size)
    curves = loss_curves(task.training.history, "Retriever", uniform_loss=uniform, unit="pair")
    save_figure(curves, out / "figures" / "retriever_loss.png")
    queries, names, hits = zip(*((answer.query, answer.name, answer.hits) for answer in answers), strict=True)
    save_figure(retrieval_grid(queries, hits, names), out / "figures" / "retrieval.png")


def draw_alignment(task: CrossModalRetriever, scenes: Scenes, path: Path) -> None:
    """Which regions the words of a long caption fit, with the objects that they name outlined."""
    longest = max(range(len(scenes.captions)), key=lambda place: len(scenes.captions[place]))
    aligned = task.align(scenes.images[longest], scenes.captions[longest])
    named = named_objects(aligned.words, scenes.objects[longest])
    boxes = [None if thing is None else thing.box for thing in named]
    save_figure(caption_strip(aligned.image, aligned.words, aligned.maps, boxes, title=ALIGNMENT_TITLE), path)
