"""What the benchmarks say follows from the seconds that were measured; the sides do the same work; absent peers are named."""

from __future__ import annotations

import builtins
import statistics

import pytest
import torch
from command_line import run
from hypothesis import given
from hypothesis import strategies as st

from minimm.benchmarks import generation, growth, language_training, time_to_quality
from minimm.benchmarks.byte_pair import compare_byte_pair
from minimm.benchmarks.comparison import OURS, Comparison, take_turns
from minimm.benchmarks.peers import load_nanogpt, peer
from minimm.errors import MinimmError
from minimm.files import read_json

times = st.lists(st.tuples(st.floats(1e-4, 10), st.floats(1e-4, 10)), min_size=1, max_size=9)


@given(times, st.integers(1, 1000))
def test_ratios_are_the_peers_seconds_over_ours_round_by_round(pairs, amount):
    ours, theirs = (list(column) for column in zip(*pairs, strict=True))
    found = Comparison("work", amount, "token", {OURS: ours, "other": theirs})
    low, middle, high = found.ratio("other")
    assert low <= middle <= high and found.peers == ["other"]
    assert middle == pytest.approx(statistics.median(b / a for a, b in pairs))
    assert found.rate() == pytest.approx(amount / statistics.median(ours))
    turned = Comparison("work", amount, "token", {OURS: theirs, "other": ours})
    if len(pairs) % 2:  # the median of the inverses is the inverse of the median
        assert turned.ratio("other")[1] == pytest.approx(1 / middle)


def test_sides_take_turns_and_the_first_time_does_not_count():
    order = []
    seconds = take_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3)
    assert order == ["a", "b"] * 4 and {side: len(found) for side, found in seconds.items()} == {"a": 3, "b": 3}
    with pytest.raises(MinimmError, match="rounds=0 must be at least 1"):
        take_turns({}, rounds=0)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_sides_begin_with_a_guess_and_learn_their_batch(precision):
    """All steps do their whole work: each side's loss falls from ln V on the batch that it sees again and again."""
    config = language_training.gpt2_config(language_training.VOCAB_SIZE, layers=1, width=32, heads=4, context=16)
    rows = torch.randint(language_training.VOCAB_SIZE, (2, 17), generator=torch.Generator().manual_seed(0))
    inputs, targets = rows[:, :-1], rows[:, 1:]
    ours = language_training.our_trainer(config, inputs, targets, precision).step
    theirs = language_training.transformers_step(config, inputs)
    for step in (lambda: ours()[0], theirs):
        first, *_, last = (step() for _ in range(30))
        assert first == pytest.approx(6.93, abs=0.3) and last < first - 0.05


def test_a_peer_that_is_absent_is_named_and_the_rest_is_measured(monkeypatch):
    missing: dict[str, str] = {}
    with peer("nowhere", missing):
        import nowhere_to_be_found  # noqa: F401
    assert missing == {"nowhere": "not installed: pip install nowhere_to_be_found"}
    whole = builtins.__import__

    def without(name, *rest):
        if name in ("tokenizers", "transformers"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    training, encoding = compare_byte_pair("ab abc abcd\n" * 50, rounds=1)
    assert (
        training.peers == encoding.peers == []
        and "pip install tokenizers" in training.as_dict()["missing"]["tokenizers"]
    )
    monkeypatch.setattr(generation, "SHAPES", ((1, 16, 2),))
    for found in generation.compare_generation(1, torch.device("cpu")):
        assert found.peers == [] and "pip install transformers" in found.missing["transformers"]


def test_both_sides_write_the_same(monkeypatch):
    """Else the comparison would be refused."""
    monkeypatch.setattr(generation, "SHAPES", ((2, 32, 2),))
    monkeypatch.setattr(generation, "VOCABULARIES", (80, 300))
    found = generation.compare_generation(1, torch.device("cpu"))
    assert [each.work.split(",")[0] for each in found] == ["write"] * 3 + ["read"]
    assert all(each.peers == ["transformers"] for each in found)


def test_the_command_writes_a_table_a_figure_and_results(tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat\n" * 200, encoding="utf-8")
    out = tmp_path / "bench"
    assert run("bench", "layers", "tokenizers", "--rounds", "2", "--text", text, "--out", out) == 0
    told = capsys.readouterr().out
    results = read_json(out / "results.json")
    assert results["machine"]["operations_per_second"]["float32"] > 1e8
    for row in (*results["layers"], *results["tokenizers"]):
        (ratio,) = (value for name, value in row.items() if name.startswith("ratio_to"))
        assert 0 < ratio["lower_quartile"] <= ratio["median"] <= ratio["upper_quartile"]
        assert row["work"] in told
    assert (out / "ratios.png").stat().st_size < 100_000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["bench", "swimming"],
            "benchmarks swimming are not known; choose from training, gpt2, processes, generation",
        ),
        (["bench", "training", "--nanogpt", "nowhere"], "nowhere has no model.py; give the folder of a checkout"),
        (["bench", "tokenizers", "--text", "nowhere.txt"], "nowhere.txt could not be read"),
    ],
)
def test_bad_input_ends_in_one_sentence(arguments, sentence, capsys):
    assert run(*arguments) == 2
    told = capsys.readouterr().err
    assert sentence in told and told.count("\n") == 1


