"""Checkpoints: a folder with `config.json`, `model.safetensors` and `tokenizer.json`; nothing is ever unpickled.

`config.json` says what kind of model it is and how it is shaped, `model.safetensors` holds its weights. A run that can
be continued also has `training_state.safetensors`: the weights of the last step, the optimizer's two moments for each,
and, in its header, the step and the rest that an exact resume needs. One file, renamed into place, so weights and step
can never disagree. `training_state.json` is a copy of the header for people to read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from minimm.errors import MinimmError, check
from minimm.files import check_inside, check_links, read_json, write_atomically, write_json
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
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file; whatever is wrong with it becomes one sentence. The library checks that nothing leads out of it."""
    try:
        check(path.is_file(), f"{path} does not exist; is {path.parent} a folder that minimm wrote?")
    except OSError as error:  # of a name that no file can have
        raise MinimmError(f"{path!s:.200} could not be looked up ({error.strerror or error})") from None
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            yield file
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise MinimmError(
            f"{path} is not a complete safetensors file ({error}); it was truncated or is another kind of file. "
            "Take it from a backup or train again"
        ) from None


def stored_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors of a file by name, from its header alone."""
    with _opened(path) as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def save_config(folder: Path, kind: str, config: dict[str, Any]) -> None:
    """Write `config.json`: the kind of model and everything needed to build an empty one."""
    write_json(folder / "config.json", {"format": FORMAT, "kind": kind, **config})


def load_config(folder: str | Path, kind: str | None = None) -> dict[str, Any]:
    """Read `config.json` and make sure that it describes a model of `kind`."""
    folder = Path(folder)
    check(folder.is_dir(), f"{folder} is not a folder; give the folder that training wrote with --out")
    check_links(folder)
    config = read_json(folder / "config.json")
    check(
        isinstance(config, dict) and config.get("format") == FORMAT,
        f"{folder / 'config.json'} was not written by this version of minimm (format {FORMAT} is expected)",
    )
    found = config.get("kind")
    check(
        isinstance(found, str),
        f"{folder / 'config.json'} does not say which kind of model it describes: kind={found!r:.60}",
    )
    check(kind is None or found == kind, f"{folder} holds a {found} model, but a {kind} model is needed here")
    return config


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill `model` from a safetensors file that must hold exactly its parameters, by name and shape."""
    tensors, _ = load_tensors(path)
    copy_parameters(model, tensors, path)


@torch.no_grad()
def copy_parameters(model: nn.Module, tensors: dict[str, Tensor], source: Path) -> None:
    """Copy `tensors` into the parameters of the same names; missing, extra and misshapen ones are named."""
    check_shapes(model, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, source)
    for name, parameter in model.named_parameters():
        parameter.copy_(part_like(_usable(tensors[name], parameter, f"{source}: {name}"), parameter))


def check_shapes(model: nn.Module, shapes: Mapping[str, tuple[int, ...]], source: Path) -> None:
    """Raise unless `shapes` are those of the parameters of `model`, by name; missing, extra and misshapen ones are named."""
    parameters = dict(model.named_parameters())
    missing, extra = sorted(parameters.keys() - shapes.keys()), sorted(shapes.keys() - parameters.keys())
    check(
        not missing and not extra,
        f"{source} belongs to another model: it lacks {missing[:3] or 'nothing'} and has {extra[:3] or 'nothing'} "
        f"that this model does not know ({len(missing)} missing, {len(extra)} extra)",
    )
    for name, parameter in parameters.items():
        check(
            parameter.shape == shapes[name],
            f"{source} belongs to another model: {name} is {shapes[name]} there, "
            f"but this model needs {tuple(parameter.shape)}",
        )


def _usable(tensor: Tensor, parameter: Tensor, name: str) -> Tensor:
    """`tensor` in the number format of `parameter`, provided that its numbers are of that kind and finite."""
    check(
        tensor.is_floating_point() == parameter.is_floating_point()
        and (tensor.is_floating_point() or tensor.dtype == parameter.dtype),
        f"{name} is stored as {tensor.dtype}, but this model needs {parameter.dtype}; take another file",
    )
    tensor = tensor.to(parameter.dtype)
    check(bool(tensor.isfinite().all()), f"{name} holds numbers that are not finite; the file is damaged, take another")
    return tensor


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
    path = check_inside(folder / "training_state.safetensors", folder)
    tensors, metadata = load_tensors(path)
    state = _state_in(metadata, path)
    weights = {name.removeprefix("weight/"): tensor for name, tensor in tensors.items() if name.startswith("weight/")}
    copy_parameters(model, weights, path)
    for name, parameter in model.named_parameters():
        moments = {key.partition("/")[0]: value for key, value in tensors.items() if key.partition("/")[2] == name}
        del moments["weight"]
        _check_moments(moments, parameter, optimizer, f"{path}: {name}")
        # Copied into memory of torch's own, since results may depend on a tensor's alignment in the last bit, and in the
        # parameter's order (`decoder.store_by_columns`), since fused AdamW pairs the numbers of both as they lie there.
        optimizer.state[parameter] = {
            moment: value.clone()
            if moment == "step"
            else torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(part_like(value, parameter))
            for moment, value in moments.items()
        }
    return state


def _state_in(metadata: dict[str, str], path: Path) -> dict[str, Any]:
    check("state" in metadata, f"{path} is not a training state; is it a renamed model file?")
    try:
        state = json.loads(metadata["state"])
    except (ValueError, RecursionError):
        state = None
    check(isinstance(state, dict), f"{path} has a damaged state in its header; begin anew without --resume")
    return state


def _check_moments(
    moments: Mapping[str, Tensor], parameter: Tensor, optimizer: torch.optim.Optimizer, name: str
) -> None:
    """Raise unless these are the moments that `optimizer` keeps of `parameter`, or none, as before the first step."""
    matrices = getattr(optimizer, "own_group", {"params": ()})["params"]  # Muon's
    own = {"momentum"} if any(matrix is parameter for matrix in matrices) else {"step", "exp_avg", "exp_avg_sq"}
    check(
        moments.keys() in (own, set()),
        f"{name} has {sorted(moments)} of another optimizer, but {sorted(own)} are needed; resume with the options that the "
        "run was started with",
    )
    for moment, value in moments.items():
        check(
            value.shape == (() if moment == "step" else parameter.shape)
            and value.is_floating_point()
            and bool(value.isfinite().all()),
            f"{name} has a {moment} {tuple(value.shape)} of {value.dtype} that does not fit it, or is not finite; the file is "
            "damaged, so begin anew without --resume",
        )
