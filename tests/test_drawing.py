"""Drawing from captions: the model, guided sampling, the two stages of training, the command line and its bad input."""

import json

import numpy as np
import pytest
import torch
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from numerical import fill, seeds
from PIL import Image

from minimm.datasets.bundled import bundled
from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.generation.guidance import generate_likeliest_pictures, generate_pictures
from minimm.generation.sampling import Sampling
from minimm.models.image_tokenizer import ImageTokenizerConfig
from minimm.models.text_to_image import TextToImage, TextToImageConfig, patches_above
from minimm.plots.codebook import codebook_bars
from minimm.runs import captioner, drawing
from minimm.runs.drawing import is_unseen, unseen_scenes
from minimm.tasks import caption_data
from minimm.tasks.caption_data import caption_source
from minimm.tasks.drawing import text_to_image_generator, tokenizer_stage
from minimm.tasks.drawing.text_to_image_generator import TextToImageGenerator, leaving_out
from minimm.training.checkpoint import load_tensors
from minimm.training.trainer import Trainer

CODES, WORDS, LENGTH = 8, 9, 3
SMALL = {"image_size": 16, "channels": (8, 16), "num_codes": 32, "code_size": 4, "d_model": 32, "num_layers": 2}
SMALL |= {"num_heads": 2, "num_pictures": 3000, "batch_size": 16, "precision": "float32", "tokenizer_share": 0.5}
CAPTION = "a small red square"


def model(seed: int = 0) -> TextToImage:
    """Random and in float64; pictures of 2 x 2 ids."""
    tokenizer = ImageTokenizerConfig(4, (3,), CODES, 2)
    built = (
        TextToImage(TextToImageConfig(WORDS, LENGTH, tokenizer, d_model=8, num_heads=2, num_layers=2)).double().eval()
    )
    fill(built, torch.Generator().manual_seed(seed), scale=0.5)
    return built


def captions_and_pictures(seed: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    texts = torch.randint(4, WORDS, (count, LENGTH), generator=generator)
    return texts, torch.randint(CODES, (count, 4), generator=generator)


def logits_one_by_one(built: TextToImage, texts: torch.Tensor, written: torch.Tensor) -> torch.Tensor:
    """For the patch behind `written` (B, t), without a cache: (B, K)."""
    rest = torch.zeros(len(written), 4 - written.shape[1], dtype=torch.int64)
    return built(texts, torch.cat([written, rest], dim=1))[:, written.shape[1]]


def test_the_patches_above_each_patch_counted_by_hand():
    assert patches_above(2).tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 2], [1, 2, 0]]


@settings(max_examples=15)
@given(seeds)
def test_a_patch_depends_on_the_caption_and_on_the_patches_before_it_alone(seed):
    built = model(seed)
    texts, pictures = captions_and_pictures(seed, 2)
    before = built(texts, pictures)
    assert before.shape == (2, 4, CODES)
    changed = pictures.clone()
    changed[:, 2] = (changed[:, 2] + 1) % CODES
    after = built(texts, changed)
    torch.testing.assert_close(after[:, :3], before[:, :3])
    assert not torch.allclose(after[:, 3], before[:, 3])
    assert not torch.allclose(built((texts + 1) % WORDS, pictures)[:, 0], before[:, 0])


@settings(max_examples=20)
@given(seeds, st.sampled_from([0.0, 1.0, 1.5, 3.0]))
def test_drawing_on_the_cache_takes_the_patches_that_guided_logits_without_one_say(seed, guidance):
    built = model(seed)
    texts, _ = captions_and_pictures(seed, 3)
    empty = torch.zeros_like(texts)
    found = generate_pictures(built, texts, empty[0], guidance=guidance)
    written = torch.empty(3, 0, dtype=torch.int64)
    for _ in range(4):
        told, untold = (logits_one_by_one(built, text, written) for text in (texts, empty))
        written = torch.cat([written, (untold + guidance * (told - untold)).argmax(dim=1, keepdim=True)], dim=1)
    assert torch.equal(found, written)


