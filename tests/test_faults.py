"""Whatever goes wrong in the middle of training, a sentence says what and how to go on, and the checkpoint before it goes on.

Each fault is put into a chosen step of a real run: numbers that are none, memory that runs out, a GPU that is gone, a clock
that is set back. Full disks are in `test_full_disk.py`, killed processes in `test_resume.py`, networks in `test_download.py`.
"""

import itertools
import json
import math
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.runs.report import finish
from minimm.tasks import ImageCaptioner, TextGenerator
from minimm.training import checkpoint
from minimm.training.memory import training_bytes
from minimm.training.trainer import Trainer
from minimm.training.trainer_config import TrainerConfig, TrainingResult

STEPS = 6
TEXT = "the quick brown fox jumps over the lazy dog and runs home before the rain comes down. " * 10
SIZES = {"d_model": 8, "num_heads": 2, "num_layers": 1, "batch_size": 4, "precision": "float32"}

SHORTAGES = {
    "GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "GPU, told late": RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
    "cuBLAS": RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "MPS": RuntimeError("MPS backend out of memory (MPS allocated: 5.00 GB)"),
    "CPU": RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to"),
    "CPU on Windows": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:80] DefaultCPUAllocator: not enough memory: you tried"
    ),
    "Python or NumPy": MemoryError("Unable to allocate 2.00 GiB for an array"),
}
GONE = {
    "CUDA": RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously reported"),
    "CUDA's driver": RuntimeError("CUDA driver error: device not ready"),
    "cuDNN's way": RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    "HIP": RuntimeError("HIP error: device lost"),
    "PyTorch 2.8 and later": getattr(torch, "AcceleratorError", RuntimeError)("CUDA error: an illegal memory access"),
}


def writer(**options: object) -> TextGenerator:
    """Saved after every step."""
    text = {"tokenizer": "character", "vocab_size": None, "context_length": 8, "dropout": 0.2}
    return TextGenerator("tiny", **SIZES | text | options, save_every_seconds=1e-9, validate_every=2)


def fit(folder: Path | None, resume: bool = False, **options: object) -> TextGenerator:
    return writer(**options).fit(TEXT, max_steps=STEPS, folder=folder, resume=resume)


class Fault:
    """Stands for a task's `_loss`, and does something to the loss of one training step."""

    def __init__(self, step: int, change: Callable[[torch.nn.Module, Tensor], Tensor]) -> None:
        self.step, self.change, self.seen, self.loss = step, change, 0, TextGenerator._loss

    def __call__(self, task: TextGenerator, model: torch.nn.Module, batch: object) -> Tensor:
        """The loss, changed if it is its turn; looking at validation does not count."""
        loss = self.loss(task, model, batch)
        self.seen += model.training
        return self.change(model, loss) if model.training and self.seen == self.step else loss


def faulty(step: int, change: Callable[[torch.nn.Module, Tensor], Tensor]) -> pytest.MonkeyPatch:
    """A block in which training meets the fault at `step`, counted from 1."""
    fault = Fault(step, change)
    patch = pytest.MonkeyPatch()
    patch.setattr(TextGenerator, "_loss", lambda task, model, batch: fault(task, model, batch))
    return patch


def fails(step: int, change: Callable[[torch.nn.Module, Tensor], Tensor], folder: Path | None) -> str:
    """What is said about a training with a fault."""
    patch = faulty(step, change)
    try:
        with pytest.raises(MinimmError) as caught:
            fit(folder)
    finally:
        patch.undo()
    return str(caught.value)


def raising(error: Exception) -> Callable[..., Tensor]:
    """What happens in a step, or a command, that an error ends."""

    def change(*_: object, **__: object) -> Tensor:
        raise error

    return change


def saved_step(folder: Path) -> int:
    return json.loads((folder / "training_state.json").read_text(encoding="utf-8"))["steps"]


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, Tensor]:
    """The state at the end of a run without faults."""
    folder = tmp_path_factory.mktemp("whole") / "model"
    fit(folder)
    return checkpoint.load_tensors(folder / "training_state.safetensors")[0]


