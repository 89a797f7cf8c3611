"""A config that asks for more than any memory holds, or for no number at all, is refused before memory is taken."""

from __future__ import annotations

import json

import pytest
from stranger_folders import save_foreign
from stranger_tasks import TASKS, save_task
from strangers import memory_limited

from minimm.errors import MinimmError
from minimm.interoperability.hugging_face import load_hugging_face
from minimm.tasks.any_task import load_any_task


@pytest.fixture(autouse=True)
def little_memory():
    """What a config takes beyond the limit fails here as it would on a machine that is full."""
    with memory_limited():
        yield


ABSURD = (10**12, 10**9, 2**63, 10**40, -1, 0, float("nan"), float("inf"), "8", True, None, [8], {"a": 1}, 1.5)
NUMBERS = ("vocab_size", "text_vocab_size", "context_length", "d_model", "num_heads", "num_layers")
OTHERS = ("image_size", "num_mels", "num_frames", "text_length", "num_codes", "code_size", "d_joint", "sample_rate")


def places_of(architecture: dict) -> list[tuple[dict, str]]:
    """Every number in an architecture."""
    own = [(architecture, name) for name in architecture if name in NUMBERS + OTHERS]
    return own + [one for part in architecture.values() if isinstance(part, dict) for one in places_of(part)]


@pytest.mark.parametrize("name", TASKS)
def test_a_config_with_an_absurd_number_anywhere_is_refused_before_memory_is_taken(tmp_path, name):
    save_task(name, tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    count = 0
    for number, (_, key) in enumerate(places_of(saved["architecture"])):
        for value in ABSURD:
            config = json.loads(json.dumps(saved))
            place, key = places_of(config["architecture"])[number]
            place[key] = value
            (tmp_path / "config.json").write_text(json.dumps(config))
            with pytest.raises(MinimmError, match=r"config\.json|another model"):
                load_any_task(tmp_path, "cpu")
            count += 1
    assert count >= 5 * len(ABSURD)


FOREIGN_NUMBERS = {
    "gpt2": (
        "vocab_size",
        "n_positions",
        "n_embd",
        "n_head",
        "n_layer",
        "n_inner",
        "layer_norm_epsilon",
        "resid_pdrop",
    ),
    "llama": (
        "vocab_size",
        "hidden_size",
        "num_attention_heads",
        "num_hidden_layers",
        "num_key_value_heads",
        "rope_theta",
    ),
    "bert": ("vocab_size", "max_position_embeddings", "hidden_size", "num_hidden_layers", "type_vocab_size"),
}


@pytest.mark.parametrize("kind", FOREIGN_NUMBERS)
def test_a_foreign_config_with_an_absurd_number_is_refused_before_memory_is_taken(tmp_path, kind):
    save_foreign(kind, tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    for key in FOREIGN_NUMBERS[kind]:
        for value in (10**12, 10**9, -1, float("nan"), "8", True, [8], {"a": 1}):
            (tmp_path / "config.json").write_text(json.dumps({**saved, key: value}))
            if key == "rope_theta" and value in (10**12, 10**9) and value is not True:
                continue  # long waves are no harm
            with pytest.raises(MinimmError, match=r"config\.json|another model"):
                load_hugging_face(tmp_path)
