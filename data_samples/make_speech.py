"""Writes `speech/`: spoken digits in English and Chinese, by voices that a synthesiser makes up.

Needs espeak-ng 1.51 or later on the PATH (Debian: `apt install espeak-ng`; macOS: `brew install espeak-ng`), an offline
synthesiser that computes speech from rules; it draws nothing at random, so the same version gives the same files. What is in
`speech/` was made with 1.51.

A speaker is a choice of voice, pitch and speed, the same in both languages, named by the kind of voice. The takes of a
speaker differ a little in pitch and speed, as a person's do. Take 0 is for testing, as takes 0 to 4 are in the data set
whose layout this is ({digit}_{speaker}_{take}.wav, 8 kHz, 16 bits, one channel); 5 and on are for learning.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from minimm.datasets.spoken_digits import DIGIT_WORDS, SAMPLE_RATE
from minimm.features.resampling import resample
from minimm.features.wav import read_wav, write_wav

FOLDER = Path(__file__).resolve().parent / "speech"
SPEAKERS = {  # English voice, timbre, pitch (0 to 99), words a minute
    "bass": ("en-us", "m3", 20, 190),
    "baritone": ("en-gb", "m1", 40, 210),
    "tenor": ("en-gb-scotland", "m5", 62, 230),
    "alto": ("en-us", "f2", 42, 205),
    "soprano": ("en-gb", "f4", 66, 220),
}
TAKES = {0: (0, 0), 5: (-7, -12), 6: (6, 14)}  # take: what is added to pitch and to speed
CHINESE_VOICE = "cmn-latn-pinyin"  # reads characters as well
AUDIBLE = 0.03  # of the loudest sample: what is softer at either end is cut off
ROOM = 0.02  # seconds that stay on either side


def speak(word: str, voice: str, pitch: int, speed: int) -> np.ndarray:
    """The word as float32 (samples,) at `SAMPLE_RATE`, without the silence around it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "word.wav"
        command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "-w", str(file), word]
        subprocess.run(command, check=True)
        waveform = resample(*read_wav(file), SAMPLE_RATE)
    loud = np.flatnonzero(np.abs(waveform) >= AUDIBLE * np.abs(waveform).max())
    room = round(ROOM * SAMPLE_RATE)
    return waveform[max(0, loud[0] - room) : loud[-1] + room]


def main() -> None:
    """Write every digit of every speaker and take in both languages."""
    if shutil.which("espeak-ng") is None:
        sys.exit("make_speech.py needs espeak-ng on the PATH; see its first lines")
    for language, words in DIGIT_WORDS.items():
        for speaker, (english, timbre, pitch, speed) in SPEAKERS.items():
            voice = f"{english if language == 'en' else CHINESE_VOICE}+{timbre}"
            for take, (higher, faster) in TAKES.items():
                for digit, word in enumerate(words):
                    waveform = speak(word, voice, pitch + higher, speed + faster)
                    path = FOLDER / language / f"{digit}_{speaker}_{take}.wav"
                    write_wav(path, 0.5 * waveform / np.abs(waveform).max(), SAMPLE_RATE)


if __name__ == "__main__":
    main()
