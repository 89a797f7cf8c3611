"""One training loop for every model, text and multimodal alike.

    repeat: draw a batch, predict, measure the loss, step downhill; now and then validate, show and save.

The batch of step s is drawn from a generator seeded by (seed, s), and so is dropout: a run that was killed and resumed
sees exactly what the uninterrupted run would have seen, and ends in the same weights, bit for bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from minimm.errors import MinimmError, check
from minimm.layers.dropout import seed_dropout
from minimm.layers.quantization import is_quantized
from minimm.training.checkpoint import load_training_state, load_weights, save_tensors, save_training_state
from minimm.training.device import select_precision
from minimm.training.interruption import Interruption
from minimm.training.optimization import build_optimizer, learning_rate_factor
from minimm.training.progress import Progress


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
    seed: int = 0

    def __post_init__(self) -> None:
        check(
            self.max_steps is not None or self.max_seconds is not None,
            "a run needs an end: give max_steps, max_seconds or both",
        )
        for name in ("max_steps", "max_seconds", "learning_rate", "accumulation", "validate_every", "patience"):
            value = getattr(self, name)
            check(value is None or value > 0, f"{name} must be above 0, but it is {value}")


@dataclass
class TrainingResult:
    """What a run did: the losses by step, the best validation loss and when, and the seconds it took."""

    history: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    best_validation_loss: float | None = None
    best_step: int | None = None


class Trainer:
    """Trains `model` on the batches that `draw_batch(generator)` gives, by the loss that `loss(model, batch)` gives.

    Args:
        draw_batch: called with a CPU generator; returns whatever `loss` takes.
        loss: returns the mean loss of a batch, a scalar tensor.
        validate: returns the validation loss of `model`, or None when there is nothing to validate on.
        batch_items: how many `unit` (tokens, pictures) one batch holds, for the rate that is shown.
        folder: where checkpoints go; None keeps nothing.
    """

    def __init__(
        self,
        model: nn.Module,
        config: TrainerConfig,
        *,
        draw_batch: Callable[[torch.Generator], Any],
        loss: Callable[[nn.Module, Any], Tensor],
        validate: Callable[[nn.Module], float] | None = None,
        batch_items: int = 1,
        unit: str = "example",
        folder: str | Path | None = None,
    ) -> None:
        check(
            not is_quantized(model),
            "the model's weights are stored in few bits and cannot learn; train the one that it was made from",
        )
        self.model, self.config = model, config
        self.draw_batch, self.loss, self.validate = draw_batch, loss, validate
        self.batch_items, self.unit = batch_items * config.accumulation, unit
        self.folder = None if folder is None else Path(folder)
        self.device = next(model.parameters()).device
        self.optimizer = build_optimizer(
            model, config.optimizer, config.learning_rate, config.weight_decay, config.betas, config.layer_decay
        )
        self.result = TrainingResult()
        self.precision = config.precision
        self._best_weights: list[Tensor] = []  # when no folder keeps them

    def run(self, resume: bool = False) -> TrainingResult:
        """Train to the end of the run; the best weights seen in validation (or the last) are in `model` afterwards.

        `resume` continues from the folder's last training state, or starts at step 0 when there is none yet.
        A SIGINT (Ctrl-C) ends the step in hand, saves, and raises `KeyboardInterrupt`.
        """
        started = time.monotonic()
        if resume and self.folder is not None and (self.folder / "training_state.safetensors").exists():
            self._restore()
            started -= self.result.seconds
        else:
            self.precision = str(select_precision(self.config.precision, self.device)).removeprefix("torch.")
            self._validate()
            self._save()
        last_save = time.monotonic()
        with (
            Progress(self.config, self.result, self.batch_items, self.unit) as progress,
            Interruption() as interruption,
        ):
            while not self._is_over():
                loss, gradient_norm = self.step()
                self.result.steps += 1
                self.result.seconds = time.monotonic() - started
                self._refuse_nonfinite(loss, gradient_norm)
                progress.update(loss)
                self._record(train_loss=loss)
                if self.result.steps % self.config.validate_every == 0 and not self._is_over():
                    progress.show_validation(self._validate())
                if interruption.requested or time.monotonic() - last_save >= self.config.save_every_seconds:
                    self._save()
                    last_save = time.monotonic()
                if interruption.requested:
                    raise KeyboardInterrupt
            if "validation_loss" not in self.result.history[-1]:  # it is there when patience has ended the run
                progress.show_validation(self._validate())
        self._save()
        self._restore_best()
        return self.result

    def step(self) -> tuple[float, float]:
        """One optimizer step; returns the mean loss and the length of the gradient before clipping."""
        config, step = self.config, self.result.steps
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        seed_dropout(self.model, config.seed * 1_000_003 + step)
        self.model.train()
        factor = learning_rate_factor(step, self._progress(), config.warmup_steps, config.final_learning_rate_factor)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        total = 0.0
        for _ in range(config.accumulation):
            batch = self.draw_batch(generator)
            with self.autocast():
                loss = self.loss(self.model, batch)
            (loss / config.accumulation).backward()
            total += loss.item() / config.accumulation
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip_norm).item()
        if math.isfinite(total) and math.isfinite(norm):
            with self.autocast():  # for the matrix products of Muon
                self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total, norm

    def autocast(self) -> torch.autocast:
        """Matrix products in bfloat16 where that is faster; weights and sums stay in float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def _progress(self) -> float:
        """Share of the run that is over, by steps or by seconds, whichever is further."""
        by_steps = self.result.steps / self.config.max_steps if self.config.max_steps else 0.0
        by_seconds = self.result.seconds / self.config.max_seconds if self.config.max_seconds else 0.0
        return max(by_steps, by_seconds)

    def _is_over(self) -> bool:
        return self._progress() >= 1.0 or self._has_lost_patience()

    def _has_lost_patience(self) -> bool:
        """Early stopping (Prechelt 1998): the validation loss has not fallen for `patience` validations."""
        if self.config.patience is None or self.validate is None:
            return False
        since_best = (entry for entry in self.result.history if entry["step"] > self.result.best_step)
        return sum("validation_loss" in entry for entry in since_best) >= self.config.patience

    def _refuse_nonfinite(self, loss: float, gradient_norm: float) -> None:
        if math.isfinite(loss) and math.isfinite(gradient_norm):
            return
        name = "loss" if not math.isfinite(loss) else "gradient"
        kept = f"; the last good checkpoint is kept in {self.folder}" if self.folder is not None else ""
        raise MinimmError(
            f"the {name} stopped being a finite number at step {self.result.steps}{kept}. "
            f"Try a smaller learning rate (now {self.config.learning_rate}), a longer warm-up or --precision float32"
        )

    def _record(self, **losses: float) -> None:
        """Put losses into the history, at the current step."""
        history = self.result.history
        if not history or history[-1]["step"] != self.result.steps:
            history.append({"step": self.result.steps})
        history[-1].update(losses)

    def _validate(self) -> float | None:
        """Measure the validation loss, and keep the weights as `model.safetensors` when they are the best so far."""
        value = None
        if self.validate is not None:
            self.model.eval()
            with torch.inference_mode(), self.autocast():
                value = self.validate(self.model)
            self._record(validation_loss=value)
        best = self.result.best_validation_loss
        if value is None or best is None or value < best:
            self.result.best_validation_loss, self.result.best_step = value, self.result.steps
            if self.folder is not None:
                save_tensors(self.folder / "model.safetensors", dict(self.model.named_parameters()))
            elif value is not None:
                self._best_weights = [p.detach().clone() for p in self.model.parameters()]
        return value

    def _save(self) -> None:
        if self.folder is not None:
            state = {**vars(self.result), "precision": self.precision, "seed": self.config.seed}
            save_training_state(self.folder, self.model, self.optimizer, state)

    def _restore(self) -> None:
        state = load_training_state(self.folder, self.model, self.optimizer)
        seed = state.pop("seed")
        check(
            seed == self.config.seed,
            f"{self.folder} was trained with seed {seed}; resume it with the same seed, not {self.config.seed}",
        )
        self.precision = state.pop("precision")
        self.result = TrainingResult(**state)

    def _restore_best(self) -> None:
        if self.result.best_step != self.result.steps:
            if self.folder is not None:
                load_weights(self.model, self.folder / "model.safetensors")
            else:
                with torch.no_grad():
                    for parameter, best in zip(self.model.parameters(), self._best_weights, strict=True):
                        parameter.copy_(best)
        self.model.eval()
