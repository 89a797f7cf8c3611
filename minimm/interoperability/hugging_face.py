"""Folders that Hugging Face's `transformers` wrote become our models, and ours become folders that it opens.

    model = load_hugging_face("path/to/gpt2")        # GPT-2 or Llama -> LanguageModel, BERT -> TextEncoder with its head
    save_hugging_face(model, "exported")             # AutoModelForCausalLM.from_pretrained("exported")

Weights are float32 on our side. Both ways the logits agree, and a folder that was loaded and saved again holds the same
numbers, bit for bit. Nothing is unpickled: only safetensors are read, whole or in shards.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from minimm.errors import MinimmError, check
from minimm.files import check_links, read_json, write_json
from minimm.interoperability import bert, gpt2, llama
from minimm.interoperability.foreign_config import ForeignConfig
from minimm.interoperability.tensor_names import Place, export_tensors, import_tensors
from minimm.layers.quantization import is_quantized
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.masked_language_model import MaskedLanguageModel
from minimm.models.sequence_classifier import SequenceClassifier
from minimm.models.span_selector import SpanSelector
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.training.checkpoint import check_shapes, copy_parameters, load_tensors, save_tensors
from minimm.training.description import sketch

ARCHITECTURES = {module.MODEL_TYPE: module for module in (gpt2, llama, bert)}
BERT_MODELS = {
    "BertModel": TextEncoder,
    "BertForMaskedLM": MaskedLanguageModel,
    "BertForPreTraining": MaskedLanguageModel,
    "BertForSequenceClassification": SequenceClassifier,
    "BertForQuestionAnswering": SpanSelector,
}


def is_hugging_face_folder(folder: str | Path) -> bool:
    """Whether `folder` has a `config.json` as `transformers` writes them."""
    path = Path(folder) / "config.json"
    values = read_json(path) if path.is_file() else None
    return isinstance(values, dict) and "model_type" in values


def load_hugging_face(folder: str | Path, *, encoder_only: bool = False) -> nn.Module:
    """Open a folder with `config.json` and safetensors.

    Args:
        encoder_only: leave a BERT's head away and give its `TextEncoder`, to put another head on it.

    Returns:
        `LanguageModel`, `TextEncoder`, `MaskedLanguageModel`, `SequenceClassifier` or `SpanSelector`, in evaluation mode.

    Raises:
        MinimmError: an unknown architecture or setting, missing or unknown tensors (named), pickled weights.
    """
    folder = Path(folder)
    check(folder.is_dir(), f"{folder} is not a folder; give one that transformers' save_pretrained wrote")
    check_links(folder)
    path = folder / "config.json"
    values = read_json(path)
    check(isinstance(values, dict), f"{path} is not a JSON object; give a folder that save_pretrained wrote")
    kind = values.get("model_type")
    check(
        isinstance(kind, str) and kind in ARCHITECTURES,
        f"{path} says model_type={kind!r:.60}, which minimm does not have; it knows {', '.join(ARCHITECTURES)}",
    )
    module = ARCHITECTURES[kind]
    foreign = ForeignConfig(values, path)
    try:
        config = module.read_config(foreign)
    except MinimmError as error:
        raise MinimmError(str(error) if str(path) in str(error) else f"{path} cannot be used: {error}") from None
    foreign.finish()
    tensors = {_with_prefix(_modern(name), module): tensor for name, tensor in read_shards(folder).items()}
    build = partial(_build, values, config, path, tensors, encoder_only=encoder_only)
    num_weights = sum(tensor.numel() for tensor in tensors.values())
    empty = sketch(build, num_weights, f"{path} does not describe a model that minimm can build")
    ours = import_tensors(tensors, _places(empty), module.IGNORABLE, folder)
    check_shapes(empty, {name: tuple(tensor.shape) for name, tensor in ours.items()}, folder)
    model = build()
    copy_parameters(model, ours, folder)
    return model.eval()


def save_hugging_face(model: nn.Module, folder: str | Path) -> None:
    """Write `config.json` and `model.safetensors` so that transformers' Auto classes open the folder.

    Raises `MinimmError`, with the options that do not fit, for a model that is neither a GPT-2, a Llama nor a BERT.
    """
    check(not is_quantized(model), "weights in few bits cannot be exported; export the model that it was made from")
    folder = Path(folder)
    config = _config_of(model)
    module = _architecture_of(config)
    if module is bert:
        name = next((name for name, cls in BERT_MODELS.items() if type(model) is cls), "BertModel")
        values = bert.write_config(config, name)
        if isinstance(model, SequenceClassifier):
            check(model.pooler is not None, "BERT's classifier pools the first token; build it with pooling='first'")
            labels = range(model.output.out_features)
            values |= {"id2label": {i: f"LABEL_{i}" for i in labels}, "label2id": {f"LABEL_{i}": i for i in labels}}
    else:
        values = module.write_config(config)
    tensors = export_tensors(dict(model.named_parameters()), _places(model))
    if isinstance(model, TextEncoder):  # a model without a head has no prefix
        tensors = {name.removeprefix(bert.PREFIX): tensor for name, tensor in tensors.items()}
    save_tensors(folder / "model.safetensors", tensors, {"format": "pt"})
    write_json(folder / "config.json", values)


def read_shards(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder: `model.safetensors`, or the files that `model.safetensors.index.json` lists."""
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file():
        return load_tensors(folder / "model.safetensors")[0]
    if not index.is_file():
        pickled = sorted(file.name for file in folder.glob("*.bin"))
        check(
            not pickled,
            f"{folder} has its weights only as {pickled[:2]}, which are pickled: opening a pickle can run any program. "
            "Convert it with transformers' save_pretrained, which writes model.safetensors",
        )
        raise MinimmError(f"{folder} has no model.safetensors and no model.safetensors.index.json")
    values = read_json(index)
    names = values.get("weight_map") if isinstance(values, dict) else None
    check(
        isinstance(names, dict) and all(isinstance(file, str) for file in names.values()),
        f"{index} does not say in which file each tensor is (weight_map)",
    )
    tensors: dict[str, Tensor] = {}
    for file in sorted(set(names.values())):
        check(Path(file).name == file, f"{index} names {file!r:.80}, which is not a file of this folder")
        tensors |= load_tensors(folder / file)[0]
    lost = sorted(names.keys() - tensors.keys())
    check(not lost, f"{index} lists tensors that its files do not hold: {lost[:4]}")
    return tensors


