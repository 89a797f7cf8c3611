"""Resampling, transforms, log-mels, loading, and changes for training. Oracles: formulas, NumPy's and torch's transforms."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minimm.errors import MinimmError
from minimm.features import audio
from minimm.features.audio import ClippedWarning, load_audio, log_mel, log_mel_batch
from minimm.features.audio_augmentation import add_noise, mask_spans, random_gain, shift_time
from minimm.features.resampling import resample
from minimm.features.wav import write_wav
from minimm.first_principles import resampling as plain_resampling
from minimm.first_principles import spectrogram as plain

seeds = st.integers(0, 2**32)
rates = st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000])


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def sine(hertz, rate, seconds=0.5):
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


# Resampling


@given(rates, rates, st.floats(0.02, 0.4))
def test_a_sine_below_both_limits_stays_the_same_sine_at_the_new_rate(rate, new_rate, share):
    hertz = share * min(rate, new_rate)
    resampled = resample(sine(hertz, rate), rate, new_rate)
    expected = sine(hertz, new_rate)[: len(resampled)]
    middle = slice(len(expected) // 4, 3 * len(expected) // 4)  # the edges are half silence
    assert np.abs(resampled[: len(expected)] - expected)[middle].max() < 1e-3


@given(st.floats(0.53, 0.95))
def test_what_lies_above_the_new_limit_vanishes_and_does_not_come_back_as_another_tone(share):
    resampled = resample(sine(share * 8000, 16000), 16000, 8000)
    middle = resampled[len(resampled) // 4 : 3 * len(resampled) // 4]
    assert np.abs(middle).max() < 2e-3


@given(st.integers(0, 300), st.integers(1, 60), st.integers(1, 60), seeds)
def test_the_length_follows_the_rates_and_the_same_rate_changes_nothing(length, rate, new_rate, seed):
    waveform = noise(seed, length).astype(np.float32)
    assert len(resample(waveform, rate, new_rate)) == math.ceil(length * new_rate / rate)
    np.testing.assert_array_equal(resample(waveform, rate, rate), waveform)


@given(st.integers(1, 200), st.integers(1, 12), st.integers(1, 12), seeds)
def test_the_fast_way_equals_the_sum_as_the_formula_has_it(length, rate, new_rate, seed):
    waveform = noise(seed, length)
    expected = plain_resampling.resample(waveform, rate, new_rate)
    np.testing.assert_allclose(resample(waveform, rate, new_rate), expected, atol=2e-5)


@given(st.integers(2, 40), st.integers(2, 40))
def test_a_constant_stays_that_constant(rate, new_rate):
    resampled = resample(np.full(4000, 0.5, dtype=np.float32), rate, new_rate)
    np.testing.assert_allclose(resampled[len(resampled) // 2], 0.5, rtol=1e-5)


@given(seeds)
def test_resampling_is_linear(seed):
    one, two = noise(seed, 2, 500)
    together = resample(one + 2 * two, 9, 7)
    np.testing.assert_allclose(together, resample(one, 9, 7) + 2 * resample(two, 9, 7), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((np.zeros((2, 5)), 8000, 4000), "one channel"),
        ((np.zeros(5), 8000.5, 4000), "rate=8000.5"),
        ((np.zeros(5), 8000, 0), "new_rate=0"),
        ((np.zeros(5), 999983, 999979), "filter of 53,998,866 weights.* too little in common"),
        (
            (np.zeros(5), 999983, 49999),
            "too little in common or lie too far apart",
        ),  # few phases, but each of many taps
        ((np.zeros(5), 10**12, 1), "lie too far apart"),
    ],
)
def test_what_cannot_be_resampled_is_refused(arguments, sentence):
    with pytest.raises(MinimmError, match=sentence):
        resample(*arguments)


# The transform


@given(st.integers(1, 40), st.integers(0, 24), seeds)
def test_the_definition_and_the_fast_transform_agree(size, more, seed):
    frames = noise(seed, 3, size)
    np.testing.assert_allclose(plain.dft(frames, size + more), np.fft.rfft(frames, n=size + more), atol=1e-10)


@given(st.integers(2, 20), st.integers(1, 25), st.integers(0, 60), seeds)
def test_the_layer_equals_the_definition_and_torch(frame_size, hop, more, seed):
    waveform = noise(seed, frame_size + more)
    fft_size = 32
    ours = audio.stft(waveform, fft_size, frame_size, hop)
    np.testing.assert_allclose(ours, plain.stft(waveform, fft_size, frame_size, hop), atol=1e-10)
    window = torch.zeros(fft_size, dtype=torch.float64)  # torch centres a short window; ours begins the frame
    window[:frame_size] = torch.hann_window(frame_size, periodic=True, dtype=torch.float64)
    count = 1 + more // hop
    padded = torch.from_numpy(np.pad(waveform, (0, fft_size)))
    theirs = torch.stft(padded, fft_size, hop, window=window, center=False, return_complex=True)  # (bins, frames)
    np.testing.assert_allclose(ours, theirs[:, :count].T, atol=1e-10)
    assert len(ours) == count


@given(st.integers(2, 64), seeds)
def test_parseval_the_energy_of_a_frame_is_the_energy_of_its_spectrum(size, seed):
    frame = noise(seed, size)
    power = plain.power_spectrum(plain.dft(frame))
    twice = np.full(len(power), 2.0)  # bins that stand for two, k and N - k
    twice[0] = 1.0
    if size % 2 == 0:
        twice[-1] = 1.0
    assert (twice * power).sum() / size == pytest.approx((frame**2).sum())


@given(seeds)
def test_the_transform_is_linear_and_a_shift_by_one_hop_shifts_by_one_frame(seed):
    one, two = noise(seed, 2, 200)
    transform = {"fft_size": 32, "frame_size": 25, "hop": 10}
    both = audio.stft(one - 3 * two, **transform)
    np.testing.assert_allclose(both, audio.stft(one, **transform) - 3 * audio.stft(two, **transform), atol=1e-10)
    np.testing.assert_allclose(audio.stft(one[10:], **transform), audio.stft(one, **transform)[1:], atol=1e-12)


@given(st.integers(1, 12), st.integers(1, 8))
def test_shifted_copies_of_the_window_add_up_evenly(half, copies):
    size = 2 * half * copies
    window = plain.hann_window(size)
    np.testing.assert_allclose(window, torch.hann_window(size, dtype=torch.float64), atol=1e-12)
    np.testing.assert_allclose(window.reshape(2, -1).sum(axis=0), 1.0, atol=1e-12)


@pytest.mark.parametrize("hertz", [300, 1000, 2500])
def test_a_pure_tone_is_loudest_in_the_band_that_has_its_frequency(hertz):
    picture = log_mel(sine(hertz, 8000), 8000)
    bank = audio.mel_filter_bank(40, 256, 8000)
    loudest = picture.mean(axis=0).argmax()
    assert abs(loudest - bank[:, round(hertz / 8000 * 256)].argmax()) <= 1
    assert picture.dtype == np.float32 and picture.max() == 1.0 and picture.min() >= -1.0 - 1e-6


@given(st.floats(1e-3, 1e3), seeds)
def test_a_louder_recording_has_the_same_log_mel(factor, seed):
    waveform = noise(seed, 800)
    np.testing.assert_allclose(log_mel(factor * waveform, 8000), log_mel(waveform, 8000), atol=1e-5)


def test_silence_has_a_log_mel_too_and_too_short_a_sound_has_none():
    assert np.all(log_mel(np.zeros(400), 8000) == -1.0)
    with pytest.raises(MinimmError, match="199 samples has no whole frame of 200"):
        log_mel(np.zeros(199), 8000)
    with pytest.raises(MinimmError, match="do not fit into a transform"):
        audio.stft(np.zeros(100), fft_size=16, frame_size=20, hop=5)


def test_a_batch_holds_every_recording_as_it_is_alone():
    waveforms = [noise(seed, size) for seed, size in enumerate((900, 200, 1300))]
    log_mels, mask = log_mel_batch(waveforms, 8000, num_mels=20)
    assert mask.sum(dim=1).tolist() == [9, 1, 14] and log_mels.shape == (3, 14, 20)
    for row, real, waveform in zip(log_mels, mask, waveforms, strict=True):
        np.testing.assert_array_equal(row[real], log_mel(waveform, 8000, 20))
        assert torch.all(row[~real] == 0.0)


# Loading


def test_a_file_and_a_waveform_load_alike_at_the_rate_asked_for_and_channels_are_averaged(tmp_path):
    waveform = (0.5 * sine(440, 16000)).astype(np.float32)
    write_wav(tmp_path / "a.wav", waveform, 16000)
    loaded = load_audio(tmp_path / "a.wav", 8000)
    assert loaded.dtype == np.float32 and len(loaded) == 4000
    np.testing.assert_allclose(loaded, load_audio((waveform, 16000), 8000), atol=1e-4)
    stereo = np.stack([waveform, np.zeros_like(waveform)])
    np.testing.assert_allclose(load_audio((stereo, 16000), 8000), loaded / 2, atol=1e-4)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ((np.zeros(0), 8000), "is empty: it has no samples"),
        ((np.zeros(8000), 8000), "is silent: its loudest sample is 0 of 1"),
        ((np.full(8000, 0.7), 8000), "is silent"),  # a constant is no sound
        ((noise(0, 399).clip(-0.9, 0.9), 8000), "lasts 50 ms, too short"),
        ((np.tile(noise(0, 100).clip(-0.9, 0.9), 4900), 8000), "lasts 61 s, but at most 60 s are heard at once"),
        ((np.zeros(800, dtype=np.int16), 8000), "divide 16-bit numbers by 32768"),
        ((2.0 * sine(440, 8000), 8000), r"must lie in \[-1, 1\]"),
        ((np.full(800, np.nan), 8000), r"must lie in \[-1, 1\]"),
        ((np.zeros((800, 2)) + 0.1, 8000), "put channels first"),
        ((np.zeros(800), 0), "rate must be a whole number"),
        (np.zeros(800), r"\(waveform, rate in Hz\), but got ndarray"),
    ],
)
def test_what_cannot_be_heard_is_refused_in_one_sentence(source, sentence):
    with pytest.raises(MinimmError, match=sentence):
        load_audio(source, 8000)


def test_a_clipped_recording_is_used_with_a_warning():
    clipped = (2.0 * sine(440, 8000)).clip(-1, 1)
    with pytest.warns(ClippedWarning, match=r"is clipped: 67 % of its samples are at the limit"):
        assert len(load_audio((clipped, 8000), 8000)) == len(clipped)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_audio((0.5 * clipped, 8000), 8000)


@given(rates, rates, st.integers(2, 60))
def test_the_loudest_sound_loads_at_any_rate_within_its_limits_and_loads_again(rate, new_rate, half):
    square = np.where(np.arange(rate // 4) // half % 2 == 0, 1.0, -1.0)  # a resampled edge swings beyond it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClippedWarning)
        loaded = load_audio((square, rate), new_rate)
        assert np.abs(loaded).max() <= 1.0
        np.testing.assert_array_equal(load_audio((loaded, new_rate), new_rate), loaded)


# Changes for training


@given(st.floats(0, 40), seeds)
def test_noise_is_as_loud_as_asked_and_leaves_what_is_behind_the_end(decibels, seed):
    waveforms = torch.from_numpy(noise(seed, 2, 6000)).float()
    lengths = torch.tensor([6000, 4000])
    added = add_noise(waveforms, lengths, torch.Generator().manual_seed(seed), (decibels, decibels)) - waveforms
    assert torch.all(added[1, 4000:] == 0.0)
    for row, waveform, length in zip(added, waveforms, lengths.tolist(), strict=True):
        measured = 10 * math.log10(waveform[:length].square().mean() / row[:length].square().mean())
        assert measured == pytest.approx(decibels, abs=0.4)


@given(st.integers(0, 30), seeds)
def test_a_shift_moves_all_samples_alike_and_silence_moves_in(most, seed):
    waveforms, lengths = torch.arange(1.0, 101.0).repeat(4, 1), torch.tensor([100, 100, 50, 3])
    waveforms[torch.arange(100) >= lengths[:, None]] = 0.0
    shifted = shift_time(waveforms, lengths, torch.Generator().manual_seed(seed), most)
    for row, length in zip(shifted, lengths.tolist(), strict=True):
        kept = row.nonzero().squeeze(-1)
        offsets = (kept + 1 - row[kept]).unique()
        assert len(offsets) <= 1 and offsets.abs().le(most).all() and torch.all(row[length:] == 0.0)
        assert len(kept) == max(0, length - int(offsets.abs())) if len(offsets) else most >= length


@given(seeds)
def test_gains_lie_within_their_decibels(seed):
    gains = random_gain((50,), torch.Generator().manual_seed(seed), 6.0)
    assert torch.all((20 * gains.log10()).abs() <= 6.001) and gains.std() > 0.1
    assert torch.all(random_gain((3,), torch.Generator(), 0.0) == 1.0)


@given(st.integers(0, 3), st.integers(0, 8), st.floats(0, 0.5), seeds)
def test_masks_are_whole_bands_and_whole_spans_of_time_no_wider_than_asked(num_masks, most_bands, most_time, seed):
    lengths = torch.tensor([40, 25])
    options = {"num_masks": num_masks, "most_bands": most_bands, "most_time": most_time}
    masked = mask_spans(torch.ones(2, 40, 10), lengths, torch.Generator().manual_seed(seed), **options)
    for row, length in zip(masked == -1.0, lengths.tolist(), strict=True):
        bands, times = row.all(dim=0), row[:length].all(dim=1)
        assert torch.equal(row, bands[None, :] | row.all(dim=1)[:, None])
        assert (
            bands.sum() <= num_masks * most_bands and times.sum() <= num_masks * most_time * length + 40 * bands.all()
        )


def test_changes_repeat_with_the_generator_and_refuse_what_they_cannot_change():
    waveforms, lengths = torch.randn(3, 500, generator=torch.Generator().manual_seed(0)), torch.tensor([500, 400, 90])
    for change in (add_noise, lambda *a: shift_time(*a, most=40)):
        one, two, three = (change(waveforms, lengths, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
        assert torch.equal(one, two) and not torch.equal(one, three)
    with pytest.raises(MinimmError, match=r"needs waveforms \(B, S\)"):
        add_noise(waveforms[0], lengths, torch.Generator())
    with pytest.raises(MinimmError, match="most=-1"):
        shift_time(waveforms, lengths, torch.Generator(), most=-1)
    with pytest.raises(MinimmError, match="most_bands=11 of 10"):
        mask_spans(torch.ones(1, 5, 10), torch.tensor([5]), torch.Generator(), most_bands=11)
    with pytest.raises(MinimmError, match="decibels=-1"):
        random_gain((1,), torch.Generator(), -1.0)
