"""Fusion: a text (B, T, d) and a picture (B, N, d) become one vector (B, d) that knows both. Five families, one signature.

    late concatenation       each thinks for itself; the two summaries meet at the very end
    single stream            words and regions are one sequence, everything attends to everything
    co-attention             two streams, each asks the other in every layer
    gated cross-attention    the text asks the picture, through a gate that begins closed
    low-rank bilinear        every number of one times every number of the other, by a product of low rank

The picture may be anything that comes as N vectors: regions, moments of a recording, frames. Where a word stands or a region
lies must already be in its vector (the encoders see to that): to a fusion both are sets, so regions may come in any order.
Padding, False in a mask, changes nothing. The attentions are those of `multi_head_attention.py`, so a recorder sees them.
The two formulas that are new here, low-rank bilinear and gated residual, are in `first_principles/fusion.py` by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.errors import check, check_divides
from minimm.layers.dropout import Dropout
from minimm.layers.feed_forward import build_feed_forward, default_d_ff
from minimm.layers.masks import mask_keys
from minimm.layers.multi_head_attention import CrossAttention
from minimm.layers.normalization import RMSNorm
from minimm.layers.pooling import masked_mean
from minimm.layers.transformer_block import TransformerBlock


@dataclass(frozen=True)
class FusionConfig:
    """Which fusion, and how large."""

    family: str = "single_stream"  # one of `FUSIONS`
    d_model: int = 128
    num_heads: int = 4
    num_layers: int = 2
    d_ff: int | None = None  # of its blocks; for "low_rank_bilinear" the rank. None = 8/3 d_model
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check(self.family in FUSIONS, f"fusion={self.family!r} is not known; choose from {sorted(FUSIONS)}")
        check(self.num_layers >= 1, f"num_layers={self.num_layers} must be at least 1")
        check_divides("d_model", self.d_model, "num_heads", self.num_heads)

    def blocks(self, *, d_memory: int | None = None) -> nn.ModuleList:
        """One Transformer block for each layer."""
        return nn.ModuleList(
            TransformerBlock(self.d_model, self.num_heads, d_ff=self.d_ff, d_memory=d_memory, dropout=self.dropout)
            for _ in range(self.num_layers)
        )


class Fusion(nn.Module):
    """What the families share: the shapes are checked, then each does it in its own way (`fuse`)."""

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, text: Tensor, text_mask: Tensor, image: Tensor, image_mask: Tensor) -> Tensor:
        """text (B, T, d) and image (B, N, d), their masks (B, T) and (B, N) bool, True where real -> (B, d).

        Every row needs at least one real word and one real region.
        """
        width = self.config.d_model
        for name, features, mask in (("text", text, text_mask), ("image", image, image_mask)):
            check(
                features.ndim == 3 and features.shape[-1] == width and mask.shape == features.shape[:2],
                f"the {name} must be (B, positions, d_model={width}) with a mask (B, positions), but it is "
                f"{tuple(features.shape)} with a mask {tuple(mask.shape)}",
            )
        check(len(text) == len(image), f"there are {len(text)} texts for {len(image)} images; give one for each")
        return self.fuse(text, text_mask, image, image_mask)

    def fuse(self, text: Tensor, text_mask: Tensor, image: Tensor, image_mask: Tensor) -> Tensor:
        """What `forward` gives, of inputs whose shapes are right."""
        raise NotImplementedError


class LateConcatenation(Fusion):
    """z = W [mean(blocks(text)); mean(blocks(image))]: the two know nothing of each other until then.

    Source: Zhou et al. 2015, "Simple baseline for visual question answering", section 2. Differs from the paper, which has
    a sum of word vectors and one vector for the picture: here each side has Transformer blocks of its own.
    """

    def __init__(self, config: FusionConfig) -> None:
        super().__init__(config)
        self.text_blocks, self.image_blocks = config.blocks(), config.blocks()
        self.norm = RMSNorm(2 * config.d_model)
        self.hidden = nn.Linear(2 * config.d_model, 2 * config.d_model)
        self.output = nn.Linear(2 * config.d_model, config.d_model)

    def fuse(self, text: Tensor, text_mask: Tensor, image: Tensor, image_mask: Tensor) -> Tensor:
        """See the class."""
        text_keys, image_keys = mask_keys(text_mask), mask_keys(image_mask)  # (B, 1, 1, T) and (B, 1, 1, N)
        for text_block, image_block in zip(self.text_blocks, self.image_blocks, strict=True):
            text, image = text_block(text, text_keys), image_block(image, image_keys)
        both = torch.cat([masked_mean(text, text_mask), masked_mean(image, image_mask)], dim=-1)  # (B, 2 d)
        return self.output(F.gelu(self.hidden(self.norm(both))))


class SingleStream(Fusion):
    """x = [text + e_text; image + e_image];  x = block_i(x);  z = mean over the words of norm(x).

    Source: Li et al. 2019, "VisualBERT", section 3; Kiela et al. 2019, "Supervised multimodal bitransformers" (MMBT).
    Differs from both: they read z at the first token, and start from BERT.
    """

    def __init__(self, config: FusionConfig) -> None:
        super().__init__(config)
        self.text_side = nn.Parameter(torch.zeros(config.d_model))  # e_text and e_image say which side a vector is from
        self.image_side = nn.Parameter(torch.zeros(config.d_model))
        self.blocks = config.blocks()
        self.norm = RMSNorm(config.d_model)

    def fuse(self, text: Tensor, text_mask: Tensor, image: Tensor, image_mask: Tensor) -> Tensor:
        """See the class."""
        x = torch.cat([text + self.text_side, image + self.image_side], dim=1)  # (B, T + N, d)
        keys = mask_keys(torch.cat([text_mask, image_mask], dim=1))
        for block in self.blocks:
            x = block(x, keys)
        return masked_mean(self.norm(x[:, : text.shape[1]]), text_mask)


class CoAttention(Fusion):
    """Two streams; in every layer each attends to itself, then to the other as it was before the layer:

        text' = block(text, memory = norm(image))      image' = block(image, memory = norm(text))
        z = mean(norm(text)) * mean(norm(image))

    Source: Lu et al. 2019, "ViLBERT", section 2.1 and figure 2b; z is its equation for VQA, section 3.2. LXMERT (Tan & Bansal
    2019, section 3.1) has the same parts. Differs from both in the order: each block looks at itself before it looks across.
    """

    def __init__(self, config: FusionConfig) -> None:
        super().__init__(config)
        self.text_blocks = config.blocks(d_memory=config.d_model)
        self.image_blocks = config.blocks(d_memory=config.d_model)
        self.text_norm, self.image_norm = RMSNorm(config.d_model), RMSNorm(config.d_model)

    def fuse(self, text: Tensor, text_mask: Tensor, image: Tensor, image_mask: Tensor) -> Tensor:
        """See the class."""
        text_keys, image_keys = mask_keys(text_mask), mask_keys(image_mask)
        for text_block, image_block in zip(self.text_blocks, self.image_blocks, strict=True):
            of_image = text_block.cross_attention.project_memory(self.image_norm(image))
            of_text = image_block.cross_attention.project_memory(self.text_norm(text))
            text = text_block(text, text_keys, memory_key_value=of_image, memory_mask=image_keys)
            image = image_block(image, image_keys, memory_key_value=of_text, memory_mask=text_keys)
        return masked_mean(self.text_norm(text), text_mask) * masked_mean(self.image_norm(image), image_mask)


class GatedCrossAttention(Fusion):
    """The text goes through its own blocks; before each, it looks at the picture through gates that begin closed:

        x = x + tanh(a_i) attention(norm(x), image);   x = x + tanh(b_i) feed_forward(norm(x));   x = block_i(x)

    with a_i = b_i = 0 at first, when the result is that of the text alone. z = mean over the words of norm(x).
    Source: Alayrac et al. 2022, "Flamingo", section 2.2 and figure 4. Differs from the paper, whose blocks are a frozen
    language model, left-to-right; here they learn too and look both ways.
    """

    def __init__(self, config: FusionConfig) -> None:
        super().__init__(config)
        width, layers = config.d_model, range(config.num_layers)
        self.looks = nn.ModuleList(CrossAttention(width, config.num_heads, width) for _ in layers)
        self.look_norms = nn.ModuleList(RMSNorm(width) for _ in layers)
        self.thoughts = nn.ModuleList(build_feed_forward("swiglu", width, config.d_ff) for _ in layers)
        self.thought_norms = nn.ModuleList(RMSNorm(width) for _ in layers)
        self.gates = nn.Parameter(torch.zeros(2 * config.num_layers))  # a_1, b_1, a_2, ..
        self.blocks = config.blocks()
        self.dropout = Dropout(config.dropout)
        self.norm = RMSNorm(width)

    def fuse(self, text: Tensor, text_mask: Tensor, image: Tensor, image_mask: Tensor) -> Tensor:
        """See the class."""
        gates = self.gates.view(-1, 2)
        layers = zip(gates, self.looks, self.look_norms, self.thoughts, self.thought_norms, self.blocks, strict=True)
        for (look_gate, thought_gate), look, look_norm, think, think_norm, block in layers:
            seen = look(look_norm(text), look.project_memory(image), mask_keys(image_mask))
            text = gated_residual(text, self.dropout(seen), look_gate)
            text = gated_residual(text, self.dropout(think(think_norm(text))), thought_gate)
            text = block(text, mask_keys(text_mask))
        return masked_mean(self.norm(text), text_mask)


def gated_residual(x: Tensor, added: Tensor, gate: Tensor) -> Tensor:
    """x + tanh(gate) * added"""
    check(x.shape == added.shape, f"what is added must be as x, {tuple(x.shape)}, but it is {tuple(added.shape)}")
    return x + torch.tanh(gate) * added


def low_rank_bilinear(x: Tensor, y: Tensor, u: Tensor, v: Tensor, p: Tensor) -> Tensor:
    """z = ((x U) * (y V)) P, which is z_k = sum_ij x_i W_ijk y_j with W_ijk = sum_r U_ir V_jr P_rk, a tensor of rank R.

    x (..., d_x), y (..., d_y), u (d_x, R), v (d_y, R), p (R, d_z) -> (..., d_z). Source: Kim et al. 2017, "Hadamard product
    for low-rank bilinear pooling", eq. 1 to 3 without the bias.
    """
    check(
        x.shape[:-1] == y.shape[:-1] and u.shape[1] == v.shape[1],
        f"x and y must be alike but for their width, u and v of one rank, but they are {tuple(x.shape)}, {tuple(y.shape)}, "
        f"{tuple(u.shape)} and {tuple(v.shape)}",
    )
    return ((x @ u) * (y @ v)) @ p


class LowRankBilinear(Fusion):
    """The question, as one vector q, looks at the picture once; what it saw, s, meets it in a product of low rank:

        q = mean(norm(text));   s = norm(attention(q, image));   z = q + s + ((q U) * (s V)) P

    Source: Kim et al. 2017, sections 3 and 4; q and s are added as its shortcuts are. Differs from the paper: no tanh on the
    factors, so that the product is bilinear. The paper's attention is one more low-rank bilinear form, and so is the score
    of ours: q W_q (y W_k)^T = sum_r (q W_q)_r (y W_k)_r.
    """

    def __init__(self, config: FusionConfig) -> None:
        super().__init__(config)
        width = config.d_model
        rank = config.d_ff or default_d_ff("swiglu", width)
        self.text_norm, self.seen_norm = RMSNorm(width), RMSNorm(width)
        self.look = CrossAttention(width, config.num_heads, width)
        self.u, self.v = nn.Linear(width, rank, bias=False), nn.Linear(width, rank, bias=False)
        self.p = nn.Linear(rank, width, bias=False)
        self.dropout = Dropout(config.dropout)

    def fuse(self, text: Tensor, text_mask: Tensor, image: Tensor, image_mask: Tensor) -> Tensor:
        """See the class."""
        question = masked_mean(self.text_norm(text), text_mask)  # (B, d)
        seen = self.look(question[:, None], self.look.project_memory(image), mask_keys(image_mask)).squeeze(1)
        seen = self.seen_norm(seen)  # (B, d)
        both = low_rank_bilinear(question, seen, self.u.weight.T, self.v.weight.T, self.p.weight.T)
        return question + seen + self.dropout(both)


FUSIONS = {
    "late_concatenation": LateConcatenation,
    "single_stream": SingleStream,
    "co_attention": CoAttention,
    "gated_cross_attention": GatedCrossAttention,
    "low_rank_bilinear": LowRankBilinear,
}


def build_fusion(config: FusionConfig) -> Fusion:
    """The fusion that `config` describes."""
    return FUSIONS[config.family](config)
