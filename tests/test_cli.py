"""The command line as a newcomer meets it: it works end to end; every kind of bad input ends in one sentence and exit 2."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from PIL import Image

from minimm.datasets.bundled import bundled

SENTENCE = "the quick brown fox jumps over the lazy dog and runs home before the rain comes down. "
SMALL_LM = ["--d-model", "16", "--num-layers", "1", "--num-heads", "2", "--context-length", "16", "--batch-size", "4"]
SMALL_CAPTIONER = ["--d-model", "16", "--num-layers", "1", "--num-heads", "2", "--batch-size", "8"]


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Path:
    """A folder with `language_model` and `captioner`, trained for a few steps by the command line itself."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "book.txt").write_text(SENTENCE * 40, encoding="utf-8")
    text = ["--text", folder / "book.txt", "--tokenizer", "character", "--max-steps", "40"]
    assert run("train", "language-model", *text, *SMALL_LM, "--out", folder / "language_model") == 0
    scenes = ["--data", bundled("scenes"), "--image-size", "32", "--max-steps", "60"]
    assert run("train", "captioner", *scenes, *SMALL_CAPTIONER, "--out", folder / "captioner") == 0
    return folder


def test_training_a_language_model_writes_everything_it_promises(models):
    out = models / "language_model"
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["validation_loss"] < results["validation_loss_untrained"]
    assert abs(results["validation_loss_untrained"] - results["uniform_loss"]) < 0.05 * results["uniform_loss"]
    assert results["steps"] == 40
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert written == {
        "config.json", "tokenizer.json", "model.safetensors", "training_state.safetensors", "training_state.json",
        "results.json", "samples.txt", "figures/language_model_loss.png", "figures/language_model_attention.png",
    }  # fmt: skip


def test_training_a_captioner_writes_scores_and_figures(models):
    out = models / "captioner"
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert {"exact_match", "bleu4", "cider", "num_pictures", "steps", "seconds"} <= results.keys()
    figures = {path.name for path in (out / "figures").iterdir()}
    assert figures == {"captioner_loss.png", "captions.png", "captioner_attention.png"}


def test_generate_continues_the_prompt_and_the_seed_decides_how(models, capsys):
    texts = []
    for seed in ("1", "1", "2"):
        command = ["generate", "--model", models / "language_model", "--prompt", "the fox", "--max-new-tokens", "40"]
        assert run(*command, "--seed", seed) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0].startswith("the fox")
    assert texts[0] == texts[1] != texts[2]


def test_caption_describes_a_picture_and_draws_where_it_looked(models, tmp_path, capsys):
    picture = sorted(bundled("scenes").glob("**/*.png"))[0]
    assert run("caption", "--model", models / "captioner", picture, "--figure", tmp_path / "looked.png") == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert Image.open(tmp_path / "looked.png").size[0] > 200


def test_captions_of_grey_16_bit_transparent_and_palette_pictures_are_written(models, tmp_path, capsys):
    colour = Image.open(sorted(bundled("scenes").glob("**/*.png"))[0]).convert("RGB")
    deep = np.asarray(colour.convert("L")).astype(np.uint16) * 257
    colour.convert("L").save(tmp_path / "grey.png")
    Image.fromarray(deep).save(tmp_path / "deep.png")
    colour.convert("RGBA").save(tmp_path / "transparent.png")
    colour.convert("P").save(tmp_path / "palette.gif")
    files = sorted(tmp_path.iterdir())
    assert run("caption", "--model", models / "captioner", *files) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_missing_text_is_named(refused, tmp_path):
    assert "nothing.txt" in refused(
        "train", "language-model", "--text", tmp_path / "nothing.txt", "--out", tmp_path / "out"
    )
    assert not (tmp_path / "out").exists()


def test_an_empty_text_is_refused(refused, tmp_path):
    (tmp_path / "empty.txt").touch()
    assert "empty" in refused("train", "language-model", "--text", tmp_path / "empty.txt", "--out", tmp_path / "out")


def test_a_text_shorter_than_the_context_says_both_lengths(refused, tmp_path):
    (tmp_path / "short.txt").write_text("abc" * 20, encoding="utf-8")
    message = refused(
        "train",
        "language-model",
        "--text",
        tmp_path / "short.txt",
        "--tokenizer",
        "character",
        "--out",
        tmp_path / "out",
    )
    assert "128" in message and "54" in message


def test_sizes_that_do_not_divide_offer_sizes_that_do(refused, tmp_path):
    (tmp_path / "book.txt").write_text(SENTENCE * 40, encoding="utf-8")
    command = ["train", "language-model", "--text", tmp_path / "book.txt", "--out", tmp_path / "out"]
    message = refused(*command, "--d-model", "30", "--num-heads", "4", "--context-length", "16")
    assert "d_model=30" in message and "num_heads=4" in message
    message = refused("train", "captioner", "--image-size", "33", "--out", tmp_path / "out")
    assert "33" in message and "multiple of" in message


