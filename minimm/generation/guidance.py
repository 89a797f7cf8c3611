"""Guided sampling: ask for what the caption adds, and take more of it than the model would.

    logits = logits(nothing) + s (logits(caption) - logits(nothing))        s = 1: the model as it is; s > 1: more caption

The model has learned both, since a share of its captions was left out in training (classifier-free guidance: Ho & Salimans
2022, eq. 6, with s = 1 + w; on the logits of tokens as in Gafni et al. 2022, section 3.5). It costs a second row a text.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from minimm.errors import check
from minimm.generation.decoder import CachedDecoder
from minimm.generation.sampling import Sampling, choose_token
from minimm.models.text_to_image import TextToImage


@torch.inference_mode()
def generate_pictures(
    model: TextToImage,
    text_ids: Tensor,
    empty_ids: Tensor,
    *,
    guidance: float = 1.0,
    sampling: Sampling = Sampling(),  # noqa: B008, frozen
    generator: torch.Generator | None = None,
) -> Tensor:
    """Captions (B, T) -> the ids of one picture for each, (B, n), written all at once.

    Args:
        empty_ids: the caption that says nothing, (T,); read where `guidance` is not 1.
        guidance: s above. generator: a CPU generator for the draws; None starts one at seed 0.
    """
    check(guidance >= 0.0, f"guidance={guidance} must be at least 0; 1 is the model as it is, 2 leans on the caption")
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    device = model.language_model.device
    is_guided = guidance != 1.0
    texts = torch.cat([text_ids, empty_ids.expand_as(text_ids)]) if is_guided else text_ids
    decoder = CachedDecoder(model.language_model)
    written = text_ids.new_empty(len(texts), 0, device=device)
    read = torch.cat([model.language_model.embed(texts.to(device)), model.read_to_write(written, 0)], dim=1)
    while True:
        logits = decoder.read_embeddings(read)[:, model.image_ids]
        if is_guided:
            told, untold = logits.chunk(2)
            logits = untold + guidance * (told - untold)
        chosen = choose_token(logits, sampling, generator).to(device)[:, None]  # (B, 1)
        written = torch.cat([written, chosen.repeat(2, 1) if is_guided else chosen], dim=1)
        if written.shape[1] == model.config.tokenizer.num_tokens:
            return written[: len(text_ids)]
        read = model.read_to_write(written, written.shape[1])


@torch.inference_mode()
def generate_likeliest_pictures(
    model: TextToImage, text_ids: Tensor, empty_ids: Tensor, *, candidates: int, **options: Any
) -> Tensor:
    """Captions (B, T) -> the ids of one picture for each, (B, n): of `candidates` drawn, the one that is likeliest as a whole,

        argmax_i sum_t log p(id_t | caption, id_1 .. id_{t-1}).

    A draw of n patches takes an unlikely one now and then, and a picture with a broken edge is much less likely than one
    without. Ramesh et al. 2021 (section 2.6) rank 512 candidates by another model that compares pictures with texts; here
    the drawer is its own judge. Options as in `generate_pictures`.
    """
    check(candidates >= 1, f"candidates={candidates} is too few; give at least 1, the picture as it is drawn")
    texts = text_ids.repeat_interleave(candidates, dim=0)  # (B * candidates, T)
    pictures = generate_pictures(model, texts, empty_ids, **options)
    logits = model(texts.to(pictures.device), pictures).float()  # (B * candidates, n, K)
    likelihood = -F.cross_entropy(logits.transpose(1, 2), pictures, reduction="none").sum(dim=1)
    best = likelihood.unflatten(0, (-1, candidates)).argmax(dim=1)  # (B,)
    return pictures.unflatten(0, (-1, candidates))[torch.arange(len(best), device=best.device), best]
