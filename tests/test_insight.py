"""The commands that look inside: explanations are drawn, tested and told; heads that copy grow, and copying goes with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from minimm.datasets.bundled import bundled
from minimm.datasets.repeated_sequences import repeated_sequences
from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.files import read_json
from minimm.interpretation.caption_explanations import EXPLANATIONS
from minimm.plots.animation import caption_frames
from minimm.plots.faithfulness import STYLES, faithfulness_curves
from minimm.runs.induction import run_induction
from minimm.tasks import ImageCaptioner
from minimm.tasks.writing.insight import depths

PICTURE = bundled("scenes") / "images" / "0000.png"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two captioners that have hardly learned anything, one for each kind of encoder."""
    folder = tmp_path_factory.mktemp("captioners")
    for encoder in ("cnn", "patches"):
        sizes = {"d_model": 32, "num_heads": 2, "num_layers": 2, "channels": (8, 16), "device": "cpu"}
        ImageCaptioner(encoder=encoder, **sizes).fit(Shapes(), max_steps=5).save(folder / encoder)
    return folder


class TestExplain:
    @pytest.mark.parametrize("method", EXPLANATIONS)
    def test_every_method_gives_a_map_for_each_word(self, folders, method):
        task = ImageCaptioner.load(folders / "cnn", device="cpu")
        found = task.explain(PICTURE, method, "a large red circle")
        assert found.words == ["a", "large", "red", "circle"] and found.weights.shape == (1, 1, 4, 8, 8)
        assert (found.weights >= 0).all()
        sums = found.weights.sum(axis=(3, 4))
        assert ((np.abs(sums - 1) < 1e-5) | (sums == 0)).all()
        again = task.explain(PICTURE, method, "a large red circle")
        np.testing.assert_array_equal(found.weights, again.weights)

    def test_a_word_is_as_likely_as_the_model_says(self, folders):
        task = ImageCaptioner.load(folders / "cnn", device="cpu")
        image = torch.from_numpy(np.asarray(Image.open(PICTURE).convert("RGB").resize((32, 32)))).permute(2, 0, 1) / 255
        words = task.caption_words(image, "a red circle")
        ids = torch.tensor([[task.tokenizer.bos_id, *task.tokenizer.encode("a red circle")]])
        logits = task.model(image[None], ids)[0].log_softmax(dim=-1)
        for place, word in enumerate(words):
            assert word.text == ["a", "red", "circle"][place]
            assert word.probability(image[None]).item() == pytest.approx(
                logits[place, ids[0, place + 1]].exp().item(), rel=1e-4
            )

    def test_the_lens_of_a_captioner_ends_in_its_own_words(self, folders, tmp_path):
        task = ImageCaptioner.load(folders / "cnn", device="cpu")
        seen = depths(task, PICTURE, "a red circle")
        assert seen.tokens == ["<bos>", "a", "␣red", "␣circle"] and seen.probabilities.shape == (3, 4)
        for place, word in enumerate(task.caption_words(task._load(PICTURE), "a red circle")):
            if seen.guesses[-1][place].lstrip("␣") == word.text:
                assert seen.probabilities[-1, place] == pytest.approx(
                    word.probability(word.image[None]).item(), rel=1e-4
                )
            else:
                assert seen.probabilities[-1, place] > word.probability(word.image[None]).item()
        assert seen.plot().get_size_inches()[0] > 1

    def test_the_command_draws_and_animates(self, folders, tmp_path, capsys, refused):
        figure, animation = tmp_path / "why.png", tmp_path / "written.gif"
        command = ("explain", PICTURE, "--model", folders / "cnn", "--caption", "a red circle")
        assert run(*command, "--method", "Grad-CAM", "--figure", figure, "--animation", animation) == 0
        assert "a red circle: explained by Grad-CAM" in capsys.readouterr().out
        assert 0 < figure.stat().st_size < 100_000
        with Image.open(animation) as moving:
            assert moving.n_frames == 4 and moving.info["loop"] == 0  # the picture, then a frame for each word
        assert "choose from 'cross-attention, all layers'" in refused(*command, "--method", "tea leaves")
        assert "'dragon' is no word that this captioner" in refused(*command[:4], "--caption", "a red dragon")
        assert "there is no word to be explained" in refused(*command[:4], "--caption", " ")

    def test_an_encoder_without_a_feature_map_has_no_grad_cam(self, folders, refused):
        command = ("explain", PICTURE, "--model", folders / "patches", "--caption", "a ring", "--method", "Grad-CAM")
        assert "Grad-CAM reads a feature map" in refused(*command)


