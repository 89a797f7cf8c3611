"""Guided sampling: ask for what the caption adds, and take more of it than the model would.

    logits = logits(nothing) + s (logits(caption) - logits(nothing))        s = 1: the model as it is; s > 1: more caption

The model has learned both, since a share of its captions was left out in training (classifier-free guidance: Ho & Salimans
2022, eq. 6, with s = 1 + w; on the logits of tokens as in Gafni et al. 2022, section 3.5). It costs a second row a text.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.errors import check
from minimm.generation.decoder import CachedDecoder, pad_left
from minimm.generation.sampling import Sampling, choose_token
from minimm.models.language_model import LanguageModel


@torch.inference_mode()
def generate_guided(
    model: LanguageModel,
    prompts: list[list[int]],
    empty_prompt: list[int],
    num_tokens: int,
    allowed: slice,
    *,
    guidance: float = 1.0,
    sampling: Sampling = Sampling(),  # noqa: B008, frozen
    generator: torch.Generator | None = None,
) -> Tensor:
    """Write `num_tokens` tokens behind each of B prompts, only such whose ids lie in `allowed`.

    Args:
        empty_prompt: what the model reads in place of a prompt to say nothing; used where `guidance` is not 1.
        guidance: s above. generator: a CPU generator for the draws; None starts one at seed 0.

    Returns:
        (B, num_tokens), counted from the start of `allowed`.
    """
    check(guidance >= 0.0, f"guidance={guidance} must be at least 0; 1 is the model as it is, 2 leans on the caption")
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    guided = guidance != 1.0
    decoder = CachedDecoder(model)
    logits = decoder.read(*pad_left(prompts + [empty_prompt] * len(prompts) if guided else prompts))
    written: list[Tensor] = []
    while True:
        logits = logits[:, allowed]
        if guided:
            with_prompt, without = logits.chunk(2)
            logits = without + guidance * (with_prompt - without)
        written.append(choose_token(logits, sampling, generator))  # (B,)
        if len(written) == num_tokens:
            return torch.stack(written, dim=1)
        tokens = written[-1][:, None] + allowed.start
        logits = decoder.read(tokens.repeat(2, 1) if guided else tokens)
