"""What all captioners share: pictures or clips in, a caption for each out. How they learn is in `tasks/writer.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from minimm.errors import check
from minimm.tasks.caption_data import DrawCaptioned
from minimm.tasks.seeds import VALIDATION_SEED
from minimm.tasks.writing.writer import Writer
from minimm.tokenizers import Tokenizer

BATCH = 256  # inputs at once in evaluation


class Captioner(Writer):
    """Subclasses name their presets, build their model, and say what they learn from and how they load one input."""

    validation_count: ClassVar[int]  # inputs looked at during training

    def _fit(
        self,
        draw: DrawCaptioned,
        captions: Sequence[str],
        tokenizer: type[Tokenizer],
        encoder: dict[str, Any],
        **options: Any,
    ) -> None:
        """`Writer._fit`, with validation on inputs that are drawn as those of training are."""
        validation = draw(self.validation_count, torch.Generator().manual_seed(VALIDATION_SEED))
        super()._fit(draw, captions, tokenizer, encoder, validation, **options)

    def _load(self, source: Any) -> Tensor:
        """Any picture or clip -> one input of the encoder, of the size that it was built for."""
        raise NotImplementedError

    def generate_captions(self, sources: Sequence[Any] | Tensor, *, num_beams: int = 1) -> list[str]:
        """One caption for each picture or clip; a tensor (B, ...) of the encoder's size is taken as it is."""
        check(len(sources) > 0, f"no {self.unit} was given, so there is nothing to describe; give at least one")
        inputs = sources if isinstance(sources, Tensor) else torch.stack([self._load(source) for source in sources])
        captions = []
        for start in range(0, len(inputs), BATCH):
            written = self._write(inputs[start : start + BATCH], num_beams)
            captions += [self.tokenizer.decode(ids) for ids in written]
        return captions

    def generate_caption(self, source: Any, *, num_beams: int = 1) -> str:
        """What there is to see: in a picture, given as `load_image` takes it, or in a clip, as `load_video` does."""
        return self.generate_captions([source], num_beams=num_beams)[0]
