"""A model that writes down what is said: `SpeechRecognizer().fit("speech").transcribe("recording.wav")`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minimm.datasets.folders import find_folder
from minimm.datasets.spoken_digits import SPEEDS, Speech, SpokenDigits
from minimm.datasets.transcribed_recordings import TRANSCRIPTS, TranscribedRecordings, draw_changed
from minimm.errors import check
from minimm.features.audio import HOP_SECONDS, Sound, load_audio, log_mel_batch
from minimm.features.audio_augmentation import mask_spans
from minimm.metrics import exact_match, word_error_rate
from minimm.models.audio_encoder import AudioEncoder, AudioEncoderConfig
from minimm.models.encoder_decoder import EncoderDecoder
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.tasks.attended import AttendedSound
from minimm.tasks.caption_language import first_tokens
from minimm.tasks.seeds import VALIDATION_SEED
from minimm.tasks.writing.speech_presets import SPEECH_PRESETS
from minimm.tasks.writing.writer import Batch, Writer
from minimm.tokenizers import WordTokenizer
from minimm.training.description import config_from, sample_rate_in

VALIDATION_RECORDINGS = 128  # heard during training
MOST_DIGITS = 6  # strings of 1 to so many digits are learnt from
BATCH = 64  # recordings at once in evaluation


class SpeechRecognizer(Writer):
    """Convolutions and a GRU listen, a small Transformer decoder writes words, and cross-attention shows when it heard each.

    Args:
        preset: "tiny"; see `tasks.writing.speech_presets`.
        options: any field of `SpeechPreset` or `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    kind = "speech_recognizer"
    presets = SPEECH_PRESETS
    unit = "recording"
    positions = "learned"  # the third word asks for what is some way into the recording; see `AudioEncoder`

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(preset, seed=seed, device=device, **options)
        self.sample_rate = self.preset.sample_rate

    def architecture(self) -> dict[str, Any]:
        """The configs of the encoder and of the decoder, and the rate that recordings are brought to."""
        return super().architecture() | {"sample_rate": self.sample_rate}

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `EncoderDecoder` of an `AudioEncoder` and a `LanguageModel`."""
        encoder = AudioEncoder(config_from(AudioEncoderConfig, architecture["encoder"]))
        return EncoderDecoder(encoder, LanguageModel(config_from(LanguageModelConfig, architecture["decoder"])))

    def _after_load(self, architecture: dict[str, Any]) -> None:
        self.sample_rate = sample_rate_in(architecture["sample_rate"])

    def fit(
        self,
        dataset: SpokenDigits | TranscribedRecordings | str | Path,
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> SpeechRecognizer:
        """Learn from recordings with what is said in them.

        Args:
            dataset: `SpokenDigits`, from which strings of 1 to 6 digits are put together anew each time; or a
                `TranscribedRecordings`, or the name or path of a folder for either. Of a folder only the part "train" is
                learnt from; a `SpokenDigits` is taken whole. Some of it is held out for validation; see their `hold_out`.
            max_steps, max_seconds, folder, resume: as in `TextGenerator.fit`.
        """
        preset = self.preset
        draw, heard, texts = speech_source(dataset, preset.sample_rate)
        encoder = AudioEncoderConfig(preset.num_mels, preset.channels, preset.d_model, preset.dropout, positions=True)

        def draw_masked(count: int, generator: torch.Generator) -> Batch:
            speech = draw(count, generator)
            log_mels, mask = self._inputs(speech.waveforms)
            return (mask_spans(log_mels, mask.sum(dim=1), generator), mask), speech.texts

        self._fit(
            draw_masked,
            [f" {text}" for text in texts],
            WordTokenizer,
            {"encoder": asdict(encoder), "sample_rate": self.sample_rate},
            (self._inputs(heard.waveforms), heard.texts),
            max_steps=max_steps,
            max_seconds=max_seconds,
            folder=folder,
            resume=resume,
        )
        return self

    def _inputs(self, waveforms: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """Waveforms at the model's rate -> log-mels (B, F, num_mels) and mask (B, F)."""
        num_mels = self.preset.num_mels if self.model is None else self.model.encoder.config.num_mels
        return log_mel_batch(waveforms, self.sample_rate, num_mels)

    def _on_device(self, inputs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        log_mels, mask = inputs
        return log_mels.to(self.device), mask.to(self.device)

    def _teacher_forcing(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        return super()._teacher_forcing([f" {text}" for text in texts])  # a word is one token wherever it stands

    def transcribe_all(self, recordings: Sequence[Sound], *, num_beams: int = 1) -> list[str]:
        """What is said in each recording: wav files, or (waveform, rate) pairs."""
        return self._transcribe([load_audio(recording, self.sample_rate) for recording in recordings], num_beams)

    def transcribe(self, recording: Sound, *, num_beams: int = 1) -> str:
        """What is said: a wav file of any rate, or (waveform, rate in Hz) with a waveform (samples,) in [-1, 1]."""
        return self.transcribe_all([recording], num_beams=num_beams)[0]

    def _transcribe(self, waveforms: Sequence[np.ndarray], num_beams: int = 1) -> list[str]:
        """Texts of waveforms at the model's rate; those of similar length are heard together."""
        self.require_model()
        order = sorted(range(len(waveforms)), key=lambda i: len(waveforms[i]))
        texts = [""] * len(waveforms)
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            written = self._write(self._inputs([waveforms[i] for i in chosen]), num_beams)
            for i, ids in zip(chosen, written, strict=True):
                texts[i] = self.tokenizer.decode(ids).strip()
        return texts

    def attend(self, recording: Sound, text: str | None = None) -> AttendedSound:
        """When the model listened for each word of its transcription (or of `text`); `.plot()` draws it."""
        waveform = load_audio(recording, self.sample_rate)
        text = self._transcribe([waveform])[0] if text is None else text
        words = text.split()
        check(len(words) > 0, "the transcription is empty, so there is no word whose attention could be shown")
        text = " ".join(words)
        (weights,) = self._attend_tokens(self._inputs([waveform]), [text])  # (L, H, tokens, N)
        chosen = first_tokens(self.tokenizer.split(f" {text}"), words)  # as `_teacher_forcing` reads it
        seconds = (
            2 ** len(self.model.encoder.config.channels) * HOP_SECONDS
        )  # from one vector of the memory to the next
        return AttendedSound(waveform, self.sample_rate, words, weights[:, :, chosen], seconds)

    def evaluate(self, dataset: Speech | SpokenDigits) -> dict[str, float]:
        """`word_error_rate` (0 is perfect) and `exact_match` (0 to 1) of a `Speech`; of `SpokenDigits`, whose recordings
        are heard one by one, `accuracy` (0 to 1).
        """
        if isinstance(dataset, SpokenDigits):
            speech = dataset.isolated()
            written = self._transcribe(speech.waveforms)
            return {"accuracy": exact_match(written, [[text] for text in speech.texts])}
        written = self._transcribe(dataset.waveforms)
        return {
            "word_error_rate": word_error_rate(written, dataset.texts),
            "exact_match": exact_match(written, [[text] for text in dataset.texts]),
        }


def speech_source(
    dataset: SpokenDigits | TranscribedRecordings | str | Path, sample_rate: int
) -> tuple[Callable[[int, torch.Generator], Speech], Speech, list[str]]:
    """A function that draws changed recordings to learn from; such recordings to validate on, made of others that are held out
    where there are enough (`hold_out`); and texts that hold every word, one of them as long as any drawn.
    """
    generator = torch.Generator().manual_seed(VALIDATION_SEED)
    if isinstance(dataset, str | Path):
        dataset = open_recordings(dataset, sample_rate)
        dataset = dataset.split("train") if isinstance(dataset, SpokenDigits) else dataset
    check(
        isinstance(dataset, SpokenDigits | TranscribedRecordings),
        f"cannot learn from {type(dataset).__name__}; give SpokenDigits, TranscribedRecordings or a folder's path",
    )
    check(
        dataset.sample_rate == sample_rate,
        f"the recordings were opened at {dataset.sample_rate} Hz but this model hears {sample_rate} Hz; open them at that "
        "rate, or give sample_rate",
    )
    if isinstance(dataset, SpokenDigits):
        texts = [recording.word for recording in dataset.recordings]
        learned, held_out = dataset.hold_out()

        def draw_strings(count: int, generator: torch.Generator) -> Speech:
            """Strings of one number of digits, so that little of the batch is padding, and of as many digits in total."""
            length = int(torch.randint(1, MOST_DIGITS + 1, (), generator=generator))
            count = max(1, round(count * (1 + MOST_DIGITS) / 2 / length))
            return learned.draw(count, generator, num_digits=(length, length), speeds=SPEEDS)

        heard = held_out.draw(VALIDATION_RECORDINGS, generator, num_digits=(1, MOST_DIGITS), speeds=SPEEDS)
        return draw_strings, heard, [*texts, " ".join(texts[:MOST_DIGITS])]
    learned, held_out = dataset.hold_out()

    def draw_recordings(count: int, generator: torch.Generator) -> Speech:
        return draw_changed(learned, sample_rate, count, generator)

    heard = draw_changed(held_out, sample_rate, VALIDATION_RECORDINGS, generator)
    return draw_recordings, heard, dataset.split("train").texts


def open_recordings(folder: str | Path, sample_rate: int) -> SpokenDigits | TranscribedRecordings:
    """A folder by path or name: with transcripts.tsv, any words; without, digits as the names of its files say."""
    has_transcripts = (find_folder(folder) / TRANSCRIPTS).is_file()
    return (TranscribedRecordings if has_transcripts else SpokenDigits)(folder, sample_rate)
