"""What the features of pictures, sounds and texts, and reading files, say of input that they cannot use."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from closed_files import closed_to_us

from minimm import files
from minimm.errors import MinimmError
from minimm.fairness.swapping import read_lists
from minimm.features import wav
from minimm.features.audio import log_mel, log_mel_batch, stft
from minimm.features.image import load_image
from minimm.features.speech_synthesis import Voice, speak
from minimm.features.text_rank import text_rank
from minimm.features.vowel_synthesis import synthesize_vowels
from minimm.features.wav import read_wav, wav_bytes
from minimm.files import read_json, read_utf8

TONE = (0.3 * np.sin(np.arange(800) / 3)).astype(np.float32)


def vowels(*pitch: float, seconds: float) -> np.ndarray:
    formants = np.full((len(pitch), 3), 1000.0)
    return synthesize_vowels(np.array(pitch), formants, 8000, seconds, np.random.default_rng(0))


REFUSED = {
    "a frame has size=200 and hop=0 samples; both must be at least 1": lambda: log_mel(TONE, 8000, hop_seconds=0.0),
    "a frame has size=0 and hop=80 samples; both must be at least 1": lambda: log_mel(TONE, 8000, frame_seconds=0.0),
    "a frame has size=0 and hop=0 samples; both must be at least 1": lambda: log_mel(TONE, 10),  # no such rate
    "a frame has size=256 and hop=-1 samples; both must be at least 1": lambda: stft(TONE, 256, 256, -1),
    "log_mel needs one channel (samples,), but got (2, 400); see load_audio": lambda: log_mel(
        TONE.reshape(2, -1), 8000
    ),
    "no recording was given; give at least one": lambda: log_mel_batch([], 8000),
    "there is no sentence to rank; give at least one": lambda: text_rank([]),
    "seconds=0 are no whole sample at 8000 Hz; 0.2 is long": lambda: vowels(120.0, seconds=0),
    "seconds=1e-05 are no whole sample at 8000 Hz": lambda: vowels(120.0, seconds=1e-5),
    "formants (N, 3) of one or more, but got (0,) and (0, 3)": lambda: vowels(seconds=0.2),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_of_what_has_nothing_in_it(sentence):
    with pytest.raises(MinimmError, match=re.escape(sentence)):
        REFUSED[sentence]()


READERS = pytest.mark.parametrize(
    ("read", "wanted"), [(load_image, "a PNG or JPEG file"), (read_wav, "a wav file")], ids=["picture", "sound"]
)


@READERS
def test_of_what_is_no_file_with_something_in_it(tmp_path, read, wanted):
    (tmp_path / "empty").touch()
    for path, sentence in (
        (tmp_path, f"{tmp_path} is a folder; give {wanted}"),
        (tmp_path / "absent", f"{tmp_path / 'absent'} does not exist; check the path"),
        (tmp_path / "empty", f"{tmp_path / 'empty'} is empty (0 bytes); give {wanted}"),
    ):
        with pytest.raises(MinimmError, match=re.escape(sentence)):
            read(path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@READERS
def test_of_a_device_and_of_a_pipe(tmp_path, read, wanted):
    os.mkfifo(tmp_path / "pipe")
    for path in (Path(os.devnull), tmp_path / "pipe"):
        with pytest.raises(MinimmError, match=re.escape(f"{path} is a device or a pipe; give {wanted}")):
            read(path)


def test_of_files_beyond_all_measure(tmp_path, monkeypatch):
    (tmp_path / "long.wav").write_bytes(wav_bytes(TONE, 8000))  # 1,644 bytes
    (tmp_path / "config.json").write_text("[0, 1, 2]", encoding="utf-8")
    monkeypatch.setattr(wav, "MAX_BYTES", 1000)
    monkeypatch.setattr(files, "MAX_BYTES", 8)
    with pytest.raises(MinimmError, match="long.wav has 1,644 bytes, but at most 1,000 are read; cut it into parts"):
        read_wav(tmp_path / "long.wav")
    for read in (read_json, read_utf8):
        with pytest.raises(MinimmError, match="config.json has 9 bytes, but at most 8 are read; is it the right file?"):
            read(tmp_path / "config.json")


@pytest.mark.parametrize("read", [load_image, read_wav, read_json, read_utf8, read_lists])
def test_of_a_file_that_may_not_be_read(tmp_path, read):
    path = tmp_path / "mine"
    path.write_text("{}", encoding="utf-8")
    with closed_to_us(path), pytest.raises(MinimmError, match=r"mine could not be read \(Permission denied\)"):
        read(path)


def test_of_a_synthesizer_that_was_taken_away(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: str(tmp_path / name))
    with pytest.raises(MinimmError, match=r"espeak-ng could not be run \(.*\); install espeak-ng again"):
        speak("hello", Voice(), 8000)
