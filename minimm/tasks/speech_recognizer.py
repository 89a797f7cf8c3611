"""A model that writes down what is said: `SpeechRecognizer().fit("speech").transcribe("recording.wav")`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minimm.datasets.folders import find_folder
from minimm.datasets.spoken_digits import SPEEDS, Speech, SpokenDigits
from minimm.datasets.text_corpus import IGNORE
from minimm.datasets.transcribed_recordings import TRANSCRIPTS, TranscribedRecordings, draw_changed
from minimm.errors import check
from minimm.features.audio import HOP_SECONDS, Sound, load_audio, log_mel_batch
from minimm.features.audio_augmentation import mask_spans
from minimm.generation.beam_search import beam_search
from minimm.generation.sampling import generate
from minimm.interpretation.recorder import attention_maps
from minimm.layers.initialization import initialize
from minimm.layers.multi_head_attention import CrossAttention
from minimm.metrics import exact_match, word_error_rate
from minimm.models.audio_encoder import AudioEncoder, AudioEncoderConfig
from minimm.models.encoder_decoder import EncoderDecoder
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.memory import Memory
from minimm.tasks.attended import AttendedSound
from minimm.tasks.presets import find_preset
from minimm.tasks.speech_presets import SPEECH_PRESETS
from minimm.tasks.task import Task
from minimm.tokenizers import WordTokenizer
from minimm.training.losses import cross_entropy

VALIDATION_RECORDINGS = 128  # heard during training
VALIDATION_SEED = 1_234_567  # they are drawn from a seed that training never uses
MOST_DIGITS = 6  # strings of 1 to so many digits are learnt from
BATCH = 64  # recordings at once in evaluation


class SpeechRecognizer(Task):
    """Convolutions and a GRU listen, a small Transformer decoder writes words, and cross-attention shows when it heard each.

    Args:
        preset: "tiny"; see `tasks.speech_presets`.
        options: any field of `SpeechPreset` or `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    kind = "speech_recognizer"

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(seed=seed, device=device)
        self.preset = find_preset(SPEECH_PRESETS, preset)
        fields = {name: options.pop(name) for name in list(options) if hasattr(self.preset, name)}
        self.preset = replace(self.preset, **fields, training=replace(self.preset.training, **options))
        self.sample_rate = self.preset.sample_rate

    def architecture(self) -> dict[str, Any]:
        """The configs of the encoder and of the decoder, and the rate that recordings are brought to."""
        model = self.require_model()
        encoder, decoder = asdict(model.encoder.config), asdict(model.decoder.config)
        return {"encoder": encoder, "decoder": decoder, "sample_rate": self.sample_rate}

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `EncoderDecoder` of an `AudioEncoder` and a `LanguageModel`."""
        encoder = AudioEncoder(AudioEncoderConfig(**architecture["encoder"]))
        return EncoderDecoder(encoder, LanguageModel(LanguageModelConfig(**architecture["decoder"])))

    def _after_load(self, architecture: dict[str, Any]) -> None:
        self.sample_rate = architecture["sample_rate"]

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
                learnt from; a `SpokenDigits` is learnt from whole.
            max_steps, max_seconds, folder, resume: as in `TextGenerator.fit`.
        """
        preset = self.preset
        draw, heard, texts = speech_source(dataset, preset.sample_rate)
        self.tokenizer = WordTokenizer.train([f" {text}" for text in texts])
        longest = max(len(text.split()) for text in texts)
        decoder = LanguageModelConfig(
            vocab_size=self.tokenizer.vocab_size,
            context_length=longest + 8,  # <bos> in front, and room for a few words more than ever heard
            d_model=preset.d_model,
            num_heads=preset.num_heads,
            num_layers=preset.num_layers,
            dropout=preset.dropout,
            d_memory=preset.d_model,
            positions="learned",  # the third word asks for what is some way into the recording; see `AudioEncoder`
        )
        encoder = AudioEncoderConfig(preset.num_mels, preset.channels, preset.d_model, preset.dropout, True)
        self.model = self.build({"encoder": asdict(encoder), "decoder": asdict(decoder)})
        initialize(self.model, torch.Generator().manual_seed(self.seed), preset.num_layers)
        validation = (*self._log_mels(heard.waveforms), heard.texts)

        def draw_batch(generator: torch.Generator) -> tuple[Tensor, Tensor, list[str]]:
            speech = draw(preset.batch_size, generator)
            log_mels, mask = self._log_mels(speech.waveforms)
            return mask_spans(log_mels, mask.sum(dim=1), generator), mask, speech.texts

        self._train(
            preset.training,
            max_steps=max_steps,
            max_seconds=max_seconds,
            folder=folder,
            resume=resume,
            draw_batch=draw_batch,
            loss=self._loss,
            validate=lambda model: self._loss(model, validation).item(),
            batch_items=preset.batch_size,
            unit="recording",
        )
        return self

    def _log_mels(self, waveforms: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """Waveforms at the model's rate -> log-mels (B, F, num_mels) and mask (B, F)."""
        return log_mel_batch(waveforms, self.sample_rate, self.require_model().encoder.config.num_mels)

    def _loss(self, model: nn.Module, batch: tuple[Tensor, Tensor, list[str]]) -> Tensor:
        log_mels, mask, texts = batch
        inputs, targets = self._teacher_forcing(texts)
        return cross_entropy(model(log_mels.to(self.device), inputs, mask.to(self.device)), targets)

    def _teacher_forcing(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Texts -> what the decoder reads, <bos> w_1 .. w_n, and what it must say, w_1 .. w_n <eos>; (B, T) each."""
        texts = [f" {text}" for text in texts]  # so that a word is the same token wherever it stands
        ids, mask = self.tokenizer.encode_batch(texts, add_bos=True, add_eos=True, unknown="replace")
        ids, mask = torch.from_numpy(ids), torch.from_numpy(mask)
        targets = ids[:, 1:].masked_fill(~mask[:, 1:], IGNORE)
        return ids[:, :-1].to(self.device), targets.to(self.device)

    @torch.inference_mode()
    def _encode(self, waveforms: Sequence[np.ndarray]) -> Memory:
        log_mels, mask = self._log_mels(waveforms)
        return self.require_model().eval().encode(log_mels.to(self.device), mask.to(self.device))

    def transcribe_all(self, recordings: Sequence[Sound], *, num_beams: int = 1) -> list[str]:
        """What is said in each recording: wav files, or (waveform, rate) pairs."""
        return self._write([load_audio(recording, self.sample_rate) for recording in recordings], num_beams)

    def transcribe(self, recording: Sound, *, num_beams: int = 1) -> str:
        """What is said: a wav file of any rate, or (waveform, rate in Hz) with a waveform (samples,) in [-1, 1]."""
        return self.transcribe_all([recording], num_beams=num_beams)[0]

    def _write(self, waveforms: Sequence[np.ndarray], num_beams: int = 1) -> list[str]:
        """Texts of waveforms at the model's rate; those of similar length are heard together."""
        decoder = self.require_model().decoder
        order = sorted(range(len(waveforms)), key=lambda i: len(waveforms[i]))
        texts = [""] * len(waveforms)
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            memory = self._encode([waveforms[i] for i in chosen])
            prompts = [[self.tokenizer.bos_id]] * len(chosen)
            longest, end = decoder.config.context_length - 1, self.tokenizer.eos_id
            if num_beams == 1:
                found = generate(decoder, prompts, longest, end_id=end, memory=memory)
            else:
                beams = beam_search(decoder, prompts, longest, num_beams=num_beams, end_id=end, memory=memory)
                found = [hypotheses[0][1] for hypotheses in beams]
            for i, ids in zip(chosen, found, strict=True):
                texts[i] = self.tokenizer.decode(ids).strip()
        return texts

    def attend(self, recording: Sound, text: str | None = None) -> AttendedSound:
        """When the model listened for each word of its transcription (or of `text`); `.plot()` draws it."""
        waveform = load_audio(recording, self.sample_rate)
        text = self._write([waveform])[0] if text is None else text
        check(text.strip() != "", "the transcription is empty, so there is no word whose attention could be shown")
        inputs, _ = self._teacher_forcing([text])
        model = self.require_model().eval()
        log_mels, mask = self._log_mels([waveform])
        heard = log_mels.to(self.device), inputs, mask.to(self.device)
        weights = attention_maps(model, lambda: model(*heard), CrossAttention)  # (L, 1, H, T, N)
        # The attention that chose word t is that of the position before it, which is where it was predicted.
        words = text.split()
        seconds = 2 ** len(model.encoder.config.channels) * HOP_SECONDS  # from one vector of the memory to the next
        return AttendedSound(waveform, self.sample_rate, words, weights[:, 0, :, : len(words)].numpy(), seconds)

    def evaluate(self, dataset: Speech | SpokenDigits) -> dict[str, float]:
        """`word_error_rate` (0 is perfect) and `exact_match` (0 to 1) of a `Speech`; of `SpokenDigits`, whose recordings
        are heard one by one, `accuracy` (0 to 1).
        """
        if isinstance(dataset, SpokenDigits):
            speech = dataset.isolated()
            written = self._write(speech.waveforms)
            return {"accuracy": exact_match(written, [[text] for text in speech.texts])}
        written = self._write(dataset.waveforms)
        return {
            "word_error_rate": word_error_rate(written, dataset.texts),
            "exact_match": exact_match(written, [[text] for text in dataset.texts]),
        }


def speech_source(
    dataset: SpokenDigits | TranscribedRecordings | str | Path, sample_rate: int
) -> tuple[Callable[[int, torch.Generator], Speech], Speech, list[str]]:
    """A function that draws changed recordings to learn from; such recordings to validate on; and texts that hold every word,
    one of them as long as any drawn.
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

        def draw_strings(count: int, generator: torch.Generator) -> Speech:
            """Strings of one number of digits, so that little of the batch is padding, and of as many digits in total."""
            length = int(torch.randint(1, MOST_DIGITS + 1, (), generator=generator))
            count = max(1, round(count * (1 + MOST_DIGITS) / 2 / length))
            return dataset.draw(count, generator, num_digits=(length, length), speeds=SPEEDS)

        heard = dataset.draw(VALIDATION_RECORDINGS, generator, num_digits=(1, MOST_DIGITS), speeds=SPEEDS)
        return draw_strings, heard, [*texts, " ".join(texts[:MOST_DIGITS])]
    training = dataset.split("train")

    def draw_recordings(count: int, generator: torch.Generator) -> Speech:
        return draw_changed(training, sample_rate, count, generator)

    return draw_recordings, draw_recordings(VALIDATION_RECORDINGS, generator), training.texts


def open_recordings(folder: str | Path, sample_rate: int) -> SpokenDigits | TranscribedRecordings:
    """A folder by path or name: with transcripts.tsv, any words; without, digits as the names of its files say."""
    has_transcripts = (find_folder(folder) / TRANSCRIPTS).is_file()
    return (TranscribedRecordings if has_transcripts else SpokenDigits)(folder, sample_rate)
