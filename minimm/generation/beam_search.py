"""Beam search: keep the K best beginnings at every step instead of one, and the best finished sentence at the end.

Sentences of different lengths are compared by log p(y) / lp(y) with lp(y) = ((5 + |y|) / 6)^alpha   (Wu et al. 2016,
eq. 14), since every further word makes a probability smaller. |y| counts the end token.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minimm.errors import check
from minimm.generation.decoder import CachedDecoder, Prompts
from minimm.layers.softmax import log_softmax
from minimm.models.language_model import LanguageModel
from minimm.models.memory import Memory


def length_penalty(length: int, alpha: float) -> float:
    """lp(y) = ((5 + length) / 6)^alpha; alpha 0 compares plain log probabilities, 1 nearly the mean per word."""
    return ((5.0 + length) / 6.0) ** alpha


class _Finished:
    """The best finished sentences of one row of the batch."""

    def __init__(self, num_beams: int) -> None:
        self.num_beams = num_beams
        self.hypotheses: list[tuple[float, list[int]]] = []

    def add(self, score: float, ids: list[int]) -> None:
        self.hypotheses.append((score, ids))
        self.hypotheses.sort(key=lambda pair: -pair[0])
        del self.hypotheses[self.num_beams :]

    def cannot_improve(self, best_possible: float) -> bool:
        return len(self.hypotheses) == self.num_beams and self.hypotheses[-1][0] >= best_possible


def beam_search(
    model: LanguageModel,
    prompts: Prompts,
    max_new_tokens: int,
    *,
    num_beams: int = 4,
    alpha: float = 0.6,
    end_id: int | None = None,
    memory: Memory | None = None,
) -> list[list[tuple[float, list[int]]]]:
    """The best continuations of each prompt, best first, as (score, new tokens without `end_id`).

    Args as in `sampling.generate`; `alpha` is the length penalty's exponent. At least one and at most `num_beams`
    continuations a row. Those still unfinished after `max_new_tokens` compete as they are.
    """
    check(num_beams >= 1, f"num_beams={num_beams} must be at least 1")
    check(max_new_tokens >= 1, f"max_new_tokens={max_new_tokens} must be at least 1")
    batch = len(prompts)
    decoder = CachedDecoder(model, memory)
    logits = decoder.read_prompts(prompts)  # (B, V)
    vocab_size = logits.shape[-1]
    decoder.select_rows(torch.arange(batch, device=logits.device).repeat_interleave(num_beams))
    log_p = log_softmax(logits.cpu().double()).repeat_interleave(num_beams, dim=0)  # (B * K, V)
    # All K copies of a prompt are the same at first, so only the first of them may be continued.
    scores = torch.full((batch, num_beams), -math.inf, dtype=torch.float64)
    scores[:, 0] = 0.0
    tokens = torch.empty(batch, num_beams, 0, dtype=torch.int64)
    finished = [_Finished(num_beams) for _ in range(batch)]

    for length in range(1, max_new_tokens + 1):
        candidates = scores[:, :, None] + log_p.view(batch, num_beams, vocab_size)  # (B, K, V)
        if end_id is not None:
            _collect_finished(finished, candidates[:, :, end_id], tokens, length_penalty(length, alpha))
            candidates[:, :, end_id] = -math.inf
        scores, flat = candidates.flatten(1).topk(num_beams, dim=-1)  # (B, K)
        parent = flat // vocab_size
        token = flat % vocab_size
        tokens = torch.cat(
            [tokens.gather(1, parent[:, :, None].expand(-1, -1, tokens.shape[2])), token[:, :, None]], dim=2
        )
        best_possible = scores[:, 0] / length_penalty(max_new_tokens + 1 if alpha > 0 else length, alpha)
        done = all(row.cannot_improve(best) for row, best in zip(finished, best_possible.tolist(), strict=True))
        if done or length == max_new_tokens:
            break
        rows = parent + num_beams * torch.arange(batch)[:, None]
        decoder.select_rows(rows.flatten().to(logits.device))
        log_p = log_softmax(decoder.read(token.view(-1, 1)).cpu().double())  # (B * K, V)

    for row, row_scores, row_tokens in zip(finished, scores.tolist(), tokens.tolist(), strict=True):
        for score, ids in zip(row_scores, row_tokens, strict=True):
            if score > -math.inf:
                row.add(score / length_penalty(len(ids), alpha), ids)
    return [row.hypotheses for row in finished]


def _collect_finished(finished: list[_Finished], end_scores: Tensor, tokens: Tensor, penalty: float) -> None:
    """Every live beam may stop here: end_scores (B, K) are their log probabilities with the end token."""
    for row, row_scores, row_tokens in zip(finished, end_scores.tolist(), tokens.tolist(), strict=True):
        for score, ids in zip(row_scores, row_tokens, strict=True):
            if score > -math.inf:
                row.add(score / penalty, ids)