def test_the_seed_decides_what_is_drawn_and_only_image_ids_are():
    built = model(1)
    texts, _ = captions_and_pictures(1, 40)

    def drawn(seed: int) -> torch.Tensor:
        options = {"sampling": Sampling(1.0), "generator": torch.Generator().manual_seed(seed)}
        return generate_pictures(built, texts, texts[0], **options)

    assert torch.equal(drawn(1), drawn(1)) and not torch.equal(drawn(1), drawn(2))
    assert drawn(1).min() >= 0 and drawn(1).max() == CODES - 1


@settings(max_examples=15)
@given(seeds, st.integers(1, 5))
def test_of_several_candidates_the_likeliest_is_kept(seed, candidates):
    """Likelihood is of the whole picture without guidance: the product over its patches."""
    built = model(seed)
    texts, _ = captions_and_pictures(seed, 3)

    def options() -> dict:
        generator = torch.Generator().manual_seed(seed)
        return {"guidance": 2.0, "sampling": Sampling(1.0), "generator": generator}

    kept = generate_likeliest_pictures(built, texts, texts[0], candidates=candidates, **options())
    drawn = generate_pictures(built, texts.repeat_interleave(candidates, dim=0), texts[0], **options())
    for row, text in enumerate(texts):
        own = drawn[row * candidates : (row + 1) * candidates]
        with torch.inference_mode():
            probability = built(text.expand(candidates, -1), own).softmax(dim=-1).gather(2, own[..., None]).prod(dim=1)
        assert torch.equal(kept[row], own[probability[:, 0].argmax()])
    with pytest.raises(MinimmError, match="candidates=0"):
        generate_likeliest_pictures(built, texts, texts[0], candidates=0)


def test_captions_and_pictures_of_other_lengths_are_refused():
    with pytest.raises(MinimmError, match=r"\(B, 3\) and pictures \(B, 4\)"):
        model()(torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1, 4, dtype=torch.int64))
    with pytest.raises(MinimmError, match="guidance"):
        generate_pictures(model(), torch.ones(1, 3, dtype=torch.int64), torch.ones(3), guidance=-1.0)


@pytest.fixture(scope="module")
def drawer(tmp_path_factory) -> TextToImageGenerator:
    """Trained for seconds on small scenes of one object, with its folder in `.folder`."""
    task = TextToImageGenerator(**SMALL)
    task.folder = tmp_path_factory.mktemp("drawer")
    return task.fit(Shapes(image_size=16, max_objects=1), max_steps=900, folder=task.folder)


def test_both_stages_learn(drawer):
    first, second = drawer.tokenizer_training, drawer.training
    assert first.best_validation_loss < 0.7 * first.history[0]["validation_loss"]
    assert abs(second.history[0]["validation_loss"] - np.log(32)) < 0.5
    assert second.best_validation_loss < 0.6 * np.log(32)
    scores = drawer.evaluate(Shapes("validation", 16, 1).draw(60, torch.Generator().manual_seed(3)))
    assert scores["reconstruction_error"] < scores["reconstruction_error_chance"] and scores["codebook_use"] > 0.5
    assert {"accuracy", "accuracy_chance", "accuracy_reconstructed", "loss", "codebook_perplexity"} <= scores.keys()


def test_drawings_follow_the_words_of_their_caption(drawer):
    red, blue = (drawer.draw_all([f"a large {colour} square"] * 16).mean(dim=(0, 2, 3)) for colour in ("red", "blue"))
    assert red[0] - red[2] > blue[0] - blue[2]  # more red, less blue


def test_a_saved_drawer_draws_the_same(drawer, tmp_path):
    drawer.save(tmp_path)
    for folder in (tmp_path, drawer.folder):
        loaded = TextToImageGenerator.load(folder)
        assert np.array_equal(loaded.draw(CAPTION, num_images=2, seed=4), drawer.draw(CAPTION, num_images=2, seed=4))
    picture = Shapes(image_size=16).draw(1, torch.Generator().manual_seed(1)).images[0]
    assert np.array_equal(loaded.reconstruct(picture), drawer.reconstruct(picture.numpy()))
    assert drawer.draw(CAPTION, num_images=2, seed=4).shape == (2, 3, 16, 16)


