"""What `test_distributed.py` runs under torchrun, or alone: small trainings whose losses are written as JSON.

torchrun --nproc-per-node 2 tests/together.py out.json
torchrun --nproc-per-node 2 tests/together.py out.json 12       process 1 kills itself at step 12 of the first training
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch

from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.tasks import CrossModalRetriever, ImageCaptioner, TextGenerator, TextToImageGenerator, Translator
from minimm.training.distributed import check_alike, rank, world_size
from minimm.training.trainer import Trainer

TEXT = "the cat sat on the mat and the dog ran to the cat. " * 40
PAIRS = [
    (f"the {a} is {b}", f"{b} {a} very much so and it is" * (1 + len(a) % 2))
    for a in ("cat", "dog", "house")
    for b in "xyz"
]
SMALL = {"d_model": 16, "num_heads": 2, "precision": "float32", "seed": 3, "device": "cpu", "dropout": 0.0}


def losses(task) -> list[float]:
    """The training losses, step by step, then the last validation loss."""
    history = task.training.history
    return [entry["train_loss"] for entry in history if "train_loss" in entry] + [history[-1]["validation_loss"]]


def language_model(**options) -> TextGenerator:
    return TextGenerator(
        **SMALL
        | {"num_layers": 2, "context_length": 16, "batch_size": 4, "warmup_steps": 2, "optimizer": "adamw"}
        | options
    )


def run(folder: Path) -> dict[str, list[float]]:
    """Every kind of loss that a batch can have."""
    found = {}
    task = language_model(save_every_seconds=0.01).fit(
        TEXT, max_steps=20, folder=folder / "language_model", resume=True
    )
    found["language model"] = losses(task)
    found["accumulated"] = losses(language_model(accumulation=2).fit(TEXT, max_steps=4))
    found["muon"] = losses(language_model(optimizer="muon").fit(TEXT, max_steps=4))
    sources, targets = zip(*PAIRS, strict=True)  # of different lengths, so each process has another number of targets
    found["translator"] = losses(Translator(**SMALL, batch_size=4).fit(sources, targets, max_steps=5))
    drawn = SMALL | {"num_layers": 1, "channels": (4, 8), "batch_size": 4}
    found["captioner"] = losses(ImageCaptioner(**drawn).fit(Shapes(), max_steps=5))
    retrieving = {name: value for name, value in drawn.items() if name != "dropout"}
    found["retriever"] = losses(CrossModalRetriever(**retrieving).fit(Shapes(), max_steps=5))
    drawing = {name: value for name, value in drawn.items() if name != "batch_size"}
    sizes = {"tokenizer_batch_size": 4, "batch_size": 4, "num_pictures": 8, "num_codes": 16}
    drawer = TextToImageGenerator(**drawing, **sizes).fit(Shapes(), max_steps=8)
    found["image tokenizer"] = [
        entry["train_loss"] for entry in drawer.tokenizer_training.history if "train_loss" in entry
    ]
    found["drawer"] = losses(drawer)
    if world_size() > 1:
        sharded = language_model(sharded=True).fit(TEXT, max_steps=20, folder=folder / "sharded")
        found["sharded"] = losses(sharded)
        found["sharded, used afterwards"] = [sharded.evaluate(TEXT[:200])["loss"]]
        found["sharded, recomputed"] = losses(language_model(sharded=True, recompute=True).fit(TEXT, max_steps=20))
        try:
            check_alike({"code": b"", "data": [torch.tensor([rank()])], "options": {"seed": 0}})
        except MinimmError as error:
            found["sentence"] = str(error)
        found["sharded, from its folder"] = [
            TextGenerator.load(folder / "sharded", device="cpu").evaluate(TEXT[:200])["loss"]
        ]
    return found


def kill_at(last: int) -> None:
    """Let process 1 die, without a word, when it has done `last` steps."""
    step = Trainer.step

    def dying(trainer: Trainer) -> tuple[float, float]:
        if trainer.result.steps == last and rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(trainer)

    Trainer.step = dying


if __name__ == "__main__":
    torch.set_num_threads(1)
    out = Path(sys.argv[1])
    if len(sys.argv) > 2:
        kill_at(int(sys.argv[2]))
    try:
        found = run(out.with_suffix(""))
    except MinimmError as error:
        sys.exit(f"error: {error}")
    if rank() == 0:
        out.write_text(json.dumps(found), encoding="utf-8")
