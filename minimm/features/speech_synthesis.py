"""Text spoken by a synthesiser on this machine: espeak-ng, a program without a network that speaks with many voices.

It puts sounds together by rule (formant synthesis, Klatt 1980): a voice is a set of numbers, so accent, speaker, speed and
pitch can be chosen one by one. Nobody takes it for a person, but it says any sentence, in hundredths of a second.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minimm.errors import MinimmError, check
from minimm.features.resampling import resample
from minimm.features.wav import read_wav

PROGRAMS = ("espeak-ng", "espeak")
SECONDS = 30  # that one text may take
WORKERS = 4  # texts spoken at once


@dataclass(frozen=True)
class Voice:
    """accent: a language of espeak-ng, as "en-us". speaker: one of its variants, as "f2". speed: words a minute. pitch:
    0 to 99."""

    accent: str = "en-us"
    speaker: str = "m1"
    speed: int = 150
    pitch: int = 50


def find_synthesizer() -> str | None:
    """The program that speaks, or None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def require_synthesizer() -> str:
    """The program that speaks, or an error that says how to get it."""
    program = find_synthesizer()
    if program is None:
        raise MinimmError(
            "nothing on this machine can speak: the program espeak-ng was not found. Install it (apt install espeak-ng, "
            "brew install espeak-ng, or its installer for Windows), or leave out what needs spoken questions"
        )
    return program


def speak(text: str, voice: Voice, sample_rate: int) -> np.ndarray:
    """The text as sound: float32 (samples,) in [-1, 1] at `sample_rate` Hz.

    Raises `MinimmError` for an empty text, where nothing can speak, and for a voice that the program does not know.
    """
    check(text.strip() != "", "there is nothing to say: the text is empty; give at least one word")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spoken.wav"
        command = [require_synthesizer(), "-v", f"{voice.accent}+{voice.speaker}", "-s", str(voice.speed)]
        command += ["-p", str(voice.pitch), "-w", str(file), "--", text]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MinimmError(f"{command[0]} could not be run ({error}); install espeak-ng again") from None
        complaint = " ".join(done.stderr.decode("utf-8", "replace").split())
        check(
            done.returncode == 0 and file.exists() and not complaint,
            f"{command[0]} could not say {text[:40]!r} with voice {voice} ({complaint or done.returncode}); choose an accent "
            "and a speaker that `espeak-ng --voices=en` and `--voices=variant` list",
        )
        return resample(*read_wav(file), sample_rate)


def speak_all(texts: list[tuple[str, Voice]], sample_rate: int) -> list[np.ndarray]:
    """Many texts, several at once, in their order."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(lambda pair: speak(*pair, sample_rate), texts))
