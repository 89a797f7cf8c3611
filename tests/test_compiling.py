"""What PyTorch's compiler makes of a training learns what Python would have; where it cannot, one sentence says so."""

from __future__ import annotations

import pytest
import torch
from together import SMALL, TEXT, language_model, losses

from minimm.benchmarks import gpt2_small
from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.tasks import ImageCaptioner
from minimm.training.compiling import has_compiler
from minimm.training.trainer_config import TrainerConfig

needs_a_compiler = pytest.mark.skipif(not has_compiler(), reason="PyTorch's compiler needs a C++ compiler")


@pytest.fixture(autouse=True)
def no_kernels_from_before():
    torch.compiler.reset()


def captioner(**options) -> ImageCaptioner:
    return ImageCaptioner(**SMALL | {"num_layers": 1, "channels": (4, 8), "batch_size": 4} | options)


@needs_a_compiler
@pytest.mark.slow
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_language_model_learns_the_same(dropout):
    """Dropout is drawn by the trainer's generator, which the compiler leaves to Python."""
    found = {
        compiled: losses(language_model(compiled=compiled, dropout=dropout).fit(TEXT, max_steps=12))
        for compiled in (False, True)
    }
    assert found[True] == pytest.approx(found[False], abs=1e-5)
    assert found[True][-1] < found[True][0]


@needs_a_compiler
@pytest.mark.slow
def test_a_captioner_learns_the_same_and_is_itself_afterwards(tmp_path):
    """Layers whose gradient is by hand: convolution, softmax, normalisation, rotation."""
    tasks = [captioner(compiled=compiled).fit(Shapes(), max_steps=6) for compiled in (False, True)]
    assert losses(tasks[1]) == pytest.approx(losses(tasks[0]), abs=1e-5)
    image = Shapes().draw(1, torch.Generator().manual_seed(5)).images[0].numpy()
    tasks[1].save(tmp_path)
    loaded = ImageCaptioner.load(tmp_path, device="cpu")
    assert loaded.generate_caption(image) == tasks[1].generate_caption(image)


def test_without_a_compiler_one_sentence_says_what_is_missing(monkeypatch):
    def compile(forward):
        from torch._dynamo.exc import BackendCompilerFailed

        def run(*arguments, **options):
            raise BackendCompilerFailed(compile, RuntimeError("no C++ compiler was found"), None)

        return run

    monkeypatch.setattr(torch, "compile", compile)
    with pytest.raises(MinimmError, match=r"no C\+\+ compiler was found.*leave --compiled out"):
        language_model(compiled=True).fit(TEXT, max_steps=2)
    with pytest.raises(MinimmError, match="--recompute for speed"):
        TrainerConfig(max_steps=1, compiled=True, recompute=True)


@needs_a_compiler
@pytest.mark.slow
def test_gpt2_is_measured_with_and_without_it(monkeypatch):
    """As on a GPU, but small."""
    monkeypatch.setattr(gpt2_small, "VOCAB_SIZE", 50)
    plain, compiled = gpt2_small.compare_gpt2_small(1, torch.device("cpu"), None, (1, 16, 2, 8, 2))
    assert plain.peers == [] and compiled.peers == ["minimm not compiled"] and compiled.operations > 0
    assert "--nanogpt FOLDER" in plain.missing["nanogpt"]
    machine = {"operations_per_second": {"bfloat16": 1e15}, "data_sheet": {"bfloat16": 2e15}}
    told = plain.as_dict(machine)
    assert told["share_of_machine"] == pytest.approx(2 * told["share_of_peak"]) and told["share_of_peak"] > 0
