"""Computing again what was not kept changes the memory and the time, nothing else; a shortage of memory is explained."""

import torch
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from together import TEXT, language_model, losses

from minimm.layers.dropout import seed_dropout
from minimm.layers.initialization import initialize
from minimm.layers.recompute import set_recompute
from minimm.models.encoder_decoder import EncoderDecoder
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.tasks import TextGenerator
from minimm.training.losses import cross_entropy
from minimm.training.memory import activation_bytes, saved_bytes


def gradients(model, loss, recompute):
    """The loss and every gradient, with the same numbers dropped each time."""
    set_recompute(model.train(), recompute)
    seed_dropout(model, 7)
    model.zero_grad()
    value = loss(model)
    value.backward()
    return value.item(), [parameter.grad for parameter in model.parameters()]


def same(model, loss):
    kept, again = (gradients(model, loss, recompute) for recompute in (False, True))
    assert kept[0] == again[0]
    assert all(a.equal(b) for a, b in zip(kept[1], again[1], strict=True))


@given(st.integers(1, 3), st.sampled_from((0.0, 0.3)), st.sampled_from(("rotary", "learned")), st.integers(0, 99))
def test_gradients_are_the_same_bit_for_bit(layers, dropout, positions, seed):
    config = LanguageModelConfig(20, 8, 16, 2, layers, dropout=dropout, positions=positions)
    model = LanguageModel(config)
    initialize(model, torch.Generator().manual_seed(seed), layers)
    ids = torch.randint(20, (3, 8), generator=torch.Generator().manual_seed(seed))
    same(model, lambda model: cross_entropy(model(ids), ids))


def test_it_works_where_a_decoder_looks_at_an_encoder():
    encoder = TextEncoder(TextEncoderConfig(vocab_size=20, context_length=8, d_model=16, num_heads=2, num_layers=2))
    decoder = LanguageModel(LanguageModelConfig(20, 8, 16, 2, 2, d_memory=16, dropout=0.2))
    model = EncoderDecoder(encoder, decoder)
    initialize(model, torch.Generator().manual_seed(0), 2)
    ids = torch.randint(20, (3, 8), generator=torch.Generator().manual_seed(1))
    same(model, lambda model: cross_entropy(model(ids, ids), ids))


def test_less_is_kept_and_how_much_less_is_foretold():
    config = LanguageModelConfig(50, 32, 64, 4, 6)
    model = LanguageModel(config)
    initialize(model, torch.Generator().manual_seed(0), 6)
    ids = torch.zeros(5, 32, dtype=torch.long)
    kept = saved_bytes(model, lambda: cross_entropy(model(ids), ids))
    set_recompute(model, True)
    less = saved_bytes(model, lambda: cross_entropy(model(ids), ids))
    one_block = kept - activation_bytes(LanguageModelConfig(50, 32, 64, 4, 5), 5, 32, torch.float32)
    assert activation_bytes(config, 5, 32, torch.float32, recompute=True) == less + one_block < kept / 2
    assert kept == activation_bytes(config, 5, 32, torch.float32)


def test_a_run_learns_the_same():
    kept, again = (language_model(recompute=r, dropout=0.2).fit(TEXT, max_steps=6) for r in (False, True))
    assert losses(kept) == losses(again)


def test_a_shortage_of_memory_is_one_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "book.txt").write_text(TEXT, encoding="utf-8")
    sizes = ("--context-length", 16, "--d-model", 16, "--num-layers", 1, "--num-heads", 2)
    command = ("train", "language-model", "--text", tmp_path / "book.txt", "--max-steps", 2, *sizes)
    monkeypatch.setattr(TextGenerator, "_loss", lambda self, model, batch: torch.empty(2**50))
    assert run(*command, "--batch-size", 64, "--out", tmp_path / "a") == 2
    told = capsys.readouterr().err
    assert (
        "there is not enough memory" in told and "64 texts of 16 tokens keep" in told and "lower --batch-size" in told
    )
    assert run(*command, "--batch-size", 1, "--d-model", 128, "--out", tmp_path / "b") == 2
    assert "lower --d-model or --num-layers first" in capsys.readouterr().err
