"""A folder of your own recordings: wav files, and `transcripts.tsv` with one line for each, file, tab, what is said in it.

    hello_1.wav     hello there
    door.wav        open the door

The words are what is learnt to write, so the same word should be spelled the same in every line; text is taken in lower case
and with single spaces. One recording in ten is kept for testing. In training each one is moved a little in time, made
faster or slower, and noise is added: a few hundred recordings then say enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from minimm.datasets.coco_captions import leads_out
from minimm.datasets.folders import find_folder
from minimm.datasets.spoken_digits import NOISE, SAMPLE_RATE, SPEEDS, Speech
from minimm.datasets.text_files import read_text
from minimm.errors import check
from minimm.features.audio import load_audio
from minimm.features.audio_augmentation import add_noise, shift_time
from minimm.features.resampling import resample
from minimm.files import check_inside

TRANSCRIPTS = "transcripts.tsv"
TEST_SHARE = 10  # one recording in so many is for testing
MOST_SHIFT = 0.05  # seconds earlier or later


class TranscribedRecordings:
    """All recordings of a folder with transcripts, or a part of them.

    Args:
        folder: a path, or a name in the data folder.
        sample_rate: Hz that all recordings are brought to; a higher one hears more and takes longer.

    Attributes: speech (`Speech`), sample_rate.
    """

    def __init__(self, folder: str | Path, sample_rate: int = SAMPLE_RATE) -> None:
        path = find_folder(folder)
        check(
            (path / TRANSCRIPTS).is_file(),
            f"{path} has no {TRANSCRIPTS}; write one with a line for each recording: its file name, a tab, what is said",
        )
        waveforms, texts, names = [], [], set()
        for number, line in enumerate(read_text(check_inside(path / TRANSCRIPTS, path)).splitlines(), start=1):
            name, tab, text = line.partition("\t")
            check(
                tab == "\t" and name.strip() != "" and text.strip() != "",
                f"{path / TRANSCRIPTS}, line {number}: {line[:60]!r} is not file name, tab, text; neither may be empty",
            )
            check(
                name.strip() not in names,
                f"{path / TRANSCRIPTS}, line {number}: {name.strip()} is listed a second time, so it could be learned from "
                "and tested on; take one of the two lines out",
            )
            check(
                not leads_out(name.strip()),
                f"{path / TRANSCRIPTS}, line {number}: {name.strip()!r:.80} leads out of the folder; put it inside",
            )
            names.add(name.strip())
            waveforms.append(load_audio(check_inside(path / name.strip(), path), sample_rate))
            texts.append(" ".join(text.lower().split()))
        check(len(texts) > 0, f"{path / TRANSCRIPTS} is empty; give a line for each recording: file name, tab, text")
        self.speech, self.sample_rate = Speech(waveforms, texts), sample_rate

    def __len__(self) -> int:
        return len(self.speech.texts)

    def split(self, name: str) -> Speech:
        """ "test": one recording in ten, spread over the file; "train": all others. Of fewer than ten the last is the test."""
        check(name in ("train", "test"), f"split={name!r} is not known; choose 'train' or 'test'")
        check(len(self) >= 2, "there is only one recording; give at least two, one to learn from and one to test on")
        learned, test = _every(min(TEST_SHARE, len(self)), self.speech)
        return test if name == "test" else learned

    def hold_out(self) -> tuple[Speech, Speech]:
        """ "train" without every tenth recording, to learn from, and those, to validate on; of fewer than ten both are all."""
        training = self.split("train")
        return _every(TEST_SHARE, training) if len(training.texts) >= TEST_SHARE else (training, training)


def _every(step: int, speech: Speech) -> tuple[Speech, Speech]:
    """All others, and every recording whose number, from 1, is a multiple of `step`."""
    chosen = range(step - 1, len(speech.texts), step)
    others = [i for i in range(len(speech.texts)) if i not in chosen]
    return tuple(
        Speech([speech.waveforms[i] for i in part], [speech.texts[i] for i in part]) for part in (others, chosen)
    )


def draw_changed(
    speech: Speech, sample_rate: int, count: int, generator: torch.Generator, speeds: Sequence[int] = SPEEDS
) -> Speech:
    """`count` recordings drawn with replacement, each moved in time, at another speed and pitch, and with noise."""
    chosen = torch.randint(len(speech.texts), (count,), generator=generator).tolist()
    speed = torch.randint(len(speeds), (count,), generator=generator).tolist()
    rows = [resample(speech.waveforms[i], speeds[s], 100) for i, s in zip(chosen, speed, strict=True)]
    lengths = torch.tensor([len(row) for row in rows])
    waveforms = torch.zeros(count, int(lengths.max()))
    for place, row in zip(waveforms, rows, strict=True):
        place[: len(row)] = torch.from_numpy(row)
    waveforms = shift_time(waveforms, lengths, generator, round(MOST_SHIFT * sample_rate))
    waveforms = add_noise(waveforms, lengths, generator, NOISE)
    heard = [row[:n] for row, n in zip(waveforms.numpy(), lengths.tolist(), strict=True)]
    return Speech(heard, [speech.texts[i] for i in chosen])
