"""A training step of a GPT-2 beside `transformers` and nanoGPT: the same sizes, the same tokens, AdamW, clipping.

All three learn alike: tokens in, cross-entropy of the next token, back, clip, step. Theirs run as their users get them: in
float32, `transformers` with the fused AdamW that its Trainer takes, nanoGPT with its own `configure_optimizers`. Ours is the
step of `training.trainer`, in float32, and in bfloat16 too where the trainer would choose that by itself.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor, nn

from minimm.benchmarks.comparison import OURS, Comparison, take_turns
from minimm.benchmarks.peers import NO_CHECKOUT, peer
from minimm.layers.initialization import initialize
from minimm.models.cost import training_operations
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.training.compiling import has_compiler
from minimm.training.device import select_precision
from minimm.training.losses import cross_entropy
from minimm.training.trainer import Trainer
from minimm.training.trainer_config import TrainerConfig

VOCAB_SIZE = 1024
SHAPES = (  # layers, width, heads, context, batch
    (4, 128, 4, 64, 16),
    (4, 128, 4, 256, 8),
    (6, 384, 6, 256, 4),
)
LEARNING_RATE, WEIGHT_DECAY, BETAS = 3e-4, 0.1, (0.9, 0.95)


def compare_training(rounds: int, device: torch.device, nanogpt: ModuleType | None = None) -> list[Comparison]:
    """One comparison for each of `SHAPES` and precision, and one with our blocks compiled, where there is a compiler."""
    chosen = str(select_precision("auto", device)).removeprefix("torch.")
    precisions = ["float32"] + ["bfloat16"] * (chosen == "bfloat16")
    ways = [(precision, False) for precision in precisions] + [(precisions[-1], True)] * has_compiler()
    return [_compare(shape, *way, rounds, device, nanogpt) for shape in SHAPES for way in ways]


def _compare(
    shape: tuple[int, ...],
    precision: str,
    compiled: bool,
    rounds: int,
    device: torch.device,
    nanogpt: ModuleType | None,
) -> Comparison:
    layers, width, heads, context, batch = shape
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(VOCAB_SIZE, (batch, context + 1), generator=generator)
    inputs, targets = (part.contiguous().to(device) for part in (rows[:, :-1], rows[:, 1:]))
    config = gpt2_config(VOCAB_SIZE, layers, width, heads, context)
    sides = {OURS: our_trainer(config, inputs, targets, precision, compiled).step}
    missing: dict[str, str] = {}
    with peer("transformers", missing):
        sides["transformers"] = transformers_step(config, inputs)
    if nanogpt is None:
        missing["nanogpt"] = NO_CHECKOUT
    else:
        sides["nanogpt"] = nanogpt_step(nanogpt, config, inputs, targets)
    return Comparison(
        f"train {layers} x {width}, context {context}, minimm in {precision}{', compiled' * compiled}",
        batch * context,
        "token",
        take_turns(sides, rounds, device),
        operations=training_operations(config, batch, context),
        precision=precision,
        missing=missing,
    )


def gpt2_config(vocab_size: int, layers: int, width: int, heads: int, context: int) -> LanguageModelConfig:
    """GPT-2's recipe, so that all sides compute the same."""
    return LanguageModelConfig(
        vocab_size=vocab_size,
        context_length=context,
        d_model=width,
        num_heads=heads,
        num_layers=layers,
        positions="learned",
        normalization="layer",
        feed_forward="gelu_tanh",
        bias=True,
    )


def our_trainer(
    config: LanguageModelConfig, inputs: Tensor, targets: Tensor, precision: str, compiled: bool = False
) -> Trainer:
    """A trainer whose every step learns from the same tokens."""
    model = LanguageModel(config)
    initialize(model, torch.Generator().manual_seed(0), config.num_layers)
    return Trainer(
        model.to(inputs.device),
        TrainerConfig(
            max_steps=1_000_000,
            warmup_steps=0,
            learning_rate=LEARNING_RATE,
            weight_decay=WEIGHT_DECAY,
            betas=BETAS,
            precision=precision,
            compiled=compiled,
        ),
        draw_batch=lambda generator: (inputs, targets),
        loss=lambda model, batch: cross_entropy(model(batch[0]), batch[1]),
    )


def transformers_step(config: LanguageModelConfig, inputs: Tensor) -> Callable[[], object]:
    """A step of `GPT2LMHeadModel`, as its documentation trains it; dropout off, as in the others."""
    import transformers

    transformers.logging.set_verbosity_error()
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.context_length,
            n_embd=config.d_model,
            n_layer=config.num_layers,
            n_head=config.num_heads,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=0,
            eos_token_id=0,
        )
    ).to(inputs.device)
    settings = {"lr": LEARNING_RATE, "betas": BETAS, "weight_decay": WEIGHT_DECAY, "fused": True}
    optimizer = torch.optim.AdamW(model.parameters(), **settings)
    return _step(model, optimizer, lambda: model(input_ids=inputs, labels=inputs).loss)


def nanogpt_step(
    nanogpt: ModuleType,
    config: LanguageModelConfig,
    inputs: Tensor,
    targets: Tensor,
    *,
    halved: bool = False,
    compiled: bool = False,
) -> Callable[[], object]:
    """A step of nanoGPT's `GPT` as its `train.py` makes it on a CPU; `halved` (bfloat16) and `compiled` as on a GPU."""
    sizes = nanogpt.GPTConfig(
        block_size=config.context_length,
        vocab_size=config.vocab_size,
        n_layer=config.num_layers,
        n_head=config.num_heads,
        n_embd=config.d_model,
        dropout=0.0,
        bias=True,
    )
    with contextlib.redirect_stdout(io.StringIO()):  # it tells how it is made; here it is one row of a table
        model = nanogpt.GPT(sizes).to(inputs.device)
        optimizer = model.configure_optimizers(WEIGHT_DECAY, LEARNING_RATE, BETAS, inputs.device.type)
    forward = torch.compile(model) if compiled else model

    def loss() -> Tensor:
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=halved):
            return forward(inputs, targets)[1]

    return _step(model, optimizer, loss)


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor]) -> Callable[[], object]:
    """Forward, back, clip, step; the loss is read, as every log does."""
    model.train()

    def run() -> float:
        value = loss()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return value.item()

    return run
