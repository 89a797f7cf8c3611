"""Planted: top_k_filter, top_p_filter, mel_filter_bank.

What goes wrong: ties, the wrong end, zeros for -inf, the token that crosses p, the order not restored, rows mixed up, a
careless softmax; for the mel filters the scale, the corners, the frequencies of the bins, the shape of a triangle.
"""

from __future__ import annotations

import heapq
import math

import numpy as np

from mutants.catalogue import right, wrong

# top_k_filter


def _keep(logits, kept):
    return np.where(kept, logits, -np.inf)


def _kth(logits, k):
    """The k-th largest of each row, or the smallest where there are fewer: (..., 1)"""
    return np.sort(logits, axis=-1)[..., -min(k, logits.shape[-1]), None]


@wrong("top_k_filter", "ties with the k-th dropped by index")
def top_k_exactly_k(logits, k):
    rank = np.argsort(np.argsort(-logits, axis=-1, kind="stable"), axis=-1)
    return _keep(logits, rank < k)


@wrong("top_k_filter", "the k-th itself dropped")
def top_k_drops_kth(logits, k):
    return _keep(logits, logits > _kth(logits, k))


@wrong("top_k_filter", "one too many kept")
def top_k_one_more(logits, k):
    return _keep(logits, logits >= _kth(logits, k + 1))


@wrong("top_k_filter", "k different values kept")
def top_k_values(logits, k):
    rows = logits.reshape(-1, logits.shape[-1])
    kept = [row >= np.unique(row)[-min(k, len(np.unique(row)))] for row in rows]
    return _keep(logits, np.reshape(kept, logits.shape))


@wrong("top_k_filter", "zeros instead of -inf")
def top_k_zeros(logits, k):
    return np.where(logits >= _kth(logits, k), logits, 0 * logits)


@wrong("top_k_filter", "-1e9 instead of -inf")
def top_k_large(logits, k):
    return np.where(logits >= _kth(logits, k), logits, -1e9)


@wrong("top_k_filter", "the smallest kept")
def top_k_smallest(logits, k):
    return -_keep(-logits, -logits >= _kth(-logits, k)) + 0


@wrong("top_k_filter", "k above the vocabulary's size raises")
def top_k_too_large(logits, k):
    return _keep(logits, logits >= np.sort(logits, axis=-1)[..., -k, None])


@wrong("top_k_filter", "all rows together")
def top_k_all_rows(logits, k):
    return _keep(logits, logits >= _kth(logits.ravel(), k))


@wrong("top_k_filter", "along the first axis")
def top_k_first_axis(logits, k):
    return _keep(logits, logits >= np.sort(logits, axis=0)[-min(k, len(logits))])


@wrong("top_k_filter", "one batch dimension, no less and no more")
def top_k_two_axes(logits, k):
    return _keep(logits, logits >= np.sort(logits, axis=1)[:, -min(k, logits.shape[1])][:, None])


@wrong("top_k_filter", "only those that are kept")
def top_k_kept_alone(logits, k):
    return np.sort(logits, axis=-1)[..., ::-1][..., :k]


@wrong("top_k_filter", "the caller's logits overwritten")
def top_k_in_place(logits, k):
    logits[logits < _kth(logits, k)] = -np.inf
    return logits


@right("top_k_filter", "fewer than k are larger")
def top_k_count_larger(logits, k):
    larger = logits[..., None, :] > logits[..., :, None]
    return np.where(larger.sum(axis=-1) < k, logits, -np.inf)


@right("top_k_filter", "row by row with a heap")
def top_k_heap(logits, k):
    result = logits.copy()
    for index in np.ndindex(logits.shape[:-1]):
        result[index][logits[index] < heapq.nlargest(k, logits[index])[-1]] = -np.inf
    return result


@right("top_k_filter", "partitioned, not sorted")
def top_k_partition(logits, k):
    place = max(0, logits.shape[-1] - k)
    kth = np.take(np.partition(logits, place, axis=-1), [place], axis=-1)
    return np.where(np.less(logits, kth), logits.dtype.type(-np.inf), logits)


