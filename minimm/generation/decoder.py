"""Reading tokens step by step with a KV cache: the part that all decoding methods share.

Works for any `LanguageModel`, alone or looking at a memory, and for a batch of prompts of different lengths: short ones
are padded on the left, so that every prompt ends in the same column and the next token is always the last logit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from minimm.errors import check
from minimm.models.language_model import LanguageModel
from minimm.models.memory import Memory
from minimm.models.multimodal_language_model import Embedded

Prompts = list[list[int]] | Embedded  # token ids, or vectors into which media have been spliced


def pad_left(prompts: list[list[int]], pad_id: int = 0) -> tuple[Tensor, Tensor | None]:
    """Prompts of token ids -> ids (B, T) and which are real (B, T) bool, or None when all are equally long."""
    check(len(prompts) >= 1 and all(prompts), "there must be at least one prompt, each with at least one token")
    longest = max(map(len, prompts))
    ids = torch.tensor([[pad_id] * (longest - len(prompt)) + prompt for prompt in prompts])
    if all(len(prompt) == longest for prompt in prompts):
        return ids, None
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    return ids, torch.arange(longest) >= longest - lengths[:, None]  # (B, T)


@torch.inference_mode(False)  # what would be made in it could not be trained any more
@torch.no_grad()
def store_by_columns(model: nn.Module) -> None:
    """Let the matrices W (out, in) of linear layers lie in memory column by column. Shapes and numbers stay as they are.

    One token's x W^T is bound by how fast W is read. By columns that is one sweep that adds up whole vectors; by rows every
    output is a sum of its own, which took PyTorch's CPU library 1.4 times as long for W of 384 x 1536 and 3.5 times for an
    output of 50,257 tokens. Gradients, saving and loading do not depend on how a matrix lies. A GPU does not care.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear) and module.weight.is_contiguous() and module.weight.device.type == "cpu":
            module.weight.data = module.weight.t().contiguous().t()


class CachedDecoder:
    """Feeds tokens to `model` and keeps its cache.

    When a text without a memory outgrows the model's context, the older half is forgotten: the newer half is read again
    into an empty cache, which costs one pass every context_length / 2 tokens.
    """

    def __init__(self, model: LanguageModel, memory: Memory | None = None) -> None:
        self.model = model
        store_by_columns(model)
        self.memory = memory
        self.cache = model.new_cache()
        self.pieces: list[Tensor] = []  # (B, T_i, d_model) each: what the cache holds, in the order read
        self.key_mask: Tensor | None = None  # (B, T) bool, False for padding

    def read_prompts(self, prompts: Prompts) -> Tensor:
        """Read what comes first, padded on the left where its rows differ in length -> logits (B, V) float32."""
        if isinstance(prompts, Embedded):
            return self.read_embeddings(prompts.vectors, prompts.key_mask)
        return self.read(*pad_left(prompts))

    def read(self, ids: Tensor, key_mask: Tensor | None = None) -> Tensor:
        """Read ids (B, T_new) behind what was read before -> logits (B, V) float32 for the token that follows.

        `key_mask` (B, T_new) marks the padding of a first prompt; tokens read later are all real.
        """
        with torch.inference_mode():
            return self.read_embeddings(self.model.embed(ids.to(self.model.device)), key_mask)

    @torch.inference_mode()
    def read_embeddings(self, x: Tensor, key_mask: Tensor | None = None) -> Tensor:
        """The same for vectors x (B, T_new, d_model), whatever they stand for."""
        if not self.pieces:
            self.key_mask = None if key_mask is None else key_mask.to(x.device)
        elif self.key_mask is not None:
            self.key_mask = torch.nn.functional.pad(self.key_mask, (0, x.shape[1]), value=True)
        self.pieces.append(x)
        if self.cache.length and self.cache.length + x.shape[1] > self.model.config.context_length:
            x = self._forget_older_half()
        logits = self.model.forward_embeddings(x, key_mask=self.key_mask, cache=self.cache, memory=self.memory)
        return logits[:, -1].float()

    def select_rows(self, rows: Tensor) -> None:
        """Continue with the sequences `rows` (B_new,) of the batch, in that order; the memory's rows stay with the cache."""
        self.cache.select_rows(rows)
        self.pieces = [torch.cat(self.pieces, dim=1)[rows]]
        if self.key_mask is not None:
            self.key_mask = self.key_mask[rows]
        if self.memory is not None:
            self.memory = Memory(self.memory.features[rows], self.memory.mask[rows], self.memory.grid)

    def _forget_older_half(self) -> Tensor:
        """Start a new cache; what to read into it is the newer half of the context, the new tokens included."""
        keep = max(self.model.config.context_length // 2, 1)
        x = torch.cat(self.pieces, dim=1)[:, -keep:]
        self.pieces = [x]
        if self.key_mask is not None:
            mask = self.key_mask[:, -keep:]
            self.key_mask = None if mask.all() else mask
        self.cache = self.model.new_cache()
        return x
