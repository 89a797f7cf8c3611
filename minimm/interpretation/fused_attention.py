"""Which regions of a picture the words of a question look at, inside any fusion that lets them.

Co-attention and gated cross-attention have layers in which words attend to regions. In a single stream that is a part of
self-attention: the rows of the words and the columns of the regions, brought back to a sum of one. In low-rank bilinear
fusion the whole question looks once. Late concatenation never looks: its summary of the picture knows of no question.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from minimm.errors import check
from minimm.interpretation.recorder import record_attention
from minimm.layers.fusion import Fusion, SingleStream
from minimm.layers.multi_head_attention import CrossAttention


def text_to_image_attention(fusion: Fusion, run: Callable[[], object], num_words: int) -> Tensor:
    """Call `run()` once with recording on; the weights from each of T = `num_words` words to each of N regions.

    Returns (L, B, H, T, N) float32, rows sum to one; (L, B, H, 1, N) where the question looks as a whole.
    """
    check(
        fusion.config.family != "late_concatenation",
        "late concatenation never looks at the picture with the question in mind, so there is nothing to show; "
        "train with another fusion, such as fusion='single_stream'",
    )
    with record_attention(fusion) as record, torch.inference_mode():
        run()
        weights = record()
    layers = dict(fusion.named_modules())
    if isinstance(fusion, SingleStream):
        parts = [weight[..., :num_words, num_words:] for weight in weights.values()]
        looks = [part / part.sum(dim=-1, keepdim=True).clamp(min=1e-12) for part in parts]
    else:  # in co-attention the picture has blocks of its own, which look at the words
        asking = [name for name in weights if isinstance(layers[name], CrossAttention) and "image_blocks" not in name]
        looks = [weights[name] for name in asking]
    return torch.stack([look.float().cpu() for look in looks])
