"""One space for several kinds of things: a picture, the words for it and the sound of it lie close together.

    z = W pool(blocks(encoder(input)))  of length one     one vector for the whole
    p_n = V encoder(input)_n            of length one     one vector for each part: a word, a region, a moment
    similarity(x, y) = 1/2 (z_x . z_y + mean_t max_r p_t . p_r)    if one is text, its words t, and `fine_grained`
    similarity(x, y) = z_x . z_y                                   else

Nothing but pairs that belong together is needed to train it (`training/contrastive.py`), and any number of encoders may
share the space: two make CLIP (Radford et al. 2021), three hear, see and read at once. The whole tells what is together,
the parts tell where (`layers/late_interaction.py`). The parts come straight from the encoder, where a region still knows
only its surroundings; the whole is pooled behind Transformer blocks, where everything has seen everything.

The logits of the loss are the similarities times `scale`, which is learned as a logarithm and kept at 100 or below
(Radford et al. 2021, section 2.4). Pooling is attention with one learned query (Lee et al. 2019, "Set Transformer", 3.2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.errors import check
from minimm.layers.late_interaction import late_interaction
from minimm.layers.masks import mask_unless_all
from minimm.layers.normalization import RMSNorm
from minimm.layers.transformer_block import TransformerBlock
from minimm.models.memory import Memory

FIRST_SCALE = 1 / 0.07
LARGEST_SCALE = 100.0
TEXT = "text"  # the modality whose words look for their place in the others


@dataclass(frozen=True)
class DualEncoderConfig:
    """The shape of the joint space and of what leads into it; the encoders have configs of their own."""

    d_joint: int = 64  # D, width of the space
    num_heads: int = 4  # of the blocks in front of the pooling
    num_layers: int = 1  # how many such blocks
    fine_grained: bool = True  # whether words are compared with parts, too


@dataclass
class Embedding:
    """N things of one modality in the joint space; all vectors have length one.

    whole: (N, D). parts: (N, P, D). mask: (N, P) bool, True where a part is real. grid: how the P parts lie.
    """

    modality: str
    whole: Tensor
    parts: Tensor
    mask: Tensor
    grid: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, rows: slice) -> Embedding:
        """Some of the N, by a slice or a tensor of indices."""
        return Embedding(self.modality, self.whole[rows], self.parts[rows], self.mask[rows], self.grid)

    def of_all(self, gather: Callable[[Tensor], Tensor]) -> Embedding:
        """With `gather` applied to each tensor, which brings the rows of several processes together."""
        return Embedding(self.modality, gather(self.whole), gather(self.parts), gather(self.mask), self.grid)

    def without_parts(self) -> Embedding:
        """The wholes alone, where nothing compares parts: those of a picture take far more memory than the picture."""
        return Embedding(
            self.modality, self.whole, self.parts.new_empty(len(self), 0, 0), self.mask.new_empty(len(self), 0), (0,)
        )

    @staticmethod
    def join(pieces: Iterable[Embedding], count: int) -> Embedding:
        """Pieces of `count` things together; where they differ in length, the shorter are filled up with what is masked.

        Each is copied to its place before the next one is asked for, so that all of it is held once, not twice.
        """
        joined, filled = None, 0
        for piece in pieces:
            if joined is None:
                shapes = [(tensor, (count, *tensor.shape[1:])) for tensor in (piece.whole, piece.parts, piece.mask)]
                joined = Embedding(piece.modality, *(tensor.new_zeros(shape) for tensor, shape in shapes), piece.grid)
            length, more = piece.mask.shape[1], piece.mask.shape[1] - joined.mask.shape[1]
            if more > 0:
                joined.parts, joined.mask = F.pad(joined.parts, (0, 0, 0, more)), F.pad(joined.mask, (0, more))
                joined.grid = piece.grid
            rows = slice(filled, filled + len(piece))
            joined.whole[rows], joined.parts[rows, :length], joined.mask[rows, :length] = (
                piece.whole,
                piece.parts,
                piece.mask,
            )
            filled = rows.stop
        return joined


class ProjectionHead(nn.Module):
    """What an encoder gives -> `Embedding`."""

    def __init__(self, modality: str, d_model: int, config: DualEncoderConfig) -> None:
        super().__init__()
        self.modality = modality
        self.part_norm = RMSNorm(d_model)
        self.part_projection = nn.Linear(d_model, config.d_joint, bias=False)
        self.blocks = nn.ModuleList(TransformerBlock(d_model, config.num_heads) for _ in range(config.num_layers))
        self.norm = RMSNorm(d_model)
        self.query = nn.Linear(d_model, 1, bias=False)
        self.projection = nn.Linear(d_model, config.d_joint, bias=False)

    def forward(self, memory: Memory) -> Embedding:
        """Features (N, P, d_model) -> whole (N, D) and parts (N, P, D)."""
        parts = self.part_projection(self.part_norm(memory.features))
        x, attends = memory.features, mask_unless_all(memory.mask)
        for block in self.blocks:
            x = block(x, attends)
        x = self.norm(x)
        scores = self.query(x).squeeze(-1).float().masked_fill(~memory.mask, -math.inf)  # (N, P)
        weights = scores.softmax(dim=-1).to(x.dtype)
        whole = self.projection((weights[:, None] @ x).squeeze(1))  # (N, D)
        return Embedding(self.modality, _unit(whole), _unit(parts), memory.mask, memory.grid)


class DualEncoder(nn.Module):
    """Encoders by the names of their modalities, with a head for each.

    Args:
        encoders: two or more, such as {"image": ..., "text": ..., "audio": ...}; each maps its input (and, where inputs
            differ in length, their mask) to a `Memory` and says its width in `config.d_model`.
    """

    def __init__(self, encoders: Mapping[str, nn.Module], config: DualEncoderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DualEncoderConfig()
        check(
            len(encoders) >= 2,
            f"a joint space needs two modalities or more, but there is {' and '.join(encoders) or 'none'}",
        )
        self.encoders = nn.ModuleDict(encoders)
        self.heads = nn.ModuleDict(
            {name: ProjectionHead(name, encoder.config.d_model, config) for name, encoder in encoders.items()}
        )
        self.log_scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))

    @property
    def modalities(self) -> tuple[str, ...]:
        """What it can embed, in the order given."""
        return tuple(self.encoders)

    @property
    def scale(self) -> Tensor:
        """1 / temperature, at most `LARGEST_SCALE`; above it the gradient would vanish, so the parameter is set back."""
        with torch.no_grad():
            self.log_scale.clamp_(max=math.log(LARGEST_SCALE))
        return self.log_scale.exp()

    def require(self, modality: str) -> None:
        """Raise `MinimmError` for a modality that has no encoder here."""
        check(
            modality in self.encoders,
            f"this model was not trained on {modality}; it knows {' and '.join(self.encoders)}",
        )

    def embed(self, modality: str, inputs: Tensor, mask: Tensor | None = None) -> Embedding:
        """Inputs of one modality, as its encoder takes them -> their place in the joint space."""
        self.require(modality)
        encoder = self.encoders[modality]
        return self.heads[modality](encoder(inputs) if mask is None else encoder(inputs, mask))

    def similarity(self, x: Embedding, y: Embedding) -> Tensor:
        """How well every x (N of them) fits every y (M): (N, M) from -1 to 1."""
        whole = x.whole @ y.whole.T
        if not self.config.fine_grained or (x.modality == TEXT) == (y.modality == TEXT):
            return whole
        text, other = (x, y) if x.modality == TEXT else (y, x)
        parts = late_interaction(text.parts, text.mask, other.parts, other.mask)
        return (whole + (parts if text is x else parts.T)) / 2

    def forward(self, inputs: Mapping[str, tuple[Tensor, Tensor | None]]) -> dict[str, Embedding]:
        """{modality: (inputs, mask or None)} -> {modality: embedding}: the training pass."""
        return {name: self.embed(name, *given) for name, given in inputs.items()}


def _unit(x: Tensor) -> Tensor:
    """Rows of length one, in float32: a cosine in bfloat16 has two digits, and the scale multiplies its error."""
    return F.normalize(x.float(), dim=-1)
