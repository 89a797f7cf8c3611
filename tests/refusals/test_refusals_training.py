"""Weights and states of a run that were changed or belong to another, settings that nothing can learn with, and devices."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
import torch
from all_tasks import LABELS, READ, SIZES, TEXTS
from stranger_folders import go_on, save_foreign, trainer
from stranger_tasks import save_task

from minimm.errors import MinimmError
from minimm.interoperability.hugging_face import load_hugging_face
from minimm.models.language_model import LanguageModel
from minimm.tasks import TextClassifier, TextGenerator
from minimm.tasks.any_task import load_any_task
from minimm.training import device, distributed
from minimm.training.checkpoint import load_tensors, save_tensors
from minimm.training.masked_tokens import mask_tokens


def changed(path, change) -> None:
    """Apply `change` to the tensors and the state of a safetensors file."""
    tensors, metadata = load_tensors(path)
    state = json.loads(metadata.get("state", "{}"))
    change(tensors, state)
    save_tensors(path, tensors, {"state": json.dumps(state)})


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (torch.ones(15, 8, dtype=torch.int64), "is stored as torch.int64, but this model needs torch.float32; take another"),
        (torch.full((15, 8), float("nan")), "holds numbers that are not finite; the file is damaged, take another"),
    ],
)  # fmt: skip
def test_weights_that_are_no_weights(weight, words, tmp_path):
    save_task("language model", tmp_path)
    path = tmp_path / "model.safetensors"
    changed(
        path, lambda tensors, _: tensors.update({"embedding.weight": weight.resize_as_(tensors["embedding.weight"])})
    )
    with pytest.raises(MinimmError, match=f"model.safetensors: embedding.weight {words}"):
        load_any_task(tmp_path, "cpu")


def test_a_list_of_files_with_a_name_that_no_file_can_have(tmp_path):
    save_foreign("gpt2", tmp_path, sharded=True)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(index.read_text(encoding="utf-8").replace("model-0", "a" * 300), encoding="utf-8")
    with pytest.raises(MinimmError, match=r"aaa.* (could not be looked up \(File name too long\)|does not exist)"):
        load_hugging_face(tmp_path)


def misshapen(tensors: dict[str, Any], _: Any) -> None:
    tensors["exp_avg/embedding.weight"] = torch.zeros(2, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors, state: state.update(steps=-1), "does not say how far its run was; it is damaged"),
        (lambda tensors, state: state.update(history="long"), "does not say how far its run was; it is damaged"),
        (misshapen, r"embedding.weight has a exp_avg \(2, 2\) of torch.float32 that does not fit it"),
        (lambda tensors, _: tensors["step/embedding.weight"].fill_(float("inf")), "has a step .* or is not finite"),
    ],
)  # fmt: skip
def test_a_state_that_no_run_was_in(change, words, tmp_path):
    trainer(tmp_path).run()
    changed(tmp_path / "training_state.safetensors", change)
    with pytest.raises(MinimmError, match=words):
        go_on(tmp_path)


def test_a_state_that_is_none(tmp_path):
    trainer(tmp_path).run()
    path = tmp_path / "training_state.safetensors"
    tensors, _ = load_tensors(path)
    save_tensors(path, tensors, {"state": '{"steps": 2, '})
    with pytest.raises(MinimmError, match="has a damaged state in its header; begin anew without --resume"):
        go_on(tmp_path)
    shutil.copyfile(tmp_path / "model.safetensors", path)
    with pytest.raises(MinimmError, match="is not a training state; is it a renamed model file"):
        go_on(tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 4}, "was trained with seed 3; resume it with the same seed, not 4"),
        ({"optimizer": "muon"}, r"has \['exp_avg', .*\] of another optimizer, but \['momentum'\] are needed"),
    ],
)  # fmt: skip
def test_a_run_that_goes_on_as_another(options, words, tmp_path):
    first = READ | {"tokenizer": "word", "context_length": 8, "optimizer": "adamw"}
    TextGenerator(**first).fit(" ".join(TEXTS), max_steps=1, folder=tmp_path)
    with pytest.raises(MinimmError, match=words):
        TextGenerator(**first | options).fit(" ".join(TEXTS), max_steps=2, folder=tmp_path, resume=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": "sgd"}, "optimizer 'sgd' is not known; choose adamw or muon"),
        (
            {"optimizer": "muon", "layer_decay": 0.8},
            "layer_decay=0.8 is for adamw; choose --optimizer adamw or leave it at 1",
        ),
        ({"label_smoothing": 1.0}, "label_smoothing=1.0 is no share; choose 0 <= label_smoothing < 1"),
    ],
)
def test_settings_that_nothing_can_learn_with(options, words):
    with pytest.raises(MinimmError, match=words):
        TextClassifier(**READ | options).fit(TEXTS, LABELS, max_steps=1)


def test_marks_of_special_tokens_that_are_numbers():
    ids = torch.tensor([[2, 7, 8, 3]])
    with pytest.raises(
        MinimmError, match=r"special must mark every token with a bool, \(1, 4\), but it is \(1, 4\) torch.int64"
    ):
        mask_tokens(ids, 4, 60, (ids < 5).long(), torch.Generator().manual_seed(0))


def test_a_graphics_card_too_many(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(MinimmError, match="--device cuda:2 was asked for, but there are only 2 GPUs, numbered from 0"):
        TextGenerator(**SIZES, device="cuda:2")


def test_apples_graphics_where_there_are_none_or_where_they_compute_something_else(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(MinimmError, match="--device mps was asked for, but this machine has none; use --device cpu"):
        TextGenerator(**SIZES, device="mps")

    class WrongThere(LanguageModel):
        """Gives other numbers once it has been moved."""

        error = 0.0

        def to(self, device):
            self.error = 0.5
            return self

        def forward(self, ids):
            return super().forward(ids) + self.error

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *_: tensor)
    monkeypatch.setattr(device, "LanguageModel", WrongThere)
    with pytest.raises(
        MinimmError, match="mps computes something else than the CPU .*0.5, allowed 0.001.*; use --device cpu"
    ):
        TextGenerator(**SIZES, device="mps")


def test_processes_that_were_started_with_different_files(monkeypatch):
    def exchanged(found, mine):
        found[:] = [mine, mine | {"data": "another"}]

    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    monkeypatch.setattr(distributed.dist, "all_gather_object", exchanged)
    with pytest.raises(
        MinimmError, match="process 1 has other data than process 0; start all of them with the same files"
    ):
        distributed.check_alike({"data": [torch.zeros(2)], "options": {"seed": 0}})