def test_a_loss_that_is_no_longer_a_number_keeps_the_last_good_model(refused, tmp_path):
    (tmp_path / "book.txt").write_text(SENTENCE * 40, encoding="utf-8")
    command = [
        "train",
        "language-model",
        "--text",
        tmp_path / "book.txt",
        "--tokenizer",
        "character",
        "--max-steps",
        "50",
    ]
    message = refused(*command, *SMALL_LM, "--learning-rate", "1e38", "--out", tmp_path / "out")
    assert re.search(r"stopped being a finite number at step \d+", message) and "learning rate" in message
    assert run("generate", "--model", tmp_path / "out", "--prompt", "the", "--max-new-tokens", "5") == 0


def test_characters_never_seen_are_named(refused, models):
    message = refused("generate", "--model", models / "language_model", "--prompt", "the \N{SNOWMAN}")
    assert "U+2603" in message


def test_a_prompt_longer_than_the_context_says_both_lengths(refused, models):
    message = refused("generate", "--model", models / "language_model", "--prompt", SENTENCE)
    assert str(len(SENTENCE)) in message and "16" in message


@pytest.mark.parametrize("name", ["missing.png", "corrupt.png", "empty.png", "tiny.png", "truncated.png"])
def test_a_picture_that_cannot_be_read_is_named(refused, models, tmp_path, name):
    good = sorted(bundled("scenes").glob("**/*.png"))[0].read_bytes()
    (tmp_path / "corrupt.png").write_bytes(b"not a picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "truncated.png").write_bytes(good[: len(good) // 2])
    Image.new("RGB", (1, 1)).save(tmp_path / "tiny.png")
    assert name in refused("caption", "--model", models / "captioner", tmp_path / name) or name == "tiny.png"


def test_pictures_and_captions_that_do_not_meet_are_counted_and_skipped(tmp_path, capsys):
    folder = tmp_path / "data"
    shutil.copytree(bundled("scenes"), folder)
    pictures = sorted(folder.glob("**/*.png"))
    pictures[0].unlink()  # a caption without its picture
    content = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
    content["annotations"] = content["annotations"][:-1]  # a picture without its caption
    (folder / "captions.json").write_text(json.dumps(content), encoding="utf-8")
    command = ["train", "captioner", "--data", folder, "--image-size", "32", "--max-steps", "1", *SMALL_CAPTIONER]
    assert run(*command, "--out", tmp_path / "out") == 0
    assert pictures[0].name in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["num_pictures"] == 46


def test_a_folder_that_is_not_in_coco_layout_is_refused(refused, tmp_path):
    assert "captions.json" in refused("train", "captioner", "--data", tmp_path, "--out", tmp_path / "out")


def test_a_model_of_another_kind_is_refused(refused, models):
    message = refused("generate", "--model", models / "captioner", "--prompt", "the")
    assert "image_captioner" in message and "language_model" in message


def test_a_truncated_checkpoint_is_refused(refused, models, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(models / "language_model", broken)
    weights = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    assert "truncated" in refused("generate", "--model", broken, "--prompt", "the")


def test_cuda_without_a_gpu_is_refused(refused, models, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "cuda" in refused("generate", "--model", models / "language_model", "--prompt", "the", "--device", "cuda")


def test_a_folder_that_already_holds_a_model_is_not_overwritten(refused, models):
    command = ["train", "language-model", "--text", models / "book.txt", "--tokenizer", "character", *SMALL_LM]
    assert "--resume" in refused(*command, "--out", models / "language_model", "--max-steps", "50")


def test_resuming_with_other_sizes_is_refused(refused, models):
    command = ["train", "language-model", "--text", models / "book.txt", "--tokenizer", "character", *SMALL_LM]
    message = refused(*command, "--d-model", "32", "--out", models / "language_model", "--max-steps", "50", "--resume")
    assert "another shape" in message


def test_a_full_disk_ends_in_a_sentence_and_leaves_no_scraps(refused, models, tmp_path, monkeypatch):
    def no_space(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    command = ["train", "language-model", "--text", models / "book.txt", "--tokenizer", "character", *SMALL_LM]
    assert "No space left" in refused(*command, "--max-steps", "5", "--out", tmp_path / "out")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_help_needs_neither_torch_nor_matplotlib():
    code = "import sys, minimm.cli; print(sorted({'torch', 'matplotlib', 'numpy'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


@pytest.mark.parametrize("command", [(), ("train",), ("quickstart",), ("generate",), ("caption",)])
def test_every_command_explains_itself(command, capsys):
    assert run(*command, "--help") == 0
    assert len(capsys.readouterr().out) > 200


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a single child process")
def test_ctrl_c_saves_and_resume_finishes_the_run(tmp_path):
    import signal

    (tmp_path / "book.txt").write_text(SENTENCE * 40, encoding="utf-8")
    command = [sys.executable, "-m", "minimm", "train", "language-model", "--text", tmp_path / "book.txt"]
    command += ["--tokenizer", "character", *SMALL_LM, "--out", tmp_path / "out", "--max-steps", "4000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "out" / "training_state.json").exists():
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "--resume" in errors and "Traceback" not in errors
    reached = json.loads((tmp_path / "out" / "training_state.json").read_text(encoding="utf-8"))["steps"]
    assert 0 < reached < 4000
    command[-1] = str(reached + 5)
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert results["steps"] == reached + 5
