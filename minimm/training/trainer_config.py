"""How to train, and what a run did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from minimm.errors import check
from minimm.training.distributed import world_size


@dataclass(frozen=True)
class TrainerConfig:
    """How to train. A run ends after `max_steps` or `max_seconds`, whichever comes first; at least one must be set."""

    max_steps: int | None = None
    max_seconds: float | None = None
    optimizer: str = "adamw"  # or "muon"
    learning_rate: float = 3e-3
    final_learning_rate_factor: float = 0.01  # the cosine ends at this share of learning_rate
    warmup_steps: int = 50
    layer_decay: float = 1.0  # below 1, layers nearer to the input learn more slowly: for fine-tuning with adamw
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    clip_norm: float = 1.0  # longer gradients are shortened to this (Pascanu et al. 2013)
    accumulation: int = 1  # batches whose gradients are averaged into one step: a large batch in little memory
    validate_every: int = 250  # steps
    patience: int | None = None  # validations without a better loss after which the run ends early; None = never
    save_every_seconds: float = 15.0  # how much work a crash may cost at most
    precision: str = "auto"  # "float32", "bfloat16" or "auto"
    recompute: bool = False  # Transformer blocks keep only their inputs for the way back: less memory, more time
    compiled: bool = False  # Transformer blocks by PyTorch's compiler: slow first steps, then faster ones
    sharded: bool = False  # each process of several keeps a part of all weights, not all of them
    seed: int = 0

    def __post_init__(self) -> None:
        check(
            self.max_steps is not None or self.max_seconds is not None,
            "a run needs an end: give max_steps, max_seconds or both",
        )
        check(
            not self.sharded or world_size() > 1,
            "there is one process only, so there is nothing to shard; leave --sharded out, or start several with torchrun",
        )
        check(
            not self.sharded or self.optimizer == "adamw",
            f"sharded, no process has a whole matrix, as {self.optimizer} needs; choose --optimizer adamw",
        )
        check(
            not (self.compiled and self.recompute),
            "blocks that are compiled cannot be recomputed by minimm as well; leave out --compiled for less memory, or "
            "--recompute for speed",
        )
        for name in ("max_steps", "max_seconds", "learning_rate", "accumulation", "validate_every", "patience"):
            value = getattr(self, name)
            check(value is None or value > 0, f"{name} must be above 0, but it is {value}")


@dataclass
class TrainingResult:
    """What a run did: its losses (`training.history`), the best validation loss and when, and the seconds it took."""

    history: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    best_validation_loss: float | None = None
    best_step: int | None = None


def result_from(state: dict[str, Any], source: object) -> TrainingResult:
    """What a run had done when it wrote its training state; a state of another form is refused."""
    kept = {name: state.get(name) for name in vars(TrainingResult())}
    history, losses = kept["history"], (kept["seconds"], kept["best_validation_loss"] or 0.0)
    check(
        isinstance(history, list)
        and all(isinstance(entry, dict) and type(entry.get("step")) is int for entry in history)
        and all(isinstance(value, int | float) for entry in history for value in entry.values())
        and all(type(step) is int and 0 <= step < 2**53 for step in (kept["steps"], kept["best_step"] or 0))
        and all(type(number) in (int, float) and abs(number) < 1e18 for number in losses)
        and state.get("precision", "float32") in ("float32", "bfloat16"),
        f"{source} does not say how far its run was; it is damaged, so begin anew without --resume",
    )
    return TrainingResult(**kept)
