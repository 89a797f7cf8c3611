"""The laws of the Transformer block and of a language model trained in NumPy alone. The oracle is torch: autograd over its own
kernels, and its AdamW."""

from __future__ import annotations

import math
import re

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from minimm.first_principles import train_tiny
from minimm.first_principles.language_model import (
    initial_parameters,
    language_model,
    language_model_loss,
    language_model_loss_backward,
)
from minimm.first_principles.masks import causal_mask
from minimm.first_principles.transformer_block import transformer_block, transformer_block_backward
from minimm.models.language_model import LanguageModel, LanguageModelConfig

TOLERANCE = 1e-8
sizes = st.integers(1, 5)
batches = st.sampled_from([(), (1,), (3,), (2, 1, 3)])
generators = st.integers(0, 2**16).map(np.random.default_rng)


def torch_block(x, parameters, num_heads, mask):
    """The same block from torch's fused functions; parameters is a dict of tensors."""

    def heads(rows):
        return rows.unflatten(-1, (num_heads, -1)).transpose(-3, -2)  # (..., H, T, D)

    width = x.shape[-1:]
    p = parameters
    normed = F.layer_norm(x, width, p["attention_norm_gain"], p["attention_norm_bias"])
    query, key, value = (heads(normed @ p[name]) for name in ("w_q", "w_k", "w_v"))
    attended = F.scaled_dot_product_attention(query, key, value, None if mask is None else mask.unsqueeze(-3))
    x = x + attended.transpose(-3, -2).flatten(-2) @ p["w_o"]
    normed = F.layer_norm(x, width, p["feed_forward_norm_gain"], p["feed_forward_norm_bias"])
    return x + F.gelu(normed @ p["w_up"]) @ p["w_down"]


def torch_loss(ids, targets, parameters, num_layers, num_heads):
    """The same language model and its loss from torch's functions."""
    p = parameters
    x = F.embedding(ids, p["token_table"]) + p["position_table"][: ids.shape[1]]
    mask = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril()
    for layer in range(num_layers):
        start = f"blocks.{layer}."
        block = {name[len(start) :]: tensor for name, tensor in p.items() if name.startswith(start)}
        x = torch_block(x, block, num_heads, mask)
    logits = F.layer_norm(x, x.shape[-1:], p["final_norm_gain"], p["final_norm_bias"]) @ p["w_output"]
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def leaves(parameters: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(array, requires_grad=True) for name, array in parameters.items()}


def assert_same(actual: dict[str, np.ndarray], expected: dict[str, torch.Tensor]) -> None:
    assert actual.keys() == expected.keys()
    for name, array in actual.items():
        assert array.shape == tuple(expected[name].shape)
        np.testing.assert_allclose(array, expected[name].detach(), rtol=0, atol=TOLERANCE, err_msg=name)


@st.composite
def block_arguments(draw) -> tuple:
    """x, parameters, num_heads and a mask: none, a causal one, or one that may leave a query with nothing to see."""
    generator = draw(generators)
    batch, length, num_heads, d_ff = draw(batches), draw(sizes), draw(st.integers(1, 3)), draw(sizes)
    d_model = num_heads * draw(st.integers(1, 3))
    shapes = {name: (d_model, d_model) for name in ("w_q", "w_k", "w_v", "w_o")}
    shapes |= {f"{part}_norm_{name}": (d_model,) for part in ("attention", "feed_forward") for name in ("gain", "bias")}
    shapes |= {"w_up": (d_model, d_ff), "w_down": (d_ff, d_model)}
    parameters = {name: generator.standard_normal(shape) for name, shape in shapes.items()}
    masks = [None, causal_mask(length), generator.random((*batch, length, length)) < 0.5]
    mask = masks[draw(st.integers(0, 2))]
    return generator.standard_normal((*batch, length, d_model)), parameters, num_heads, mask


@given(block_arguments())
def test_the_value_and_every_gradient_of_a_transformer_block_equal_torchs(arguments):
    x, parameters, num_heads, mask = arguments
    grad_output = np.cos(np.arange(float(x.size))).reshape(x.shape)  # no two alike
    in_torch = {"x": torch.tensor(x, requires_grad=True)} | leaves(parameters)
    expected = torch_block(in_torch["x"], in_torch, num_heads, None if mask is None else torch.from_numpy(mask))
    expected.backward(torch.from_numpy(grad_output))
    np.testing.assert_allclose(transformer_block(*arguments), expected.detach(), rtol=0, atol=TOLERANCE)
    grad_x, gradients = transformer_block_backward(grad_output, *arguments)
    assert_same({"x": grad_x} | gradients, {name: leaf.grad for name, leaf in in_torch.items()})


@given(block_arguments())
def test_a_block_keeps_the_precision_and_leaves_its_arguments_as_they_were(arguments):
    x, parameters, *others = arguments
    for dtype in (np.float32, np.float64):
        now = x.astype(dtype), {name: array.astype(dtype) for name, array in parameters.items()}
        before = np.copy(now[0]), {name: np.copy(array) for name, array in now[1].items()}
        grad_x, gradients = transformer_block_backward(now[0], *now, *others)
        assert {array.dtype for array in (transformer_block(*now, *others), grad_x, *gradients.values())} == {
            dtype().dtype
        }
        np.testing.assert_array_equal(now[0], before[0])
        for name, array in now[1].items():
            np.testing.assert_array_equal(array, before[1][name])