def assert_goes_on(folder: Path, expected: dict[str, Tensor]) -> None:
    """The model can be opened, and a resumed run ends where one without faults ends, bit for bit."""
    TextGenerator.load(folder)
    fit(folder, resume=True)
    found = checkpoint.load_tensors(folder / "training_state.safetensors")[0]
    assert found.keys() == expected.keys() and all(found[name].equal(value) for name, value in expected.items())


def steep(model: torch.nn.Module, loss: Tensor) -> Tensor:
    """The same loss with a gradient that no number can hold."""
    weights = next(model.parameters()).sum()
    return loss + 3e38 * (weights - weights.detach())


NOT_FINITE = {
    "loss": [lambda model, loss, value=value: loss * value for value in (float("nan"), float("inf"), float("-inf"))],
    "gradient": [steep],
}


@settings(max_examples=12)
@given(st.sampled_from(sorted(NOT_FINITE)), st.data(), st.integers(1, STEPS))
def test_a_number_that_is_none_ends_training_before_it_does_harm(tmp_path_factory, expected, name, data, step):
    folder = tmp_path_factory.mktemp("fault") / "model"
    told = fails(step, data.draw(st.sampled_from(NOT_FINITE[name])), folder)
    assert told.startswith(
        f"the {name} stopped being a finite number at step {step}; the last good checkpoint is kept in"
    )
    assert "smaller learning rate" in told and saved_step(folder) == step - 1
    assert_goes_on(folder, expected)


def test_a_validation_loss_that_is_no_number_is_not_taken_for_the_best(tmp_path):
    """Nothing is less than it, so the first weights would be kept for ever."""
    trainer = Trainer(
        torch.nn.Linear(2, 2),
        TrainerConfig(max_steps=4, validate_every=2),
        draw_batch=lambda generator: torch.rand(3, 2, generator=generator),
        loss=lambda model, batch: model(batch).square().mean(),
        validate=lambda model: float("nan"),
        folder=tmp_path,
    )
    with pytest.raises(MinimmError, match="the validation loss stopped being a finite number at step 0"):
        trainer.run()


@pytest.mark.parametrize("shortage", SHORTAGES)
@pytest.mark.parametrize("step", [1, 4])
def test_a_shortage_of_memory_says_what_takes_how_much_and_what_to_lower(tmp_path, expected, shortage, step):
    folder = tmp_path / "model"
    told = fails(step, raising(SHORTAGES[shortage]), folder)
    held = training_bytes(TextGenerator.load(folder).model.config, 4, 8, torch.float32)
    fixed = sum(held.values()) - held["activations"]
    assert told.startswith("there is not enough memory: weights, gradients and averages of")
    assert f"take {fixed / 1e6:,.0f} MB" in told
    assert f"4 texts of 8 tokens keep {held['activations'] / 1e6:,.0f} MB for the way back" in told
    assert "; lower --" in told
    assert saved_step(folder) == step - 1
    assert_goes_on(folder, expected)


def test_of_other_models_a_shortage_says_what_the_weights_take(monkeypatch):
    monkeypatch.setattr(ImageCaptioner, "_loss", lambda *_: raising(MemoryError())(None, None))
    with pytest.raises(MinimmError, match="million numbers take .* MB, and what a batch keeps .* lower --batch-size"):
        ImageCaptioner(**SIZES, channels=(4, 8)).fit(Shapes(), max_steps=1)


@pytest.mark.parametrize("shortage", SHORTAGES)
def test_a_shortage_of_memory_outside_of_training_ends_a_command_with_a_sentence(shortage, refused, monkeypatch):
    monkeypatch.setattr("minimm.runs.induction.run_induction", raising(SHORTAGES[shortage]))
    told = refused("induction", "--out", "nowhere")
    assert told.startswith("error: there is not enough memory (") and told.endswith(
        "close other programs, or give less at once"
    )


def test_what_is_no_shortage_is_not_taken_for_one(monkeypatch):
    monkeypatch.setattr("minimm.runs.induction.run_induction", raising(RuntimeError("a mistake of ours")))
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        run("induction", "--out", "nowhere")


