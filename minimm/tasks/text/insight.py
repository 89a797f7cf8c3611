"""Looking inside a language model by its texts: what each layer would say, what each head does, what can be read off."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence

import torch

from minimm.errors import check
from minimm.interpretation.ablation import ablated_heads
from minimm.interpretation.gradients import integrated_gradients, score_of_embeddings
from minimm.interpretation.head_summary import head_summary
from minimm.interpretation.logit_lens import logit_lens
from minimm.interpretation.recorder import attention_maps
from minimm.interpretation.stream import record_stream
from minimm.layers.multi_head_attention import SelfAttention
from minimm.tasks.seen_inside import SeenContributions, SeenDepths, SeenHeads, SeenProbes
from minimm.tasks.text.text_generator import TextGenerator
from minimm.training.losses import cross_entropy
from minimm.training.probing import linear_probe


def depths(task: TextGenerator, text: str) -> SeenDepths:
    """The logit lens over a text: the likeliest next token after each layer; `.plot()` draws it."""
    ids, rows = _ids(task, text)
    model = task.require_model().eval()
    return SeenDepths.of(task.tokenizer, ids, logit_lens(model, lambda: model(rows))[:, 0])


def heads(task: TextGenerator, text: str, period: int | None = None) -> SeenHeads:
    """What each head does while it reads `text`; `induction` where the text is the same again after `period` tokens."""
    ids, rows = _ids(task, text)
    check(
        period is None or ids[period:] == ids[:-period],
        f"the text is not the same again after period={period} tokens; induction is seen where a text is repeated",
    )
    model = task.require_model().eval()
    return SeenHeads(head_summary(attention_maps(model, lambda: model(rows), SelfAttention), period))


def without_each_head(task: TextGenerator, text: str) -> SeenHeads:
    """How much worse the text is foretold without each head, its output replaced by its mean: more nats a token, (L, H)."""
    ids, rows = _ids(task, text)
    check(len(ids) >= 2, f"{text!r:.40} is one token, of which nothing can be foretold; give a longer text")
    model = task.require_model().eval()

    @torch.inference_mode()
    def loss() -> float:
        return cross_entropy(model(rows[:, :-1]), rows[:, 1:]).item()

    whole = loss()
    found = torch.zeros(len(model.blocks), model.config.num_heads)
    for layer, head in itertools.product(range(found.shape[0]), range(found.shape[1])):
        with ablated_heads(model, {f"blocks.{layer}.attention": [head]}, mean=True):
            found[layer, head] = loss() - whole
    return SeenHeads({"ablated": found})


def contributions(task: TextGenerator, text: str, answer: str | None = None, *, steps: int = 64) -> SeenContributions:
    """Which tokens of `text` speak for what comes next, by integrated gradients from tokens that say nothing in particular.

    Args:
        answer: the token asked about, by its text; None = the likeliest.
    """
    ids, rows = _ids(task, text)
    model = task.require_model().eval()
    with torch.inference_mode():
        probabilities = model(rows)[0, -1].float().softmax(dim=-1)
    if answer is None:
        chosen = int(probabilities.argmax())
    else:
        wanted = task.tokenizer.encode(answer)
        check(len(wanted) == 1, f"{answer!r:.40} is {len(wanted)} tokens, and one can be asked about; choose its first")
        (chosen,) = wanted

    def run(copies: int) -> torch.Tensor:
        return model(rows.expand(copies, -1))[:, -1].float().log_softmax(dim=-1)[:, chosen]

    embedded = model.embed(rows).detach()  # (1, T, d_model)
    baseline = model.embedding.weight.detach().mean(dim=0)  # of all tokens
    found = integrated_gradients(score_of_embeddings(model.embedding, run), embedded, baseline, steps)
    tokens = [task.tokenizer.token_text(token) for token in ids]
    values = found[0].sum(dim=-1).cpu().numpy()
    return SeenContributions(tokens, values, task.tokenizer.token_text(chosen), probabilities[chosen].item())


def probes(
    task: TextGenerator, texts: Sequence[str], labels: Sequence[Sequence[Hashable]], *, seed: int = 0
) -> SeenProbes:
    """What a linear probe reads off each depth.

    Args:
        labels: of each text, one for each of its tokens. The control task gives every token of the vocabulary a random one.
    """
    check(
        len(texts) == len(labels), f"there are {len(texts)} texts and {len(labels)} rows of labels; give one row each"
    )
    model = task.require_model().eval()
    vectors, kinds = [], []
    for text, row in zip(texts, labels, strict=True):
        ids, rows = _ids(task, text)
        check(
            len(row) == len(ids),
            f"{text!r:.40} has {len(ids)} tokens, but {len(row)} labels; give one label for each token",
        )
        vectors.append(record_stream(model.blocks, lambda rows=rows: model(rows))[:, 0])  # (L + 1, T, d_model)
        kinds += ids
    stream, wanted = torch.cat(vectors, dim=1), [label for row in labels for label in row]
    return SeenProbes([linear_probe(depth, wanted, kinds, seed=seed) for depth in stream])


def _ids(task: TextGenerator, text: str) -> tuple[list[int], torch.Tensor]:
    ids = task.tokenizer.encode(text)
    check(len(ids) > 0, "the text is empty, so there is nothing to look into")
    return ids, torch.tensor([ids], device=task.device)