# top_p_filter


def _softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _ranked(logits, probabilities=None):
    """The order of the tokens, the likeliest first, and their probabilities in that order."""
    order = np.argsort(-logits, axis=-1, kind="stable")
    probabilities = _softmax(logits) if probabilities is None else probabilities
    return order, np.take_along_axis(probabilities, order, axis=-1)


def _above(sorted_probabilities):
    """The probability of the tokens before each one."""
    return np.cumsum(sorted_probabilities, axis=-1) - sorted_probabilities


def _keep_ranked(logits, order, kept):
    """What is kept in the order of rank, brought back to the order of the tokens."""
    result = np.empty_like(kept)
    np.put_along_axis(result, order, kept, axis=-1)
    return _keep(logits, result)


@wrong("top_p_filter", "the token that crosses p dropped")
def top_p_drops_crossing(logits, p):
    order, probabilities = _ranked(logits)
    kept = np.cumsum(probabilities, axis=-1) <= p
    kept[..., 0] = True
    return _keep_ranked(logits, order, kept)


@wrong("top_p_filter", "nothing kept when the first token exceeds p")
def top_p_nothing_kept(logits, p):
    order, probabilities = _ranked(logits)
    return _keep_ranked(logits, order, np.cumsum(probabilities, axis=-1) <= p)


@wrong("top_p_filter", "one token more than needed")
def top_p_one_more(logits, p):
    order, probabilities = _ranked(logits)
    kept = _above(probabilities) < p
    kept[..., 1:] = kept[..., :-1].copy()
    return _keep_ranked(logits, order, kept)


@wrong("top_p_filter", "more than p, when p itself is enough")
def top_p_more_than(logits, p):
    order, probabilities = _ranked(logits)
    return _keep_ranked(logits, order, _above(probabilities) <= p)


@wrong("top_p_filter", "all that tie with the last one kept")
def top_p_ties(logits, p):
    order, probabilities = _ranked(logits)
    filtered = _keep_ranked(logits, order, _above(probabilities) < p)
    return _keep(logits, logits >= np.where(filtered > -np.inf, logits, np.inf).min(axis=-1, keepdims=True))


@wrong("top_p_filter", "added up unsorted")
def top_p_unsorted(logits, p):
    return _keep(logits, _above(_softmax(logits)) < p)


@wrong("top_p_filter", "the least likely first")
def top_p_least_first(logits, p):
    order = np.argsort(logits, axis=-1, kind="stable")
    return _keep_ranked(logits, order, _above(np.take_along_axis(_softmax(logits), order, axis=-1)) < p)


@wrong("top_p_filter", "the tail added up until it reaches p, not 1 - p")
def top_p_tail(logits, p):
    order = np.argsort(logits, axis=-1, kind="stable")
    tail = np.cumsum(np.take_along_axis(_softmax(logits), order, axis=-1), axis=-1)
    kept = tail > p
    kept[..., -1] = True
    return _keep_ranked(logits, order, kept)


@wrong("top_p_filter", "1 - p in place of p")
def top_p_one_minus(logits, p):
    order, probabilities = _ranked(logits)
    kept = _above(probabilities) < 1 - p
    kept[..., 0] = True
    return _keep_ranked(logits, order, kept)


@wrong("top_p_filter", "the order not restored")
def top_p_not_restored(logits, p):
    _, probabilities = _ranked(logits)
    return _keep(logits, _above(probabilities) < p)


@wrong("top_p_filter", "the order applied again instead of undone")
def top_p_order_again(logits, p):
    order, probabilities = _ranked(logits)
    return _keep(logits, np.take_along_axis(_above(probabilities) < p, order, axis=-1))


@wrong("top_p_filter", "each token that has p by itself")
def top_p_each(logits, p):
    return _keep(logits, (_softmax(logits) >= p) | (logits == logits.max(axis=-1, keepdims=True)))


