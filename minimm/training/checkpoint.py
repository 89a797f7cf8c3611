"""Checkpoints: a folder with `config.json`, `model.safetensors` and `tokenizer.json`; nothing is ever unpickled.

`config.json` says what kind of model it is and how it is shaped, `model.safetensors` holds its weights. A run that can
be continued also has `training_state.safetensors`: the weights of the last step, the optimizer's two moments for each,
and, in its header, the step and the rest that an exact resume needs. One file, renamed into place, so weights and step
can never disagree. `training_state.json` is a copy of the header for people to read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from minimm.errors import MinimmError, check
from minimm.files import read_json, write_atomically, write_json
from minimm.training.distributed import part_like, whole

FORMAT = "minimm-1"


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write named tensors, atomically; a full disk ends in a `MinimmError` and leaves the old file as it was.

    Of several processes that train together, all must call it.
    """
    contiguous = {name: whole(tensor.detach()).cpu().contiguous() for name, tensor in tensors.items()}
    payload = safetensors.torch.save(contiguous, metadata)
    write_atomically(path, lambda temporary: temporary.write_bytes(payload))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Named tensors and the header's metadata. A missing, truncated or foreign file ends in a `MinimmError`."""
    check(path.is_file(), f"{path} does not exist; is {path.parent} a folder that minimm wrote?")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise MinimmError(
            f"{path} is not a complete safetensors file ({error}); it was truncated or is another kind of file. "
            "Take it from a backup or train again"
        ) from None


def save_config(folder: Path, kind: str, config: dict[str, Any]) -> None:
    """Write `config.json`: the kind of model and everything needed to build an empty one."""
    write_json(folder / "config.json", {"format": FORMAT, "kind": kind, **config})


def load_config(folder: str | Path, kind: str | None = None) -> dict[str, Any]:
    """Read `config.json` and make sure that it describes a model of `kind`."""
    folder = Path(folder)
    check(folder.is_dir(), f"{folder} is not a folder; give the folder that training wrote with --out")
    config = read_json(folder / "config.json")
    check(
        isinstance(config, dict) and config.get("format") == FORMAT,
        f"{folder / 'config.json'} was not written by this version of minimm (format {FORMAT} is expected)",
    )
    found = config.get("kind")
    check(kind is None or found == kind, f"{folder} holds a {found} model, but a {kind} model is needed here")
    return config


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill `model` from a safetensors file that must hold exactly its parameters, by name and shape."""
    tensors, _ = load_tensors(path)
    copy_parameters(model, tensors, path)


@torch.no_grad()
def copy_parameters(model: nn.Module, tensors: dict[str, Tensor], source: Path) -> None:
    """Copy `tensors` into the parameters of the same names; missing, extra and misshapen ones are named."""
    parameters = dict(model.named_parameters())
    missing, extra = sorted(parameters.keys() - tensors.keys()), sorted(tensors.keys() - parameters.keys())
    check(
        not missing and not extra,
        f"{source} belongs to another model: it lacks {missing[:3] or 'nothing'} and has {extra[:3] or 'nothing'} "
        f"that this model does not know ({len(missing)} missing, {len(extra)} extra)",
    )
    for name, parameter in parameters.items():
        check(
            parameter.shape == tensors[name].shape,
            f"{source} belongs to another model: {name} is {tuple(tensors[name].shape)} there, "
            f"but this model needs {tuple(parameter.shape)}",
        )
        parameter.copy_(part_like(tensors[name], parameter))


def save_training_state(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]
) -> None:
    """Write the last step's weights, the optimizer's moments and `state` (JSON values) in one file."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        tensors[f"weight/{name}"] = parameter
        for moment, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{moment}/{name}"] = value
    save_tensors(folder / "training_state.safetensors", tensors, {"state": json.dumps(state)})
    write_json(folder / "training_state.json", state)


def load_training_state(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Put a run back where `save_training_state` left it and return its `state`."""
    path = folder / "training_state.safetensors"
    tensors, metadata = load_tensors(path)
    check("state" in metadata, f"{path} is not a training state; is it a renamed model file?")
    weights = {name.removeprefix("weight/"): tensor for name, tensor in tensors.items() if name.startswith("weight/")}
    copy_parameters(model, weights, path)
    for name, parameter in model.named_parameters():
        moments = {key.split("/", 1)[0]: value for key, value in tensors.items() if key.split("/", 1)[1] == name}
        del moments["weight"]
        # Copied into memory of torch's own, since results may depend on a tensor's alignment in the last bit, and in the
        # parameter's order (`decoder.store_by_columns`), since fused AdamW pairs the numbers of both as they lie there.
        optimizer.state[parameter] = {
            moment: value.clone()
            if moment == "step"
            else torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(part_like(value, parameter))
            for moment, value in moments.items()
        }
    return json.loads(metadata["state"])
