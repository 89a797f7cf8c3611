"""What a model costs, foretold from its configuration, is what PyTorch counts when it is built."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from minimm.files import read_json
from minimm.layers.initialization import initialize
from minimm.layers.multi_head_attention import SelfAttention
from minimm.models.cost import cache_bytes, count_parameters, forward_operations, matrix_sizes, training_operations
from minimm.models.language_model import LanguageModel, LanguageModelConfig, num_parameters
from minimm.training.losses import cross_entropy
from minimm.training.memory import activation_bytes, saved_bytes, training_bytes

configs = st.builds(
    LanguageModelConfig,
    vocab_size=st.integers(5, 40),
    context_length=st.integers(16, 20),
    d_model=st.sampled_from((16, 32)),
    num_heads=st.just(4),
    num_layers=st.integers(1, 4),
    num_key_value_heads=st.sampled_from((None, 1, 2)),
    d_ff=st.sampled_from((None, 24)),
    feed_forward=st.sampled_from(("gelu", "swiglu")),
    positions=st.sampled_from(("learned", "rotary", "sinusoidal")),
    normalization=st.sampled_from(("layer", "rms")),
    bias=st.booleans(),
    tie_embeddings=st.booleans(),
)


def built(config):
    model = LanguageModel(config)
    initialize(model, torch.Generator().manual_seed(0), config.num_layers)
    return model


@given(configs, st.integers(1, 3), st.integers(2, 16))
def test_operations_are_those_that_pytorch_counts(config, batch, length):
    model = built(config)
    for module in model.modules():
        if isinstance(module, SelfAttention):
            module.record = True  # the written-out path: products that the counter knows
    ids = torch.zeros(batch, length, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        logits = model(ids)
    forward = forward_operations(config, batch, length)
    assert counter.get_total_flops() == forward
    with FlopCounterMode(display=False) as counter:
        logits.sum().backward()
    assert counter.get_total_flops() == training_operations(config, batch, length) - forward


@given(configs)
def test_parameters_are_counted_by_part(config):
    parts, model = count_parameters(config), built(config)
    assert sum(parts.values()) == num_parameters(model)
    assert parts["embedding"] == model.embedding.weight.numel()
    norms = [p for name, p in model.named_parameters() if "norm" in name]
    assert parts["norms"] == sum(p.numel() for p in norms)
    assert parts["attention"] == sum(
        p.numel() for n, p in model.named_parameters() if "attention." in n and "norm" not in n
    )
    assert sum(matrix_sizes(config).values()) <= sum(parts.values()) + config.vocab_size * config.d_model


@given(configs, st.integers(1, 3), st.integers(1, 16))
def test_the_cache_takes_what_is_foretold(config, batch, length):
    model = built(config)
    cache = model.new_cache()
    with torch.inference_mode():
        model(torch.zeros(batch, length, dtype=torch.long), cache=cache)
    stored = sum(
        layer.keys[:, :, :length].numel() + layer.values[:, :, :length].numel() for layer in cache.self_attention
    )
    assert cache_bytes(config, batch, length) == 4 * stored


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("recipe", ["gpt2", "llama"])
def test_activations_of_many_texts_and_layers_follow_from_one_text_and_two_layers(precision, recipe):
    gpt2 = {"positions": "learned", "normalization": "layer", "feed_forward": "gelu_tanh", "bias": True}
    config = LanguageModelConfig(300, 64, 64, 4, 5, **(gpt2 if recipe == "gpt2" else {}))
    model, ids = built(config), torch.zeros(6, 64, dtype=torch.long)

    def loss():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            return cross_entropy(model(ids), ids)

    assert activation_bytes(config, 6, 64, precision) == saved_bytes(model, loss) > 6 * 64 * 5 * 64 * 4
    foretold = training_bytes(config, 6, 64, precision)
    assert foretold["weights"] == 4 * num_parameters(model) and foretold["optimizer"] == 2 * foretold["weights"]


def test_what_was_counted_is_let_go():
    """Where a hook keeps a result with its history, the result holds itself, out of reach of Python's collector."""
    results = []

    def loss():
        hidden = torch.ones(3, requires_grad=True).exp()  # exp saves its result
        results.append(weakref.ref(hidden))
        return hidden.sum()

    assert saved_bytes(torch.nn.Linear(1, 1), loss) == 3 * 4
    gc.collect()
    assert results[0]() is None


def test_the_command_says_what_a_model_will_need(tmp_path, capsys):
    sizes = ("--num-layers", 2, "--d-model", 32, "--num-heads", 4, "--context-length", 16, "--vocab-size", 50)
    assert run("plan", *sizes, "--batch-size", 3, "--precision", "float32", "--out", tmp_path) == 0
    told, results = capsys.readouterr().out, read_json(tmp_path / "results.json")
    config = LanguageModelConfig(50, 16, 32, 4, 2)
    assert results["parameters"] == num_parameters(built(config)) == sum(results["parameters_of"].values())
    assert results["training_bytes"] == sum(training_bytes(config, 3, 16, torch.float32).values())
    assert results["operations_per_token"] == training_operations(config, 1, 16) // 16
    assert results["least_hours_for_them"] > 0 and f"{results['parameters'] / 1e6:.2f} million parameters" in told
    assert run("plan", "--d-model", 30, "--num-heads", 4, "--out", tmp_path) == 2
    assert "num_heads" in capsys.readouterr().err
