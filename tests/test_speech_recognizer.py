"""Recognising speech, end to end: learning, writing, showing when it listened, keeping, the commands, and bad input."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import torch
from command_line import run
from PIL import Image

from minimm.datasets.bundled import bundled
from minimm.datasets.spoken_digits import SpokenDigits
from minimm.datasets.transcribed_recordings import TranscribedRecordings
from minimm.errors import MinimmError
from minimm.features.resampling import resample
from minimm.features.wav import read_wav, write_wav
from minimm.files import read_json
from minimm.plots.sound import heard_words, sound_picture
from minimm.tasks import SpeechRecognizer
from minimm.tasks.writing import speech_recognizer

SMALL = {"channels": (8, 16), "d_model": 32, "num_heads": 2, "num_layers": 1, "dropout": 0.0, "batch_size": 12}
FAST = {"learning_rate": 1e-2, "warmup_steps": 10, "precision": "float32"}


@pytest.fixture(scope="module")
def few_digits():
    """Two digits of one speaker: enough to see that something is learnt in seconds."""
    digits = SpokenDigits("speech/en")
    return digits.part([r for r in digits.recordings if r.speaker == "alto" and r.digit in (1, 6)])


@pytest.fixture(scope="module")
def recognizer(few_digits):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech_recognizer, "MOST_DIGITS", 2)
        patch.setattr(speech_recognizer, "VALIDATION_RECORDINGS", 32)
        return SpeechRecognizer(**SMALL, **FAST).fit(few_digits, max_steps=110)


@pytest.fixture(scope="module")
def saved(recognizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recognizer")
    recognizer.save(folder)
    return folder


def test_a_few_digits_are_learnt_in_seconds(recognizer, few_digits):
    assert recognizer.training.best_validation_loss < 0.5  # knowing nothing gives ln 6 = 1.8
    strings = few_digits.draw(40, torch.Generator().manual_seed(1), num_digits=(1, 2))
    scores = recognizer.evaluate(strings)
    assert scores["word_error_rate"] < 0.3 and scores["exact_match"] > 0.6
    assert set(recognizer.evaluate(few_digits)) == {"accuracy"}


def test_a_file_a_waveform_and_another_rate_are_written_alike(recognizer, tmp_path):
    file = bundled("speech") / "en" / "6_alto_0.wav"
    waveform, rate = read_wav(file)
    write_wav(tmp_path / "fast.wav", resample(waveform, rate, 22_050), 22_050)
    texts = recognizer.transcribe_all([file, (waveform, rate), tmp_path / "fast.wav", (0.1 * waveform, rate)])
    assert len(set(texts)) == 1 and texts[0] == recognizer.transcribe(str(file))
    assert recognizer.transcribe(file, num_beams=3).split()[0] in ("one", "six")


def test_recordings_written_together_and_alone_are_written_alike(recognizer, few_digits):
    speech = few_digits.draw(8, torch.Generator().manual_seed(2), num_digits=(1, 2))
    recordings = [(waveform, 8000) for waveform in speech.waveforms]
    assert recognizer.transcribe_all(recordings) == [recognizer.transcribe(recording) for recording in recordings]


def test_what_is_saved_writes_the_same(recognizer, saved, few_digits):
    loaded = SpeechRecognizer.load(saved)
    assert loaded.sample_rate == 8000
    assert loaded._transcribe(few_digits.isolated().waveforms) == recognizer._transcribe(
        few_digits.isolated().waveforms
    )


def test_attention_says_when_each_word_was_heard(recognizer, few_digits):
    speech = few_digits.draw(1, torch.Generator().manual_seed(3), num_digits=(2, 2))
    attended = recognizer.attend((speech.waveforms[0], 8000), "one six")
    moments = len(speech.waveforms[0]) / 8000 / attended.step_seconds
    assert attended.words == ["one", "six"] and attended.weights.shape[:3] == (1, 2, 2)
    assert abs(attended.map.shape[1] - moments) <= 2
    np.testing.assert_allclose(attended.map.sum(axis=1), 1.0, atol=1e-5)
    assert attended.plot().get_size_inches()[0] > 4
    marked = recognizer.attend((speech.waveforms[0], 8000), "It's one, or six.")
    assert marked.words == ["It's", "one,", "or", "six."] and len(marked.map) == 4
    assert marked.plot().get_size_inches()[0] > 4


def test_a_folder_of_own_recordings_is_learnt_from(tmp_path):
    lines = []
    for number in range(12):
        hertz = 300 + 900 * (number % 2)
        waveform = 0.5 * np.sin(2 * np.pi * hertz * np.arange(3000 + 100 * number) / 8000)
        write_wav(tmp_path / f"{number}.wav", waveform, 8000)
        lines.append(f"{number}.wav\t{('a low tone', 'a high tone')[number % 2]}")
    (tmp_path / "transcripts.tsv").write_text("\n".join(lines), encoding="utf-8")
    task = SpeechRecognizer(**SMALL, **FAST).fit(tmp_path, max_steps=40)
    assert task.evaluate(TranscribedRecordings(tmp_path).split("train"))["exact_match"] >= 0.8


def test_validation_hears_recordings_that_are_never_learnt_from(few_digits, tmp_path, monkeypatch):
    monkeypatch.setattr(SpokenDigits, "draw", lambda part, *_, **options: part)  # what would be drawn from
    draw, heard, _ = speech_recognizer.speech_source(few_digits, 8000)
    assert {r.take for r in heard.recordings} == {6}
    assert {r.take for r in draw(1, torch.Generator()).recordings} == {0, 5}
    for number in range(20):
        write_wav(tmp_path / f"{number}.wav", few_digits.recordings[0].waveform, 8000)
    lines = [f"{number}.wav\t{number}" for number in range(20)]
    (tmp_path / "transcripts.tsv").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setattr(speech_recognizer, "draw_changed", lambda part, *_: part)
    draw, heard, texts = speech_recognizer.speech_source(tmp_path, 8000)
    learned = draw(1, torch.Generator()).texts
    assert heard.texts == ["10"] and sorted(learned + heard.texts) == sorted(texts) and not {"9", "19"} & set(texts)


def test_train_and_transcribe_from_the_command_line(tmp_path, few_digits, capsys, monkeypatch):
    monkeypatch.setattr("minimm.runs.speech.EVALUATION_STRINGS", 20)
    monkeypatch.setattr(speech_recognizer, "VALIDATION_RECORDINGS", 8)
    data, out = tmp_path / "data", tmp_path / "out"
    for r in few_digits.recordings:
        for speaker in ("ada", "bob"):
            write_wav(data / f"{r.digit}_{speaker}_{r.take}.wav", r.waveform, 8000)
    options = ("--max-steps", 6, "--d-model", 16, "--num-heads", 2, "--num-layers", 1, "--batch-size", 4)
    assert run("train", "speech-recognizer", "--data", data, "--out", out, "--leave-out", "bob", *options) == 0
    results = read_json(out / "results.json")
    assert {"accuracy", "word_error_rate", "exact_match", "steps", "speaker_left_out"} <= set(results)
    assert results["speaker_left_out"] == "bob" and results["recordings"] == 12
    assert (out / "samples.txt").read_text(encoding="utf-8").startswith("truth\twritten\n")
    for name in ("loss", "sound", "attention"):
        assert Image.open(out / "figures" / f"{name}.png").width > 300
    files = sorted(data.glob("*.wav"))[:2]
    assert run("transcribe", *files, "--model", out) == 0
    assert [line.split(": ")[0] for line in capsys.readouterr().out.splitlines()[-2:]] == [str(file) for file in files]
    write_wav(tmp_path / "loud.wav", (20 * few_digits.recordings[0].waveform).clip(-1, 1), 8000)
    assert run("transcribe", tmp_path / "loud.wav", "--model", out) == 0
    assert "warning: " in (warned := capsys.readouterr().err) and "is clipped" in warned


def test_transcribe_draws_when_it_listened(saved, tmp_path):
    recording, figure = bundled("speech") / "en" / "1_alto_0.wav", tmp_path / "heard.png"
    assert run("transcribe", recording, "--model", saved, "--figure", figure) == 0
    assert Image.open(figure).width > 300


def test_bad_recordings_and_requests_are_refused_on_the_command_line(saved, tmp_path, refused, capsys):
    good = bundled("speech") / "en" / "1_alto_0.wav"
    write_wav(tmp_path / "silent.wav", np.zeros(8000), 8000)
    write_wav(tmp_path / "short.wav", np.ones(80), 8000)
    write_wav(tmp_path / "long.wav", np.sin(np.arange(8000.0 * 61)), 8000)
    (tmp_path / "broken.wav").write_bytes(good.read_bytes()[:300])
    (tmp_path / "mp3.wav").write_bytes(good.read_bytes()[:20] + struct.pack("<H", 85) + good.read_bytes()[22:])
    (tmp_path / "empty.wav").touch()
    for name, sentence in (
        ("silent", "is silent"),
        ("short", "lasts 10 ms, too short"),
        ("long", "lasts 61 s, but at most 60 s"),
        ("broken", "is cut off"),
        ("mp3", "is compressed (MP3)"),
        ("empty", "is empty (0 bytes)"),
        ("missing", "does not exist"),
    ):
        assert sentence in refused("transcribe", tmp_path / f"{name}.wav", "--model", saved)
    figure = ("--figure", tmp_path / "f.png")
    assert "--figure draws one recording, but 2" in refused("transcribe", good, good, "--model", saved, *figure)
    train = ("train", "speech-recognizer", "--out", tmp_path / "out")
    assert "speaker 'eve' is not known" in refused(*train, "--data", "speech", "--leave-out", "eve")
    assert "nowhere does not exist" in refused(*train, "--data", "nowhere")
    write_wav(tmp_path / "own" / "a.wav", 0.5 * np.sin(np.arange(4000.0)), 8000)
    (tmp_path / "own" / "transcripts.tsv").write_text("a.wav\thello\n", encoding="utf-8")
    assert "has transcripts and no speakers" in refused(*train, "--data", tmp_path / "own", "--leave-out", "ada")


def test_a_task_that_has_learnt_nothing_and_wrong_data_are_refused():
    with pytest.raises(MinimmError, match="has not learned anything yet"):
        SpeechRecognizer().transcribe((0.5 * np.sin(np.arange(800.0)), 8000))
    with pytest.raises(MinimmError, match="cannot learn from list"):
        SpeechRecognizer().fit([1, 2])
    with pytest.raises(MinimmError, match="opened at 8000 Hz but this model hears 16000 Hz"):
        SpeechRecognizer(sample_rate=16000).fit(SpokenDigits("speech"))


def test_pictures_of_sound_refuse_what_does_not_fit():
    waveform = np.sin(np.arange(4000.0))
    with pytest.raises(MinimmError, match="2 words and weights"):
        heard_words(waveform, 8000, ["one", "two"], np.ones((3, 10)), 0.04)
    with pytest.raises(MinimmError, match="finite numbers"):
        sound_picture(np.full(4000, np.nan), 8000, "broken")
    assert sound_picture(np.tile(waveform, 30), 44_100, "long").get_size_inches()[0] < 12


@pytest.mark.slow
def test_ten_bundled_digits_are_learnt_by_voices_that_say_them_anew():
    digits = SpokenDigits("speech/en")
    task = SpeechRecognizer(batch_size=16, precision="float32").fit(digits.split("train"), max_steps=220)
    assert task.evaluate(digits.split("test"))["accuracy"] >= 0.85