def test_captions_that_cannot_be_drawn_say_why(drawer):
    for caption, message in (("a small pink square", "pink"), ("", "1 to 4"), (f"{CAPTION} above {CAPTION}", "above")):
        with pytest.raises(MinimmError, match=message):
            drawer.draw(caption)
    with pytest.raises(MinimmError, match="no caption"):
        drawer.draw_all([])
    with pytest.raises(MinimmError, match="num_images"):
        drawer.draw(CAPTION, num_images=0)
    with pytest.raises(MinimmError, match="fit"):
        TextToImageGenerator().draw(CAPTION)


def test_a_folder_in_use_is_refused_and_resuming_with_other_sizes_too(drawer):
    shapes = Shapes(image_size=16, max_objects=1)
    with pytest.raises(MinimmError, match="--resume"):
        TextToImageGenerator(**SMALL).fit(shapes, max_steps=500, folder=drawer.folder)
    with pytest.raises(MinimmError, match="another shape"):
        TextToImageGenerator(**SMALL | {"num_codes": 16}).fit(shapes, max_steps=500, folder=drawer.folder, resume=True)


TINY = {
    "image_size": 16,
    "channels": (4, 4),
    "num_codes": 8,
    "code_size": 2,
    "d_model": 8,
    "num_layers": 1,
    "num_heads": 1,
}
TINY |= {"num_pictures": 20, "batch_size": 4, "dropout": 0.1, "precision": "float32", "validate_every": 5}
TINY |= {"tokenizer_share": 0.5, "save_every_seconds": 0.0001}


def test_stopped_in_either_stage_a_resumed_run_ends_the_same(tmp_path, monkeypatch):
    step = Trainer.step

    def fit(name: str, stop: int, **options) -> None:
        steps = 0

        def counted(trainer):
            nonlocal steps
            steps += 1
            if steps == stop:
                raise RuntimeError("the machine stops")
            return step(trainer)

        monkeypatch.setattr(Trainer, "step", counted)
        TextToImageGenerator(**TINY).fit(Shapes(image_size=16), max_steps=40, folder=tmp_path / name, **options)

    fit("whole", 0)
    with pytest.raises(RuntimeError):
        fit("stopped", 12)  # in the first stage
    assert not (tmp_path / "stopped" / "training_state.json").exists()
    with pytest.raises(RuntimeError):
        fit("stopped", 30, resume=True)  # in the second
    assert json.loads((tmp_path / "stopped" / "training_state.json").read_text(encoding="utf-8"))["steps"] > 0
    fit("stopped", 0, resume=True)
    for file in ("model.safetensors", "image_tokenizer/model.safetensors"):
        ours, theirs = (load_tensors(tmp_path / name / file)[0] for name in ("stopped", "whole"))
        assert ours.keys() == theirs.keys() and all(ours[key].equal(theirs[key]) for key in ours)


def test_a_longer_second_run_keeps_the_codes_that_its_ids_are_written_in(tmp_path, monkeypatch):
    shapes, read, written = Shapes(image_size=16), TextToImageGenerator._read, []

    def kept(task, draw, count, generator):
        written.append((draw, count, generator.initial_seed(), read(task, draw, count, generator)))
        return written[-1][-1]

    monkeypatch.setattr(TextToImageGenerator, "_read", kept)
    first = TextToImageGenerator(**TINY).fit(shapes, max_steps=20, folder=tmp_path)
    longer = TextToImageGenerator(**TINY).fit(shapes, max_steps=60, folder=tmp_path, resume=True)
    assert longer.training.steps == 30 and longer.tokenizer_training.steps == first.tokenizer_training.steps == 10
    for draw, count, seed, (_, ids) in written[2:]:
        assert torch.equal(read(longer, draw, count, torch.Generator().manual_seed(seed))[1], ids)


