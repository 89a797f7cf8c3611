"""`minimm induction`: two layers learn to continue what they have read, and the heads that do it are found and taken away.

Induction takes two heads, one behind the other (Elhage et al. 2021): one in the first layer that marks each token with the one
before it, and one in the second that looks for the token that was marked with the present one, and says it. The sequences of
each batch are of another length: were all alike, one head that looks a fixed number of places back would do, without reading.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minimm.datasets.repeated_sequences import repeated_sequences
from minimm.files import write_json
from minimm.interpretation.ablation import ablated_heads
from minimm.interpretation.head_summary import head_summary
from minimm.interpretation.recorder import attention_maps
from minimm.layers.initialization import initialize
from minimm.layers.multi_head_attention import SelfAttention
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.plots.induction import induction_figure
from minimm.plots.style import save_figure
from minimm.runs.report import print_table
from minimm.training.device import select_device
from minimm.training.losses import cross_entropy
from minimm.training.stopwatch import seconds_since
from minimm.training.trainer import Trainer
from minimm.training.trainer_config import TrainerConfig

VOCABULARY, BATCH = 64, 64
SHORTEST, PERIOD = 6, 24  # tokens that are repeated; PERIOD in what is measured
MEASURED = 128  # sequences
EVERY = 50  # steps
LAYERS, WIDTH, HEADS = 2, 64, 4
SEED = 1_000_003  # of what is measured on, never trained on


@dataclass
class Watched:
    """What was seen of a model as it learned: one entry for each time it was looked at."""

    steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)  # of the second half
    induction: list[list[float]] = field(default_factory=list)  # of each head of the last layer
    previous: list[list[float]] = field(default_factory=list)  # of each head of the first


def run_induction(
    out: Path, *, seed: int = 0, max_seconds: float = 170.0, max_steps: int = 1200, device: str = "auto"
) -> dict[str, Any]:
    """Train, watch, take heads away; writes results.json and induction.png into `out`."""
    started, where = time.monotonic(), select_device(device)
    config = LanguageModelConfig(VOCABULARY, 2 * PERIOD, WIDTH, HEADS, LAYERS)
    model = LanguageModel(config)
    initialize(model, torch.Generator().manual_seed(seed), LAYERS)
    model.to(where)
    rows = repeated_sequences(MEASURED, PERIOD, VOCABULARY, torch.Generator().manual_seed(SEED)).to(where)
    watched = Watched()

    def watch(model: LanguageModel) -> float:
        found = summary(model, rows)
        watched.steps.append(trainer.result.steps)
        watched.loss.append(second_half(model, rows)["loss"])
        watched.induction.append(found["induction"][-1].tolist())
        watched.previous.append(found["previous"][0].tolist())
        return watched.loss[-1]

    trainer = Trainer(
        model,
        TrainerConfig(  # AdamW learns in 7,000 steps which tokens are still to come, but not which is next
            max_steps=max_steps,
            max_seconds=max_seconds,
            validate_every=EVERY,
            optimizer="muon",
            weight_decay=0.01,
            seed=seed,
        ),
        draw_batch=lambda generator: draw(generator).to(where),
        loss=second_half_loss,
        validate=watch,
        batch_items=BATCH * 2 * PERIOD,
        unit="token",
    )
    trainer.run()
    results = what_heads_do(model, rows) | {"steps": trainer.result.steps, "watched": vars(watched)}
    save_figure(induction_figure(vars(watched), results), out / "induction.png")
    results["seconds"] = seconds_since(started)
    write_json(out / "results.json", results)
    print_table({name: value for name, value in results.items() if name != "watched"})
    print(f"everything is in {out}")
    return results


def draw(generator: torch.Generator) -> Tensor:
    """A batch, all rows with one period."""
    period = int(torch.randint(SHORTEST, PERIOD + 1, (), generator=generator))
    return repeated_sequences(BATCH, period, VOCABULARY, generator)


def second_half_loss(model: LanguageModel, rows: Tensor) -> Tensor:
    """Of what is repeated, without its first token, which nothing foretells."""
    start = rows.shape[1] // 2
    return cross_entropy(model(rows[:, :-1])[:, start:], rows[:, start + 1 :])


@torch.inference_mode()
def summary(model: LanguageModel, rows: Tensor) -> dict[str, Tensor]:
    """`head_summary` of the model on repeated sequences."""
    return head_summary(attention_maps(model, lambda: model(rows), SelfAttention), PERIOD)


@torch.inference_mode()
def second_half(model: LanguageModel, rows: Tensor) -> dict[str, float]:
    """How well the repetition is foretold: `loss` in nats, and `accuracy`, chance being one in the vocabulary."""
    logits, targets = model(rows[:, :-1])[:, PERIOD:], rows[:, PERIOD + 1 :]
    return {
        "loss": second_half_loss(model, rows).item(),
        "accuracy": (logits.argmax(dim=-1) == targets).float().mean().item(),
    }


def strong_heads(scores: Tensor) -> list[int]:
    """Numbers of the heads with more than half of the highest score (H,), the highest first."""
    return [head for head in scores.argsort(descending=True).tolist() if scores[head] > 0.5 * scores.max()]


def what_heads_do(model: LanguageModel, rows: Tensor) -> dict[str, Any]:
    """Copying with all heads, without those that do induction, without those that look one back, and, as a control, without as
    many others of the last layer, where there are so many.
    """
    model.eval()
    found = summary(model, rows)
    scores, marks = found["induction"][-1], found["previous"][0]  # (H,) each
    copying, marking = strong_heads(scores), strong_heads(marks)
    last = f"blocks.{LAYERS - 1}.attention"
    without = {
        "without_induction_heads": {last: copying},
        "without_previous_token_heads": {"blocks.0.attention": marking},
    }
    if 2 * len(copying) <= HEADS:
        without["without_other_heads"] = {last: scores.argsort().tolist()[: len(copying)]}
    results: dict[str, Any] = {
        "induction_score": scores.max().item(),
        "previous_token_score": marks.max().item(),
        "induction_heads": copying,
        "previous_token_heads": marking,
        "loss_uniform": math.log(VOCABULARY),
        "accuracy_chance": 1 / VOCABULARY,
    } | second_half(model, rows)
    for name, heads in without.items():
        with ablated_heads(model, heads, mean=True):
            results |= {f"{measure}_{name}": value for measure, value in second_half(model, rows).items()}
    return results
