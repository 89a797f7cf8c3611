"""How soon a text is learned as well: nanoGPT's documented run on a CPU, and minimm in a share of its time and in all of it.

Its README trains 4 layers of 128 on plays, by character, 2,000 steps of 12 texts of 64 characters, and tells a validation loss
of 1.88. The same run is made here with its own model and optimizer; minimm then learns the same characters as it would by
itself, at sizes of its choice. Both are measured on the whole last tenth of the text, each in texts of its own context laid
side by side, and neither is timed while it is measured.
"""

from __future__ import annotations

import contextlib
import io
import math
import time
from types import ModuleType
from typing import Any

import torch
from torch import nn

from minimm.datasets.text_corpus import IGNORE, TokenWindows, split_text
from minimm.tasks.text.text_generator import TextGenerator
from minimm.training.losses import cross_entropy

STEPS, BATCH, CONTEXT = 2000, 12, 64
LAYERS, HEADS, WIDTH = 4, 4, 128
LEARNING_RATE, LEAST_RATE, WARMUP, WEIGHT_DECAY, BETAS = 1e-3, 1e-4, 100, 0.1, (0.9, 0.99)
# Our runs: the share of nanoGPT's time that each has, and what it changes of the preset "small". In a short time many steps
# on short texts teach most.
RUNS = {"minimm_early": (0.2, {"context_length": 64, "warmup_steps": 20}), "minimm_same_time": (1.0, {})}


def compare_time_to_quality(text: str, nanogpt: ModuleType, device: torch.device) -> dict[str, Any]:
    """Seconds and validation losses (nats per character) of the three runs."""
    seconds, loss = _train_nanogpt(nanogpt, text, device)
    found: dict[str, Any] = {"nanogpt": {"seconds": seconds, "validation_loss": loss}}
    for name, (share, options) in RUNS.items():
        task = TextGenerator("small", device=str(device), validate_every=10**9, **options)
        with contextlib.redirect_stdout(io.StringIO()):
            task.fit(text, max_seconds=share * seconds)
        scores = task.evaluate(task.validation_text)
        found[name] = {
            "seconds": task.training.seconds,
            "share_of_nanogpts_time": task.training.seconds / seconds,
            "validation_loss": scores["loss"],
        }
    return found


def _train_nanogpt(nanogpt: ModuleType, text: str, device: torch.device) -> tuple[float, float]:
    """Its run: the seconds of the steps, and the loss on the last tenth."""
    characters = {character: number for number, character in enumerate(sorted(set(text)))}
    training, validation = (torch.tensor([characters[one] for one in part]) for part in split_text(text))
    windows = TokenWindows(training, CONTEXT)
    torch.manual_seed(0)  # its weights come from the global generator
    sizes = nanogpt.GPTConfig(
        block_size=CONTEXT,
        vocab_size=len(characters),
        n_layer=LAYERS,
        n_head=HEADS,
        n_embd=WIDTH,
        dropout=0.0,
        bias=False,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        model = nanogpt.GPT(sizes).to(device)
        optimizer = model.configure_optimizers(WEIGHT_DECAY, LEARNING_RATE, BETAS, device.type)
    generator = torch.Generator().manual_seed(0)
    started = time.perf_counter()
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = _rate(step)
        inputs, targets = (part.contiguous().to(device) for part in windows.batch(generator, BATCH))
        loss = model(inputs, targets)[1]
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    loss.item()  # waits for the device
    seconds = time.perf_counter() - started
    return seconds, _mean_loss(model.eval(), validation, device)


def _rate(step: int) -> float:
    """Its warm-up and cosine."""
    if step < WARMUP:
        return LEARNING_RATE * (step + 1) / (WARMUP + 1)
    share = (step - WARMUP) / (STEPS - WARMUP)
    return LEAST_RATE + 0.5 * (1 + math.cos(math.pi * share)) * (LEARNING_RATE - LEAST_RATE)


@torch.inference_mode()
def _mean_loss(model: nn.Module, ids: torch.Tensor, device: torch.device) -> float:
    total, count = 0.0, 0
    for inputs, targets in TokenWindows(ids, CONTEXT).evaluation_batches(128):
        logits = model(inputs.to(device), targets.clamp(min=-1).contiguous().to(device))[
            0
        ]  # given targets, it gives logits for all
        tokens = int((targets != IGNORE).sum())
        total += cross_entropy(logits, targets.to(device)).item() * tokens
        count += tokens
    return total / count