class TestFaithfulness:
    def test_the_table_the_figure_and_the_results(self, folders, tmp_path, capsys):
        command = ["faithfulness", "--scenes", 3, "--out", tmp_path]
        assert run(*command, "--model", folders / "cnn", "--model", folders / "patches") == 0
        told, results = capsys.readouterr().out, read_json(tmp_path / "results.json")
        assert results["models"] == 2 and set(results["methods"]) == set(EXPLANATIONS)
        for method, row in results["methods"].items():
            assert f"  {method} " in told
            assert 0 <= row["pointing_accuracy"] <= 1 and 0 < row["pointing_accuracy_chance"] < 0.5
            assert ("deletion_steepness_deviation" in row) == (method != "Grad-CAM")  # which one of the two has
            assert all(len(results["curves"][kind][method]) == 17 for kind in ("deletion", "insertion"))
        for kind, end in (("deletion", -1), ("insertion", 0)):  # when all is taken away, the order no longer matters
            ends = [curve[end] for method, curve in results["curves"][kind].items() if method != "Grad-CAM"]
            assert max(ends) - min(ends) < 1e-5
        random = results["methods"]["random"]
        assert random["deletion_steepness_over_random"] == (1 if random["deletion_steepness"] > 0 else None)
        assert (tmp_path / "faithfulness.png").stat().st_size < 100_000

    def test_bad_input_is_explained(self, folders, refused):
        command = ("faithfulness", "--model", folders / "cnn")
        assert "must be from 1 to 500" in refused(*command, "--scenes", 501)
        assert "shapes and emoji-scenes" in refused(*command, "--data", "cats")
        many = {f"method {number}": [0.0, 1.0] for number in range(len(STYLES) + 1)}
        with pytest.raises(MinimmError, match="there are 9 methods"):
            faithfulness_curves({"deletion": many, "insertion": many})


class TestInduction:
    @given(st.integers(1, 4), st.integers(2, 9), st.integers(0, 99))
    def test_sequences_are_said_twice_and_have_no_token_twice(self, count, period, seed):
        rows = repeated_sequences(count, period, 9, torch.Generator().manual_seed(seed))
        assert rows.shape == (count, 2 * period) and rows[:, :period].equal(rows[:, period:])
        assert all(len(set(row[:period])) == period and set(row) <= set(range(9)) for row in rows.tolist())
        with pytest.raises(MinimmError, match="choose 2 to 9"):
            repeated_sequences(count, 10, 9, torch.Generator())

    def test_the_command_measures_what_heads_do(self, tmp_path, capsys):
        assert run("induction", "--max-steps", 60, "--out", tmp_path) == 0
        results = read_json(tmp_path / "results.json")
        assert results["steps"] == 60 and 0 <= results["induction_score"] <= 1
        assert results["watched"]["steps"] == [0, 50, 60] and len(results["watched"]["induction"][0]) == 4
        assert "accuracy_without_induction_heads" in capsys.readouterr().out
        assert (tmp_path / "induction.png").stat().st_size < 100_000

    @pytest.mark.slow
    def test_heads_grow_that_copy_and_copying_goes_with_them(self, tmp_path):
        results = run_induction(tmp_path, max_seconds=900, device="cpu")
        watched = results["watched"]
        assert max(watched["induction"][0]) < 0.1 and results["induction_score"] > 0.5  # they were not there
        assert results["accuracy"] > 0.9
        assert results["accuracy_without_induction_heads"] < 0.3 < 0.6 < results["accuracy"]
        assert results["accuracy_without_previous_token_heads"] < 0.6


def test_frames_are_of_one_size_however_long_the_caption():
    words = ["a", "verylongword" * 9, "$x$", "猫"] * 6
    frames = caption_frames(np.full((3, 8, 12), 0.5), words, np.ones((len(words), 2, 3)), "a title")
    assert len(frames) == len(words) + 1
    assert len({tuple(frame.get_size_inches()) for frame in frames}) == 1
    with pytest.raises(MinimmError, match="2 words and 1 maps"):
        caption_frames(np.full((3, 8, 8), 0.5), ["a", "b"], np.ones((1, 2, 2)), "a title")