@pytest.mark.parametrize("how", GONE)
@pytest.mark.parametrize("step", [1, 5])
def test_a_gpu_that_is_gone_says_what_is_saved_and_how_to_go_on(tmp_path, expected, how, step):
    folder = tmp_path / "model"
    told = fails(step, raising(GONE[how]), folder)
    first_line = str(GONE[how]).splitlines()[0]
    assert told == (
        f"cpu failed at step {step} ({first_line}); {folder} holds the run as it was after step {step - 1}; the same command "
        "with --resume goes on from there, with --device cpu if it does not come back"
    )
    assert_goes_on(folder, expected)


def test_a_gpu_that_is_gone_without_a_folder_says_that_nothing_is_saved():
    assert "nothing was saved; train again, with --device cpu" in fails(3, raising(GONE["CUDA"]), None)


@pytest.mark.parametrize("number", [1, 20, 50, 80, 110])
def test_a_gpu_that_is_gone_while_weights_are_fetched_to_be_saved_leaves_the_state_before(tmp_path, expected, number):
    fetched, whole = itertools.count(1), checkpoint.whole

    def fetch(tensor: Tensor) -> Tensor:
        if next(fetched) == number:
            raise GONE["CUDA"]
        return whole(tensor)

    folder = tmp_path / "model"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "whole", fetch)
        with pytest.raises(MinimmError, match="failed at step"):
            fit(folder)
    fit(folder, resume=True)
    assert_goes_on(folder, expected)


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), KeyError("word")])
def test_an_error_of_the_programs_own_is_not_explained_away(tmp_path, expected, error):
    patch = faulty(3, raising(error))
    try:
        with pytest.raises(type(error)) as caught:
            fit(tmp_path / "model")
    finally:
        patch.undo()
    assert caught.value is error
    assert_goes_on(tmp_path / "model", expected)


class Clock:
    """Goes on by these seconds, over and over, each time it is asked; they may be negative."""

    def __init__(self, seconds: list[float]) -> None:
        self.now, self.seconds = 1e9, itertools.cycle(seconds)

    def __call__(self) -> float:
        self.now += next(self.seconds)
        return self.now


def train_by(clock: Clock, **limits: float) -> tuple[TrainingResult, str]:
    """A short run whose clocks all are `clock`, its progress drawn as in a terminal; what it did, and all that was shown."""
    shown = []

    class Terminal:
        encoding = "utf-8"

        def write(self, text: str) -> None:
            shown.append(text)

        def flush(self) -> None:
            pass

        def isatty(self) -> bool:
            return True

    trainer = Trainer(
        torch.nn.Linear(2, 2),
        TrainerConfig(**limits, validate_every=2, precision="float32"),
        draw_batch=lambda generator: torch.rand(3, 2, generator=generator),
        loss=lambda model, batch: model(batch).square().mean(),
        validate=lambda model: 1.0,
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("stdout", "stderr"):
            patch.setattr(sys, name, Terminal())
        for name in ("time", "monotonic", "perf_counter"):
            patch.setattr(time, name, clock)
        result = trainer.run()
    return result, "".join(shown)


NEGATIVE = re.compile(r"(?<![\d,e])-\d")
jumps = st.lists(st.floats(-1e5, 1e5) | st.just(0.0), min_size=1, max_size=6)


@given(jumps)
def test_a_clock_that_jumps_makes_no_run_longer_and_no_time_negative(seconds):
    result, shown = train_by(Clock(seconds), max_steps=7)
    assert result.steps == 7 and result.seconds >= 0.0
    assert " left" in shown and NEGATIVE.search(shown) is None and "nan" not in shown


@given(jumps, st.floats(0.1, 1.0))
def test_a_clock_that_is_set_back_does_not_keep_a_run_from_its_end(seconds, forward):
    """However far it goes back, what it goes forward counts: here at least `forward` in each round of the clock."""
    clock = Clock([min(second, 0.0) for second in seconds] + [forward])
    result, shown = train_by(clock, max_seconds=3.0)
    rounds = math.ceil(3.0 / forward) + 1
    assert 0 < result.steps <= rounds * (len(seconds) + 1) and 3.0 <= result.seconds < 5.0
    assert NEGATIVE.search(shown) is None


def test_a_report_never_tells_of_negative_seconds(tmp_path, capsys):
    assert finish({}, time.monotonic() + 1e6, tmp_path)["seconds"] == 0.0
    assert NEGATIVE.search(capsys.readouterr().out.replace(str(tmp_path), "")) is None
