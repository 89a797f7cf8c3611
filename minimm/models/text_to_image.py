"""A language model that draws: after the words of a caption it writes the ids of a picture, one patch after the other.

    p(picture | caption) = prod_t p(id_t | caption, <image>, id_1 .. id_{t-1})        (Ramesh et al. 2021, DALL-E, eq. 1)

One vocabulary holds both: text ids 0 .. V - 1, then <image>, then the codes of the image tokenizer. Captions are filled up
with <pad> to one length, so that every patch has the same position in every sequence; a caption of nothing but <pad> is
the empty one, of which the model learns what pictures look like at all (`generation/guidance.py` uses it). Only image ids
can follow <image>, so the softmax is over those alone. Differs from DALL-E: no loss on the text.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minimm.errors import check
from minimm.models.image_tokenizer import ImageTokenizer, ImageTokenizerConfig
from minimm.models.language_model import LanguageModel, LanguageModelConfig


@dataclass(frozen=True)
class TextToImageConfig:
    """The shape of a `TextToImage`: an image tokenizer, and a language model over text and image ids."""

    text_vocab_size: int
    text_length: int  # tokens of the longest caption
    tokenizer: ImageTokenizerConfig
    d_model: int = 128
    num_heads: int = 4
    num_layers: int = 4
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.tokenizer, dict):  # JSON gives it back so
            object.__setattr__(self, "tokenizer", ImageTokenizerConfig(**self.tokenizer))

    @property
    def image_id(self) -> int:
        """The id of <image>, which stands between the caption and the picture."""
        return self.text_vocab_size

    @property
    def language_model(self) -> LanguageModelConfig:
        """The language model's own config. Its positions are learned: a place in the picture is a vector of its own."""
        return LanguageModelConfig(
            vocab_size=self.text_vocab_size + 1 + self.tokenizer.num_codes,
            context_length=self.text_length + 1 + self.tokenizer.num_tokens,
            d_model=self.d_model,
            num_heads=self.num_heads,
            num_layers=self.num_layers,
            dropout=self.dropout,
            positions="learned",
        )


class TextToImage(nn.Module):
    """Both parts: `image_tokenizer`, trained first, and `language_model`, trained on the ids that it gives."""

    def __init__(self, config: TextToImageConfig) -> None:
        super().__init__()
        self.config = config
        self.image_tokenizer = ImageTokenizer(config.tokenizer)
        self.language_model = LanguageModel(config.language_model)

    @property
    def image_ids(self) -> slice:
        """Where the image ids lie in the vocabulary."""
        return slice(self.config.image_id + 1, self.language_model.config.vocab_size)

    def prompts(self, text_ids: Tensor) -> Tensor:
        """Captions (B, T), filled up with <pad> -> what stands before a picture, (B, T + 1)."""
        return nn.functional.pad(text_ids, (0, 1), value=self.config.image_id)

    def forward(self, text_ids: Tensor, picture_ids: Tensor) -> Tensor:
        """Captions (B, T) and pictures (B, n) of ids 0 .. K - 1 -> logits (B, n, K): for each patch, from those before it."""
        config = self.config
        check(
            text_ids.shape[1] == config.text_length and picture_ids.shape[1] == config.tokenizer.num_tokens,
            f"the model was built for captions (B, {config.text_length}) and pictures (B, {config.tokenizer.num_tokens}), "
            f"but got {tuple(text_ids.shape)} and {tuple(picture_ids.shape)}",
        )
        read = torch.cat([self.prompts(text_ids), picture_ids[:, :-1] + self.image_ids.start], dim=1)  # (B, T + n)
        return self.language_model(read)[:, config.text_length :, self.image_ids]
