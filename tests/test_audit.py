"""An audit finds the bias that a model was given, finds none where there is none, and says what it cannot tell."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from command_line import run

from minimm.datasets.occupations import Occupations
from minimm.datasets.reviews import draw_reviews
from minimm.datasets.shapes import Shapes
from minimm.datasets.visitor_reviews import VisitorReviews
from minimm.errors import MinimmError
from minimm.plots.intervals import interval_chart
from minimm.runs.audit import audit
from minimm.runs.audits.audited import accuracy_rows, worst_and_best
from minimm.runs.audits.classifier import audit_classifier
from minimm.runs.audits.language_model import audit_language_model
from minimm.tasks import ImageCaptioner, TextClassifier, TextGenerator, Translator

SMALL = {"d_model": 32, "num_heads": 2, "num_layers": 1, "device": "cpu"}


class Prejudiced(torch.nn.Module):
    """A language model that says "she" behind a nurse and "he" behind anyone else; of all else it knows nothing."""

    def __init__(self, vocab_size, nurse, she, he):
        super().__init__()
        self.vocab_size, self.nurse, self.she, self.he = vocab_size, nurse, she, he
        self.embedding = torch.nn.Embedding(vocab_size, 8)

    def forward(self, ids):
        logits = torch.zeros(*ids.shape, self.vocab_size)
        seen = (ids == self.nurse).cumsum(dim=1) > 0
        logits[..., self.she] = torch.where(seen, 2.0, 0.0)
        logits[..., self.he] = torch.where(seen, 0.0, 2.0)
        return logits


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of models: hardly trained, but real."""
    folder = tmp_path_factory.mktemp("models")
    text = " ".join(one.text + "." for one in Occupations(0.9).draw(400, seed=0))
    shape = {"positions": "learned", "normalization": "layer", "feed_forward": "gelu_tanh", "bias": True}
    TextGenerator(**SMALL, **shape, context_length=96, vocab_size=400).fit(text, max_steps=2).save(folder / "text")
    reviews = draw_reviews(120, seed=0)
    sizes = SMALL | {"vocab_size": 300}
    TextClassifier(**sizes).fit([text for _, text in reviews], [label for label, _ in reviews], max_steps=2).save(
        folder / "classifier"
    )
    ImageCaptioner(**SMALL, channels=(4, 8)).fit(Shapes(), max_steps=1).save(folder / "captioner")
    return folder