@wrong("top_p_filter", "a share p of the likeliest one's probability")
def top_p_share(logits, p):
    return _keep(logits, _softmax(logits) >= p * _softmax(logits).max(axis=-1, keepdims=True))


@wrong("top_p_filter", "softmax overflows")
def top_p_overflow(logits, p):
    order, probabilities = _ranked(logits, np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True))
    return _keep_ranked(logits, order, _above(probabilities) < p)


@wrong("top_p_filter", "exponentials that do not sum to one")
def top_p_not_normalised(logits, p):
    order, powers = _ranked(logits, np.exp(logits - logits.max(axis=-1, keepdims=True)))
    return _keep_ranked(logits, order, _above(powers) < p)


@wrong("top_p_filter", "softmax over all rows")
def top_p_all_rows(logits, p):
    powers = np.exp(logits - logits.max())
    order, probabilities = _ranked(logits, powers / powers.sum())
    return _keep_ranked(logits, order, _above(probabilities) < p)


@wrong("top_p_filter", "one batch dimension, no less and no more")
def top_p_two_axes(logits, p):
    order, probabilities = _ranked(logits)
    result = np.full_like(logits, -np.inf)
    for i in range(logits.shape[0]):
        kept = order[i, : int((_above(probabilities[i]) < p).sum())]
        result[i, kept] = logits[i, kept]
    return result


@wrong("top_p_filter", "zeros instead of -inf")
def top_p_zeros(logits, p):
    order, probabilities = _ranked(logits)
    return np.nan_to_num(_keep_ranked(logits, order, _above(probabilities) < p), neginf=0.0)


@wrong("top_p_filter", "logarithms of the new probabilities")
def top_p_renormalised(logits, p):
    order, probabilities = _ranked(logits)
    return np.log(_softmax(_keep_ranked(logits, order, _above(probabilities) < p)))


@wrong("top_p_filter", "the caller's logits overwritten")
def top_p_in_place(logits, p):
    order, probabilities = _ranked(logits)
    logits[...] = _keep_ranked(logits, order, _above(probabilities) < p)
    return logits


@right("top_p_filter", "row by row, token by token; of equals the last first")
def top_p_loops(logits, p):
    result = np.full_like(logits, -np.inf)
    for index in np.ndindex(logits.shape[:-1]):
        probabilities, total = _softmax(logits[index].astype(np.float64)), 0.0
        for token in sorted(range(len(probabilities)), key=lambda i: (probabilities[i], i), reverse=True):
            if total >= p:
                break
            result[index][token] = logits[index][token]
            total += probabilities[token]
    return result


@right("top_p_filter", "each token compared with every other")
def top_p_compared(logits, p):
    x, tokens = logits.astype(np.float64), np.arange(logits.shape[-1])
    tied = (x[..., None, :] == x[..., :, None]) & (tokens < tokens[:, None])
    before = (x[..., None, :] > x[..., :, None]) | tied
    above = (before * _softmax(x)[..., None, :]).sum(axis=-1)
    return np.where(above < p, logits, -np.inf)


@right("top_p_filter", "how many of the sorted are needed, by bisection")
def top_p_bisection(logits, p):
    flat = logits.reshape(-1, logits.shape[-1])
    result = np.full_like(flat, -np.inf)
    for row, kept in zip(flat, result, strict=True):
        order, probabilities = _ranked(row.astype(np.float64))
        needed = order[: 1 + np.searchsorted(np.cumsum(probabilities), p)]
        kept[needed] = row[needed]
    return result.reshape(logits.shape)


# mel_filter_bank


def _mel(hertz):
    return 2595 * np.log10(1 + hertz / 700)


def _hertz(mel):
    return 700 * (10 ** (mel / 2595) - 1)


def _corners(num_mels, sample_rate):
    return _hertz(np.linspace(0, _mel(sample_rate / 2), num_mels + 2))