@st.composite
def model_arguments(draw) -> tuple:
    """ids, targets of which at least one counts, parameters of size 1, num_layers, num_heads."""
    generator = draw(generators)
    batch, length, vocab_size, num_layers, num_heads = (draw(st.integers(1, 3)) for _ in range(5))
    parameters = initial_parameters(
        generator, vocab_size, length + draw(st.integers(0, 2)), 2 * num_heads, draw(sizes), num_layers
    )
    parameters = {name: generator.standard_normal(array.shape) for name, array in parameters.items()}
    ids, targets = generator.integers(vocab_size, size=(2, batch, length))
    ignored = generator.random((batch, length)) < draw(st.sampled_from([0.0, 0.5]))
    ignored[0, 0] = False
    return ids, np.where(ignored, -100, targets), parameters, num_layers, num_heads


@given(model_arguments())
def test_the_loss_of_a_language_model_and_the_gradient_of_every_parameter_equal_torchs(arguments):
    ids, targets, parameters, *sizes_of_it = arguments
    in_torch = leaves(parameters)
    expected = torch_loss(torch.from_numpy(ids), torch.from_numpy(targets), in_torch, *sizes_of_it)
    (3.0 * expected).backward()
    assert abs(language_model_loss(*arguments) - expected.item()) < TOLERANCE
    assert_same(language_model_loss_backward(3.0, *arguments), {name: leaf.grad for name, leaf in in_torch.items()})


@given(model_arguments())
@settings(max_examples=20)
def test_with_the_same_weights_it_is_the_library_s_own_language_model(arguments):
    ids, _, parameters, num_layers, num_heads = arguments
    vocab_size, d_model = parameters["token_table"].shape
    config = LanguageModelConfig(
        **dict(vocab_size=vocab_size, d_model=d_model, num_layers=num_layers, num_heads=num_heads),
        **dict(context_length=len(parameters["position_table"]), d_ff=parameters["blocks.0.w_up"].shape[1]),
        **dict(positions="learned", normalization="layer", feed_forward="gelu", tie_embeddings=False),
    )
    model = LanguageModel(config).double()
    weights = {"embedding.weight": parameters["token_table"], "position_table.table": parameters["position_table"]}
    weights |= {f"final_norm.{name}": parameters[f"final_norm_{name}"] for name in ("gain", "bias")}
    weights["output.weight"] = parameters["w_output"].T  # nn.Linear keeps (D_out, D_in)
    for start in (f"blocks.{layer}." for layer in range(num_layers)):
        w_q, w_k, w_v = (parameters[f"{start}{name}"] for name in ("w_q", "w_k", "w_v"))
        weights[f"{start}attention.query_key_value.weight"] = np.concatenate([w_q, w_k, w_v], axis=1).T
        weights[f"{start}attention.output.weight"] = parameters[f"{start}w_o"].T
        for name in ("up", "down"):
            weights[f"{start}feed_forward.{name}.weight"] = parameters[f"{start}w_{name}"].T
        for norm in ("attention_norm", "feed_forward_norm"):
            weights |= {f"{start}{norm}.{name}": parameters[f"{start}{norm}_{name}"] for name in ("gain", "bias")}
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    expected = model(torch.from_numpy(ids)).detach().numpy()
    np.testing.assert_allclose(language_model(ids, parameters, num_layers, num_heads), expected, rtol=0, atol=TOLERANCE)


@given(model_arguments())
def test_changing_a_future_token_leaves_past_logits_unchanged(arguments):
    ids, _, parameters, *sizes_of_it = arguments
    changed = ids.copy()
    changed[:, -1] = (changed[:, -1] + 1) % len(parameters["token_table"])
    before, after = (language_model(x, parameters, *sizes_of_it)[:, :-1] for x in (ids, changed))
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-12)


def test_twenty_steps_in_numpy_give_torchs_losses_step_for_step_and_torchs_weights():
    characters, ids, targets = train_tiny.read_sentences(train_tiny.SENTENCES)
    start = initial_parameters(np.random.default_rng(1), len(characters), ids.shape[1], 16, 32, num_layers=2)
    copies = {name: array.copy() for name, array in start.items()}
    trained, losses = train_tiny.train(start, ids, targets, num_layers=2, num_heads=2, learning_rate=1e-2, steps=20)

    in_torch = leaves(start)
    optimizer = torch.optim.AdamW(in_torch.values(), lr=1e-2)
    torch_losses = []
    for _ in range(20):
        loss = torch_loss(torch.from_numpy(ids), torch.from_numpy(targets), in_torch, num_layers=2, num_heads=2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        torch_losses.append(loss.item())

    np.testing.assert_allclose(losses, torch_losses, rtol=0, atol=1e-6)
    for name, array in trained.items():
        np.testing.assert_allclose(array, in_torch[name].detach(), rtol=0, atol=1e-6, err_msg=name)
        np.testing.assert_array_equal(start[name], copies[name])
    assert abs(losses[0] - math.log(len(characters))) < 0.05
    assert losses[-1] < 0.6 * losses[0]


def test_every_target_is_the_next_character_of_its_sentence_and_nothing_counts_after_its_end():
    characters, ids, targets = train_tiny.read_sentences(("abba.", "ab."))
    assert characters == [".", "a", "b"]
    np.testing.assert_array_equal(targets, [[2, 2, 1, 0], [2, 0, -100, -100]])
    np.testing.assert_array_equal(ids[0], [1, 2, 2, 1])
    np.testing.assert_array_equal(ids[1, :2], [1, 2])


def test_the_program_prints_a_loss_that_falls_from_ln_v_and_ends_with_the_sentences_it_learnt(capsys):
    train_tiny.main()
    printed = capsys.readouterr().out
    losses = [float(loss) for loss in re.findall(r"loss (\d+\.\d+)$", printed, flags=re.MULTILINE)]
    assert abs(losses[0] - math.log(len(set("".join(train_tiny.SENTENCES))))) < 0.05
    assert losses[-1] < 0.2
    assert sorted(re.findall(r"-> (.*)$", printed, flags=re.MULTILINE)) == sorted(train_tiny.SENTENCES)
