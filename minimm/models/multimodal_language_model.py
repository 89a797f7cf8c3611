"""A language model that reads pictures, sounds and clips where its text says `<image>`, `<audio>`, `<video>`.

    encode     what a place stands for -> features, by the encoder of its modality
    project    features -> vectors as wide as those of words, a few for each medium
    splice     words and projected vectors in one sequence, in the order of the prompt

What comes behind is a plain `LanguageModel`: every position looks back on all before it, whatever they are, and the media are
read into the KV cache once. Liu et al. 2023 ("Visual instruction tuning", LLaVA, section 4.1).

Differs from LLaVA: encoders of any modality and several media in one prompt; a picture takes fewer positions
(see `projector.py`); the language model and the encoders are small enough to be trained together at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from minimm.errors import check
from minimm.models.language_model import LanguageModel
from minimm.models.memory import Memory
from minimm.models.projector import Projector

Media = Mapping[
    str, tuple[Tensor, ...]
]  # by modality: what its encoder takes, first axis all media of the batch in order


@dataclass
class Span:
    """Where a medium lies in its row: columns `start` to `stop`, one for each real position of the grid."""

    modality: str
    start: int
    stop: int
    grid: tuple[int, ...]


@dataclass
class Embedded:
    """Sequences of vectors, padded on the left: vectors (B, T, d_model), key_mask (B, T) bool or None when nothing is padding.

    `spans` says for each row where its media lie.
    """

    vectors: Tensor
    key_mask: Tensor | None
    spans: list[list[Span]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.vectors)


class MultimodalLanguageModel(nn.Module):
    """`language_model` with one encoder and one projector for each modality.

    Args:
        encoders: by modality, any modules that give a `Memory` and have `.config.d_model`.
        place_ids: by modality, the token that stands for one medium.
        merge: by modality, how many neighbours along each axis of the encoder's grid become one position.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        encoders: Mapping[str, nn.Module],
        place_ids: Mapping[str, int],
        merge: Mapping[str, Sequence[int]],
    ) -> None:
        super().__init__()
        check(
            encoders.keys() == place_ids.keys() == merge.keys(),
            f"encoders, place_ids and merge must name the same modalities, but they name {sorted(encoders)}, "
            f"{sorted(place_ids)} and {sorted(merge)}",
        )
        self.language_model = language_model
        self.encoders = nn.ModuleDict(encoders)
        self.projectors = nn.ModuleDict(
            {
                name: Projector(encoder.config.d_model, language_model.config.d_model, merge[name])
                for name, encoder in encoders.items()
            }
        )
        self.place_ids = dict(place_ids)

    def forward(self, rows: Sequence[Sequence[int]], media: Media) -> Tensor:
        """Rows of token ids with places, and what the places stand for -> logits (B, T, V), padded on the left.

        The last logits of a row score the token that follows it.
        """
        embedded = self.embed(rows, media)
        return self.language_model.forward_embeddings(embedded.vectors, key_mask=embedded.key_mask)

    def embed(self, rows: Sequence[Sequence[int]], media: Media) -> Embedded:
        """All three steps: what the language model reads, and `generate` continues."""
        self._check_places(rows, media)
        return self.splice(rows, self.project(self.encode(media)))

    def encode(self, media: Media) -> dict[str, Memory]:
        """Step 1: each modality's media through its encoder; M of them give features (M, N, d_encoder)."""
        return {name: self.encoders[name](*inputs) for name, inputs in media.items()}

    def project(self, memories: Mapping[str, Memory]) -> dict[str, Memory]:
        """Step 2: features (M, N, d_encoder) -> vectors (M, N', d_model)."""
        return {name: self.projectors[name](memory) for name, memory in memories.items()}

    def splice(self, rows: Sequence[Sequence[int]], projected: Mapping[str, Memory]) -> Embedded:
        """Step 3: words become their vectors, and each place the real vectors of the next medium of its modality.

        All vectors, those of words first, are laid in one table (K, d_model); each row is then a list of lines of it.
        """
        words = torch.tensor([token for row in rows for token in row], device=self.language_model.device)
        table = [self.language_model.embed(words[None])[0]]  # (all tokens, d_model)
        media: dict[str, list[tuple[range, tuple[int, ...]]]] = {}  # the lines of each medium, and its grid
        for name, memory in projected.items():
            first, media[name] = sum(map(len, table)), []
            table.append(memory.features[memory.mask].to(table[0].dtype))  # (all real positions, d_model)
            for count in memory.mask.sum(dim=1).tolist():
                media[name].append((range(first, first + count), memory.grid))
                first += count

        queues = {self.place_ids[name]: (name, iter(found)) for name, found in media.items()}
        lines: list[list[int]] = []
        spans: list[list[Span]] = []
        word = 0  # the line of the table that holds the next token
        for row in rows:
            lines.append([])
            spans.append([])
            for token in row:
                if token in queues:
                    name, queue = queues[token]
                    found, grid = next(queue)
                    spans[-1].append(Span(name, len(lines[-1]), len(lines[-1]) + len(found), grid))
                    lines[-1] += found
                else:
                    lines[-1].append(word)
                word += 1
        longest = max(map(len, lines))
        padding = [longest - len(row) for row in lines]
        index = torch.tensor([[0] * empty + row for empty, row in zip(padding, lines, strict=True)])  # (B, T)
        for empty, found in zip(padding, spans, strict=True):
            for span in found:
                span.start, span.stop = span.start + empty, span.stop + empty
        vectors = torch.cat(table)[index.to(words.device)]  # (B, T, d_model)
        key_mask = None
        if any(padding):
            key_mask = torch.arange(longest) >= torch.tensor(padding)[:, None]
            key_mask = key_mask.to(words.device)
        return Embedded(vectors, key_mask, spans)

    def _check_places(self, rows: Sequence[Sequence[int]], media: Media) -> None:
        """As many places as media of each modality, over the whole batch."""
        check(
            len(rows) > 0 and all(len(row) > 0 for row in rows),
            "there must be at least one row, each with at least one token",
        )
        unknown = sorted(media.keys() - self.place_ids.keys())
        check(not unknown, f"this model has no encoder for {', '.join(unknown)}; it knows {', '.join(self.place_ids)}")
        for name, place in self.place_ids.items():
            places, given = sum(list(row).count(place) for row in rows), len(media[name][0]) if name in media else 0
            check(
                places == given,
                f"the text has {places} places <{name}>, but {given} were given; give one for each place, in their order",
            )
