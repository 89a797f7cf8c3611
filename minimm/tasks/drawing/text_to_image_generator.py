"""A model that draws: `TextToImageGenerator().fit(Shapes()).draw("a small red circle above a large blue ring")`.

Two stages: an image tokenizer learns to write pictures as ids and to read them back; then a language model learns to
write the ids that belong to a caption.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.emoji_scenes import EmojiScenes
from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.layers.initialization import initialize
from minimm.models.image_tokenizer import ImageTokenizerConfig
from minimm.models.text_to_image import TextToImageConfig
from minimm.one_at_a_time import alone_in
from minimm.tasks.caption_data import DrawCaptioned, caption_source
from minimm.tasks.drawing.drawer import BATCH, Drawer
from minimm.tasks.drawing.presets import DRAWING_PRESETS
from minimm.tasks.drawing.tokenizer_stage import VALIDATION_PICTURES, restore_image_tokenizer, train_image_tokenizer
from minimm.tasks.presets import choose_preset
from minimm.tasks.seeds import VALIDATION_SEED
from minimm.tokenizers import WordTokenizer
from minimm.training.trainer_config import TrainingResult

MOST_DRAWS = 100  # how often `leaving_out` draws before it gives up


class TextToImageGenerator(Drawer):
    """Draws pictures from captions.

    Args:
        preset: "tiny" (32 x 32 pixels) or "small" (64 x 64); see `tasks.drawing.presets`.
        options: any field of `DrawingPreset`, or of `TrainerConfig` for the second stage; `precision` is for both.
        seed, device: see `Task`.
    """

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(seed=seed, device=device)
        self.tokenizer_training: TrainingResult | None = None  # what the first stage of the last `fit` did
        chosen = choose_preset(DRAWING_PRESETS, preset, options)
        first = replace(chosen.tokenizer_training, precision=chosen.training.precision, seed=seed)
        self.preset = replace(chosen, tokenizer_training=first)

    def fit(
        self,
        dataset: Shapes | EmojiScenes | CocoCaptions | str | Path,
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
        leave_out: Callable[[str], bool] | None = None,
    ) -> TextToImageGenerator:
        """Learn from pictures with captions, in two stages.

        Args:
            dataset: scenes drawn on the fly, a `CocoCaptions`, or the path of a COCO-captions folder, whose pictures are
                shifted, scaled and recoloured anew each time.
            max_steps, max_seconds: for both stages together; see `DrawingPreset.tokenizer_share`.
            folder, resume: as in `TextGenerator.fit`. The first stage keeps its state in `folder/image_tokenizer`; a run
                that was interrupted goes on in the stage where it was. Larger limits lengthen that stage and the next.
            leave_out: says of a caption that the language model must never see it, so that it can be drawn as a test.
        """
        preset = self.preset
        if isinstance(dataset, str | Path):
            dataset = CocoCaptions(dataset, image_size=preset.image_size)
        draw, captions = caption_source(dataset)
        self.tokenizer = WordTokenizer.train(captions)
        config = TextToImageConfig(
            text_vocab_size=self.tokenizer.vocab_size,
            text_length=max(len(self.tokenizer.encode(caption)) for caption in captions),
            tokenizer=ImageTokenizerConfig(preset.image_size, preset.channels, preset.num_codes, preset.code_size),
            d_model=preset.d_model,
            num_heads=preset.num_heads,
            num_layers=preset.num_layers,
            dropout=preset.dropout,
        )
        self.model = self.build(asdict(config))
        initialize(self.model, torch.Generator().manual_seed(self.seed), preset.num_layers)
        folder = None if folder is None else Path(folder)
        with alone_in(folder):
            if folder is not None:
                self._prepare_folder(folder, resume)
            image_tokenizer = self.model.image_tokenizer.to(self.device)
            if resume and folder is not None and (folder / "training_state.safetensors").exists():
                self.tokenizer_training = restore_image_tokenizer(image_tokenizer, folder)
            else:
                print("1/2  an image tokenizer learns to write pictures as ids and to read them back")
                limits = self._limits(max_steps, max_seconds, preset.tokenizer_share)
                self.tokenizer_training = train_image_tokenizer(
                    image_tokenizer,
                    replace(preset.tokenizer_training, **limits) if any(limits.values()) else preset.tokenizer_training,
                    draw,
                    batch_size=preset.tokenizer_batch_size,
                    folder=None if folder is None else folder / "image_tokenizer",
                    resume=resume,
                )
            print("2/2  a language model learns to write the ids that belong to a caption")
            kept = draw if leave_out is None else leaving_out(draw, leave_out)
            self._fit_language_model(kept, self._limits(max_steps, max_seconds, 1.0 - preset.tokenizer_share), folder)
        return self

    @staticmethod
    def _limits(max_steps: int | None, max_seconds: float | None, share: float) -> dict[str, Any]:
        """A share of the limits that were given; none when the presets' hold."""
        return {
            "max_steps": None if max_steps is None else max(1, round(max_steps * share)),
            "max_seconds": None if max_seconds is None else max_seconds * share,
        }

    def _fit_language_model(self, draw: DrawCaptioned, limits: dict[str, Any], folder: Path | None) -> None:
        """Second stage: captions -> ids, with the tokenizer as it is now."""
        preset = self.preset
        self.model.image_tokenizer.requires_grad_(False)
        steps = limits["max_steps"]
        count = preset.num_pictures if steps is None else min(preset.num_pictures, steps * preset.batch_size)
        pictures = self._read(draw, count, torch.Generator().manual_seed(self.seed))
        validation = self._read(draw, VALIDATION_PICTURES, torch.Generator().manual_seed(VALIDATION_SEED))

        def draw_batch(generator: torch.Generator) -> tuple[Tensor, Tensor]:
            chosen = torch.randint(count, (preset.batch_size,), generator=generator)
            left_out = torch.rand(preset.batch_size, 1, generator=generator) < preset.caption_dropout
            return pictures[0][chosen].masked_fill(left_out, self.tokenizer.pad_id), pictures[1][chosen]

        self._train(
            preset.training,
            **limits,
            folder=folder,
            resume=folder is not None,  # `fit` has already refused a folder that is in use
            draw_batch=draw_batch,
            loss=self._loss,
            validate=lambda model: self._loss(model, validation).item(),
            batch_items=preset.batch_size,
            unit="picture",
        )

    def _read(self, draw: DrawCaptioned, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw pictures and write them as ids: captions (count, T), pictures (count, n)."""
        texts, ids = [], []
        for start in range(0, count, BATCH):
            images, captions = draw(min(BATCH, count - start), generator)
            texts.append(self._text_ids(captions))
            ids.append(self._picture_ids(images))
        return torch.cat(texts), torch.cat(ids)


def leaving_out(draw: DrawCaptioned, leave_out: Callable[[str], bool]) -> DrawCaptioned:
    """`draw` without the pictures whose caption `leave_out` is true of; as many as asked for come all the same."""

    def draw_kept(count: int, generator: torch.Generator) -> tuple[Tensor, list[str]]:
        kept_images, kept_captions = [], []
        for _ in range(MOST_DRAWS):
            images, captions = draw(count, generator)
            kept = [index for index, caption in enumerate(captions) if not leave_out(caption)]
            kept_images.append(images[kept])
            kept_captions += [captions[index] for index in kept]
            if len(kept_captions) >= count:
                return torch.cat(kept_images)[:count], kept_captions[:count]
        raise MinimmError(
            f"of {MOST_DRAWS * count} captions {len(kept_captions)} remain when those to be left out are gone, but {count} "
            "are needed; leave fewer out"
        )

    return draw_kept
