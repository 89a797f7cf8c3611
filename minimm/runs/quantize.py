"""`minimm quantize`: a trained model with its weights in few bits, how much smaller it is, and what that costs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from minimm.datasets.text_corpus import read_corpus
from minimm.errors import check
from minimm.layers.quantization import stored_bytes
from minimm.runs.report import finish
from minimm.tasks import TextGenerator
from minimm.tasks.any_task import load_any_task


def quantize_model(
    model: str | Path, out: str | Path, *, bits: int = 8, text: str | Path | None = None
) -> dict[str, Any]:
    """Write the model of the folder `model` into `out` with weights of so many bits, and results.json.

    Args:
        text: what a language model is measured by before and after, on the whole of it.
    """
    started, out = time.monotonic(), Path(out)
    check(out.resolve() != Path(model).resolve(), f"{out} holds the model itself; choose another folder with --out")
    task = load_any_task(model, device="cpu")
    check(
        text is None or isinstance(task, TextGenerator),
        f"a text measures language models, but {model} holds a {task.kind} model; leave --text away",
    )
    corpus = None if text is None else read_corpus(text)
    before = {"bytes_before": stored_bytes(task.require_model())}
    before |= {} if corpus is None else {f"{name}_before": value for name, value in task.evaluate(corpus).items()}
    task.quantize(bits)
    task.save(out)
    results: dict[str, Any] = {"bits": bits, "bytes": stored_bytes(task.require_model()), **before}
    results["times_smaller"] = results["bytes_before"] / results["bytes"]
    results |= {} if corpus is None else task.evaluate(corpus)
    return finish(results, started, out)
