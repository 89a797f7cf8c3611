"""Every reader of files that may come from strangers: those of `stranger_folders.py`, and here media, data and what students
hand in, each with a valid folder to begin with.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from handed_in import SOFTMAX, STUB, exercise, notebook
from PIL import Image
from stranger_folders import MODELS, Reader, save_task

from minimm.classroom.handed_in import read_handed_in
from minimm.classroom.needed import needed, source_of, written_names
from minimm.classroom.release import stripped
from minimm.classroom.solution import read_source
from minimm.classroom.submissions import find_submissions
from minimm.datasets.cleaned_corpus import clean_corpus
from minimm.datasets.coco_captions import CocoCaptions, write_listing
from minimm.datasets.coco_clips import CocoClips
from minimm.datasets.grouped_texts import read_grouped
from minimm.datasets.labelled_text import read_labelled
from minimm.datasets.pair_splits import read_pair_splits
from minimm.datasets.picture_questions import PictureQuestions
from minimm.datasets.question_answering import read_squad
from minimm.datasets.spoken_digits import SpokenDigits
from minimm.datasets.summaries import read_summaries
from minimm.datasets.text_corpus import read_corpus
from minimm.datasets.transcribed_recordings import TranscribedRecordings
from minimm.errors import MinimmError, check
from minimm.features.audio import load_audio
from minimm.features.image import load_image
from minimm.features.segmentation import ChineseSegmenter
from minimm.features.video import load_video
from minimm.features.wav import wav_bytes
from minimm.files import read_json
from minimm.runs.bias import _read_runs
from minimm.scaling.experiment import _read_plan, _write_plan
from minimm.scaling.plan import Plan, Run, Size, cut_corpus
from minimm.training.checkpoint import load_tensors

TEXT = "the fox drinks at the river, and the old miller looks at the red cat.\n" * 3
CORPUS = cut_corpus(TEXT * 400)
WAV = wav_bytes(0.5 * np.sin(np.arange(800) / 5), 8000)
ENTRY = {"context": "the fox", "qas": [{"id": "1", "question": "who", "answers": [{"text": "fox", "answer_start": 4}]}]}
SQUAD = json.dumps({"data": [{"paragraphs": [ENTRY]}]})
LISTED = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_id": 1, "caption": "a fox", "id": 3}]}
KARPATHY = {"images": [{"filepath": "val", "filename": "a.png", "split": "train", "sentences": [{"raw": "a fox"}]}]}
QUESTIONS = json.dumps([{"image": "a.png", "question": "what is it?", "answer": "a fox"}] * 2)
HTML = "<nav><a href='/'>Home</a></nav><article><h1>Foxes</h1><p>They eat&nbsp;mice &amp; <b>berries</b>.</article>"
MARKDOWN = "---\na: b\n---\n# Foxes\n\nThey *eat* `mice` and [berries](b.html).\n\n- red\n\n| a |\n|---|\n```\nx\n```\n"
LESSON = json.loads(notebook(SOFTMAX, "%%time\nprint(1)\n%matplotlib inline\nx = !ls", cell0=exercise("softmax")))
FAILED = {
    "cell_type": "code",
    "metadata": {},
    "source": ["1 +\n", "1"],
    "outputs": [{"output_type": "error", "ename": "E"}],
}
SHOWN = json.dumps({**LESSON, "cells": [*LESSON["cells"], FAILED, {"cell_type": "markdown", "source": "![x](a)"}]})

TO_RELEASE = notebook(STUB, "### BEGIN SOLUTION\nx = 1\n### END SOLUTION", "1", cell0=exercise("softmax"))


def picture(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    """A picture of 8 x 8 random pixels as a file of that kind."""
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def animation(kind: str) -> bytes:
    """Four frames of 8 x 8 pixels."""
    frames = [Image.fromarray(np.full((8, 8, 3), 60 * i, dtype=np.uint8)) for i in range(3)]
    return picture(kind, save_all=True, append_images=frames, duration=100)


PNG = picture("PNG")


def files(contents: dict[str, str | bytes]) -> Callable[[Path], None]:
    """What writes these files."""

    def write(folder: Path) -> None:
        for name, content in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def one(name: str, content: str | bytes, read: Callable[[Path], Any], cost: float = 1.0) -> Reader:
    """A reader of a single file."""
    return Reader(files({name: content}), lambda folder: read(folder / name), cost)


def use_handed_in(path: Path) -> None:
    """Read what a student handed in, and take out what each of its functions needs."""
    file = read_handed_in(path)
    for name in written_names(file)[:5]:
        source_of(file, needed(file, name))
    check(bool(file.statements) or not file.problems, " ".join(file.problems))  # told on the student's page


def use_submissions(folder: Path) -> None:
    """Read everything that every student handed in."""
    submissions, problems = find_submissions(folder)
    for submission in submissions:
        problems += submission.problems
        for path in submission.files:
            with suppress(MinimmError):
                use_handed_in(path)
    check(not problems, " ".join(problems))


def write_clips(folder: Path) -> None:
    """Two clips with captions."""
    files({"a.gif": animation("GIF"), "b.gif": animation("GIF")})(folder)
    write_listing(folder, ["a.gif", "b.gif"], ["a fox", "a cat"])


def write_pictures(folder: Path) -> None:
    """Two pictures with captions."""
    files({"a.png": PNG, "images/b.jpg": picture("JPEG")})(folder)
    write_listing(folder, ["a.png", "b.jpg"], ["a fox", "a cat"])


def write_plan(folder: Path) -> None:
    """The plan of an experiment of which one run is done."""
    runs = (Run(Size(1, 8), 256, 0), Run(Size(2, 8), 512, 0))
    done = {"name": "a", "parameters": 3, "tokens": 256, "seed": 0, "loss": 1.0, "compute": 4608}
    _write_plan(folder / "plan.json", Plan(runs, 1.5), [done], CORPUS, 0)


MEDIA = {
    "wav": one("a.wav", WAV, lambda path: load_audio(path, 4000)),
    "PNG": one("a.png", PNG, load_image),
    "PNG with a palette": one("a.png", picture("PNG", "P"), lambda path: load_image(path, 16)),
    "JPEG": one("a.jpg", picture("JPEG"), load_image),
    "GIF": one("a.gif", animation("GIF"), load_image),
    "WebP": one("a.webp", picture("WEBP", lossless=True), load_image),
    "BMP": one("a.bmp", picture("BMP"), load_image),
    "TIFF": one("a.tif", picture("TIFF", compression="tiff_lzw"), load_image),
    "GIF as a clip": one("a.gif", animation("GIF"), lambda path: load_video(path, 2, 8)),
    "PNG as a clip": one("a.png", animation("PNG"), lambda path: load_video(path, 2)),
    "WebP as a clip": one("a.webp", animation("WEBP"), load_video),
    "folder of frames": Reader(files(dict.fromkeys(("1.png", "2.png", "10.png"), PNG)), load_video, 2),
}
DATA = {
    "JSON": one("a.json", SQUAD, read_json),
    "safetensors": Reader(
        lambda folder: save_task("language model", folder), lambda folder: load_tensors(folder / "model.safetensors")
    ),
    "captions": Reader(write_pictures, lambda folder: CocoCaptions(folder, 8), 2),
    "captions of COCO": Reader(
        files({"annotations/captions_train2017.json": json.dumps(LISTED), "train2017/a.png": PNG}),
        lambda folder: CocoCaptions(folder, 8),
    ),
    "captions of Karpathy": Reader(
        files({"dataset_coco.json": json.dumps(KARPATHY), "val/a.png": PNG}), lambda folder: CocoCaptions(folder, 8)
    ),
    "captions of clips": Reader(write_clips, lambda folder: CocoClips(folder, 8, 2), 3),
    "picture questions": Reader(
        files({"questions.json": QUESTIONS, "a.png": PNG}), lambda folder: PictureQuestions(folder, 8)
    ),
    "SQuAD": one("a.json", SQUAD, read_squad),
    "summaries": one("a.jsonl", json.dumps({"article": "a", "summary": "b", "title": "c"}) + "\n", read_summaries),
    "labelled texts": one("a.tsv", "good\tthe fox\nbad\tthe cat\n", read_labelled),
    "reviews to audit": one("a.tsv", "good\tshe\tthe fox\nbad\the\tthe cat\n", read_grouped),
    "pairs in a table": one("train.tsv", "fox\tFuchs\ncat\tKatze\n", lambda path: read_pair_splits(path, "en", "de")),
    "pairs in two files": Reader(
        files({"train.en": "fox\ncat\n", "train.de": "Fuchs\nKatze\n"}), lambda f: read_pair_splits(f, "en", "de")
    ),
    "transcribed recordings": Reader(
        files({"a.wav": WAV, "b.wav": WAV, "transcripts.tsv": "a.wav\thello\nb.wav\tgood bye\n"}),
        TranscribedRecordings,
        2,
    ),
    "spoken digits": Reader(files({"7_jo_1.wav": WAV, "zh/3_li_2.wav": WAV}), SpokenDigits, 2),
    "texts": Reader(
        files({"a.txt": TEXT, "b.md": MARKDOWN, "c.html": HTML, "d.txt.gz": gzip.compress(TEXT.encode())}), read_corpus
    ),
    "documents to clean": Reader(
        files({"a.txt": TEXT, "b.md": MARKDOWN, "c.html": HTML}), lambda folder: clean_corpus([folder], unit="line"), 10
    ),
    "dictionary": one("a.txt", "研究 9\n生命 5\n", ChineseSegmenter.load),
    "plan of an experiment": Reader(write_plan, lambda folder: _read_plan(folder / "plan.json", CORPUS, 0)),
    "runs of remedies": one("runs.json", json.dumps([["texts", "plain", 1, {"gap": 0.5}]]), _read_runs),
}
CLASSROOM = {
    "notebook": one("a.ipynb", SHOWN, use_handed_in, 2),
    "Python file": one("a.py", SOFTMAX, use_handed_in),
    "Python file to check": one("a.py", SOFTMAX, read_source),
    "lesson to release": one("a.ipynb", TO_RELEASE, lambda path: stripped(read_json(path), "a", False)),
    "submissions": Reader(files({"ann/a.ipynb": SHOWN, "bob/b/c.py": SOFTMAX}), use_submissions, 3),
}
READERS: dict[str, Reader] = {**MODELS, **MEDIA, **DATA, **CLASSROOM}
