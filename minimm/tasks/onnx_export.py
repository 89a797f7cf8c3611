"""From a trained folder to one that onnxruntime opens: graphs, `tokenizer.json`, and `onnx.json`, which describes them.

`onnx.json` says for every graph which tensors go in and come out, and how the model wants to be used: its special tokens,
how far it looks back, how pictures and texts are brought into the form it learnt from. It is written last, so where it is
everything else is too. The tokenizer opens with `minimm.tokenizers.load_tokenizer`, which needs no PyTorch either.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minimm.errors import check
from minimm.files import write_json
from minimm.interoperability.onnx import Graph, save_graph
from minimm.interoperability.onnx_models import captioner_graphs, dual_encoder_graphs, language_model_graphs
from minimm.tasks.any_task import load_any_task
from minimm.tasks.retrieval.cross_modal_retriever import CrossModalRetriever
from minimm.tasks.text.text_generator import TextGenerator
from minimm.tasks.writing.image_captioner import ImageCaptioner
from minimm.training.checkpoint import load_config

FORMAT = "minimm-onnx-1"
PICTURES = (
    "images: red, green, blue from 0 to 1; bring a picture to the square by padding with white, not by stretching."
)
STEPS = (
    "ids: all tokens in the first call, with a past of length 0, and the new one alone in each further call, with what came "
    "out as present; past_length + length is at most context_length. A text that outgrows it goes on with its last "
    "context_length // 2 tokens and a past of length 0 again."
)


def export_to_onnx(model: str | Path, out: str | Path) -> dict[str, Any]:
    """Write the model in the folder `model` as graphs into `out`, which must be empty or new; returns `onnx.json`.

    Raises `MinimmError` for a folder that holds no model, a kind of model that has no graphs, weights in few bits, or where
    the packages of the extra `onnx` are missing.
    """
    model, out = Path(model), Path(out)
    kind = load_config(model)["kind"]
    check(
        kind in DESCRIBE,
        f"{model} holds a {kind} model, but only these can be exported to ONNX: {', '.join(DESCRIBE)}",
    )
    check(
        not out.exists() or (out.is_dir() and not any(out.iterdir())),
        f"{out} already holds something; choose another folder with --out",
    )
    task = load_any_task(model, device="cpu")
    graphs, description = DESCRIBE[kind](task)
    for name, graph in graphs.items():
        save_graph(graph, out / name)
    task.tokenizer.save(out / "tokenizer.json")
    described = {name: graph.describe() for name, graph in graphs.items()}
    description = {"format": FORMAT, "kind": kind, **description, "special_ids": task.tokenizer.special_ids}
    description["graphs"] = described
    write_json(out / "onnx.json", description)
    return description


def _language_model(task: TextGenerator) -> tuple[dict[str, Graph], dict[str, Any]]:
    return language_model_graphs(task.model), {"use": STEPS, "context_length": task.model.config.context_length}


def _captioner(task: ImageCaptioner) -> tuple[dict[str, Graph], dict[str, Any]]:
    use = (
        f"{PICTURES} encoder.onnx gives the memory that every step of decoder.onnx takes. {STEPS} A caption begins with "
        "<bos>, which is not part of it, and ends before <eos>, or after context_length - 1 tokens."
    )
    return captioner_graphs(task.model), {
        "use": use,
        "image_size": task.model.encoder.config.image_size,
        "context_length": task.model.decoder.config.context_length,
        "language": task.language,
    }


def _retriever(task: CrossModalRetriever) -> tuple[dict[str, Graph], dict[str, Any]]:
    graphs = dual_encoder_graphs(task.model)
    modalities = task.model.modalities
    check(
        len(graphs) > 0,
        f"this retriever knows {' and '.join(modalities)}, whose encoders cannot be exported to ONNX; those of pictures and "
        "texts can",
    )
    description = {
        "use": f"{PICTURES} ids: a text behind text_prefix, at most context_length tokens, padded on the right where mask is "
        "False. Similarity is whole . whole; where fine_grained, the mean of it and, for a text and something else, the mean "
        "over the text's real parts of the largest part . part. Times scale it is the logit of a softmax.",
        "fine_grained": task.model.config.fine_grained,
        "scale": task.model.scale.item(),
        "left_out": [modality for modality in modalities if f"{modality}.onnx" not in graphs],
    }
    if "image" in modalities:
        description["image_size"] = task.model.encoders["image"].config.image_size
    if "text" in modalities:
        context_length = task.model.encoders["text"].config.context_length
        description |= {"text_prefix": task.as_read(""), "context_length": context_length}
    return graphs, description


DESCRIBE = {TextGenerator.kind: _language_model, ImageCaptioner.kind: _captioner, CrossModalRetriever.kind: _retriever}
