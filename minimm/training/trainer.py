"""One training loop for every model, text and multimodal alike.

    repeat: draw a batch, predict, measure the loss, step downhill; now and then validate, show and save.

The batch of step s is drawn from a generator seeded by (seed, s), and so is dropout: a run that was killed and resumed
sees exactly what the uninterrupted run would have seen, and ends in the same weights, bit for bit. Started by torchrun,
several processes share every batch (`distributed.py`); the first one alone writes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from minimm.errors import MinimmError, check
from minimm.layers.dropout import seed_dropout
from minimm.layers.quantization import is_quantized
from minimm.layers.recompute import set_recompute
from minimm.training.checkpoint import load_training_state, load_weights, save_tensors, save_training_state
from minimm.training.device import select_precision
from minimm.training.distributed import (
    as_the_first,
    check_alike,
    join,
    mean_numbers,
    own_code,
    part_of,
    rank,
    sharing,
    whole,
    world_size,
)
from minimm.training.failures import explain_failure, refuse_nonfinite
from minimm.training.history import record
from minimm.training.interruption import Interruption
from minimm.training.optimization import build_optimizer, learning_rate_factor
from minimm.training.parallel import Learner
from minimm.training.progress import Progress
from minimm.training.rehearsal import is_rehearsed
from minimm.training.stopwatch import Stopwatch
from minimm.training.trainer_config import TrainerConfig, TrainingResult, result_from

OTHER_SEED = 7_777_777_777  # so that two processes do not drop the same numbers


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
        self.draw_batch, self.validate = draw_batch, validate
        self.batch_items, self.unit = batch_items * config.accumulation, unit
        self.folder = None if folder is None else Path(folder)
        self.device = next(model.parameters()).device
        join(self.device)
        set_recompute(model, config.recompute)
        self.learner = Learner(model, loss, config.sharded, config.compiled)
        self.optimizer = build_optimizer(
            self.learner.model,
            config.optimizer,
            config.learning_rate,
            config.weight_decay,
            config.betas,
            config.layer_decay,
        )
        self.result = TrainingResult()
        self.precision = config.precision
        self._saved_step: int | None = None
        self._best_weights: list[Tensor] = []  # when no folder keeps them

    def run(self, resume: bool = False) -> TrainingResult:
        """Train to the end of the run; the best weights seen in validation (or the last) are in `model` afterwards.

        `resume` continues from the folder's last training state, or starts at step 0 when there is none yet.
        A SIGINT (Ctrl-C) ends the step in hand, saves, and raises `KeyboardInterrupt`. In a rehearsal nothing is trained.
        """
        if is_rehearsed(self):
            return self.result
        try:
            self._run(resume)
        except RuntimeError as error:
            told = explain_failure(error, self.device, self.result.steps + 1, self.folder, self._saved_step)
            if told is None:
                raise
            raise MinimmError(told) from None
        return self.result

    def _run(self, resume: bool) -> None:
        stopwatch = Stopwatch()
        if world_size() > 1:
            check_alike({"code": own_code(), "data": self._first_batch(), "options": self.config})
            self.learner.prepare(part_of(self._first_batch()))
        begun = self.folder is not None and (self.folder / "training_state.safetensors").exists()
        if as_the_first(resume and begun):
            self._restore()
        else:
            precision = str(select_precision(self.config.precision, self.device)).removeprefix("torch.")
            self.precision = as_the_first(precision)
            self._validate()
            self._save()
        before = last_save = self.result.seconds
        with (
            Progress(self.config, self.result, self.batch_items, self.unit) as progress,
            Interruption() as interruption,
        ):
            while not self._is_over():
                loss, gradient_norm = self.step()
                self.result.steps += 1
                seconds, interrupted = mean_numbers(
                    (before + stopwatch.seconds(), float(interruption.requested)), self.device
                )
                self.result.seconds = seconds
                self._refuse_nonfinite(loss=loss, gradient=gradient_norm)
                progress.update(loss)
                record(self.result.history, self.result.steps, train_loss=loss)
                if self.result.steps % self.config.validate_every == 0 and not self._is_over():
                    progress.show_validation(self._validate())
                if interrupted or seconds - last_save >= self.config.save_every_seconds:
                    self._save()
                    last_save = seconds
                if interrupted:
                    raise KeyboardInterrupt
            if "validation_loss" not in self.result.history[-1]:  # it is there when patience has ended the run
                progress.show_validation(self._validate())
        self._save()
        self.learner.finish(self.device)
        self._restore_best()

    def _first_batch(self) -> Any:
        return self.draw_batch(torch.Generator().manual_seed(self.config.seed * 1_000_003))

    def step(self) -> tuple[float, float]:
        """One optimizer step; returns the mean loss and the length of the gradient before clipping."""
        config, step = self.config, self.result.steps
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        model = self.learner.model.train()
        seed_dropout(model, config.seed * 1_000_003 + step + rank() * OTHER_SEED)
        factor = learning_rate_factor(step, self._progress(), config.warmup_steps, config.final_learning_rate_factor)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        total = 0.0
        for number in range(config.accumulation):
            batch = part_of(self.draw_batch(generator))
            with self.autocast(), sharing():
                loss = self.learner.loss(batch, last=number == config.accumulation - 1)
            (loss / config.accumulation).backward()
            total += loss.item() / config.accumulation
        norm = whole(nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)).item()
        (total,) = mean_numbers((total,), self.device)
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
        since_best = takewhile(lambda entry: entry["step"] > self.result.best_step, reversed(self.result.history))
        return sum("validation_loss" in entry for entry in since_best) >= self.config.patience

    def _refuse_nonfinite(self, **numbers: float) -> None:
        refuse_nonfinite(self.result.steps, self.config, self.folder, **numbers)

    def _validate(self) -> float | None:
        """Measure the validation loss, and keep the weights as `model.safetensors` when they are the best so far."""
        value = None
        model = self.learner.model.eval()
        if self.validate is not None:
            with torch.no_grad(), self.autocast():
                value = as_the_first(self.learner.measure(self.validate))
            if math.isnan(value):  # it would pass for the best for ever: nothing is less
                self._refuse_nonfinite(validation_loss=value)
            record(self.result.history, self.result.steps, validation_loss=value)
        best = self.result.best_validation_loss
        if value is None or best is None or value < best:
            self.result.best_validation_loss, self.result.best_step = value, self.result.steps
            if self.folder is not None:
                save_tensors(self.folder / "model.safetensors", dict(model.named_parameters()))
            elif value is not None:
                self._best_weights = [whole(p.detach()).clone() for p in model.parameters()]
        return value

    def _save(self) -> None:
        if self.folder is not None:
            state = {**vars(self.result), "precision": self.precision, "seed": self.config.seed}
            save_training_state(self.folder, self.learner.model, self.optimizer, state)
            self._saved_step = self.result.steps

    def _restore(self) -> None:
        state = load_training_state(self.folder, self.learner.model, self.optimizer)
        seed = state.get("seed")
        check(
            seed == self.config.seed,
            f"{self.folder} was trained with seed {seed}; resume it with the same seed, not {self.config.seed}",
        )
        self.result = result_from(state, self.folder / "training_state.safetensors")
        self.precision = state.get("precision", "float32")
        self._saved_step = self.result.steps

    def _restore_best(self) -> None:
        if self.result.best_step != self.result.steps:
            if self.folder is not None:
                load_weights(self.model, self.folder / "model.safetensors")
            else:
                with torch.no_grad():
                    for parameter, best in zip(self.model.parameters(), self._best_weights, strict=True):
                        parameter.copy_(best)
        self.model.eval()
