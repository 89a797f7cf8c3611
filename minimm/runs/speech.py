"""`minimm train speech-recognizer` and `minimm transcribe`: learn to write what is said, measure it, draw it."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch

from minimm.datasets.spoken_digits import Speech, SpokenDigits
from minimm.errors import check
from minimm.files import write_text
from minimm.plots.loss import loss_curves
from minimm.plots.sound import sound_picture
from minimm.plots.style import save_figure
from minimm.runs.report import finish, training_results
from minimm.tasks.seeds import EVALUATION_SEED
from minimm.tasks.writing.speech_recognizer import SpeechRecognizer, open_recordings

EVALUATION_STRINGS = 500
SHOWN = 12  # samples written


def train_speech_recognizer(
    data: str,
    out: Path,
    *,
    preset: str,
    leave_out: str | None,
    resume: bool,
    max_seconds: float | None = None,
    max_steps: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train on spoken digits or on a folder with transcripts; the model, results.json, samples.txt and figures in `out`.

    Of digits, `accuracy` is measured on single recordings, `word_error_rate` and `exact_match` on strings of 3 to 6 of
    them with pauses and noise. All are of the part "test", or of the speaker left out.
    """
    started = time.monotonic()
    task = SpeechRecognizer(preset, **options)
    dataset = open_recordings(data, task.sample_rate)
    check(
        leave_out is None or isinstance(dataset, SpokenDigits),
        f"--leave-out names a speaker of spoken digits, but {data} has transcripts and no speakers; run it without",
    )
    limits = {"max_seconds": max_seconds, "max_steps": max_steps, "folder": out, "resume": resume}
    if isinstance(dataset, SpokenDigits):
        training, test = (
            (dataset.split("train"), dataset.split("test")) if leave_out is None else dataset.leave_out(leave_out)
        )
        task.fit(training, **limits)
        results = training_results(task) | digit_results(task, test)
        shown = test.draw(SHOWN, torch.Generator().manual_seed(EVALUATION_SEED))
    else:
        task.fit(dataset, **limits)
        shown = dataset.split("test")
        results = training_results(task) | task.evaluate(shown)
    results["recordings"] = len(dataset)
    if leave_out is not None:
        results["speaker_left_out"] = leave_out
    _write_samples(task, shown, out)
    return finish(results, started, out)


def digit_results(task: SpeechRecognizer, test: SpokenDigits) -> dict[str, float]:
    """Single recordings, and strings of 3 to 6 of them. With several speakers, the accuracy of each as well."""
    strings = test.draw(EVALUATION_STRINGS, torch.Generator().manual_seed(EVALUATION_SEED))
    results = task.evaluate(test) | task.evaluate(strings)
    if len(test.speakers) > 1:
        for speaker in test.speakers:
            own = test.part([recording for recording in test.recordings if recording.speaker == speaker])
            results[f"accuracy_{speaker}"] = task.evaluate(own)["accuracy"]
    return results


def transcribe_recordings(
    recordings: list[Path], model: Path, *, figure: Path | None, num_beams: int, device: str
) -> list[str]:
    """What is said in each recording; draws when the model listened into `figure`."""
    check(figure is None or len(recordings) == 1, f"--figure draws one recording, but {len(recordings)} were given")
    task = SpeechRecognizer.load(model, device=device)
    texts = task.transcribe_all(recordings, num_beams=num_beams)
    if figure is not None:
        save_figure(task.attend(recordings[0], texts[0]).plot(), figure)
    return texts


def _write_samples(task: SpeechRecognizer, speech: Speech, out: Path) -> None:
    """samples.txt, the loss, one recording as a picture, and when the model listened for each of its words."""
    waveforms, texts = speech.waveforms[:SHOWN], speech.texts[:SHOWN]
    written = task.transcribe_all([(waveform, task.sample_rate) for waveform in waveforms])
    lines = [f"{truth}\t{text}" for truth, text in zip(texts, written, strict=True)]
    write_text(out / "samples.txt", "\n".join(["truth\twritten", *lines]) + "\n")
    figures = out / "figures"
    uniform = math.log(task.tokenizer.vocab_size)
    save_figure(loss_curves(task.training.history, "Speech recognizer", uniform_loss=uniform), figures / "loss.png")
    save_figure(sound_picture(waveforms[0], task.sample_rate, texts[0]), figures / "sound.png")
    attended = task.attend((waveforms[0], task.sample_rate), written[0] or texts[0])
    save_figure(attended.plot(), figures / "attention.png")