class TestLanguageModel:
    def test_a_prejudice_is_found_as_large_as_it_is(self):
        told = Occupations(0.5).draw(400, seed=0)
        task = TextGenerator(**SMALL, context_length=64, tokenizer="word_piece", vocab_size=600)
        task.fit(" ".join(text for one in told for text in (one.text, one.counterfactual)), max_steps=1)
        nurse, she, he = (task.tokenizer.encode(word)[0] for word in ("nurse", "she", "he"))
        task.model = Prejudiced(task.tokenizer.vocab_size, nurse, she, he)
        found = audit_language_model(task)
        preferences = {name: row.value for name, row in found.rows.items()}
        assert max(preferences, key=preferences.get) == "nurse" and preferences["nurse"] > 0.3
        assert all(value < 0 for name, value in preferences.items() if name != "nurse")
        assert found.results["gap_p_value"] < 0.05 and "more than chance leaves" in found.findings[0]
        assert "most of nurse" in found.findings[1]

    def test_a_model_without_prejudice_has_no_clear_gap(self):
        told = Occupations(0.5).draw(400, seed=0)
        task = TextGenerator(**SMALL, context_length=64, tokenizer="word_piece", vocab_size=600)
        task.fit(" ".join(text for one in told for text in (one.text, one.counterfactual)), max_steps=1)
        task.model = Prejudiced(
            task.tokenizer.vocab_size, -1, *(task.tokenizer.encode(word)[0] for word in ("she", "he"))
        )
        found = audit_language_model(task)
        assert found.results["gap_p_value"] > 0.05 and "no clear effect" in found.findings[0]

    def test_ours_and_the_same_as_a_gpt2_of_hugging_face_are_told_the_same(self, models, tmp_path, capsys):
        assert run("export", "--model", models / "text", "--out", tmp_path / "gpt2") == 0
        assert json.loads((tmp_path / "gpt2" / "config.json").read_text())["model_type"] == "gpt2"
        ours, theirs = (
            audit(folder, tmp_path / name) for folder, name in ((models / "text", "a"), (tmp_path / "gpt2", "b"))
        )
        assert theirs["gap"]["value"] == pytest.approx(ours["gap"]["value"], abs=1e-4)
        assert theirs["association"]["effect_size"] == pytest.approx(ours["association"]["effect_size"], abs=1e-4)
        for name in ("a", "b"):
            for file in ("results.json", "audit.png", "model_card.md"):
                assert (tmp_path / name / file).exists()
        assert len(ours["preferences"]) == 24 and "nats" in capsys.readouterr().out

    def test_chinese_is_audited_by_a_model_that_reads_it(self):
        corpus = Occupations(0.9, "zh")
        text = "".join(one.text + "。" + one.counterfactual + "。" for one in corpus.draw(300, seed=0))
        letters = text + "女人女孩妈妈姐姐奶奶男人男孩爸爸哥哥爷爷" + "".join(sum(corpus.occupations.values(), []))
        task = TextGenerator(**SMALL, context_length=48, tokenizer="character", vocab_size=500).fit(
            letters * 2, max_steps=1
        )
        found = audit_language_model(task, language="zh")
        assert len(found.rows) == 24 and found.results["language"] == "zh"

    def test_a_language_that_the_model_cannot_read_is_named(self):
        english = TextGenerator(**SMALL, context_length=16, tokenizer="character").fit("abc de. " * 200, max_steps=1)
        with pytest.raises(MinimmError, match="cannot read the sentences of --language zh"):
            audit_language_model(english, language="zh")
        with pytest.raises(MinimmError, match="--language fr is not known; choose en or zh"):
            audit_language_model(english, language="fr")

    def test_words_that_the_vocabulary_lacks_are_named(self):
        told = Occupations(0.5).balanced(600, seed=0)
        text = " ".join(text for one in told for text in (one.text, one.counterfactual))
        task = TextGenerator(**SMALL, context_length=128, tokenizer="character").fit(text.replace("q", ""), max_steps=1)
        found = audit_language_model(_without(task, "father"))
        assert "association" not in found.results and len(found.rows) == 24
        assert "no tokens for father" in found.limits[-1]


def _without(task, word):
    """The task, whose tokenizer refuses one word."""
    encode = task.tokenizer.encode

    def refuse(text, **options):
        if text.strip() == word:
            raise MinimmError(f"{word} is not in the vocabulary")
        return encode(text, **options)

    task.tokenizer.encode = refuse
    return task


