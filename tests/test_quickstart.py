"""What the quickstart promises, by steps instead of seconds so that it means the same on every machine."""

import json
import os

import pytest
import torch

from minimm.datasets.bundled import bundled
from minimm.datasets.shapes import Shapes
from minimm.datasets.text_corpus import read_corpus
from minimm.runs import quickstart
from minimm.runs.captioner import scene_results
from minimm.runs.language_model import language_model_results
from minimm.tasks import ImageCaptioner, TextGenerator


@pytest.fixture()
def all_cores():
    """These tests run alone and may use the whole machine."""
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(1)


@pytest.mark.slow
def test_the_captioner_describes_unseen_scenes_and_pairs_it_never_saw(all_cores):
    captioner = ImageCaptioner("tiny").fit(Shapes(), max_steps=1_500)
    results = scene_results(captioner)
    assert results["exact_match"] >= 0.90
    assert results["exact_match_held_out"] >= 0.75
    assert results["pointing_accuracy"] >= 0.70 > 0.15 > results["pointing_accuracy_chance"]


@pytest.mark.slow
def test_the_language_model_learns_from_the_bundled_text(all_cores):
    writer = TextGenerator("tiny").fit(read_corpus(bundled("text")), max_steps=500)
    results = language_model_results(writer)
    assert abs(results["validation_loss_untrained"] / results["uniform_loss"] - 1) < 0.03
    assert results["validation_loss"] < 0.65 * results["uniform_loss"]


def test_the_quickstart_writes_what_it_promises_and_can_be_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr(quickstart, "LANGUAGE_MODEL_SECONDS", 1.0)
    monkeypatch.setattr(quickstart, "CAPTIONER_SECONDS", 1.0)
    monkeypatch.setattr("minimm.runs.captioner.EVALUATION_SCENES", 20)
    quickstart.run_quickstart(tmp_path)
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert {"validation_loss", "validation_loss_untrained"} <= results["language_model"].keys()
    captioner_keys = {"exact_match", "exact_match_held_out", "pointing_accuracy", "pointing_accuracy_chance"}
    assert captioner_keys <= results["captioner"].keys() and results["seconds"] > 0
    assert (tmp_path / "samples.txt").stat().st_size > 200
    figures = {path.name for path in (tmp_path / "figures").iterdir()}
    assert figures == {
        "language_model_loss.png", "language_model_attention.png",
        "captioner_loss.png", "captions.png", "captioner_attention.png",
    }  # fmt: skip
    assert all(path.stat().st_size < 150_000 for path in (tmp_path / "figures").iterdir())
    again = quickstart.run_quickstart(tmp_path, resume=True)
    assert again["captioner"]["exact_match"] == results["captioner"]["exact_match"]