def _modern(name: str) -> str:
    """BERT's first files call a norm's weight gamma and its bias beta."""
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _with_prefix(name: str, module: ModuleType) -> str:
    """A model saved without a head lacks the prefix that it has inside one with a head."""
    heads = (module.PREFIX, "lm_head.", "cls.", "classifier.", "qa_outputs.")
    return name if name.startswith(heads) else module.PREFIX + name


def _build(
    values: dict[str, Any],
    config: LanguageModelConfig | TextEncoderConfig,
    path: Path,
    tensors: dict[str, Tensor],
    *,
    encoder_only: bool,
) -> nn.Module:
    """An empty model of the right class."""
    if isinstance(config, LanguageModelConfig):
        check(not encoder_only, f"{path} describes a language model, but a BERT is needed here")
        return LanguageModel(config)
    encoder = TextEncoder(config)
    names = values.get("architectures") or ["BertModel"]
    check(
        isinstance(names, list) and names[0] in BERT_MODELS,
        f"{path} says architectures={names!r:.80}, which minimm does not have; it knows {', '.join(BERT_MODELS)}",
    )
    cls = TextEncoder if encoder_only else BERT_MODELS[names[0]]
    if cls is SequenceClassifier:
        check("classifier.weight" in tensors, f"{path.parent} lacks the tensor classifier.weight")
        return SequenceClassifier(encoder, len(tensors["classifier.weight"]), pooling="first")
    return encoder if cls is TextEncoder else cls(encoder)


def _config_of(model: nn.Module) -> LanguageModelConfig | TextEncoderConfig:
    known = (LanguageModel, TextEncoder, MaskedLanguageModel, SequenceClassifier, SpanSelector)
    check(
        isinstance(model, known),
        f"a model of the kind {type(model).__name__} has no counterpart in transformers that minimm knows; those have: "
        f"{', '.join(kind.__name__ for kind in known)}",
    )
    return model.config if isinstance(model, LanguageModel | TextEncoder) else model.encoder.config


def _architecture_of(config: LanguageModelConfig | TextEncoderConfig) -> ModuleType:
    """The architecture whose mathematics `config` describes, or an error that says what stands in the way."""
    candidates = (gpt2, llama) if isinstance(config, LanguageModelConfig) else (bert,)
    reasons = []
    for module in candidates:
        wrong = [
            f"{name}={getattr(config, name)!r}"
            for name, allowed in module.needed(config).items()
            if getattr(config, name) not in allowed
        ]
        if not wrong:
            return module
        reasons.append(f"not a {module.MODEL_TYPE} because of {', '.join(wrong)}")
    raise MinimmError(f"this model has no counterpart in transformers: {'; '.join(reasons)}")


def _places(model: nn.Module) -> dict[str, Place]:
    config = _config_of(model)
    if isinstance(model, LanguageModel):
        return _architecture_of(config).places(config)
    if isinstance(model, MaskedLanguageModel):
        return bert.masked_language_model_places(config)
    if isinstance(model, SequenceClassifier):
        return bert.classifier_places(config)
    if isinstance(model, SpanSelector):
        return bert.span_selector_places(config)
    return bert.encoder_places(config)