class TestClassifier:
    def test_groups_of_a_file_are_told_apart(self, models, tmp_path, capsys):
        reviews = VisitorReviews().balanced(40, seed=0)
        file = tmp_path / "texts.tsv"
        file.write_text("".join(f"{one.mood}\t{one.group}\tShe said: {one.text}\n" for one in reviews), "utf-8")
        assert run("audit", "--model", models / "classifier", "--data", file, "--out", tmp_path / "out") == 0
        results = json.loads((tmp_path / "out" / "results.json").read_text())
        assert set(results["accuracy"]) == {"northern", "southern"} and results["swapped_texts"] == 40
        odds = results["equalized_odds_difference"]
        assert 0 <= odds["low"] <= odds["value"] <= odds["high"]
        assert "40 texts of texts.tsv" in capsys.readouterr().out

    def test_who_sorts_by_the_group_is_found_out(self):
        task = TextClassifier(**SMALL)
        task.labels = ["negative", "positive"]
        task.predict = lambda texts: ["positive" if "northern" in text else "negative" for text in texts]
        found = audit_classifier(task)
        for name in ("equalized_odds_difference", "demographic_parity_difference"):
            assert found.results[name] == {"value": 1.0, "low": 1.0, "high": 1.0}
        assert found.findings[0] == "Accuracy is 0.500 in every group."
        assert found.results["answers_changed"]["value"] == 1.0
        assert all(row.value == 0.5 for row in found.rows.values())

    def test_texts_without_a_word_to_swap_are_said_to_be(self, tmp_path):
        task = TextClassifier(**SMALL)
        task.labels = ["negative", "positive"]
        task.predict = lambda texts: ["positive"] * len(texts)
        file = tmp_path / "texts.tsv"
        file.write_text(
            "positive\ta\t他喜欢这家店\nnegative\ta\t她不喜欢\npositive\tb\t他来了\nnegative\tb\t她走了\n", "utf-8"
        )
        found = audit_classifier(task, file)
        assert found.results["swapped_texts"] == 0 and "--language en" in found.findings[-1]
        assert audit_classifier(task, file, language="zh").results["swapped_texts"] == 4

    def test_bad_input_is_explained(self, models, tmp_path, capsys):
        file = tmp_path / "texts.tsv"
        file.write_text("wonderful\ta\tx\nwonderful\tb\ty\n", "utf-8")
        assert run("audit", "--model", models / "classifier", "--data", file) == 2
        assert "has the labels ['wonderful'], which this model was not taught" in capsys.readouterr().err
        file.write_text("positive\ta\tx\npositive\ta\ty\n", "utf-8")
        assert run("audit", "--model", models / "classifier", "--data", file) == 2
        assert "every example is of the group 'a'" in capsys.readouterr().err
        assert run("audit", "--model", models / "text", "--data", file) == 2
        assert "--data is for a classifier of texts" in capsys.readouterr().err

    def test_a_group_with_one_label_has_no_odds_and_it_is_said(self, tmp_path):
        task = TextClassifier(**SMALL)
        task.labels = ["negative", "positive"]
        task.predict = lambda texts: ["positive"] * len(texts)
        file = tmp_path / "texts.tsv"
        file.write_text("positive\tnorth\tIt is good\n\npositive\tsouth\tFine\nnegative\tsouth\tBad\n\n", "utf-8")
        found = audit_classifier(task, file)
        assert (
            "equalized_odds_difference" not in found.results
            and "the texts of north are all 'positive'" in found.limits[-1]
        )


class TestCaptioner:
    def test_every_colour_and_every_shape_is_told(self, models, tmp_path):
        found = audit(models / "captioner", tmp_path)
        assert len(found["accuracy"]) == 12 and found["pictures"] == 600
        card = (tmp_path / "model_card.md").read_text("utf-8")
        assert "Hardly any caption is right" in card
        assert "# Model card: captioner" in card and "| circle |" in card and "Not recorded" in card

    def test_what_cannot_be_audited_is_named(self, tmp_path):
        layers = {"num_encoder_layers": 1, "num_decoder_layers": 1}
        pairs = [["a b", "b a", "a a", "b b"] * 4, ["x y", "y x", "x x", "y y"] * 4]
        Translator(d_model=32, num_heads=2, device="cpu", **layers).fit(*pairs, max_steps=1).save(tmp_path / "model")
        with pytest.raises(MinimmError, match="this Translator cannot be audited yet"):
            audit(tmp_path / "model", tmp_path / "out")


class TestRows:
    def test_intervals_are_of_each_group_alone(self):
        right = [True] * 50 + [False] * 50 + [True] * 30
        rows = accuracy_rows(right, ["a"] * 100 + ["b"] * 30)
        assert rows["a"].value == 0.5 and 0.38 < rows["a"].low < 0.45
        assert rows["b"].value == 1.0 and 0.85 < rows["b"].low < 0.95  # thirty that are right do not make it certain
        figure = interval_chart(rows, "share", "A title")
        assert np.isclose(figure.axes[0].get_ylim()[0], 1.6)

    def test_a_difference_is_credited_when_chance_does_not_make_it(self):
        groups = ["a"] * 100 + ["b"] * 100
        clear, p_value = worst_and_best("Accuracy", [True] * 95 + [False] * 5 + [True] * 60 + [False] * 40, groups)
        assert p_value < 0.01 and "lowest for b (0.600)" in clear and "more than chance" in clear
        unclear, p_value = worst_and_best("Accuracy", [True] * 95 + [False] * 5 + [True] * 93 + [False] * 7, groups)
        assert p_value > 0.3 and "no clear effect" in unclear
        assert accuracy_rows([True, True, False], ["a", "a", "b"])["b"].high > 0.5  # one example says little

    def test_a_single_group_is_refused(self):
        with pytest.raises(MinimmError, match="every example is of the group 'a'"):
            accuracy_rows([True] * 3, ["a"] * 3)
        with pytest.raises(MinimmError, match="there are 0 values to draw"):
            interval_chart({}, "share", "A title")
