"""The progress bar of a training run: loss, rate and time left, and one line for each validation."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

from minimm.training.distributed import rank


class Progress:
    """A bar over steps or, when the run is limited by time alone, over seconds. Silent parts of a pipe stay readable:
    without a terminal the bar is not drawn and only the validation lines are printed."""

    def __init__(self, config: Any, result: Any, batch_items: int, unit: str) -> None:
        """`config` and `result` are the trainer's; `batch_items` of `unit` are learned from at each step."""
        self.config, self.result, self.batch_items, self.unit = config, result, batch_items, unit
        self.by_steps = config.max_steps is not None
        self.first_step, self.first_second = result.steps, result.seconds
        self.smooth_loss: float | None = None

    def __enter__(self) -> Progress:
        total = self.config.max_steps if self.by_steps else round(self.config.max_seconds)
        self.bar = tqdm(
            total=total,
            initial=min(total, self._done()),
            disable=None if rank() == 0 else True,  # None: drawn only in a terminal
            unit="step" if self.by_steps else "s",
            dynamic_ncols=True,
            bar_format="{l_bar}{bar}| {n:.0f}/{total} {unit}, {remaining} left{postfix}",
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def _done(self) -> float:
        return self.result.steps if self.by_steps else self.result.seconds

    def rate(self) -> float:
        """How many of `unit` are learned from per second, since the bar was opened."""
        seconds = self.result.seconds - self.first_second
        return (self.result.steps - self.first_step) * self.batch_items / max(seconds, 1e-9)

    def update(self, loss: float) -> None:
        """One more step is done, with this loss."""
        self.smooth_loss = loss if self.smooth_loss is None else 0.95 * self.smooth_loss + 0.05 * loss
        self.bar.set_postfix_str(f"loss {self.smooth_loss:.3f}, {self.rate():,.0f} {self.unit}s/s", refresh=False)
        self.bar.update(min(self.bar.total, self._done()) - self.bar.n)

    def show_validation(self, value: float | None) -> None:
        """Print a line that stays: step, seconds, losses and rate."""
        shown = "" if value is None else f"  validation loss {value:.4f}"
        trained = "" if self.smooth_loss is None else f"  loss {self.smooth_loss:.4f}"
        if rank() > 0:
            return
        tqdm.write(
            f"step {self.result.steps:6d}  {self.result.seconds:6.1f} s{trained}{shown}  {self.rate():,.0f} {self.unit}s/s"
        )
