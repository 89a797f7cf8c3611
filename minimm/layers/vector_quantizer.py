"""Vector quantisation: each vector is replaced by the nearest of K learned codes, so that a picture becomes whole numbers.

    id(z) = argmin_k |z - e_k|^2 = argmin_k |e_k|^2 - 2 z.e_k        z_q = e_id(z)

Backwards the step is skipped, dL/dz = dL/dz_q ("straight-through"), and the commitment |z - sg[z_q]|^2 keeps the encoder
near its codes (van den Oord et al. 2017, eq. 1 to 3; sg: no gradient flows). Codes follow the mean of the vectors that
chose them (appendix A, eq. 6 to 8), as k-means does over a stream of batches, instead of a gradient:

    N_k <- d N_k + (1 - d) n_k      m_k <- d m_k + (1 - d) sum of the vectors of k      e_k = m_k / N_k

Differs from the paper: a code that hardly anything chooses moves to a vector of the batch, drawn with probability in
proportion to its squared distance from its code (k-means++, Arthur & Vassilvitskii 2007), so that no code stays dead and
the worst represented vectors get codes of their own (random restarts: Dhariwal et al. 2020, section 3.1).
`first_principles/vector_quantization.py` derives both gradients.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from minimm.errors import check

DECAY = 0.97  # d: a code remembers about 1 / (1 - d) batches
REVIVED_BELOW = 0.05  # a code with less than this part of an equal share of the vectors is dead


class Quantized(NamedTuple):
    """ids (...), codes (..., D) through which gradients pass straight, and the commitment loss, a scalar."""

    ids: Tensor
    codes: Tensor
    commitment: Tensor


class VectorQuantizer(nn.Module):
    """`num_codes` codes of `code_size` numbers. `forward` quantises; `update` lets the codes follow a batch.

    The codes and their running counts and sums are parameters without gradient: they are saved and restored with the
    rest, and no optimizer moves them. Until the first `update` all codes are zero.
    """

    def __init__(self, num_codes: int, code_size: int) -> None:
        super().__init__()
        check(num_codes >= 2 and code_size >= 1, f"{num_codes} codes of {code_size} numbers were asked for; use more")
        self.codes = nn.Parameter(torch.zeros(num_codes, code_size), requires_grad=False)  # e
        self.counts = nn.Parameter(torch.zeros(num_codes), requires_grad=False)  # N
        self.sums = nn.Parameter(torch.zeros(num_codes, code_size), requires_grad=False)  # m
        self.updates = nn.Parameter(torch.zeros(()), requires_grad=False)  # how many batches the codes have followed

    def nearest(self, vectors: Tensor) -> Tensor:
        """vectors (..., D) -> the id of each one's nearest code, (...); ties go to the lowest id."""
        with torch.autocast(vectors.device.type, enabled=False):  # small differences decide, so never in bfloat16
            scores = torch.addmm(self.codes.square().sum(dim=1), vectors.float().flatten(0, -2), self.codes.T, alpha=-2)
        return scores.argmin(dim=1).view(vectors.shape[:-1])

    def forward(self, vectors: Tensor) -> Quantized:
        """vectors (..., D), of an encoder -> `Quantized`."""
        check(
            vectors.shape[-1] == self.codes.shape[1],
            f"the codes have {self.codes.shape[1]} numbers but the vectors {vectors.shape[-1]} {tuple(vectors.shape)}",
        )
        vectors = vectors.float()
        ids = self.nearest(vectors.detach())
        codes = self.codes[ids]
        commitment = (vectors - codes).square().mean()
        return Quantized(ids, vectors + (codes - vectors).detach(), commitment)

    @torch.no_grad()
    def update(self, vectors: Tensor, ids: Tensor, generator: torch.Generator) -> None:
        """Move every code to the running mean of the vectors (..., D) that chose it, and revive the dead ones.

        `generator` is a CPU generator; it decides which vectors the revived codes move to.
        """
        vectors, ids = vectors.detach().float().flatten(0, -2), ids.flatten()  # (n, D), (n,)
        self.updates += 1.0
        num_codes = len(self.codes)
        chosen = torch.zeros(num_codes, len(ids), device=ids.device)
        chosen[ids, torch.arange(len(ids), device=ids.device)] = 1.0  # one product sums the vectors of each code
        with torch.autocast(ids.device.type, enabled=False):
            self.counts.lerp_(chosen.sum(dim=1), 1.0 - DECAY)
            self.sums.lerp_(chosen @ vectors, 1.0 - DECAY)
        share = len(ids) / num_codes
        dead = (self.counts < REVIVED_BELOW * share).nonzero().squeeze(1)
        if len(dead):
            distance = (vectors - self.codes[ids]).square().sum(dim=1).cpu() + 1e-12  # never all zero
            count = min(len(dead), len(ids))
            source = torch.multinomial(distance, count, generator=generator).to(ids.device)
            self.counts[dead[:count]] = share
            self.sums[dead[:count]] = share * vectors[source]
        self.codes.copy_(self.sums / self.counts.clamp(min=1e-6)[:, None])


def codebook_use(ids: Tensor, num_codes: int) -> tuple[float, float]:
    """(share of the codes that occur in `ids`, perplexity): exp of the entropy, as if so many codes were used equally."""
    counts = torch.bincount(ids.flatten(), minlength=num_codes).double()
    share = counts / counts.sum()
    entropy = -(share * share.clamp(min=1e-300).log()).sum()
    return (counts > 0).double().mean().item(), entropy.exp().item()
