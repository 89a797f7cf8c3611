"""A model that says what happens in a clip: `VideoCaptioner().fit(MovingShapes()).generate_caption("clip.gif")`.

Whether it has seen motion, and not only things, is measured by shuffling: the same frames in random order hold the same
things in the same places, so what the captions lose by it is what they owed to the order of the frames (`evaluate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from minimm.datasets.coco_clips import CocoClips
from minimm.datasets.moving_shapes import (
    DIRECTIONS,
    SHUFFLED_CHANCE,
    SPEEDS,
    Clips,
    MovingShapes,
    blind_chance,
    motions_in,
)
from minimm.errors import check
from minimm.features.image import augment_images
from minimm.features.video import load_timed_video, load_video
from minimm.models.encoder_decoder import EncoderDecoder
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.video_encoder import VideoEncoder, VideoEncoderConfig
from minimm.tasks.attended import AttendedClip
from minimm.tasks.caption_data import caption_source
from minimm.tasks.caption_language import CAPTION_LANGUAGES, caption_scores, check_language, first_tokens
from minimm.tasks.seeds import EVALUATION_SEED
from minimm.tasks.writing.captioner import Captioner
from minimm.tasks.writing.presets import CLIP_PRESETS
from minimm.training.description import config_from

# Of the order in which shuffled frames are shown, and of the changes to a folder's clips.
LANGUAGE = "en"  # of the captions; see `caption_language`
Clip = Any  # a path of an animated file or of a folder of frames, or an array (T, 3, H, W) in [0, 1]


class VideoCaptioner(Captioner):
    """A small CNN sees each frame, a GRU follows what changes, a small Transformer decoder writes, and cross-attention
    shows when and where each word came from.

    Args:
        preset: "tiny" (8 frames of 32 x 32 pixels) or "small" (64 x 64); see `tasks.writing.presets`.
        options: any field of `ClipPreset` or `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    kind = "video_captioner"
    presets = CLIP_PRESETS
    unit = "clip"
    validation_count = 256

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `EncoderDecoder` of a `VideoEncoder` and a `LanguageModel`."""
        encoder = VideoEncoder(config_from(VideoEncoderConfig, architecture["encoder"]))
        return EncoderDecoder(encoder, LanguageModel(config_from(LanguageModelConfig, architecture["decoder"])))

    def fit(
        self,
        dataset: MovingShapes | CocoClips | str | Path,
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> VideoCaptioner:
        """Learn from clips with captions.

        Args:
            dataset: clips drawn on the fly (`MovingShapes`), a `CocoClips`, or the path of a folder in COCO layout whose
                files are clips; these are shifted, scaled and recoloured anew each time they are shown. The encoder is
                built for the size and the number of its frames.
            max_steps, max_seconds, folder, resume: as in `TextGenerator.fit`.
        """
        preset = self.preset
        if isinstance(dataset, str | Path):
            dataset = CocoClips(dataset, preset.image_size, preset.num_frames)
        check(
            isinstance(dataset, MovingShapes | CocoClips),
            f"cannot learn to describe clips from {type(dataset).__name__}; give MovingShapes, CocoClips or a folder's path",
        )
        draw, captions = caption_source(dataset)
        check_language(captions, LANGUAGE)
        encoder = VideoEncoderConfig(dataset.image_size, preset.channels, preset.d_model, dataset.num_frames)
        limits = {"max_steps": max_steps, "max_seconds": max_seconds}
        tokenizer = CAPTION_LANGUAGES[LANGUAGE].tokenizer
        self._fit(draw, captions, tokenizer, {"encoder": asdict(encoder)}, **limits, folder=folder, resume=resume)
        return self

    def _load(self, source: Clip) -> Tensor:
        config = self.require_model().encoder.config
        return torch.from_numpy(load_video(source, config.num_frames, config.image_size))

    def attend(self, clip: Clip, caption: str | None = None) -> AttendedClip:
        """When and where the model looks for each word of its caption (or of the one given); `.plot()` draws it."""
        config = self.require_model().encoder.config
        loaded, seconds = load_timed_video(clip, config.num_frames, config.image_size)
        inputs = torch.from_numpy(loaded)[None]
        if caption is None:
            (caption,) = self.generate_captions(inputs)
        words = CAPTION_LANGUAGES[LANGUAGE].words(caption)
        check(len(words) > 0, "the caption is empty, so there is no word whose attention could be shown")
        (weights,) = self._attend_tokens(inputs, [caption])
        chosen = first_tokens(self.tokenizer.split(caption), words)
        return AttendedClip(loaded, words, weights[:, :, chosen], seconds)

    def evaluate(self, dataset: Clips | CocoClips | str | Path, *, seed: int = EVALUATION_SEED) -> dict[str, float]:
        """Score captions against the truth: `exact_match` (0 to 1), `bleu4` (0 to 100) and `cider` (0 to 10).

        With `_shuffled` behind them, the same scores of clips whose frames are shown in a random order. Drawn clips also give
        `direction_accuracy` and `speed_accuracy`, the share of objects of which the right one is said. With `_chance`
        behind a score stands what a guess would reach that knew everything but the motion, with `_shuffled_chance` one
        that knew everything but the order of the frames: it has only to guess whether they ran forwards or backwards. The
        clips of a folder are shown once each, freshly shifted, scaled and recoloured from `seed`.
        """
        generator = torch.Generator().manual_seed(seed)
        if isinstance(dataset, str | Path):
            config = self.require_model().encoder.config
            dataset = CocoClips(dataset, config.image_size, config.num_frames)
        if isinstance(dataset, Clips):
            clips, references = dataset.clips, [[caption] for caption in dataset.captions]
        else:
            clips, references = augment_images(dataset.batch(range(len(dataset))), generator), dataset.captions
        order = torch.rand(clips.shape[:2], generator=generator).argsort(dim=1)  # (B, T)
        shuffled = clips[torch.arange(len(clips))[:, None], order]
        scores = {}
        for suffix, shown in (("", clips), ("_shuffled", shuffled)):
            written = self.generate_captions(shown)
            found = caption_scores(written, references, LANGUAGE)
            if isinstance(dataset, Clips):
                found |= motion_accuracy(written, dataset.captions)
            scores |= {name + suffix: value for name, value in found.items()}
        if isinstance(dataset, Clips):
            scores["exact_match_chance"] = sum(map(blind_chance, dataset.objects)) / len(dataset.objects)
            scores |= {"direction_accuracy_chance": 1 / len(DIRECTIONS), "speed_accuracy_chance": 1 / len(SPEEDS)}
            scores |= {f"{name}_shuffled_chance": SHUFFLED_CHANCE for name in ("exact_match", "direction_accuracy")}
        return scores


def motion_accuracy(written: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Of all objects in the references, the share for which a caption says the right direction, and the right speed."""
    right = {"direction_accuracy": 0, "speed_accuracy": 0}
    objects = 0
    for caption, reference in zip(written, references, strict=True):
        said = motions_in(caption)
        for index, (speed, direction) in enumerate(motions_in(reference)):
            objects += 1
            if index < len(said):
                right["direction_accuracy"] += said[index][1] == direction
                right["speed_accuracy"] += said[index][0] == speed
    return {name: count / objects for name, count in right.items()}