def test_the_commands_train_on_a_folder_and_draw(tmp_path, capsys):
    small = ["--image-size", "16", "--num-codes", "16", "--d-model", "16", "--num-layers", "1", "--num-heads", "2"]
    command = ["train", "text-to-image", "--data", bundled("scenes"), *small, "--batch-size", "8", "--max-steps", "6"]
    assert run(*command, "--out", tmp_path / "model") == 0
    results = json.loads((tmp_path / "model" / "results.json").read_text(encoding="utf-8"))
    assert {"codebook_use", "codebook_perplexity", "reconstruction_error", "loss", "seconds"} <= results.keys()
    figures = {path.name for path in (tmp_path / "model" / "figures").iterdir()}
    assert figures == {"reconstructions.png", "codebook.png", "text_to_image_loss.png", "drawings.png"}
    assert (tmp_path / "model" / "samples.txt").is_file()
    caption = (tmp_path / "model" / "samples.txt").read_text(encoding="utf-8").splitlines()[0]
    out = tmp_path / "picture.png"
    assert run("draw", caption, "--model", tmp_path / "model", "--out", out, "--num-images", "3", "--enlarge", "2") == 0
    assert Image.open(out).size == (3 * 16 * 2, 16 * 2)
    assert str(out) in capsys.readouterr().out


@pytest.mark.slow  # four sources of emoji, 7 s each
def test_scenes_of_emoji_are_drawn_but_not_judged(tmp_path, monkeypatch):
    for module in (captioner, drawing):
        monkeypatch.setattr(module, "EVALUATION_SCENES", 12)
    monkeypatch.setattr(drawing, "PART", 150)
    monkeypatch.setattr(caption_data, "VOCABULARY_SCENES", 400)
    monkeypatch.setattr(tokenizer_stage, "VALIDATION_PICTURES", 32)
    monkeypatch.setattr(text_to_image_generator, "VALIDATION_PICTURES", 32)
    small = ["--image-size", "32", "--num-codes", "16", "--d-model", "16", "--num-layers", "1", "--num-heads", "2"]
    command = ["train", "text-to-image", "--data", "emoji-scenes", *small, "--batch-size", "4", "--max-steps", "2"]
    assert run(*command, "--out", tmp_path) == 0
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert {"loss", "loss_held_out", "reconstruction_error"} <= results.keys() and "accuracy" not in results
    assert (tmp_path / "figures" / "drawings.png").is_file()


def test_a_word_never_learned_a_missing_model_and_one_of_another_kind_are_named(refused, drawer, tmp_path):
    command = ["--model", drawer.folder, "--out", tmp_path / "picture.png"]
    assert "elephant" in refused("draw", "a small red elephant", *command)
    assert "temperature" in refused("draw", CAPTION, *command, "--temperature", "-1")
    assert "nowhere" in refused("draw", CAPTION, "--model", tmp_path / "nowhere", "--out", tmp_path / "picture.png")
    assert not (tmp_path / "picture.png").exists()
    assert "text_to_image" in refused("caption", "--model", drawer.folder, tmp_path / "picture.png")


def test_the_use_of_a_codebook_is_drawn_from_any_counts():
    assert codebook_bars(torch.tensor([5, 0, 3, 1])).get_size_inches()[0] > 2
    with pytest.raises(MinimmError, match="no code"):
        codebook_bars(torch.zeros(4))


def test_captions_kept_from_training_are_never_drawn_from_and_the_test_consists_of_them():
    draw = leaving_out(caption_source(Shapes(image_size=16))[0], is_unseen)
    images, captions = draw(50, torch.Generator().manual_seed(1))
    assert len(images) == len(captions) == 50 and not any(map(is_unseen, captions))
    unseen = unseen_scenes("shapes", 16)
    assert len(unseen.images) == len(unseen.captions) == len(unseen.objects) == captioner.EVALUATION_SCENES
    assert all(map(is_unseen, unseen.captions))
    with pytest.raises(MinimmError, match="leave fewer out"):
        leaving_out(draw, lambda caption: True)(2, torch.Generator())
