"""Advice is true: what it says about models is what they are when they are built, and what it says to run does run."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.main import get_command

from minimm import tasks
from minimm.advice.job_advice import Request, advise_job, rehearse
from minimm.advice.jobs import JOBS, find_jobs
from minimm.advice.language_advice import advise_language_model, count_tokens
from minimm.advice.language_size import WIDTHS, Means, choose_size, price, sizes
from minimm.advice.machine import Machine
from minimm.cli import app, train
from minimm.files import read_json
from minimm.layers.initialization import initialize
from minimm.models.language_model import LanguageModel, num_parameters
from minimm.tasks.text.presets import TEXT_PRESETS, TextPreset
from minimm.training.losses import cross_entropy
from minimm.training.memory import peak_bytes, saved_bytes
from minimm.training.rehearsal import RehearsalIsOver, rehearsing

MACHINE = Machine("cpu", torch.float32, 1e11, 5e8)
MEMORY = 4.5e8  # too little, but not for a smaller batch
PLENTY = Request(seconds=3600, memory=1e12)
README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BY_NAME = {job.name: job for job in JOBS}
QUICK = ("captioner", "classifier", "text-to-image", "speech-recognizer")  # that begin in a second


def begin(arguments):
    get_command(train)(arguments, standalone_mode=False)


@pytest.fixture(autouse=True)
def known_machine(monkeypatch):
    monkeypatch.setattr(Machine, "measure", classmethod(lambda cls, device="auto": replace(MACHINE, device=device)))


@pytest.fixture(scope="module")
def all_sizes():
    return list(sizes(TEXT_PRESETS["tiny"], 512, torch.float32))


def test_every_command_that_trains_and_every_task_appears():
    assert {job.command[0] for job in JOBS} == set(get_command(train).commands)
    commands = {name.replace("-", "") for name in (job.command[0] for job in JOBS)}
    named_otherwise = {
        "TextGenerator": "languagemodel",
        "MaskedTextModel": "encoder",
        "TextClassifier": "classifier",
        "ImageCaptioner": "captioner",
        "CrossModalRetriever": "retriever",
        "MultimodalAssistant": "assistant",
        "TextToImageGenerator": "texttoimage",
    }
    trained = set(tasks.__all__) - {"PivotCaptioner"}  # two trained models behind one another
    assert {named_otherwise.get(name, name.lower()) for name in trained} == commands


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_what_is_to_be_expected_stands_in_the_readme(job):
    numbers = re.findall(r"\d[\d.,]*\d|\d+", job.measured or "")
    assert [number for number in numbers if number not in README] == []
    assert (job.measured is None) == (job.name in ("summarizer", "question-answerer"))


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_options_named_in_advice_exist(job):
    options = {name for command in get_command(train).commands.values() for one in command.params for name in one.opts}
    options |= {name for one in get_command(app).commands["summarize"].params for name in one.opts}
    assert set(re.findall(r"--[a-z][a-z-]*", f"{job.few} {job.measured}")) <= options


@pytest.mark.parametrize("name", QUICK)
def test_the_advised_command_builds_the_model_that_was_described(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job, seen = BY_NAME[name], []
    advice = advise_job(job, begin, MACHINE, PLENTY)

    def watch(trainer):
        model = trainer.learner.model.train()
        trainer.step()  # gives every dropout its generator, and the optimizer its averages
        batches = [trainer.draw_batch(torch.Generator().manual_seed(seed)) for seed in (0, 1, 2, 11)]
        *kept, other = [
            saved_bytes(model, lambda batch=batch: trainer.learner.loss(batch, last=True)) for batch in batches
        ]
        assert other < 1.5 * max(kept)  # sounds and texts are of many lengths
        seen.append((num_parameters(model), max(kept), trainer))
        if len(seen) == job.stages:
            raise RehearsalIsOver

    words = shlex.split(advice["command"])
    assert words[:2] == ["minimm", "train"]
    with rehearsing(watch):
        assert run(*words[1:], *(["--max-steps", 4] if name == "text-to-image" else [])) == 0
    parameters, kept, trainer = max(seen, key=lambda one: one[1])
    assert advice["parameters"] == max(one[0] for one in seen)
    weights = sum(p.nbytes for p in trainer.learner.model.parameters())
    moments = sum(value.nbytes for state in trainer.optimizer.state.values() for value in state.values())
    learned = sum(p.nbytes for p in trainer.learner.model.parameters() if p.requires_grad)
    assert advice["training_bytes"] == pytest.approx(weights + learned + moments + kept, rel=0.02)
    assert advice["fits"] and advice["steps"] > 0


def test_commands_of_all_other_jobs_are_understood():
    for job in JOBS:
        for preset in job.presets:
            text = ["--text", "book.txt"] if job.reads_text else []
            command = get_command(train).commands[job.command[0]]
            command.make_context(job.name, [*job.command[1:], *text, "--preset", preset, "--max-seconds", "9"])
            assert job.seconds(preset) > 0


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_language_model_is_priced_as_a_rehearsal_of_its_training_counts_it(tmp_path, optimizer):
    text = tmp_path / "book.txt"
    text.write_text("the quick brown fox jumps over the lazy dog. " * 200, encoding="utf-8")
    command = ["minimm", "train", "language-model", "--text", str(text), "--preset", "tiny", "--tokenizer", "character"]
    command += ["--d-model", "32", "--num-layers", "3", "--num-heads", "2", "--context-length", "16"]
    (cost,) = rehearse(
        [*command, "--optimizer", optimizer, "--max-seconds", "9", "--out", "x"], begin, MACHINE, timed=False
    )
    preset = replace(TEXT_PRESETS["tiny"], d_model=32, num_layers=3, num_heads=2, context_length=16)
    preset = replace(preset, training=replace(preset.training, optimizer=optimizer))
    size = price(
        preset,
        count_tokens(text.read_text(), replace(preset, tokenizer="character", vocab_size=None))[1],
        torch.float32,
    )
    assert size.parameters == cost.parameters and size.operations == cost.operations
    assert size.bytes_of["weights"] == cost.bytes_of["weights"] == size.bytes_of["gradients"]
    last_targets = 8 * preset.batch_size  # inputs and targets lie in one tensor, a token longer than either
    assert cost.bytes_of["activations"] - size.bytes_of["activations"] == last_targets
    steps_taken = (
        cost.bytes_of["optimizer"] - size.bytes_of["optimizer"]
    )  # AdamW counts its steps, 4 bytes a parameter group
    assert 0 <= steps_taken < 200
    assert not (tmp_path / "x").exists() and not Path("x").exists()


def test_the_chosen_language_model_is_built_as_described_and_holds_what_is_foretold(tmp_path):
    request = Request(seconds=60, memory=1e12)
    advice = advise_language_model(BY_NAME["language-model"], begin, MACHINE, request)
    found = []

    def watch(trainer):
        model, batch = trainer.learner.model, trainer.draw_batch(torch.Generator().manual_seed(0))
        found.append((num_parameters(model), saved_bytes(model, lambda: trainer.learner.loss(batch, last=True))))
        raise RehearsalIsOver

    with rehearsing(watch):
        assert run(*shlex.split(advice["command"])[1:-1], tmp_path / "out") == 0
    last_targets = 8 * TEXT_PRESETS["tiny"].batch_size
    assert found == [(advice["parameters"], advice["bytes_of"]["activations"] + last_targets)]
    assert advice["tokens_wanted"] == 20 * advice["parameters"] and advice["limited_by"] == ["time"]


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_the_price_of_a_size_is_that_of_the_model(precision):
    size = price(TextPreset(d_model=48, num_layers=2, num_heads=2), 300, precision)
    model = LanguageModel(size.config)
    initialize(model, torch.Generator().manual_seed(0), 2)
    ids = torch.zeros(32, 128, dtype=torch.long)

    def loss():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            return cross_entropy(model(ids), ids)

    assert size.parameters == num_parameters(model) and size.tokens_of_a_step == ids.numel()
    assert size.bytes_of["activations"] == saved_bytes(model, loss)


def test_sizes_grow_in_every_way(all_sizes):
    for less, more in zip(all_sizes, all_sizes[1:], strict=False):
        assert less.parameters < more.parameters and less.needs() < more.needs()
        assert less.wanted_seconds(MACHINE) < more.wanted_seconds(MACHINE)
    assert [size.config.d_model for size in all_sizes] == list(WIDTHS)
    assert all((size.config.d_model // size.config.num_heads) % 2 == 0 for size in all_sizes)


means = st.builds(
    Means,
    seconds=st.floats(1, 1e6),
    memory=st.floats(1e8, 1e10),
    machine=st.builds(Machine, st.just("cpu"), st.just(torch.float32), st.floats(1e9, 1e12), st.floats(1e8, 1e10)),
    tokens=st.one_of(st.none(), st.integers(1, 10**8)),
)


@given(means, st.sampled_from(("seconds", "memory", "machine", "tokens")), st.floats(1, 100))
@settings(max_examples=150)
def test_more_of_anything_never_gives_a_smaller_model(all_sizes, given_means, what, times):
    def choose(some):
        import minimm.advice.language_size as module

        original, module.sizes = module.sizes, lambda *_: iter(all_sizes)  # priced once
        try:
            return choose_size(TEXT_PRESETS["tiny"], 512, some)
        finally:
            module.sizes = original

    before = getattr(given_means, what)
    if what == "machine":
        after = replace(before, rate=times * before.rate, kept_rate=times * before.kept_rate)
    else:
        after = None if before is None else type(before)(before * times)
    more = replace(given_means, **{what: after})
    less_choice, more_choice = choose(given_means), choose(more)
    assert more_choice.size.parameters >= less_choice.size.parameters
    place = all_sizes.index(less_choice.size)
    if less_choice.lacking:
        assert place == 0 and less_choice.limited_by == all_sizes[0].lacking(given_means)
    else:
        assert not less_choice.size.lacking(given_means)
        larger = all_sizes[place + 1 :]
        assert less_choice.limited_by == (larger[0].lacking(given_means) if larger else {})


@given(st.floats(1, 1e4), st.floats(1e9, 1e12))
@settings(max_examples=12)
def test_time_and_rate_decide_about_steps(seconds, rate):
    machine = Machine("cpu", torch.float32, rate, rate / 100)
    advice = advise_language_model(BY_NAME["language-model"], begin, machine, Request(seconds, 4.5e8))
    foretold = (advice["operations_per_step"] + 100 * advice["bytes_of"]["activations"]) / rate
    assert advice["seconds_per_step"] == pytest.approx(foretold)
    assert advice["steps"] == int(seconds / advice["seconds_per_step"])
    assert advice["fits"] == (advice["lacking"] == {}) and (advice["fits"] or advice["what_to_do"])


def test_too_little_of_anything_is_named_with_what_to_do():
    job = BY_NAME["classifier"]
    advice = advise_job(job, begin, MACHINE, Request(30, MEMORY, examples=64))
    assert set(advice["lacking"]) == {"memory_bytes", "seconds"} and not advice["fits"]
    assert advice["lacking"]["memory_bytes"] == pytest.approx(advice["peak_bytes"] - MEMORY)
    assert advice["lacking"]["seconds"] == job.seconds("tiny") - 30
    room = int(re.search(r"--batch-size (\d+)", advice["what_to_do"])[1])
    smaller = [*shlex.split(advice["command"])[:-2], "--batch-size", str(room), "--out", "x"]
    (cost,) = rehearse(smaller, begin, MACHINE, timed=False)
    assert peak_bytes(cost.bytes_of) < 1.05 * MEMORY
    tight = advise_job(job, begin, MACHINE, Request(3600, 1e8))
    assert "more memory" in tight["what_to_do"]


def test_own_examples_choose_the_preset_and_count_the_passes():
    job = BY_NAME["captioner"]
    own = advise_job(job, begin, MACHINE, replace(PLENTY, examples=500))
    assert own["preset"] == "small" and own["passes_over_examples"] == own["seen"] / 500
    limited = advise_job(job, begin, MACHINE, Request(120, 1e12, examples=500))
    assert limited["preset"] == "tiny" and limited["fits"]  # the time does not suffice for the larger one
    assert own["parameters"] > limited["parameters"] and own["training_bytes"] > limited["training_bytes"]


def test_the_command_prints_and_writes_advice(tmp_path, capsys):
    command = ("advise", "--task", "classifier", "--minutes", 3, "--memory", 1, "--examples", 64, "--out", tmp_path)
    assert run(*command) == 0
    told, results = capsys.readouterr().out, read_json(tmp_path / "results.json")
    (advice,) = results["jobs"].values()
    assert advice["command"] in told and f"{advice['parameters']:,} parameters" in told
    assert "--pretrained runs/encoder --method lora" in told.replace("\n              ", " ")
    assert results["given_memory_bytes"] == 1e9 and advice["seconds_are_measured"] is False


def test_asked_about_nothing_it_lists_what_can_be_asked(capsys):
    assert run("advise") == 0
    told = capsys.readouterr().out
    assert all(f"--task {job.name} " in told for job in JOBS)


def test_modalities_find_their_jobs():
    def names(taken, given):
        return {job.name for job in find_jobs(taken, given)}

    texts = {"language-model", "translator", "summarizer", "question-answerer", "classifier", "encoder"}
    assert names(["text"], "text") == texts
    assert names(["image"], "text") == {"captioner", "visual-question-answerer", "retriever"}
    assert names(["audio"], "text") == {"speech-recognizer", "digit-retriever"}
    assert names(["video"], "text") == {"video-captioner"}
    assert names(["text"], "image") == {"text-to-image", "retriever"}
    for several in (["image", "audio"], ["text", "video", "image"], ["video", "audio", "text", "image"]):
        assert names(several, "text") == {"assistant"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "text", "--to", "video"), "text -> image"),
        (("--from", "smell", "--to", "text"), "choose from text, image, audio, video"),
        (("--task", "poet"), "language-model, translator"),
        (("--task", "captioner", "--from", "audio"), "image -> text"),
        (("--task", "captioner", "--minutes", "0"), "--minutes must be above 0"),
        (("--task", "captioner", "--memory", "-1"), "--memory must be above 0"),
        (("--task", "captioner", "--examples", "0"), "--examples must be above 0"),
        (("--task", "language-model", "--text", "nowhere.txt"), "nowhere.txt"),
    ],
)
def test_bad_questions_get_a_sentence(refused, options, said):
    assert said in refused("advise", *options)


def test_a_text_is_not_read_more_often_than_helps(tmp_path):
    text = tmp_path / "book.txt"
    text.write_text("the quick brown fox jumps over the lazy dog. " * 900, encoding="utf-8")
    slow = replace(MACHINE, rate=1e9, kept_rate=1e7)  # so that whole seconds are fine enough
    advice = advise_language_model(BY_NAME["language-model"], begin, slow, Request(1e7, 1e10, text=(text,)))
    assert "data" in advice["limited_by"] or "data" in advice["lacking"]
    assert advice["passes_over_text"] == pytest.approx(16, rel=0.1)
    assert f"--max-seconds {advice['training_seconds']:.0f} " in advice["command"]