NANOGPT = """
from dataclasses import dataclass
import torch
from torch.nn import functional as F

@dataclass
class GPTConfig:
    block_size: int
    vocab_size: int
    n_layer: int
    n_head: int
    n_embd: int
    dropout: float
    bias: bool

class GPT(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        print("number of parameters")
        self.table = torch.nn.Embedding(config.vocab_size, config.vocab_size)

    def configure_optimizers(self, weight_decay, learning_rate, betas, device_type):
        return torch.optim.AdamW(self.parameters(), lr=learning_rate, betas=betas, weight_decay=weight_decay)

    def forward(self, idx, targets=None):
        logits = self.table(idx)
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
"""


def test_training_is_measured_beside_a_checkout_of_nanogpt_and_without_one(tmp_path, monkeypatch, capsys):
    """With a stand-in that has nanoGPT's interface, and wants memory laid out as it does."""
    (tmp_path / "model.py").write_text(NANOGPT, encoding="utf-8")
    monkeypatch.setattr(language_training, "SHAPES", ((1, 16, 2, 8, 2),))
    monkeypatch.setattr(language_training, "has_compiler", lambda: False)  # it takes long; test_compiling.py has it
    for checkout, peers in ((load_nanogpt(tmp_path), ["transformers", "nanogpt"]), (None, ["transformers"])):
        for found in language_training.compare_training(2, torch.device("cpu"), checkout):
            assert found.peers == peers and found.amount == 16 and found.operations > 0
            assert (checkout is None) == ("--nanogpt FOLDER" in found.missing.get("nanogpt", ""))
    assert "number of parameters" not in capsys.readouterr().out


def test_quality_is_measured_beside_a_checkout_of_nanogpt_and_without_one(tmp_path, monkeypatch, capsys):
    """With the stand-in. How much ours learns in as few seconds is left open: here nothing depends on the time."""
    (tmp_path / "model.py").write_text(NANOGPT, encoding="utf-8")
    (tmp_path / "text.txt").write_text("the cat sat on the mat. " * 300, encoding="utf-8")
    small = {"d_model": 16, "num_heads": 2, "num_layers": 1, "d_ff": 32, "context_length": 64}
    monkeypatch.setattr(time_to_quality, "STEPS", 400)
    monkeypatch.setattr(time_to_quality, "RUNS", {"minimm_early": (0.5, small), "minimm_same_time": (1.0, small)})
    command = ("bench", "quality", "--text", tmp_path / "text.txt", "--threads", torch.get_num_threads())
    assert run(*command, "--nanogpt", tmp_path, "--out", tmp_path / "out") == 0
    found = read_json(tmp_path / "out" / "results.json")["quality"]
    assert found["nanogpt"]["validation_loss"] < 2.4  # ln 11: it guesses better than by chance
    assert 0 < found["minimm_same_time"]["validation_loss"] < 3
    assert found["minimm_early"]["share_of_nanogpts_time"] >= 0.5 <= found["minimm_same_time"]["share_of_nanogpts_time"]
    assert "minimm_same_time: validation loss" in capsys.readouterr().out
    assert run(*command, "--out", tmp_path / "alone") == 0
    assert "--nanogpt FOLDER" in read_json(tmp_path / "alone" / "results.json")["quality"]["missing"]["nanogpt"]


def test_a_folder_without_gpt_is_no_checkout_of_nanogpt(tmp_path):
    (tmp_path / "model.py").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(MinimmError, match="has no GPT and GPTConfig"):
        load_nanogpt(tmp_path)


@given(st.floats(0.1, 3), st.floats(0.01, 100), st.lists(st.integers(1, 10_000), min_size=2, max_size=8, unique=True))
def test_a_power_is_found_again_and_so_is_a_line(exponent, factor, places):
    power = growth.fitted_power(places, [factor * place**exponent for place in places])
    assert power["exponent"] == pytest.approx(exponent, abs=1e-6) and power["factor"] == pytest.approx(factor, rel=1e-4)
    line = growth.fitted_line(places, [factor + exponent * place for place in places])
    assert line["slope"] == pytest.approx(exponent, rel=1e-4) and line["r_squared"] == pytest.approx(1.0)
    with pytest.raises(MinimmError, match="two different places"):
        growth.fitted_line([3, 3], [1, 2])


def test_growth_is_measured_drawn_and_written(tmp_path, monkeypatch, capsys):
    for name, value in {"CONTEXTS": (8, 16, 160), "UNCACHED": (8, 16), "WRITTEN": 2, "SHARES": (0.1, 0.2)}.items():
        monkeypatch.setattr(growth, name, value)
    assert run("bench", "growth", "--rounds", 1, "--threads", torch.get_num_threads(), "--out", tmp_path) == 0
    results = read_json(tmp_path / "results.json")["growth"]
    assert results["context"]["with_cache"]["x"] == [8, 16, 160] and len(results["data"]["encode"]["y"]) == 2
    kept, again = results["batch"]["kept"], results["batch"]["recomputed"]
    assert kept["exponent"] == pytest.approx(1.0, abs=0.05) == again["exponent"]  # counted, so never by chance
    assert all(0 < less < most / 2 for less, most in zip(again["y"], kept["y"], strict=True))
    assert all((tmp_path / f"growth_{name}.png").stat().st_size > 5_000 for name in ("context", "data", "batch"))
    assert "Time to write one token" in capsys.readouterr().out
