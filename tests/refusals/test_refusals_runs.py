"""Commands whose options do not suit the model, the files or each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from stranger_tasks import new_task, save_task

from minimm.datasets.bundled import bundled
from minimm.datasets.text_corpus import read_corpus
from minimm.errors import MinimmError
from minimm.scaling.plan import cut_corpus
from minimm.specs.implementations import load_implementation


@pytest.fixture()
def model(tmp_path):
    """Writes the smallest model of a kind and gives its folder."""

    def write(name: str) -> Path:
        save_task(name, tmp_path / "model")
        return tmp_path / "model"

    return write


@pytest.fixture()
def picture(tmp_path) -> Path:
    Image.new("RGB", (16, 16), "red").save(tmp_path / "red.png")
    return tmp_path / "red.png"


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("assistant", ["chat", "what is there", "--figure", "looked.png"], "but nothing was given that could be looked at"),
        ("language model", ["audit", "--language", "fr"], "--language fr is not known; choose en or zh"),
        ("classifier", ["audit"], "knows ['bad', 'good'], and minimm's own reviews are"),
        ("captioner", ["caption", "a.png", "b.png", "--figure", "looked.png"], "--figure draws one picture, but 2 were given"),
        ("retriever", ["explore"], "a CrossModalRetriever has no attention that this page could show; explore a language"),
        ("assistant", ["explore", "--text", "what is there"], "nothing was given that could be looked at; give a picture"),
        ("translator", ["quantize", "--text", "book.txt"], "a text measures language models, but"),
    ],
)  # fmt: skip
def test_options_that_do_not_suit_the_model(kind, options, words, refused, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command, *others = options
    out = [] if command in ("chat", "caption") else ["--out", "out"]
    assert words in refused(command, *others, "--model", model(kind), *out)


def test_an_assistant_that_says_nothing_cannot_show_where_it_looked(refused, picture, tmp_path):
    task = new_task("assistant")
    with torch.no_grad():
        for weights in task.model.parameters():
            weights.fill_(float(weights.ndim == 1))
        embedding = task.model.language_model.embedding.weight  # also says how likely each token is: the end, always
        embedding[:] = torch.tensor([1.0, -1.0] * (embedding.shape[1] // 2))
        embedding[task.tokenizer.eos_id] *= 2
    task.save(tmp_path / "silent")
    command = ["chat", "<image> what is there", "--image", picture, "--figure", tmp_path / "looked.png"]
    assert "the answer is empty, so there is no word" in refused(*command, "--model", tmp_path / "silent")


def test_a_name_that_no_folder_can_have(refused):
    told = refused("generate", "--prompt", "the", "--model", "a" * 300)
    assert "aaa could not be looked up (File name too long); give another" in told or "is not a folder" in told


def test_runs_of_another_form_are_not_gone_on_from(refused, tmp_path):
    (tmp_path / "runs.json").write_text(json.dumps([["sentiment", "plain", 1]]), encoding="utf-8")
    told = refused("bias", "--data", "sentiment", "--out", tmp_path, "--resume")
    assert "runs.json is not as `minimm bias` writes it: [data, remedy, seed, numbers] of each run; begin anew" in told


PLANNED = {"fingerprint": "another text's", "seed": 0, "seconds": 60.0, "runs": [], "done": []}


@pytest.mark.parametrize(
    ("options", "plan", "words"),
    [
        (["--minutes", "0"], {}, "minutes=0.0 must be above 0; 15 is the default"),
        (["--resume"], {}, "belongs to another text or to seed 0, not 0; go on with the same --text and --seed"),
        (["--resume"], {"done": [{"loss": 2.0}]}, "tells of trainings in another form than minimm writes; begin anew"),
    ],
)
def test_a_plan_that_cannot_be_gone_on_with(options, plan, words, refused, tmp_path):
    own = {"fingerprint": cut_corpus(read_corpus(bundled("text"))).fingerprint} if plan else {}
    (tmp_path / "plan.json").write_text(json.dumps(PLANNED | own | plan), encoding="utf-8")
    assert words in refused("scaling-law", "--out", tmp_path, *options)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "jax",
            "there is no implementation 'jax'; choose from numpy, minimm, torch, tensorflow, or give a Python file",
        ),
        ("mine.py", "there is no file mine.py"),
    ],
)
def test_implementations_that_are_not_there(name, words):
    with pytest.raises(MinimmError, match=words):
        load_implementation(name)