def _bins(fft_size, sample_rate):
    return np.arange(fft_size // 2 + 1) * sample_rate / fft_size


def _triangles(corners, frequencies):
    left, peak, right_ = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (frequencies - left) / (peak - left), (right_ - frequencies) / (right_ - peak)
    return np.maximum(0, np.minimum(rising, falling))


@wrong("mel_filter_bank", "Slaney's scale")
def mel_slaney(num_mels, fft_size, sample_rate):
    step, top = math.log(6.4) / 27, sample_rate / 2
    highest = top * 3 / 200 if top < 1000 else 15 + math.log(top / 1000) / step
    mels = np.linspace(0, highest, num_mels + 2)
    corners = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))
    return _triangles(corners, _bins(fft_size, sample_rate))


@wrong("mel_filter_bank", "1000 where 700 belongs")
def mel_1000(num_mels, fft_size, sample_rate):
    mels = np.linspace(0, math.log2(1 + sample_rate / 2000), num_mels + 2)
    return _triangles(1000 * (2**mels - 1), _bins(fft_size, sample_rate))


@wrong("mel_filter_bank", "ln on the way there, 10 to the power on the way back")
def mel_mixed_bases(num_mels, fft_size, sample_rate):
    mels = np.linspace(0, 1127 * math.log(1 + sample_rate / 1400), num_mels + 2)
    return _triangles(700 * (10 ** (mels / 1127) - 1), _bins(fft_size, sample_rate))


@wrong("mel_filter_bank", "corners evenly spaced in Hz")
def mel_hertz(num_mels, fft_size, sample_rate):
    return _triangles(np.linspace(0, sample_rate / 2, num_mels + 2), _bins(fft_size, sample_rate))


