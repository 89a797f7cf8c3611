"""What all captioners share: an encoder takes a picture or a clip in, a decoder writes about it, and shows where it looked.

    p(words | input) = prod_t p(w_t | w_1 .. w_{t-1}, encoder(input))

Training is teacher forcing (Williams & Zipser 1989): the decoder reads the true words before each one, not its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from minimm.datasets.text_corpus import IGNORE
from minimm.generation.beam_search import beam_search
from minimm.generation.sampling import generate
from minimm.interpretation.recorder import attention_maps
from minimm.layers.initialization import initialize
from minimm.layers.multi_head_attention import CrossAttention
from minimm.models.language_model import LanguageModelConfig
from minimm.tasks.caption_data import VALIDATION_SEED, DrawCaptioned
from minimm.tasks.presets import find_preset
from minimm.tasks.task import Task
from minimm.tokenizers import Tokenizer
from minimm.training.losses import cross_entropy

BATCH = 256  # inputs at once in evaluation


class Captioner(Task):
    """Subclasses name their presets, build their model, and say what they learn from.

    Args:
        preset: the name of one of `presets`.
        options: any field of the preset or of `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    presets: ClassVar[dict[str, Any]]
    unit: ClassVar[str]  # what one input is, for the rate that training shows
    validation_count: ClassVar[int]  # inputs looked at during training

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(seed=seed, device=device)
        self.preset = find_preset(self.presets, preset)
        fields = {name: options.pop(name) for name in list(options) if hasattr(self.preset, name)}
        self.preset = replace(self.preset, **fields, training=replace(self.preset.training, **options))

    def architecture(self) -> dict[str, Any]:
        """The configs of the encoder and of the decoder."""
        model = self.require_model()
        return {"encoder": asdict(model.encoder.config), "decoder": asdict(model.decoder.config)}

    def _fit(
        self,
        draw: DrawCaptioned,
        captions: Sequence[str],
        tokenizer: type[Tokenizer],
        encoder: dict[str, Any],
        *,
        max_steps: int | None,
        max_seconds: float | None,
        folder: str | Path | None,
        resume: bool,
    ) -> None:
        """Train on what `draw` gives; a `tokenizer` learns from `captions`, `encoder` is that part of `architecture`."""
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
        )
        self.model = self.build(encoder | {"decoder": asdict(decoder)})
        initialize(self.model, torch.Generator().manual_seed(self.seed), preset.num_layers)
        validation = draw(self.validation_count, torch.Generator().manual_seed(VALIDATION_SEED))
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

    def _loss(self, model: nn.Module, batch: tuple[Tensor, list[str]]) -> Tensor:
        inputs, captions = batch
        ids, targets = self._teacher_forcing(captions)
        return cross_entropy(model(inputs.to(self.device), ids), targets)

    def _teacher_forcing(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Captions -> what the decoder reads, <bos> w_1 .. w_n, and what it must say, w_1 .. w_n <eos>; (B, T) each."""
        ids, mask = self.tokenizer.encode_batch(captions, add_bos=True, add_eos=True, unknown="replace")
        ids, mask = torch.from_numpy(ids), torch.from_numpy(mask)
        targets = ids[:, 1:].masked_fill(~mask[:, 1:], IGNORE)
        return ids[:, :-1].to(self.device), targets.to(self.device)

    def _load(self, source: Any) -> Tensor:
        """Any picture or clip -> one input of the encoder, of the size that it was built for."""
        raise NotImplementedError

    def generate_captions(self, sources: Sequence[Any] | Tensor, *, num_beams: int = 1) -> list[str]:
        """One caption for each picture or clip; a tensor (B, ...) of the encoder's size is taken as it is."""
        inputs = sources if isinstance(sources, Tensor) else torch.stack([self._load(source) for source in sources])
        captions = []
        for start in range(0, len(inputs), BATCH):
            written = self._write(inputs[start : start + BATCH], num_beams)
            captions += [self.tokenizer.decode(ids) for ids in written]
        return captions

    def generate_caption(self, source: Any, *, num_beams: int = 1) -> str:
        """What there is to see: in a picture, given as `load_image` takes it, or in a clip, as `load_video` does."""
        return self.generate_captions([source], num_beams=num_beams)[0]

    @torch.inference_mode()
    def _write(self, inputs: Tensor, num_beams: int) -> list[list[int]]:
        model = self.require_model().eval()
        memory = model.encode(inputs.to(self.device))
        prompts = [[self.tokenizer.bos_id]] * len(inputs)
        longest = model.decoder.config.context_length - 1
        end = self.tokenizer.eos_id
        if num_beams == 1:
            return generate(model.decoder, prompts, longest, end_id=end, memory=memory)
        found = beam_search(model.decoder, prompts, longest, num_beams=num_beams, end_id=end, memory=memory)
        return [hypotheses[0][1] for hypotheses in found]

    @torch.inference_mode()
    def _attend_tokens(self, inputs: Tensor, captions: Sequence[str]) -> list[np.ndarray]:
        """Cross-attention while each caption is written: one (L, H, T, *grid) for each input, T its number of tokens."""
        ids, targets = self._teacher_forcing(captions)
        model = self.require_model().eval()
        memory = model.encode(inputs.to(self.device))
        maps = attention_maps(model, lambda: model.decode(ids, memory), CrossAttention)  # (L, B, H, T, N)
        lengths = (targets != IGNORE).sum(dim=1).tolist()  # words and <eos>
        # The attention that chose word t is that of the position before it, which is where it was predicted.
        return [maps[:, row, :, : length - 1].unflatten(-1, memory.grid).numpy() for row, length in enumerate(lengths)]
