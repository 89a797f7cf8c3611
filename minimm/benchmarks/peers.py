"""The libraries that minimm is measured beside; each may be absent, and then the row of the table says so."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from minimm.errors import MinimmError, check

NO_CHECKOUT = "no checkout given: --nanogpt FOLDER"  # why nanoGPT was not measured


@contextmanager
def peer(name: str, missing: dict[str, str]) -> Iterator[None]:
    """What is in its `with` needs the library `name`; where that is absent, `missing` says so and the block ends."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing[name] = f"not installed: pip install {error.name}"


def load_nanogpt(folder: str | Path) -> ModuleType:
    """The `model.py` of a checkout of nanoGPT, which has `GPT` and `GPTConfig`.

    This runs the code of the folder: give none that you have not looked at.
    """
    path = Path(folder) / "model.py"
    check(path.is_file(), f"{folder} has no model.py; give the folder of a checkout of nanoGPT")
    spec = importlib.util.spec_from_file_location("nanogpt_model", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    if not (hasattr(module, "GPT") and hasattr(module, "GPTConfig")):
        raise MinimmError(f"{path} has no GPT and GPTConfig; give the folder of a checkout of nanoGPT")
    return module
