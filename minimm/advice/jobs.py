"""What minimm can be taught, by what goes in and what comes out: the table that `minimm advise` looks things up in.

Sizes are not here: they are in the presets. `measured` repeats what the README's tables say, and a test compares the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from minimm.errors import MinimmError, check
from minimm.runs.text import MANY_PAIRS
from minimm.tasks.answering.assistant_presets import ASSISTANT_PRESETS, STAGES
from minimm.tasks.answering.presets import QUESTION_PRESETS
from minimm.tasks.drawing.presets import DRAWING_PRESETS
from minimm.tasks.retrieval.presets import RETRIEVAL_PRESETS
from minimm.tasks.text.presets import ENCODER_PRESETS, PAIR_PRESETS, TEXT_PRESETS
from minimm.tasks.writing.presets import CAPTION_PRESETS, CLIP_PRESETS
from minimm.tasks.writing.speech_presets import SPEECH_PRESETS

MODALITIES = ("text", "image", "audio", "video")


@dataclass(frozen=True)
class Job:
    """One thing to learn.

    routes: what it takes (modalities joined by a blank) and what it gives. command: of `minimm train`, with data that come
    with minimm. presets: its sizes, smallest first; the first suits minimm's own data. own: the preset for own data, and from
    how many examples on. why: the model and the reason for it. few: what to do with few examples. measured: in the README.
    """

    name: str
    routes: tuple[tuple[str, str], ...]
    command: tuple[str, ...]
    presets: dict[str, Any]
    why: str
    few: str
    measured: str | None = None
    own: tuple[str, int] | None = None
    stages: int = 1  # trainings, one after the other
    reads_text: bool = False  # its command needs --text

    def seconds(self, preset: str) -> float:
        """That the preset was measured to work with, all stages together."""
        chosen = self.presets[preset]
        first = getattr(chosen, "tokenizer_training", None)
        return chosen.training.max_seconds + (0 if first is None else first.max_seconds)


TEXT = (("text", "text"),)
PRETRAIN = (
    "minimm train encoder --text FOLDER --out runs/encoder learns the language from texts without labels; then add "
    "--pretrained runs/encoder"
)
JOBS = (
    Job(
        "language-model",
        TEXT,
        ("language-model",),
        TEXT_PRESETS,
        "It guesses the next token again and again, so any text teaches it and no labels are needed.",
        "more text of the same kind is worth more than a larger model; a smaller one learns less by heart.",
        "1.1 MB of plays, by character: loss 1.56 in the 61 s in which nanoGPT's documented CPU run ends at 1.91",
        reads_text=True,
    ),
    Job(
        "translator",
        TEXT,
        ("translator", "--source", "en", "--target", "zh"),
        {name: PAIR_PRESETS[name] for name in ("tiny", "small")},
        "An encoder reads the whole sentence before a decoder writes, because the last word may decide about the first.",
        "collect more pairs: a translator has nothing to start from. `--pairs shapes` learns a small world without any.",
        "English to Chinese, bundled, 150 s: 99.0 % of 499 unseen sentences exactly right",
        ("small", MANY_PAIRS),
    ),
    Job(
        "summarizer",
        TEXT,
        ("summarizer",),
        PAIR_PRESETS,
        "As a translator, from long to short: the decoder looks back at the article for every word it writes.",
        "minimm summarize FILE --method text_rank picks the most central sentences and needs no training at all.",
    ),
    Job(
        "question-answerer",
        TEXT,
        ("question-answerer",),
        {"small": ENCODER_PRESETS["small"]},
        "It reads question and text together and points at the words of the answer, so it cannot invent one.",
        f"start from an encoder that has read more: {PRETRAIN}.",
    ),
    Job(
        "classifier",
        TEXT,
        ("classifier",),
        ENCODER_PRESETS,
        "Reading in both directions is enough to choose one of a few labels; nothing has to be written.",
        f"start from an encoder that has read more: {PRETRAIN} --method lora, which changes few of its weights.",
        "64 labelled reviews: 52.6 % right from scratch, 68.7 % from a pretrained encoder, 82.2 % with LoRA",
    ),
    Job(
        "encoder",
        TEXT,
        ("encoder",),
        ENCODER_PRESETS,
        "Filling gaps teaches it what words mean from texts without labels; classifier and question answerer start from it.",
        "unlabelled text is what it lives on: add whatever is of the same kind.",
        "64 labelled reviews: 52.6 % right from scratch, 68.7 % from a pretrained encoder",
        reads_text=True,
    ),
    Job(
        "captioner",
        (("image", "text"),),
        ("captioner", "--data", "shapes"),
        {name: CAPTION_PRESETS[name] for name in ("tiny", "small")},
        "An encoder turns the picture into a grid of features, and a decoder looks at the grid for every word it writes.",
        "a captioner has nothing to start from; a retriever, which only chooses among captions that you have, may do.",
        "1,357 emoji, 64 x 64: 99.7 % get exactly their name, with --max-seconds 600",
        ("small", 0),
    ),
    Job(
        "visual-question-answerer",
        (("image", "text"), ("image text", "text")),
        ("visual-question-answerer", "--data", "scenes"),
        QUESTION_PRESETS,
        "The words of a question look at the picture, and one of the answers seen in training is chosen.",
        "take over eyes that can see: train a captioner first, then add --image-encoder runs/captioner.",
        "99.8 % of questions about scenes right with --image-encoder and --max-seconds 285",
    ),
    Job(
        "retriever",
        (("image", "text"), ("text", "image")),
        ("retriever", "--data", "shapes"),
        {name: RETRIEVAL_PRESETS[name] for name in ("tiny", "small")},
        "Pictures and texts are placed in one space, so what is there already is found; nothing new is written or drawn.",
        "every pair is a wrong answer for all others of its batch, so few go far; more pictures help most.",
        "256 unseen scenes: recall@1 0.99 both ways with --max-seconds 130; 1,357 emoji named in 96 % with 220",
        ("small", 0),
    ),
    Job(
        "digit-retriever",
        (("audio", "text"), ("text", "audio"), ("audio", "image"), ("image", "audio")),
        ("retriever", "--data", "digits"),
        {"digits": RETRIEVAL_PRESETS["digits"]},
        "Sounds, pictures and words are placed in one space, so that each finds the others; shown with digits.",
        "more speakers and writers help most: what varies between them is what it must learn to overlook.",
        "digits written, spoken and spelled: recall@1 at least 0.994 in every direction, with --max-seconds 250",
    ),
    Job(
        "speech-recognizer",
        (("audio", "text"),),
        ("speech-recognizer", "--data", "speech"),
        SPEECH_PRESETS,
        "Convolutions and a GRU follow the sound in time, and a decoder that writes looks at the moment of each word.",
        "there is nothing to start from; record more speakers rather than more words of the same ones.",
        "spoken digits: 100 % of 200 recordings right with --max-seconds 265; 58 to 81 % of a speaker never heard",
    ),
    Job(
        "video-captioner",
        (("video", "text"),),
        ("video-captioner", "--data", "clips"),
        CLIP_PRESETS,
        "A small network sees each frame and a GRU remembers what came before, since motion is in no single frame.",
        "there is nothing to start from; a captioner of single frames may do, but knows nothing of motion.",
        "500 unseen clips: 99.8 % exactly right after 258 s",
        ("small", 0),
    ),
    Job(
        "text-to-image",
        (("text", "image"),),
        ("text-to-image", "--data", "shapes"),
        DRAWING_PRESETS,
        "Pictures become ids of learned patches, so that a language model can write them after the words of a caption.",
        "drawing needs the most examples of all; to find a picture that exists, a retriever will do.",
        "500 unseen captions: 83 % drawn right, judged by rules",
        ("small", 0),
        stages=2,
    ),
    Job(
        "assistant",
        tuple((several, "text") for several in ("image text", "audio text", "video text", "image audio", "image video"))
        + tuple((several, "text") for several in ("audio video", "image audio text", "image audio video"))
        + tuple((several, "text") for several in ("image video text", "audio video text", "image audio video text")),
        ("assistant", "--speech", "speech"),
        ASSISTANT_PRESETS,
        "A language model whose sequence holds what encoders see and hear, so that one model does many jobs with one prompt.",
        "take over the specialists: train captioner, speech-recognizer and video-captioner, then add --image-encoder, "
        "--audio-encoder and --video-encoder; go on later with --start.",
        "one model for everything: captions 98 %, typed questions 97 %, with encoders from the specialists and seven runs "
        "of 240 to 270 s",
        stages=len(STAGES),
    ),
)


def find_jobs(taken: Iterable[str] | None = None, given: str | None = None, task: str | None = None) -> list[Job]:
    """The jobs of that name, or from those modalities to that one.

    Raises:
        MinimmError: nothing is like this; the sentence names what there is.
    """
    names = [job.name for job in JOBS]
    check(task is None or task in names, f"--task {task} is not known; choose from {', '.join(names)}")
    taken = None if taken is None else " ".join(name for name in sorted(set(taken)))
    for name in [*(taken or "").split(), *([given] if given else [])]:
        check(name in MODALITIES, f"{name!r} is not a modality of minimm; choose from {', '.join(MODALITIES)}")
    found = [
        job
        for job in JOBS
        if task in (None, job.name)
        and any(taken in (None, _sorted(before)) and given in (None, after) for before, after in job.routes)
    ]
    if not found:
        asked = f"from {(taken or 'anything').replace(' ', ' and ')} to {given or 'anything'}"
        which = "nothing in minimm goes" if task is None else f"{task} does not go"
        routes = {route for job in JOBS if task in (None, job.name) for route in job.routes}
        there = [f"{before} -> {after}" for before, after in sorted(routes) if " " not in before]
        there += ["several of them -> text"] if any(" " in before for before, _ in routes) else []
        raise MinimmError(f"{which} {asked}; there are: {', '.join(there)}")
    return found


def _sorted(modalities: str) -> str:
    return " ".join(sorted(modalities.split()))
