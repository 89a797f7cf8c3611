"""Wav files: what Python's own `wave` writes is read, what is written it reads, and every broken file gets a sentence."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimm.errors import MinimmError
from minimm.features.wav import read_wav, write_wav

PCM, FLOATING, EXTENSIBLE = 1, 3, 0xFFFE


def riff(*chunks):
    """A RIFF file of (name, contents) chunks, written apart from the code under test."""
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def fmt(encoding=PCM, channels=1, rate=8000, bits=16, extra=b""):
    frame = channels * bits // 8
    return b"fmt ", struct.pack("<HHIIHH", encoding, channels, rate, rate * frame, frame, bits) + extra


def saved(tmp_path, contents):
    path = tmp_path / "sound.wav"
    path.write_bytes(contents)
    return path


def by_wave(width, channels, rate, frames):
    """What Python's `wave` writes for whole numbers (frames, channels)."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        if width == 1:
            data = (frames + 128).astype(np.uint8).tobytes()
        else:
            data = b"".join(int(value).to_bytes(width, "little", signed=True) for value in frames.flat)
        file.writeframes(data)
    return buffer.getvalue()


@given(
    st.sampled_from([1, 2, 3, 4]),
    st.integers(1, 6),
    st.sampled_from([8000, 11025, 44100]),
    st.integers(1, 40),
    st.integers(0, 2**32),
)
def test_whole_numbers_of_every_width_and_any_channels_are_read_as_wave_wrote_them(
    tmp_path_factory, width, channels, rate, count, seed
):
    largest = 2 ** (8 * width - 1)
    frames = np.random.default_rng(seed).integers(-largest, largest, size=(count, channels))
    path = saved(tmp_path_factory.mktemp("wav"), by_wave(width, channels, rate, frames))
    waveform, found_rate = read_wav(path)
    assert found_rate == rate and waveform.dtype == np.float32 and waveform.shape == (count,)
    np.testing.assert_allclose(waveform, (frames / largest).mean(axis=1), atol=2e-7)


@pytest.mark.parametrize("bits", [32, 64])
def test_floating_point_samples_stay_what_they_are(tmp_path, bits):
    samples = np.array([0.0, 0.25, -1.0, 1.0, 0.1])
    contents = riff(fmt(FLOATING, bits=bits), (b"data", samples.astype(f"<f{bits // 8}").tobytes()))
    np.testing.assert_array_equal(read_wav(saved(tmp_path, contents))[0], samples.astype(np.float32))


@pytest.mark.parametrize(("inner", "bits"), [(PCM, 16), (PCM, 24), (FLOATING, 32)])
def test_an_extensible_file_is_read_by_the_encoding_inside(tmp_path, inner, bits):
    guid = struct.pack("<H", inner) + b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    extra = struct.pack("<HHI", 22, bits, 4) + guid
    data = {16: struct.pack("<h", 2**14), 24: b"\x00\x00\x40", 32: struct.pack("<f", 0.5)}[bits]
    waveform, _ = read_wav(saved(tmp_path, riff(fmt(EXTENSIBLE, bits=bits, extra=extra), (b"data", data))))
    assert waveform.tolist() == [0.5]


def test_unknown_chunks_are_skipped_with_the_padding_of_odd_ones(tmp_path):
    data = struct.pack("<2h", 2**14, -(2**14))
    contents = riff((b"LIST", b"odd"), fmt(), (b"fact", b"12345"), (b"data", data), (b"junk", b"behind"))
    assert read_wav(saved(tmp_path, contents))[0].tolist() == [0.5, -0.5]
    without_padding = riff(fmt(bits=8), (b"data", b"\x80\xc0\x40"))[:-1]
    assert read_wav(saved(tmp_path, without_padding))[0].tolist() == [0.0, 0.5, -0.5]


