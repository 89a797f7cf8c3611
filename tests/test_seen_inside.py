"""What is seen inside trained models can be drawn in one call, and says what the models themselves say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.plots.embedding_map import embedding_map
from minimm.plots.heads import head_tables
from minimm.plots.lens import lens_table
from minimm.plots.probes import probe_curves
from minimm.plots.style import save_figure
from minimm.tasks import CrossModalRetriever, TextGenerator
from minimm.tasks.retrieval.space import space
from minimm.tasks.text.insight import contributions, depths, heads, probes, without_each_head

TEXT = "the cat sat on the mat and the dog ran to the cat. " * 100


@pytest.fixture(scope="module")
def writer():
    task = TextGenerator(d_model=32, num_heads=2, num_layers=3, context_length=64, vocab_size=270, device="cpu")
    return task.fit(TEXT, max_steps=30)


@pytest.fixture(scope="module")
def retriever():
    return CrossModalRetriever(d_model=32, num_heads=2, num_layers=1, channels=(4, 8), device="cpu").fit(
        Shapes(), max_steps=2
    )


def is_drawn(figure, tmp_path):
    save_figure(figure, tmp_path / "figure.png")
    return 2_000 < (tmp_path / "figure.png").stat().st_size < 100_000


def test_the_deepest_guess_is_the_models_own(writer, tmp_path):
    seen = depths(writer, "the cat sat")
    ids = writer.tokenizer.encode("the cat sat")
    logits = writer.model(torch.tensor([ids]))[0]
    assert seen.guesses[-1] == [writer.tokenizer.token_text(token) for token in logits.argmax(dim=-1).tolist()]
    np.testing.assert_allclose(seen.probabilities[-1], logits.softmax(dim=-1).max(dim=-1).values.detach(), rtol=1e-4)
    assert seen.probabilities.shape == (4, len(ids)) and is_drawn(seen.plot(), tmp_path)
    with pytest.raises(MinimmError, match="the text is empty"):
        depths(writer, "")


def test_heads_are_summed_up(writer, tmp_path):
    once = writer.tokenizer.encode(" the cat sat")
    assert writer.tokenizer.encode(" the cat sat" * 3) == once * 3
    seen = heads(writer, " the cat sat" * 3, period=len(once))
    assert {table.shape for table in seen.summary.values()} == {(3, 2)} and "induction" in seen.summary
    assert is_drawn(seen.plot(), tmp_path)
    with pytest.raises(MinimmError, match="not the same again after period=2"):
        heads(writer, "the cat sat on the mat", period=2)


def test_what_speaks_for_the_next_token_adds_up(writer, tmp_path):
    seen = contributions(writer, "the cat sat on", steps=300)
    ids = torch.tensor([writer.tokenizer.encode("the cat sat on")])
    logits = writer.model(ids)[0, -1].log_softmax(dim=-1)
    assert seen.answer == writer.tokenizer.token_text(int(logits.argmax())) and len(seen.values) == ids.shape[1]
    assert seen.probability == pytest.approx(logits.max().exp().item(), rel=1e-4)
    hook = writer.model.embedding.register_forward_hook(lambda layer, _, x: layer.weight.mean(dim=0).expand_as(x))
    nothing = writer.model(ids)[0, -1].log_softmax(dim=-1)[logits.argmax()]
    hook.remove()
    assert seen.values.sum() == pytest.approx((logits.max() - nothing).item(), rel=0.01, abs=0.01)
    assert is_drawn(seen.plot(), tmp_path)
    with pytest.raises(MinimmError, match="tokens, and one can be asked about"):
        contributions(writer, "the", "cat sat on")


def test_what_is_missing_without_each_head(writer, tmp_path):
    seen = without_each_head(writer, "the cat sat on the mat")
    assert seen.summary["ablated"].shape == (3, 2) and seen.summary["ablated"].abs().max() > 0
    assert is_drawn(seen.plot(), tmp_path)
    with pytest.raises(MinimmError, match="is one token"):
        without_each_head(writer, "t")


def test_a_token_can_be_read_off_its_own_embedding_and_that_is_not_selective(writer, tmp_path):
    texts = ["the cat sat on the mat", "the dog ran to the cat", "and the mat sat on the dog"] * 4
    labels = [[token % 2 for token in writer.tokenizer.encode(text)] for text in texts]
    seen = probes(writer, texts, labels)
    assert len(seen.probes) == 4
    assert seen.probes[0].accuracy == seen.probes[0].control == 1.0
    assert is_drawn(seen.plot(), tmp_path)
    with pytest.raises(MinimmError, match="one label for each token"):
        probes(writer, ["the cat"], [[0]])


def test_the_joint_space_is_a_map(retriever, tmp_path):
    drawn = Shapes("validation").draw(6, torch.Generator().manual_seed(0))
    seen = space(retriever, {"image": [image.numpy() for image in drawn.images], "text": drawn.captions})
    assert seen.places.shape == (12, 2) and seen.modalities == ["image"] * 6 + ["text"] * 6
    assert 0 < sum(seen.shares) <= 1 + 1e-6 and is_drawn(seen.plot(), tmp_path)
    with pytest.raises(MinimmError, match="at least two things"):
        space(retriever, {"text": ["a"]})


class TestFigures:
    @given(st.integers(1, 20), st.integers(1, 20), st.text(max_size=12))
    def test_a_lens_of_any_size_says_what_it_leaves_out(self, num_depths, length, word):
        figure = lens_table([word] * length, [[word] * length] * num_depths, np.full((num_depths, length), 0.5))
        title = figure.get_suptitle().replace("\n", " ")
        assert ("the last 14 of" in title) == (length > 14) and ("depths" in title) == (num_depths > 14)

    def test_a_large_map_says_so(self):
        count = 200
        places = np.random.default_rng(0).normal(size=(count, 2))
        figure = embedding_map(places, ["a $word$"] * count, ["text"] * count, [0.5, 0.25])
        assert "80 of 200 things" in figure.get_suptitle().replace("\n", " ")

    def test_what_does_not_fit_together_is_refused(self):
        with pytest.raises(MinimmError, match="2 tokens and 1 rows of guesses"):
            lens_table(["a", "b"], [["a"]], np.ones((1, 1)))
        with pytest.raises(MinimmError, match="same layers and heads"):
            head_tables({"first": np.ones((1, 2)), "previous": np.ones((2, 2))})
        with pytest.raises(MinimmError, match="one each"):
            embedding_map(np.ones((2, 2)), ["a"], ["text"], [1, 0])
        with pytest.raises(MinimmError, match="all for the same depths"):
            probe_curves({"accuracy": [1.0], "control": [1.0, 0.5]})
