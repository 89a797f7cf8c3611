"""What every task shares: a model with its tokenizer on a device, `fit` around the trainer, `save` and `load`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from minimm.errors import check
from minimm.files import read_json
from minimm.layers.quantization import quantize
from minimm.models.language_model import num_parameters
from minimm.one_at_a_time import alone_in
from minimm.tokenizers import Tokenizer, load_tokenizer
from minimm.training.checkpoint import (
    check_shapes,
    load_config,
    load_weights,
    save_config,
    save_tensors,
    stored_shapes,
)
from minimm.training.description import sketch, vocabulary_sizes
from minimm.training.device import select_device
from minimm.training.distributed import first_alone, join
from minimm.training.memory import PROCESS_BYTES, shortage_explained
from minimm.training.trainer import Trainer
from minimm.training.trainer_config import TrainerConfig, TrainingResult


def check_together(tokenizer: Tokenizer, vocab_size: int, folder: str | Path) -> None:
    """Raise unless the model in `folder` knows every token of its tokenizer."""
    check(
        tokenizer.vocab_size <= vocab_size,
        f"the tokenizer in {folder} has {tokenizer.vocab_size} tokens, but its model knows {vocab_size}; they belong to "
        "different models",
    )


class Task:
    """A trained or trainable model. Subclasses say what kind it is, how it is built and what it learns from.

    Args:
        seed: fixes first weights, order of the data and dropout.
        device: "auto" (CUDA when there is one, else the CPU), "cpu", "cuda" or "mps".
    """

    kind: ClassVar[str]

    def __init__(self, *, seed: int = 0, device: str = "auto") -> None:
        check(
            isinstance(seed, Integral) and 0 <= seed < 2**40,
            f"seed={seed!r} must be a whole number from 0 to 2^40 - 1; choose another",
        )
        self.seed = int(seed)
        self.device = select_device(device)
        self.model: nn.Module | None = None
        self.tokenizer: Tokenizer | None = None
        self.training: TrainingResult | None = None  # what the last `fit` did
        self.bits: int | None = None  # of the weights, when they are quantised
        self._preset: Any = None

    @property
    def preset(self) -> Any:
        """The sizes and settings to train with, one of the presets of the task's room; a loaded task has none."""
        check(
            self._preset is not None,
            f"this {type(self).__name__} was loaded, so it has no settings to train with; make a new one, "
            f"{type(self).__name__}(preset), and fit that",
        )
        return self._preset

    @preset.setter
    def preset(self, value: Any) -> None:
        self._preset = value

    def architecture(self) -> dict[str, Any]:
        """What `build` needs to make an empty model of this shape, as JSON values."""
        raise NotImplementedError

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty model of the shape that `architecture` describes."""
        raise NotImplementedError

    def require_model(self) -> nn.Module:
        """The model, or an error that says how to get one."""
        check(
            self.model is not None,
            f"this {type(self).__name__} has not learned anything yet; call fit(...) or load(folder)",
        )
        return self.model

    def quantize(self, bits: int) -> None:
        """Store the weights in 8 or 4 bits each (`layers.quantization`). The task can then be used and saved, not trained."""
        quantize(self.require_model(), bits)
        self.bits = bits

    def save(self, folder: str | Path) -> None:
        """Write `config.json`, `tokenizer.json` and `model.safetensors` into `folder`."""
        folder, model = Path(folder), self.require_model()
        self._save_description(folder)
        save_tensors(folder / "model.safetensors", dict(model.named_parameters()))

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> Task:
        """Open what `save` or a training run wrote. A folder of another kind, or a damaged one, ends in a `MinimmError`."""
        folder = Path(folder)
        config = load_config(folder, cls.kind)
        task = cls.__new__(cls)
        Task.__init__(task, device=device)

        def build() -> nn.Module:
            task.model, task.bits = cls.build(config["architecture"]), None
            task._after_load(config["architecture"])
            if "bits" in config:
                task.quantize(config["bits"])
            return task.model

        weights = folder / "model.safetensors"
        shapes = stored_shapes(weights)
        wrong = f"{folder / 'config.json'} does not describe a {cls.kind} model"
        check_shapes(sketch(build, sum(map(math.prod, shapes.values())), wrong), shapes, weights)
        build()
        task.tokenizer = load_tokenizer(folder / "tokenizer.json")
        for size in vocabulary_sizes(config["architecture"]):
            check_together(task.tokenizer, size, folder)
        load_weights(task.model, weights)
        task.model.to(task.device).eval()
        return task

    def _after_load(self, architecture: dict[str, Any]) -> None:
        """Take from a loaded `architecture` what the task needs beside the model."""

    def _save_description(self, folder: Path) -> None:
        self.tokenizer.save(folder / "tokenizer.json")
        stored = {} if self.bits is None else {"bits": self.bits}
        save_config(
            folder, self.kind, stored | {"architecture": self.architecture()}
        )  # last: who finds it finds the rest

    def _train(
        self,
        config: TrainerConfig,
        *,
        max_steps: int | None,
        max_seconds: float | None,
        folder: str | Path | None,
        resume: bool,
        draw_batch: Callable[[torch.Generator], Any],
        loss: Callable[[nn.Module, Any], Tensor],
        validate: Callable[[nn.Module], float] | None,
        batch_items: int,
        unit: str,
        texts: tuple[int, int] | None = None,
    ) -> None:
        """Run the trainer; limits that are given replace those of `config`.

        Args:
            texts: of a language model, how many at once and tokens of each; to say what takes the memory if it runs out.
        """
        if max_steps is not None or max_seconds is not None:
            config = replace(config, max_steps=max_steps, max_seconds=max_seconds)
        config = replace(config, seed=self.seed)
        folder = None if folder is None else Path(folder)
        with alone_in(folder), shortage_explained(self.model, texts):
            if folder is not None:
                self._prepare_folder(folder, resume)
            self.model.to(self.device)
            trainer = Trainer(
                self.model,
                config,
                draw_batch=draw_batch,
                loss=loss,
                validate=validate,
                batch_items=batch_items,
                unit=unit,
                folder=folder,
            )
            print(self._forecast(config, folder))
            self.training = trainer.run(resume)

    def _prepare_folder(self, folder: Path, resume: bool) -> None:
        """Write what the model is, so that any checkpoint of the run can be opened; refuse to mix two runs."""
        join(self.device)
        first_alone(lambda: self._claim_folder(folder, resume))

    def _claim_folder(self, folder: Path, resume: bool) -> None:
        if (folder / "config.json").exists():
            check(
                resume,
                f"{folder} already holds a model; continue it with --resume, or choose another folder with --out",
            )
            config = load_config(folder, self.kind)
            shape = json.loads(json.dumps(self.architecture()))  # tuples become lists, as in the file
            words = json.loads(json.dumps(self.tokenizer.saved()))
            check(
                config.get("architecture") == shape and read_json(folder / "tokenizer.json") == words,
                f"{folder} holds a model of another shape or vocabulary; resume it with the options and data it was "
                "started with",
            )
        for scrap in folder.glob(".*.tmp"):  # left by a run that was killed in the middle of a write
            scrap.unlink()
        self._save_description(folder)

    def _forecast(self, config: TrainerConfig, folder: Path | None) -> str:
        """What the run will need, said before it starts."""
        weights = num_parameters(self.model)
        megabytes = weights * 4 / 1e6
        disk = "nothing on disk" if folder is None else f"{4 * megabytes + 1:.0f} MB on disk in {folder}"
        limits = [] if config.max_steps is None else [f"{config.max_steps:,} steps"]
        limits += [] if config.max_seconds is None else [f"{config.max_seconds:.0f} s"]
        return (
            f"training {weights / 1e6:.2f} million weights on {self.device} for at most {' or '.join(limits)}; "
            f"needs {disk}, and at least {4 * megabytes + PROCESS_BYTES / 1e6:.0f} MB of memory"
        )
