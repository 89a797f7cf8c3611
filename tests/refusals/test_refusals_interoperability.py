"""What opening and writing the folders of other libraries says of what is not there: each sentence beside what causes it."""

from __future__ import annotations

import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from minimm.errors import MinimmError
from minimm.interoperability.hugging_face import load_hugging_face, save_hugging_face
from minimm.layers.initialization import initialize
from minimm.models.image_encoder import ImageEncoder, ImageEncoderConfig
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.sequence_classifier import SequenceClassifier
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.tasks import TextClassifier

GENERATOR = torch.Generator().manual_seed(0)
SMALL = {"vocab_size": 9, "context_length": 8, "d_model": 8, "num_heads": 2, "num_layers": 1}


def a_llama() -> LanguageModel:
    model = LanguageModel(LanguageModelConfig(**SMALL))
    initialize(model, GENERATOR, 1)
    return model


def a_bert(num_labels: int = 3, pooling: str = "first") -> SequenceClassifier:
    parts = {"positions": "learned", "normalization": "layer", "feed_forward": "gelu"}
    config = TextEncoderConfig(**SMALL, **parts, post_norm=True, bias=True, num_token_types=2)
    model = SequenceClassifier(TextEncoder(config), num_labels, pooling=pooling)
    initialize(model, GENERATOR, 1)
    return model


def change_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def change_tensors(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def put_index(folder, content):
    """Weights in several files, as those of a large model are."""
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(content), encoding="utf-8")


SPOILED = {  # sentence: what was done to the folder of a classifier
    "config.json is not a JSON object; give a folder that save_pretrained wrote": lambda at: (
        at / "config.json"
    ).write_text("[]", encoding="utf-8"),
    "has no model.safetensors and no model.safetensors.index.json": lambda at: (at / "model.safetensors").unlink(),
    "model.safetensors.index.json does not say in which file each tensor is (weight_map)": lambda at: put_index(
        at, {"metadata": {"total_size": 9}}
    ),
    "model.safetensors.index.json lists tensors that its files do not hold: ['bert.layer.weight', 'cls.bias']": lambda at: (
        put_index(
            at, {"weight_map": dict.fromkeys(("cls.bias", "bert.layer.weight"), "model-00001-of-00001.safetensors")}
        )
    ),
    "lacks the tensor classifier.weight": lambda at: change_tensors(at, lambda held: held.pop("classifier.weight")),
}


@pytest.mark.parametrize("sentence", SPOILED)
def test_of_a_folder_that_is_not_whole(tmp_path, sentence):
    save_hugging_face(a_bert(), tmp_path)
    assert isinstance(load_hugging_face(tmp_path), SequenceClassifier)
    SPOILED[sentence](tmp_path)
    with pytest.raises(MinimmError, match=re.escape(sentence)):
        load_hugging_face(tmp_path)


def test_of_a_file_in_place_of_a_folder(tmp_path):
    save_hugging_face(a_bert(), tmp_path)
    file = tmp_path / "model.safetensors"
    with pytest.raises(
        MinimmError, match="model.safetensors is not a folder; give one that transformers' save_pretrained"
    ):
        load_hugging_face(file)


@pytest.mark.parametrize("name", ["rope_parameters", "rope_scaling"])
def test_of_rotary_positions_that_are_no_object(tmp_path, name):
    save_hugging_face(a_llama(), tmp_path)
    change_config(tmp_path, **{name: "linear"})
    with pytest.raises(MinimmError, match=f"config.json says {name}='linear', expected an object"):
        load_hugging_face(tmp_path)


def test_of_a_language_model_where_an_encoder_is_needed(tmp_path):
    save_hugging_face(a_llama(), tmp_path)
    with pytest.raises(MinimmError, match="config.json describes a language model, but a BERT is needed here"):
        TextClassifier("tiny", pretrained=tmp_path).fit(["good", "bad"], ["yes", "no"], max_steps=1)


def test_of_models_without_a_counterpart(tmp_path):
    with pytest.raises(
        MinimmError,
        match="of the kind ImageEncoder has no counterpart in transformers .* those have: LanguageModel",
    ):
        save_hugging_face(ImageEncoder(ImageEncoderConfig()), tmp_path)
    with pytest.raises(MinimmError, match="BERT's classifier pools the first token; build it with pooling='first'"):
        save_hugging_face(a_bert(pooling="mean"), tmp_path)