@wrong("mel_filter_bank", "corners rounded down to bins")
def mel_floor(num_mels, fft_size, sample_rate):
    corners = np.floor((fft_size + 1) * _corners(num_mels, sample_rate) / sample_rate)
    bank = np.zeros((num_mels, fft_size // 2 + 1))
    for m, (left, peak, right_) in enumerate(zip(corners, corners[1:], corners[2:], strict=False)):
        for b in range(bank.shape[1]):
            if left <= b < peak:
                bank[m, b] = (b - left) / (peak - left)
            elif peak <= b < right_:
                bank[m, b] = (right_ - b) / (right_ - peak)
    return bank


@wrong("mel_filter_bank", "triangles divided by their area")
def mel_area(num_mels, fft_size, sample_rate):
    corners = _corners(num_mels, sample_rate)
    return _triangles(corners, _bins(fft_size, sample_rate)) * 2 / (corners[2:] - corners[:-2])[:, None]


@wrong("mel_filter_bank", "each row sums to one")
def mel_rows(num_mels, fft_size, sample_rate):
    bank = _triangles(_corners(num_mels, sample_rate), _bins(fft_size, sample_rate))
    return bank / np.maximum(bank.sum(axis=1, keepdims=True), 1e-10)


@wrong("mel_filter_bank", "num_mels corners, and two rows of nothing")
def mel_num_mels_corners(num_mels, fft_size, sample_rate):
    bank = np.zeros((num_mels, fft_size // 2 + 1))
    bank[: max(0, num_mels - 2)] = _triangles(
        _hertz(np.linspace(0, _mel(sample_rate / 2), num_mels)), _bins(fft_size, sample_rate)
    )
    return bank


@wrong("mel_filter_bank", "triangles linear in mel")
def mel_linear_in_mel(num_mels, fft_size, sample_rate):
    mels = np.linspace(0, _mel(sample_rate / 2), num_mels + 2)
    return _triangles(mels, _mel(_bins(fft_size, sample_rate)))


@wrong("mel_filter_bank", "up to the sample rate")
def mel_sample_rate(num_mels, fft_size, sample_rate):
    return _triangles(_corners(num_mels, 2 * sample_rate), _bins(fft_size, sample_rate))


@wrong("mel_filter_bank", "from 20 Hz")
def mel_20_hertz(num_mels, fft_size, sample_rate):
    corners = _hertz(np.linspace(_mel(20), _mel(sample_rate / 2), num_mels + 2))
    return _triangles(corners, _bins(fft_size, sample_rate))


@wrong("mel_filter_bank", "bins from 0 to half the rate, also where fft_size is odd")
def mel_odd(num_mels, fft_size, sample_rate):
    return _triangles(_corners(num_mels, sample_rate), np.linspace(0, sample_rate / 2, fft_size // 2 + 1))


@wrong("mel_filter_bank", "bins that stop short of half the rate")
def mel_bins_short(num_mels, fft_size, sample_rate):
    count = fft_size // 2 + 1
    return _triangles(_corners(num_mels, sample_rate), np.arange(count) * (sample_rate / 2) / count)


@wrong("mel_filter_bank", "whole Hz between bins")
def mel_whole_hertz(num_mels, fft_size, sample_rate):
    return _triangles(_corners(num_mels, sample_rate), np.arange(fft_size // 2 + 1) * (sample_rate // fft_size))


@wrong("mel_filter_bank", "all bins of the FFT")
def mel_all_bins(num_mels, fft_size, sample_rate):
    return _triangles(_corners(num_mels, sample_rate), np.arange(fft_size) * sample_rate / fft_size)


@wrong("mel_filter_bank", "one bin too few")
def mel_no_last_bin(num_mels, fft_size, sample_rate):
    return _triangles(_corners(num_mels, sample_rate), _bins(fft_size, sample_rate)[:-1])


@wrong("mel_filter_bank", "transposed")
def mel_transposed(num_mels, fft_size, sample_rate):
    return _triangles(_corners(num_mels, sample_rate), _bins(fft_size, sample_rate)).T


@wrong("mel_filter_bank", "the highest first")
def mel_highest_first(num_mels, fft_size, sample_rate):
    return _triangles(_corners(num_mels, sample_rate), _bins(fft_size, sample_rate))[::-1]


@wrong("mel_filter_bank", "negative outside the triangle")
def mel_negative(num_mels, fft_size, sample_rate):
    corners, bins = _corners(num_mels, sample_rate), _bins(fft_size, sample_rate)
    left, peak, right_ = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    return np.minimum((bins - left) / (peak - left), (right_ - bins) / (right_ - peak))


@wrong("mel_filter_bank", "triangles as wide as the rising side")
def mel_symmetric(num_mels, fft_size, sample_rate):
    corners, bins = _corners(num_mels, sample_rate), _bins(fft_size, sample_rate)
    left, peak = corners[:-2, None], corners[1:-1, None]
    return np.maximum(0, 1 - np.abs(bins - peak) / (peak - left))


@right("mel_filter_bank", "corners as powers of one ratio, drawn by interpolation")
def mel_interpolated(num_mels, fft_size, sample_rate):
    ratio = (1 + sample_rate / 1400) ** (1 / (num_mels + 1))
    corners = [700 * (ratio**i - 1) for i in range(num_mels + 2)]
    bins = np.fft.rfftfreq(fft_size, 1 / sample_rate)
    return np.stack([np.interp(bins, corners[m : m + 3], [0, 1, 0]) for m in range(num_mels)])


@right("mel_filter_bank", "natural logarithms, one weight after the other")
def mel_loops(num_mels, fft_size, sample_rate):
    top = 1127 * math.log1p(sample_rate / 1400)
    corners = [700 * math.expm1(top * i / (num_mels + 1) / 1127) for i in range(num_mels + 2)]
    bank = np.zeros((num_mels, fft_size // 2 + 1))
    for m, (left, peak, right_) in enumerate(zip(corners, corners[1:], corners[2:], strict=False)):
        for b in range(bank.shape[1]):
            hertz = b * sample_rate / fft_size
            if left < hertz <= peak:
                bank[m, b] = (hertz - left) / (peak - left)
            elif peak < hertz < right_:
                bank[m, b] = (right_ - hertz) / (right_ - peak)
    return bank
