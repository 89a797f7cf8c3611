"""Readers of models and tokenizers, each with a valid folder to begin with: the smallest of its kind, with first weights.

What opens is used as well, a little: an object that fails at its first use is not a valid one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from stranger_tasks import (
    BYTE_PAIR,
    TASKS,
    TOKENIZERS,
    WORD_PIECE,
    decoder,
    save_task,
    text_encoder,
    use_task,
    use_tokenizer,
)

from minimm.interoperability.hugging_face import load_hugging_face, save_hugging_face
from minimm.layers.initialization import initialize
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.masked_language_model import MaskedLanguageModel
from minimm.models.text_encoder import TextEncoder
from minimm.tokenizers import (
    load_hugging_face_tokenizer,
    load_tokenizer,
    save_gpt2,
    save_hugging_face_tokenizer,
)
from minimm.training.trainer import Trainer
from minimm.training.trainer_config import TrainerConfig


@dataclass(frozen=True)
class Reader:
    """write: make a valid folder. read: open it and use it a little. cost: about how many milliseconds an input takes."""

    write: Callable[[Path], None]
    read: Callable[[Path], Any]
    cost: float = 1.0


FOREIGN: dict[str, Callable[[], torch.nn.Module]] = {
    "gpt2": lambda: LanguageModel(LanguageModelConfig(**TASKS["GPT-2's shape"][1])),
    "llama": lambda: LanguageModel(decoder(BYTE_PAIR, num_key_value_heads=1, tie_embeddings=False)),
    "bert": lambda: MaskedLanguageModel(
        TextEncoder(
            text_encoder(
                WORD_PIECE,
                positions="learned",
                normalization="layer",
                post_norm=True,
                feed_forward="gelu",
                bias=True,
                num_token_types=2,
            )
        )
    ),
}


def save_foreign(kind: str, folder: Path, sharded: bool = False) -> None:
    """Write a folder as transformers does."""
    model = FOREIGN[kind]()
    initialize(model, torch.Generator().manual_seed(0))
    save_hugging_face(model, folder)
    save_hugging_face_tokenizer(WORD_PIECE if kind == "bert" else BYTE_PAIR, folder)
    if sharded:
        import safetensors

        with safetensors.safe_open(folder / "model.safetensors", "pt") as file:
            names = list(file.keys())
        (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
        weights = {"metadata": {}, "weight_map": dict.fromkeys(names, "model-00001-of-00001.safetensors")}
        (folder / "model.safetensors.index.json").write_text(json.dumps(weights))


def use_foreign(folder: Path) -> None:
    """Open it, and run it on three tokens."""
    model = load_hugging_face(folder)
    with torch.inference_mode():
        model(torch.tensor([[1, 2, 3]]))
    use_tokenizer(load_hugging_face_tokenizer(folder))


def old_gpt2(folder: Path) -> None:
    save_gpt2(BYTE_PAIR, folder)


def old_bert(folder: Path) -> None:
    (folder / "vocab.txt").write_text("\n".join(WORD_PIECE.tokens) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')


def trainer(folder: Path) -> Trainer:
    model = LanguageModel(LanguageModelConfig(**TASKS["language model"][1]))
    initialize(model, torch.Generator().manual_seed(0))
    return Trainer(
        model,
        TrainerConfig(max_steps=2, warmup_steps=1, precision="float32"),
        draw_batch=lambda generator: torch.randint(9, (2, 5), generator=generator),
        loss=lambda model, ids: model(ids).square().mean(),
        validate=None,
        batch_items=2,
        unit="text",
        folder=folder,
    )


def go_on(folder: Path) -> None:
    """Resume a run, which has nothing left to do."""
    trainer(folder)._restore()


MODELS: dict[str, Reader] = {
    **{
        f"tokenizer {name}": Reader(
            lambda folder, tokenizer=tokenizer: tokenizer.save(folder / "tokenizer.json"),
            lambda folder: use_tokenizer(load_tokenizer(folder / "tokenizer.json")),
            2,
        )
        for name, tokenizer in TOKENIZERS.items()
    },
    "foreign byte pairs": Reader(
        lambda folder: save_hugging_face_tokenizer(BYTE_PAIR, folder),
        lambda folder: use_tokenizer(load_hugging_face_tokenizer(folder)),
        3,
    ),
    "foreign word pieces": Reader(
        lambda folder: save_hugging_face_tokenizer(WORD_PIECE, folder),
        lambda folder: use_tokenizer(load_hugging_face_tokenizer(folder)),
    ),
    "vocab.json and merges.txt": Reader(old_gpt2, lambda folder: use_tokenizer(load_hugging_face_tokenizer(folder)), 2),
    "vocab.txt": Reader(old_bert, lambda folder: use_tokenizer(load_hugging_face_tokenizer(folder))),
    **{
        f"checkpoint {name}": Reader(
            lambda folder, name=name: save_task(name, folder), lambda folder, name=name: use_task(name, folder), 8
        )
        for name in TASKS
    },
    "checkpoint in 8 bits": Reader(
        lambda folder: save_task("translator", folder, bits=8), lambda folder: use_task("translator", folder), 8
    ),
    **{
        f"{kind} folder": Reader(lambda folder, kind=kind: save_foreign(kind, folder), use_foreign, 8)
        for kind in FOREIGN
    },
    "gpt2 folder in shards": Reader(lambda folder: save_foreign("gpt2", folder, sharded=True), use_foreign, 8),
    "training state": Reader(lambda folder: trainer(folder).run(), go_on, 8),
}
