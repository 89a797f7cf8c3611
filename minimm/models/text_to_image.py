"""A language model that draws: after the words of a caption it writes the ids of a picture, one patch after the other.

    p(picture | caption) = prod_t p(id_t | caption, <image>, id_1 .. id_{t-1})        (Ramesh et al. 2021, DALL-E, eq. 1)

One vocabulary holds both: text ids 0 .. V - 1, then <image>, then the codes of the image tokenizer. Captions are filled up
with <pad> to one length; a caption of nothing but <pad> is the empty one, of which the model learns what pictures look like
at all (`generation/guidance.py` uses it). Only image ids can follow <image>, so the softmax is over those alone.

A picture is a sentence only to the language model. What it reads in order to write the patch in row r and column c is

    embedding(patch to the left) + W [embeddings of the three patches above] + row_r + column_c,

so that neighbours are neighbours in both directions, as in a masked convolution (van den Oord et al. 2016, PixelRNN, section
3.4). Differs from DALL-E: that sees the row above through attention alone, and has a loss on the text too.
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
        check(self.text_length >= 1, f"text_length={self.text_length} leaves no room for a caption; give at least 1")

    @property
    def image_id(self) -> int:
        """The id of <image>, which stands between the caption and the picture."""
        return self.text_vocab_size

    @property
    def language_model(self) -> LanguageModelConfig:
        """The language model's own config."""
        return LanguageModelConfig(
            vocab_size=self.text_vocab_size + 1 + self.tokenizer.num_codes,
            context_length=self.text_length + self.tokenizer.num_tokens,
            d_model=self.d_model,
            num_heads=self.num_heads,
            num_layers=self.num_layers,
            dropout=self.dropout,
        )


class TextToImage(nn.Module):
    """Both parts: `image_tokenizer`, trained first, and `language_model`, trained on the ids that it gives."""

    def __init__(self, config: TextToImageConfig) -> None:
        super().__init__()
        self.config = config
        self.image_tokenizer = ImageTokenizer(config.tokenizer)
        self.language_model = LanguageModel(config.language_model)
        side, width = config.tokenizer.grid_size, config.d_model
        self.rows, self.columns = nn.Embedding(side, width), nn.Embedding(side, width)
        self.above = nn.Linear(3 * width, width, bias=False)  # W
        self.register_buffer("neighbours", patches_above(side), persistent=False)

    @property
    def image_ids(self) -> slice:
        """Where the image ids lie in the vocabulary."""
        return slice(self.config.image_id + 1, self.language_model.config.vocab_size)

    def read_to_write(self, picture_ids: Tensor, first: int) -> Tensor:
        """The vectors (B, t + 1 - first, d_model) to read in order to write the patches `first` .. t, behind the t patches
        (B, t) that there are, ids 0 .. K - 1."""
        side = self.config.tokenizer.grid_size
        known = nn.functional.pad(picture_ids + self.image_ids.start, (1, 0), value=self.config.image_id)  # (B, t + 1)
        place = torch.arange(first, known.shape[1], device=known.device)  # (m,)
        around = self.language_model.embed(known[:, self.neighbours[place]])  # (B, m, 3, d_model)
        left = self.language_model.embed(known[:, first:])  # (B, m, d_model)
        return left + self.above(around.flatten(2)) + self.rows(place // side) + self.columns(place % side)

    def forward(self, text_ids: Tensor, picture_ids: Tensor) -> Tensor:
        """Captions (B, T) and pictures (B, n) of ids 0 .. K - 1 -> logits (B, n, K): for each patch, from those before it."""
        config = self.config
        check(
            text_ids.shape[1] == config.text_length and picture_ids.shape[1] == config.tokenizer.num_tokens,
            f"the model was built for captions (B, {config.text_length}) and pictures (B, {config.tokenizer.num_tokens}), "
            f"but got {tuple(text_ids.shape)} and {tuple(picture_ids.shape)}",
        )
        read = torch.cat([self.language_model.embed(text_ids), self.read_to_write(picture_ids[:, :-1], 0)], dim=1)
        return self.language_model.forward_embeddings(read)[:, config.text_length :, self.image_ids]


def patches_above(side: int) -> Tensor:
    """For each patch of a grid, row by row, its neighbours above to the left, above, and above to the right, (side^2, 3).

    They are numbered from 1; 0 stands for what lies outside, where <image> is read.
    """
    number = nn.functional.pad(torch.arange(1, side * side + 1).view(side, side), (1, 1, 1, 0))  # (side + 1, side + 2)
    return torch.stack([number[:-1, shift : shift + side].flatten() for shift in range(3)], dim=1)
