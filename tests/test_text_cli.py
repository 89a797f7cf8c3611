"""The commands for text, from training to export, and every kind of bad input: one sentence and exit code 2."""

from __future__ import annotations

import json
import zlib

import pytest
import torch
from command_line import run
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoTokenizer

from minimm.datasets.bundled import bundled
from minimm.tasks import MaskedTextModel, TextClassifier, TextGenerator

FEW = ["--max-steps", "3", "--batch-size", "4"]
SMALL = [*FEW, "--d-model", "16", "--vocab-size", "300"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with every text model, trained for three steps on a corner of the bundled data."""
    folder = tmp_path_factory.mktemp("text_models")

    def corner(name, file, count, suffix=None):
        lines = (bundled(name) / file).read_text(encoding="utf-8").splitlines()[:count]
        path = folder / f"{name}{suffix or file[file.index('.') :]}"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    questions = json.loads((bundled("questions") / "test.json").read_text(encoding="utf-8"))
    questions["data"][0]["paragraphs"] = questions["data"][0]["paragraphs"][:12]
    (folder / "questions.json").write_text(json.dumps(questions), encoding="utf-8")
    pairs, reviews = corner("parallel", "train.tsv", 40), corner("sentiment", "train.tsv", 40)
    articles = corner("summaries", "train.jsonl", 24)
    (folder / "reviews.txt").write_text(reviews.read_text(encoding="utf-8").replace("\t", ": "), encoding="utf-8")
    careful = ["--optimizer", "adamw", "--layer-decay", "0.8", "--label-smoothing", "0.1", "--patience", "2"]
    train = [
        ("translator", ["--source", "en", "--target", "zh", "--pairs", pairs, *SMALL]),
        ("summarizer", ["--data", articles, *SMALL]),
        ("encoder", ["--text", folder / "reviews.txt", *SMALL]),
        ("classifier", ["--data", reviews, "--pretrained", folder / "encoder", "--method", "lora", *careful, *FEW]),
        ("question-answerer", ["--data", folder / "questions.json", "--preset", "tiny", *FEW]),
    ]
    for kind, options in train:
        assert run("train", kind, *options, "--out", folder / kind) == 0
    return folder


def test_training_leaves_results_samples_and_figures(made):
    keys = {
        "translator": {"bleu", "chrf", "exact_match"},
        "summarizer": {"rouge1", "rouge2", "rougeL", "lead", "text_rank"},
        "encoder": {"validation_loss", "uniform_loss"},
        "classifier": {"accuracy", "f1", "labels"},
        "question-answerer": {"exact_match", "f1"},
    }
    for kind, expected in keys.items():
        results = json.loads((made / kind / "results.json").read_text(encoding="utf-8"))
        assert expected <= results.keys(), kind
        assert (made / kind / "figures" / "loss.png").stat().st_size < 100_000
        if kind != "encoder":
            assert (made / kind / "samples.txt").read_text(encoding="utf-8").strip()
    assert (made / "translator" / "figures" / "attention.png").is_file()


def test_every_verb_answers(made, tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("Rain fell. A fox slept in the barn. The fox liked the barn.", encoding="utf-8")
    assert run("translate", "A red fox.", "A dog.", "--model", made / "translator") == 0
    assert len(capsys.readouterr().out.split("\n")) == 3
    capsys.readouterr()
    assert run("summarize", text, "--method", "text_rank", "--num-sentences", "1") == 0
    assert capsys.readouterr().out.strip() in text.read_text(encoding="utf-8")
    assert run("summarize", text, "--model", made / "summarizer") == 0
    assert run("classify", "not bad at all", "--model", made / "classifier") == 0
    assert capsys.readouterr().out.strip().splitlines()[-1].split("\t")[0] in ("negative", "positive")
    assert run("ask", "Who slept?", "--model", made / "question-answerer", "--text", text) == 0
    documents = bundled("knowledge") / "documents"
    capsys.readouterr()
    question = ["ask", "Who was the captain of the Silver Rose?", "--text", documents]
    assert run(*question, "--model", made / "question-answerer") == 0
    assert ", from ship_silver_" in capsys.readouterr().out
    assert run("fill", "the film was ___", "--model", made / "encoder", "--k", "3") == 0
    assert len(capsys.readouterr().out.strip().splitlines()) == 3


def test_the_same_command_resumes(made):
    pairs = ["--pairs", made / "parallel.tsv", "--source", "en", "--target", "zh"]
    again = [*pairs, *SMALL, "--out", made / "translator", "--resume"]
    again[again.index("--max-steps") + 1] = "5"
    assert run("train", "translator", *again) == 0
    assert json.loads((made / "translator" / "results.json").read_text(encoding="utf-8"))["steps"] == 5


def test_data_commands_describe_and_clean(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MINIMM_DATA", str(tmp_path / "nothing"))
    assert run("data", "list") == 0
    listed = capsys.readouterr().out
    assert "parallel" in listed and "multi30k" in listed and "not fetched yet" in listed
    assert run("data", "card", "text", "--unit", "paragraph", "--out", tmp_path / "card") == 0
    assert "| vocabulary |" in capsys.readouterr().out
    assert json.loads((tmp_path / "card" / "results.json").read_text(encoding="utf-8"))["documents"] > 100
    (tmp_path / "page.html").write_text(
        "<main><p>A fox ran.<p>A fox ran!<p>Two birds sang loudly.</main>", encoding="utf-8"
    )
    assert run("data", "clean", tmp_path / "page.html", "--unit", "paragraph", "--out", tmp_path / "clean") == 0
    results = json.loads((tmp_path / "clean" / "results.json").read_text(encoding="utf-8"))
    assert (results["collected"], results["duplicates_dropped"]) == (3, 1)
    parts = [
        (tmp_path / "clean" / f"{part}.txt").read_text(encoding="utf-8") for part in ("train", "validation", "test")
    ]
    assert sorted(filter(None, "".join(parts).split("\n\n"))) == ["A fox ran.", "Two birds sang loudly."]


def test_bad_data_is_explained(tmp_path, refused, made):
    def write(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    (tmp_path / "uneven").mkdir()
    write("uneven/train.en", "one\ntwo\n")
    write("uneven/train.de", "eins\n")
    translator = ["train", "translator", "--source", "en", "--target", "de", "--out", tmp_path / "out", "--pairs"]
    assert "has 2 lines, but" in refused(*translator, tmp_path / "uneven")
    (tmp_path / "gaps").mkdir()
    write("gaps/train.en", "one\n\nthree\n")
    write("gaps/train.de", "eins\nzwei\ndrei\n")
    assert "1 empty lines, the first at [2]" in refused(*translator, tmp_path / "gaps")
    assert "does not exist" in refused(*translator, tmp_path / "absent")
    one_class = write("one.tsv", "good\tfine film\ngood\tgreat film\n")
    classifier = ["train", "classifier", "--out", tmp_path / "out", "--data"]
    assert "all 2 texts have the label 'good'" in refused(*classifier, one_class)
    assert "line 1: 'no tab here' is not label, tab, text" in refused(*classifier, write("no.tsv", "no tab here\n"))
    assert "is not in SQuAD's layout" in refused("train", "question-answerer", "--data", write("q.json", "{}"))
    assert "line 1 is not JSON" in refused("train", "summarizer", "--data", write("a.jsonl", "x\n"))
    assert "reads at most" in refused("translate", "a very long sentence " * 60, "--model", made / "translator")
    assert "at least one word" in refused("translate", " ", "--model", made / "translator")
    assert "needs --model" in refused("summarize", write("t.txt", "A fox."))
    assert "2 gaps" in refused("fill", "___ ___", "--model", made / "encoder")
    assert "multi30k" in refused("data", "get", "no-such-data")


@pytest.fixture(scope="module")
def exported(made):
    """`made` with models of other libraries' shapes, and for each NAME of them a folder NAME_exported."""
    small = ["--architecture", "bert", *SMALL]
    assert run("train", "encoder", "--text", made / "reviews.txt", *small, "--out", made / "bert") == 0
    options = ["--data", made / "sentiment.tsv", "--pretrained", made / "bert", "--method", "frozen", *FEW]
    assert run("train", "classifier", *options, "--out", made / "bert_classifier") == 0
    text = ["--text", made / "reviews.txt", "--architecture", "gpt2", "--context-length", "16", "--num-heads", "2"]
    assert run("train", "language-model", *text, *SMALL, "--out", made / "gpt2") == 0
    for name in ("bert", "bert_classifier", "gpt2"):
        assert run("export", "--model", made / name, "--out", made / f"{name}_exported") == 0
    return made


def test_exported_folders_open_with_the_auto_classes(exported):
    kinds = {
        "bert": (MaskedTextModel, AutoModelForMaskedLM),
        "bert_classifier": (TextClassifier, AutoModelForSequenceClassification),
        "gpt2": (TextGenerator, AutoModelForCausalLM),
    }
    for name, (task, opened) in kinds.items():
        folder = exported / f"{name}_exported"
        theirs, ours = opened.from_pretrained(folder).eval(), task.load(exported / name).model.eval()
        ids = AutoTokenizer.from_pretrained(folder)("the film was good", return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            torch.testing.assert_close(ours(ids), theirs(ids).logits, rtol=1e-4, atol=1e-4)


def test_folders_of_hugging_face_are_models_to_start_from_and_to_write_with(exported, refused, capsys):
    learnt = ["--data", exported / "sentiment.tsv", "--pretrained", exported / "bert_exported", *FEW]
    assert run("train", "classifier", *learnt, "--out", exported / "from_a_bert") == 0
    assert run("classify", "not bad at all", "--model", exported / "from_a_bert") == 0
    capsys.readouterr()
    assert run("generate", "--model", exported / "gpt2_exported", "--prompt", "the film", "--max-new-tokens", "3") == 0
    assert capsys.readouterr().out.startswith("the film")
    assert "fills gaps" in refused("generate", "--model", exported / "bert_exported", "--prompt", "a")


def test_a_text_is_scored_by_a_sliding_window(exported, refused, capsys):
    score = ["score", exported / "reviews.txt", "--model", exported / "gpt2", "--stride"]
    assert run(*score, "4") == 0
    assert "bits_per_byte" in capsys.readouterr().out
    assert "context of 16 tokens" in refused(*score, "17")


def test_models_of_another_kind_are_refused_by_name(refused, made):
    assert "translator" in refused("classify", "a", "--model", made / "translator")
    assert "classifier" in refused("translate", "a", "--model", made / "classifier")
    assert "counterpart" in refused("export", "--model", made / "translator", "--out", made / "exported_nothing")
    assert "already holds a model" in refused("export", "--model", made / "encoder", "--out", made / "classifier")


def test_folders_of_other_libraries_are_explained(tmp_path, refused):
    classifier = ["train", "classifier", "--max-steps", "1", "--out", tmp_path / "out", "--pretrained"]
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "config.json").write_text(
        '{"model_type": "mamba", "architectures": ["MambaModel"]}', encoding="utf-8"
    )
    assert "mamba" in refused(*classifier, tmp_path / "odd")
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(zlib.compress(b"x"))
    assert "pytorch_model.bin" in refused(*classifier, tmp_path / "pickled")