def test_a_recording_streamed_through_a_pipe_is_read_to_its_end(tmp_path):
    contents = riff(fmt(), (b"data", struct.pack("<2h", 2**14, 2**13)))
    contents = contents.replace(b"data\x04\0\0\0", b"data\xff\xff\xff\xff")
    assert read_wav(saved(tmp_path, contents))[0].tolist() == [0.5, 0.25]


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=50), st.integers(1, 192_000))
def test_what_is_written_comes_back_to_half_a_step_and_wave_reads_it(tmp_path_factory, samples, rate):
    path = tmp_path_factory.mktemp("wav") / "written.wav"
    samples = np.array(samples, dtype=np.float32)
    write_wav(path, samples, rate)
    waveform, found_rate = read_wav(path)
    assert found_rate == rate
    within = np.where(samples > 1 - 2**-15, 2**-15, 2**-16)  # half a step, and a whole one at 1.0 itself
    assert (np.abs(waveform - samples) <= within).all()
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (1, 2, rate, len(samples))
        np.testing.assert_array_equal(np.frombuffer(file.readframes(len(samples)), "<i2") / 32768, waveform)


GOOD = riff(fmt(), (b"data", b"\0\0" * 20))


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        (b"", "is empty (0 bytes)"),
        (b"hello, this is text", "is not a wav file"),
        (b"RIFF\0\0", "is not a wav file"),
        (b"fLaC" + bytes(40), "of the kind FLAC"),
        (b"OggS" + bytes(40), "of the kind Ogg"),
        (GOOD[:-7], "is cut off: its chunk 'data' should have 40 bytes, but only 33 are there"),
        (GOOD[:30], "is cut off: its chunk 'fmt ' should have 16 bytes"),
        (GOOD[:12], "has no 'fmt ' chunk"),
        (GOOD[:36], "no 'data' chunk"),
        (riff((b"data", b"\0\0")), "has no 'fmt ' chunk"),
        (riff((b"fmt ", b"\1\0\1\0"), (b"data", b"\0\0")), "'fmt ' chunk of 4 bytes, but it needs 16"),
        (riff(fmt(7, bits=8), (b"data", b"\0\0")), "is compressed (mu-law)"),
        (riff(fmt(85), (b"data", b"\0\0")), "is compressed (MP3)"),
        (riff(fmt(4711), (b"data", b"\0\0")), "is compressed (encoding 4711)"),
        (riff(fmt(EXTENSIBLE), (b"data", b"\0\0")), "ends before the encoding"),
        (riff(fmt(bits=12), (b"data", b"\0\0")), "has 12 bits a sample, but 8, 16, 24, 32 are read"),
        (riff(fmt(FLOATING, bits=16), (b"data", b"\0\0")), "has 16 bits a sample, but 32, 64 are read"),
        (riff(fmt(channels=0), (b"data", b"\0\0")), "claims 0 channels"),
        (riff(fmt(rate=0), (b"data", b"\0\0")), "at 0 Hz"),
        (riff(fmt(), (b"data", b"")), "holds no whole frame"),
        (riff(fmt(channels=2), (b"data", b"\0\0")), "holds no whole frame"),
        (riff(fmt(FLOATING, bits=32), (b"data", struct.pack("<f", np.nan))), "not finite numbers"),
    ],
)
def test_every_broken_file_gets_a_sentence(tmp_path, contents, sentence):
    path = saved(tmp_path, contents)
    with pytest.raises(MinimmError) as error:
        read_wav(path)
    assert sentence in str(error.value) and str(path) in str(error.value)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_file_with_any_one_byte_changed_is_read_or_refused_but_never_fails_otherwise(tmp_path_factory, place, value):
    broken = bytearray(GOOD)
    broken[place] = value
    try:
        waveform, rate = read_wav(saved(tmp_path_factory.mktemp("wav"), bytes(broken)))
        assert np.isfinite(waveform).all() and rate >= 1
    except MinimmError:
        pass


def test_a_folder_a_missing_file_and_wrong_waveforms_are_refused(tmp_path):
    for path, sentence in ((tmp_path, "is a folder"), (tmp_path / "none.wav", "does not exist")):
        with pytest.raises(MinimmError, match=sentence):
            read_wav(path)
    for waveform, rate in ((np.zeros((2, 3)), 8000), (np.array([np.nan]), 8000), (np.zeros(3, int), 8000)):
        with pytest.raises(MinimmError, match="needs finite floating-point samples"):
            write_wav(tmp_path / "x.wav", waveform, rate)
    with pytest.raises(MinimmError, match="rate=8000.5"):
        write_wav(tmp_path / "x.wav", np.zeros(3), 8000.5)
