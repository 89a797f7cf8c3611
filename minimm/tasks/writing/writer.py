"""What captioners and recognizers share: an encoder takes something in, a decoder writes, and shows what it looked at.

    p(words | input) = prod_t p(w_t | w_1 .. w_{t-1}, encoder(input))

Training is teacher forcing (Williams & Zipser 1989): the decoder reads the true words before each one, not its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from minimm.datasets.text_corpus import IGNORE
from minimm.generation.beam_search import beam_search
from minimm.generation.sampling import generate
from minimm.interpretation.recorder import attention_maps
from minimm.layers.initialization import initialize
from minimm.layers.multi_head_attention import CrossAttention
from minimm.models.encoder_decoder import EncoderDecoder
from minimm.models.language_model import LanguageModelConfig
from minimm.tasks.presets import choose_preset
from minimm.tasks.task import Task
from minimm.tokenizers import Tokenizer
from minimm.training.losses import cross_entropy

Batch = tuple[Any, list[str]]  # inputs, and a text for each


class Writer(Task):
    """Subclasses name their presets, build their model, and say what they learn from.

    Args:
        preset: the name of one of `presets`.
        options: any field of the preset or of `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    presets: ClassVar[dict[str, Any]]
    unit: ClassVar[str]  # what one input is, for the rate that training shows
    positions: ClassVar[str] = LanguageModelConfig.positions  # how the decoder tells the words' order

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(seed=seed, device=device)
        self.preset = choose_preset(self.presets, preset, options)

    def architecture(self) -> dict[str, Any]:
        """The configs of the encoder and of the decoder."""
        model = self.require_model()
        return {"encoder": asdict(model.encoder.config), "decoder": asdict(model.decoder.config)}

    def _fit(
        self,
        draw: Callable[[int, torch.Generator], Batch],
        captions: Sequence[str],
        tokenizer: type[Tokenizer],
        encoder: dict[str, Any],
        validation: Batch,
        *,
        max_steps: int | None,
        max_seconds: float | None,
        folder: str | Path | None,
        resume: bool,
    ) -> None:
        """Train on what `draw` gives; a `tokenizer` learns from `captions`, `encoder` is that part of `architecture`, and
        `validation` is looked at during training.
        """
        preset = self.preset
        self.tokenizer = tokenizer.train(captions)
        longest = max(len(self.tokenizer.encode(caption)) for caption in captions)
        decoder = LanguageModelConfig(
            vocab_size=self.tokenizer.vocab_size,
            context_length=longest + 8,  # <bos> in front, and room for a few words more than ever seen
            d_model=preset.d_model,
            num_heads=preset.num_heads,
            num_layers=preset.num_layers,
            dropout=preset.dropout,
            d_memory=preset.d_model,
            positions=self.positions,
        )
        self.model = self.build(encoder | {"decoder": asdict(decoder)})
        initialize(self.model, torch.Generator().manual_seed(self.seed), preset.num_layers)
        self._train(
            preset.training,
            max_steps=max_steps,
            max_seconds=max_seconds,
            folder=folder,
            resume=resume,
            draw_batch=lambda generator: draw(preset.batch_size, generator),
            loss=self._loss,
            validate=lambda model: self._loss(model, validation).item(),
            batch_items=preset.batch_size,
            unit=self.unit,
        )

    def _on_device(self, inputs: Any) -> tuple[Tensor, Tensor | None]:
        """A batch of inputs, and the mask of what is real in them where they differ in length."""
        return inputs.to(self.device), None

    def _loss(self, model: EncoderDecoder, batch: Batch) -> Tensor:
        inputs, captions = batch
        ids, targets = self._teacher_forcing(captions)
        inputs, mask = self._on_device(inputs)
        return cross_entropy(model(inputs, ids, mask), targets)

    def _teacher_forcing(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Captions -> what the decoder reads, <bos> w_1 .. w_n, and what it must say, w_1 .. w_n <eos>; (B, T) each."""
        ids, mask = self.tokenizer.encode_batch(captions, add_bos=True, add_eos=True, unknown="replace")
        ids, mask = torch.from_numpy(ids), torch.from_numpy(mask)
        targets = ids[:, 1:].masked_fill(~mask[:, 1:], IGNORE)
        return ids[:, :-1].to(self.device), targets.to(self.device)

    @torch.inference_mode()
    def _write(self, inputs: Any, num_beams: int) -> list[list[int]]:
        """The ids that the decoder writes about each input of a batch."""
        model = self.require_model().eval()
        memory = model.encode(*self._on_device(inputs))
        prompts = [[self.tokenizer.bos_id]] * len(memory.mask)
        longest = model.decoder.config.context_length - 1
        end = self.tokenizer.eos_id
        if num_beams == 1:
            return generate(model.decoder, prompts, longest, end_id=end, memory=memory)
        found = beam_search(model.decoder, prompts, longest, num_beams=num_beams, end_id=end, memory=memory)
        return [hypotheses[0][1] for hypotheses in found]

    @torch.inference_mode()
    def _attend_tokens(self, inputs: Any, captions: Sequence[str]) -> list[np.ndarray]:
        """Cross-attention while each caption is written: one (L, H, T, *grid) for each input, T its number of tokens."""
        ids, targets = self._teacher_forcing(captions)
        model = self.require_model().eval()
        memory = model.encode(*self._on_device(inputs))
        maps = attention_maps(model, lambda: model.decode(ids, memory), CrossAttention)  # (L, B, H, T, N)
        lengths = (targets != IGNORE).sum(dim=1).tolist()  # words and <eos>
        # The attention that chose word t is that of the position before it, which is where it was predicted.
        return [maps[:, row, :, : length - 1].unflatten(-1, memory.grid).numpy() for row, length in enumerate(lengths)]
