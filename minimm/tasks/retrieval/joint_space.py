"""The part of a retriever that places things: any modality in, vectors of one joint space out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minimm.errors import check
from minimm.features.audio import load_audio, log_mel_batch
from minimm.features.languages import mostly_chinese
from minimm.models.dual_encoder import DualEncoder, DualEncoderConfig, Embedding
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.tasks.caption_language import CAPTION_LANGUAGES, CaptionLanguage
from minimm.tasks.modalities import MODALITIES, build_encoder, describe_encoder
from minimm.tasks.presets import choose_preset
from minimm.tasks.retrieval.data import modality_of
from minimm.tasks.retrieval.presets import RETRIEVAL_PRESETS
from minimm.tasks.task import Task
from minimm.tokenizers import CharacterTokenizer
from minimm.training.description import config_from, sample_rate_in

BATCH = 64  # things embedded at once
PIECE = 2**22  # cosines compared at once


class JointSpace(Task):
    """A `DualEncoder` with what turns files, arrays and texts into its inputs."""

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(seed=seed, device=device)
        self.preset = choose_preset(RETRIEVAL_PRESETS, preset, options)
        self.sample_rate = self.preset.sample_rate

    def architecture(self) -> dict[str, Any]:
        """The encoders by modality, the joint space, and the rate that recordings are brought to."""
        model = self.require_model()
        encoders = {name: describe_encoder(encoder) for name, encoder in model.encoders.items()}
        return {"encoders": encoders, "space": asdict(model.config), "sample_rate": self.sample_rate}

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `DualEncoder`."""
        encoders = {name: _build_encoder(described) for name, described in architecture["encoders"].items()}
        return DualEncoder(encoders, config_from(DualEncoderConfig, architecture["space"]))

    def _after_load(self, architecture: dict[str, Any]) -> None:
        self.sample_rate = sample_rate_in(architecture["sample_rate"])

    def _planned(self, things: Mapping[str, Any], texts: Sequence[str]) -> dict[str, Any]:
        """The `architecture` of a model for these modalities, as long clips as these, and a text encoder for these texts."""
        preset = self.preset
        size, width = preset.image_size, preset.d_model
        text = TextEncoderConfig(
            vocab_size=self.tokenizer.vocab_size,
            context_length=8 + max(len(self.tokenizer.encode(self.as_read(text))) for text in texts),
            d_model=width,
            num_heads=preset.num_heads,
            num_layers=preset.num_layers,
        )
        known = {
            "image": {"class": "ImageEncoder", "image_size": size, "channels": preset.channels, "d_model": width},
            "video": {"class": "VideoEncoder", "image_size": size, "d_model": width},
            "audio": {
                "class": "AudioEncoder",
                "num_mels": preset.num_mels,
                "channels": preset.audio_channels,
                "d_model": width,
            },
            "text": {"class": "TextEncoder", **asdict(text)},
        }
        if "video" in things:
            known["video"]["num_frames"] = things["video"].shape[1]
        space = DualEncoderConfig(preset.d_joint, preset.num_heads, fine_grained=preset.fine_grained)
        return {"encoders": {name: known[name] for name in things}, "space": asdict(space)}

    @property
    def language(self) -> CaptionLanguage:
        """How its captions are read: Chinese where the tokens are characters, English where they are words."""
        return CAPTION_LANGUAGES["zh" if isinstance(self.tokenizer, CharacterTokenizer) else "en"]

    def _learn_words(self, texts: Sequence[str]) -> None:
        """Number the words, or the characters where most texts are Chinese, whose words have no spaces between them."""
        kind = CAPTION_LANGUAGES["zh" if mostly_chinese(texts) else "en"].tokenizer
        self.tokenizer = kind.train(_as_read(text, kind) for text in texts)

    def as_read(self, text: str) -> str:
        """A text as the tokenizer takes it."""
        return _as_read(text, type(self.tokenizer))

    def modality_of(self, thing: Any) -> str:
        """What kind of thing this is (`retrieval_data.modality_of`); without an encoder of pictures, a file is a clip."""
        kind, known = modality_of(thing), self.require_model().modalities
        is_clip = kind == "image" and isinstance(thing, str | Path) and "image" not in known and "video" in known
        return "video" if is_clip else kind

    def _inputs(self, modality: str, things: Any) -> tuple[Tensor, ...]:
        """Pictures or clips as tensors, waveforms, or texts -> what the encoder takes."""
        if modality == "audio":
            return log_mel_batch(things, self.sample_rate, self.model.encoders["audio"].config.num_mels)
        if modality != "text":
            return (things,)
        longest = self.model.encoders["text"].config.context_length
        texts = [self.as_read(text) for text in things]
        ids, mask = self.tokenizer.encode_batch(texts, max_length=longest, unknown="replace")
        for row, real, text in zip(ids, mask, things, strict=True):
            check(
                bool((row[real] != self.tokenizer.unk_id).any()),
                f"no {self.tokenizer.piece_name} of {text!r:.80} occurs in what this model learned from; use the words of its "
                "captions",
            )
        return torch.from_numpy(ids), torch.from_numpy(mask)

    def _load(self, modality: str, things: Sequence[Any]) -> Any:
        """Files, arrays, texts -> tensors, waveforms, texts."""
        if modality == "text":
            return list(things)
        if modality == "audio":
            return [load_audio(thing, self.sample_rate) for thing in things]
        (loaded,) = MODALITIES[modality].load(things, self.model.encoders[modality])
        return loaded

    @torch.inference_mode()
    def embed(self, things: Sequence[Any] | Tensor, modality: str | None = None) -> Embedding:
        """Things of one modality -> their places in the joint space; a tensor (N, 3, S, S) is taken as it is, bytes as 255ths.

        Files are opened, and the things of a sequence asked for, `BATCH` at a time; what is kept of each is its vectors.

        Raises `MinimmError` for nothing to embed, or a modality that the model was not trained on.
        """
        check(len(things) > 0, "there is nothing to embed: the collection is empty; give at least one picture or text")
        modality = modality or self.modality_of(things[0])
        self.require_model().eval().require(modality)
        return Embedding.join(self._in_batches(things, modality), len(things))

    def _in_batches(self, things: Sequence[Any] | Tensor, modality: str) -> Iterator[Embedding]:
        for start in range(0, len(things), BATCH):
            if isinstance(things, Tensor):
                some = things[start : start + BATCH]
                some = some if some.is_floating_point() else some.float() / 255.0
            else:  # not every sequence has slices
                some = [things[place] for place in range(start, min(start + BATCH, len(things)))]
                some = self._load(modality, some)
            embedded = self.model.embed(modality, *(part.to(self.device) for part in self._inputs(modality, some)))
            yield embedded if self.model.config.fine_grained else embedded.without_parts()

    @torch.inference_mode()
    def similarity(self, x: Embedding, y: Embedding) -> np.ndarray:
        """How well every x (N) fits every y (M), (N, M) from -1 to 1; in pieces, as words times regions are many."""
        of_a_pair = max(1, x.parts.shape[1] * y.parts.shape[1])
        columns = min(len(y), max(1, PIECE // of_a_pair))
        rows = max(1, PIECE // (of_a_pair * columns))
        similarity = np.empty((len(x), len(y)), dtype=np.float32)
        for row in range(0, len(x), rows):
            for column in range(0, len(y), columns):
                some = self.model.similarity(x[row : row + rows], y[column : column + columns])
                similarity[row : row + rows, column : column + columns] = some.cpu().numpy()
        return similarity


def _as_read(text: str, tokenizer: type) -> str:
    """Words with a space in front, so that a word is the same token at the beginning as elsewhere."""
    return text.strip() if tokenizer is CharacterTokenizer else f" {text.strip()}"


def _build_encoder(described: dict[str, Any]) -> nn.Module:
    if described["class"] == "TextEncoder":
        return TextEncoder(
            config_from(TextEncoderConfig, {name: value for name, value in described.items() if name != "class"})
        )
    return build_encoder(described)
