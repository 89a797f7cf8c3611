"""Data sets of speech: names, parts, speakers left out, strings put together, and folders with transcripts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minimm.datasets import spoken_digits
from minimm.datasets.spoken_digits import SPEEDS, Recording, Speech, SpokenDigits
from minimm.datasets.transcribed_recordings import TranscribedRecordings, draw_changed
from minimm.errors import MinimmError
from minimm.features.wav import write_wav

WORDS = spoken_digits.DIGIT_WORDS["en"]


def tone(digit, speaker=1, samples=800):
    """A made-up digit: its pitch is the digit, its loudness the speaker."""
    return (0.1 * speaker * np.sin(2 * np.pi * (200 + 100 * digit) * np.arange(samples) / 8000)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits")
    for speaker, loudness in (("ada", 1), ("bob", 3)):
        for digit in range(10):
            for take in (0, 4, 5, 11):
                write_wav(path / f"{digit}_{speaker}_{take}.wav", tone(digit, loudness, 600 + 20 * take), 8000)
    return path


def test_names_say_the_digit_the_speaker_and_the_take(folder):
    digits = SpokenDigits(folder)
    assert len(digits) == 80 and digits.speakers == ["ada", "bob"] and digits.sample_rate == 8000
    assert {r.word for r in digits.recordings} == set(WORDS)
    recording = next(r for r in digits.recordings if (r.digit, r.speaker, r.take) == (7, "bob", 11))
    np.testing.assert_allclose(recording.waveform, tone(7, 3, 820), atol=1e-4)


def test_takes_0_to_4_are_the_test_and_a_speaker_can_be_left_out(folder):
    digits = SpokenDigits(folder)
    assert {r.take for r in digits.split("test").recordings} == {0, 4}
    assert {r.take for r in digits.split("train").recordings} == {5, 11}
    others, alone = digits.leave_out("bob")
    assert others.speakers == ["ada"] and alone.speakers == ["bob"] and len(others) + len(alone) == 80


def test_the_last_take_of_each_speaker_and_digit_is_held_out_where_two_others_are_left(folder):
    digits = SpokenDigits(folder)
    learned, held_out = digits.hold_out()
    assert {r.take for r in held_out.recordings} == {11} and {r.take for r in learned.recordings} == {0, 4, 5}
    assert len(held_out) == 20 and len(learned) == 60
    few = digits.split("train")  # two takes of each
    assert few.hold_out() == (few, few)


def test_another_rate_is_resampled(folder):
    digits = SpokenDigits(folder, sample_rate=4000)
    assert [len(r.waveform) for r in digits.recordings] == [
        len(r.waveform) // 2 for r in SpokenDigits(folder).recordings
    ]


def test_digits_of_both_languages_come_with_minimm():
    digits = SpokenDigits("speech")
    assert {r.language for r in digits.recordings} == {"en", "zh"}
    chinese = SpokenDigits("speech/zh")
    assert {r.word for r in chinese.recordings} == set("零一二三四五六七八九") and len(chinese) == len(digits) / 2


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2**32))
def test_a_string_is_recordings_of_one_speaker_in_the_order_of_its_words(folder, count, low, more, seed):
    digits = SpokenDigits(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spoken_digits, "NOISE", (200.0, 200.0))  # none to speak of
        speech = digits.draw(count, torch.Generator().manual_seed(seed), num_digits=(low, low + more))
    for waveform, text in zip(speech.waveforms, speech.texts, strict=True):
        words = text.split()
        assert low <= len(words) <= low + more and set(words) <= set(WORDS)
        loud = np.abs(waveform) > 1e-3
        edges = np.flatnonzero(np.diff(np.concatenate([[0], np.convolve(loud, np.ones(200))[: len(loud)] > 0, [0]])))
        assert len(edges) == 2 * len(words)  # as many sounds as words, with pauses between
        for word, (start, end) in zip(words, edges.reshape(-1, 2), strict=True):
            piece = waveform[start : end - 199]
            pitch = np.abs(np.fft.rfft(piece, n=8000)).argmax()  # Hz
            assert abs(pitch - (200 + 100 * WORDS.index(word))) <= 12


def test_the_same_generator_draws_the_same_strings_and_speed_changes_their_length(folder):
    digits = SpokenDigits(folder)

    def draw(seed, **options):
        return digits.draw(8, torch.Generator().manual_seed(seed), num_digits=(2, 2), **options)

    one, two = draw(1), draw(1)
    assert one.texts == two.texts and all(map(np.array_equal, one.waveforms, two.waveforms))
    slow, fast = (np.mean([len(w) for w in draw(1, speeds=[percent]).waveforms]) for percent in (SPEEDS[0], SPEEDS[-1]))
    assert slow > fast and draw(2).texts != one.texts
    assert all(np.abs(w).max() <= 1.0 and w.dtype == np.float32 for w in one.waveforms)


def test_bad_folders_names_and_requests_are_refused(folder, tmp_path):
    digits = SpokenDigits(folder)
    with pytest.raises(MinimmError, match="split='validation' is not known"):
        digits.split("validation")
    with pytest.raises(MinimmError, match="speaker 'eve' is not known; choose from ada, bob"):
        digits.leave_out("eve")
    with pytest.raises(MinimmError, match="'ada' is the only speaker"):
        digits.leave_out("bob")[0].leave_out("ada")
    with pytest.raises(MinimmError, match=r"num_digits=\(3, 2\)"):
        digits.draw(1, torch.Generator(), num_digits=(3, 2))
    with pytest.raises(MinimmError, match="nothing to test on"):
        digits.split("train").split("test")
    with pytest.raises(MinimmError, match="has no recordings"):
        SpokenDigits(tmp_path)
    with pytest.raises(MinimmError, match="is a file; give the folder"):
        SpokenDigits(folder / "0_ada_0.wav")
    write_wav(tmp_path / "seven.wav", tone(7), 8000)
    with pytest.raises(MinimmError, match=r"seven.wav is not named digit_speaker_take.wav"):
        SpokenDigits(tmp_path)


def test_a_recording_is_of_a_language():
    assert Recording(tone(3), 3, "ada", 0, "zh").word == "三"


# A folder with transcripts


def write_transcripts(path, lines):
    for number in range(len(lines)):
        write_wav(path / f"{number}.wav", tone(number % 10), 8000)
    (path / "transcripts.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_a_folder_with_transcripts_is_read_and_one_recording_in_ten_is_the_test(tmp_path):
    write_transcripts(tmp_path, [f"{number}.wav\tOpen  the door {number}" for number in range(20)])
    recordings = TranscribedRecordings(tmp_path)
    assert recordings.speech.texts[3] == "open the door 3" and len(recordings) == 20
    assert recordings.split("test").texts == ["open the door 9", "open the door 19"]
    assert len(recordings.split("train").texts) == 18
    drawn = [draw_changed(recordings.speech, 8000, 6, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert drawn[0].texts == drawn[1].texts != drawn[2].texts
    assert all(map(np.array_equal, drawn[0].waveforms, drawn[1].waveforms))
    lengths = {len(waveform) for waveform in drawn[0].waveforms}
    assert lengths <= {-(-800 * 100 // percent) for percent in SPEEDS}


@pytest.mark.parametrize("count", [2, 8, 11, 12, 40])
def test_every_tenth_recording_of_those_to_learn_from_is_held_out_and_never_the_test(tmp_path, count):
    write_transcripts(tmp_path, [f"{number}.wav\t{number}" for number in range(count)])
    recordings = TranscribedRecordings(tmp_path)
    training, test = recordings.split("train").texts, recordings.split("test").texts
    learned, held_out = (part.texts for part in recordings.hold_out())
    assert not set(test) & {*learned, *held_out}
    if len(training) < 10:
        assert learned == held_out == training
    else:
        assert held_out == training[9::10] and sorted(learned + held_out) == sorted(training)


def test_of_few_recordings_the_last_is_the_test(tmp_path):
    write_transcripts(tmp_path, ["0.wav\tone", "1.wav\ttwo", "2.wav\tthree"])
    recordings = TranscribedRecordings(tmp_path)
    assert recordings.split("test").texts == ["three"] and recordings.split("train").texts == ["one", "two"]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["0.wav one"], r"line 1: '0.wav one' is not file name, tab, text"),
        (["0.wav\tone", "1.wav\t "], "line 2"),
        (["0.wav\tone", "1.wav\ttwo", " 0.wav\tone"], "line 3: 0.wav is listed a second time"),
        (["missing.wav\tone"], "missing.wav does not exist"),
        ([], "transcripts.tsv is empty"),
    ],
)
def test_broken_transcripts_are_refused(tmp_path, lines, sentence):
    write_transcripts(tmp_path, lines)
    with pytest.raises(MinimmError, match=sentence):
        TranscribedRecordings(tmp_path)


def test_a_folder_without_transcripts_and_a_single_recording_are_refused(tmp_path):
    with pytest.raises(MinimmError, match=r"has no transcripts.tsv; write one"):
        TranscribedRecordings(tmp_path)
    write_transcripts(tmp_path, ["0.wav\tone"])
    with pytest.raises(MinimmError, match="only one recording"):
        TranscribedRecordings(tmp_path).split("train")


def test_speech_is_waveforms_with_texts(folder):
    speech = SpokenDigits(folder).isolated()
    assert isinstance(speech, Speech) and len(speech.waveforms) == len(speech.texts) == 80
