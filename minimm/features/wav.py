"""Reading and writing sound in wav files, byte by byte.

A wav file is a RIFF file (Microsoft and IBM, 1991): 12 bytes "RIFF", size, "WAVE", then chunks, each of a 4-byte name, a
4-byte size (little-endian) and that many bytes, with one more byte where the size is odd. Two chunks matter here:

    "fmt "  encoding (2 bytes), channels (2), rate in Hz (4), bytes a second (4), bytes a frame (2), bits a sample (2)
    "data"  frames, one behind the other; a frame is one sample for each channel

Encoding 1 is whole numbers (PCM): 8 bits unsigned with silence at 128, 16, 24 and 32 bits signed with silence at 0. Encoding
3 is floating-point numbers of 32 or 64 bits in [-1, 1]. Encoding 0xFFFE ("extensible", Microsoft 2001) has the true one at
byte 24 of "fmt ". Everything else is compressed and is refused. A whole number of b bits is divided by 2^(b - 1).
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from minimm.errors import MinimmError, check
from minimm.files import check_file, write_atomically

PCM, FLOATING, EXTENSIBLE = 1, 3, 0xFFFE
COMPRESSED = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 49: "GSM", 80: "MPEG", 85: "MP3"}
OTHER_FILES = {b"OggS": "Ogg", b"fLaC": "FLAC", b"ID3\x03": "MP3", b"ID3\x04": "MP3", b"FORM": "AIFF", b"RIFX": "RIFX"}
MAX_BYTES = 1 << 30  # about three hours of stereo; a longer file is refused before it is read


def read_wav(path: str | Path) -> tuple[np.ndarray, int]:
    """A wav file as one channel: float32 (samples,) in [-1, 1], and its rate in Hz. Several channels are averaged.

    Raises `MinimmError` for what is missing, no wav file, compressed, cut off, or has no sample in it.
    """
    path = Path(path)
    chunks = _chunks(_read_bytes(path), path)
    check(b"fmt " in chunks, f"{path} has no 'fmt ' chunk, so nothing says how its sound is written; save it again")
    encoding, channels, rate, bits = _format(chunks[b"fmt "], path)
    check(b"data" in chunks, f"{path} has a header but no 'data' chunk, so there is no sound in it; record it again")
    samples = _decode(chunks[b"data"], encoding, bits, channels, path)  # (frames, channels)
    return samples.mean(axis=1, dtype=np.float32), rate


def write_wav(path: str | Path, waveform: np.ndarray, rate: int) -> None:
    """Write `waveform` (samples,) in [-1, 1] as a wav file of one channel and 16 bits, atomically; louder is cut off.

    `read_wav` gives it back to within half a step, 2^-16; what lies nearer to 1 than that to within a whole one, 2^-15, for
    the highest of the 2^16 steps is 1 - 2^-15.
    """
    contents = wav_bytes(waveform, rate)
    write_atomically(path, lambda temporary: temporary.write_bytes(contents))


def wav_bytes(waveform: np.ndarray, rate: int) -> bytes:
    """The file that `write_wav` writes."""
    waveform = np.asarray(waveform)
    check(
        waveform.ndim == 1 and waveform.dtype.kind == "f" and bool(np.isfinite(waveform).all()),
        f"write_wav needs finite floating-point samples (samples,), but got {waveform.shape} of {waveform.dtype}",
    )
    check(
        isinstance(rate, int | np.integer) and 0 < rate < 2**31,
        f"write_wav got rate={rate!r}; give a whole number of samples a second, such as 8000",
    )
    data = (waveform * 32768.0).round().clip(-32768, 32767).astype("<i2").tobytes()
    header = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVE"
    header += b"fmt " + struct.pack("<IHHIIHH", 16, PCM, 1, rate, 2 * rate, 2, 16)
    return header + b"data" + struct.pack("<I", len(data)) + data


def _read_bytes(path: Path) -> bytes:
    try:
        check_file(path, "a wav file")
        size = path.stat().st_size
        check(size <= MAX_BYTES, f"{path} has {size:,} bytes, but at most {MAX_BYTES:,} are read; cut it into parts")
        return path.read_bytes()
    except OSError as error:
        raise MinimmError(f"{path} could not be read ({error.strerror or error})") from None


def _chunks(contents: bytes, path: Path) -> dict[bytes, bytes]:
    """The chunks by name; of several with one name the first. Each must be whole, but the last may lack its padding."""
    other = OTHER_FILES.get(contents[:4])
    check(other is None, f"{path} is a file of the kind {other}, not wav; convert it to wav (16-bit PCM)")
    check(
        len(contents) >= 12 and contents[:4] == b"RIFF" and contents[8:12] == b"WAVE",
        f"{path} is not a wav file: it must begin with 'RIFF', 4 bytes of size and 'WAVE', but begins with "
        f"{contents[:12]!r}; convert it to wav (16-bit PCM)",
    )
    chunks: dict[bytes, bytes] = {}
    place = 12
    while place + 8 <= len(contents) and b"data" not in chunks:
        name, size = contents[place : place + 4], int.from_bytes(contents[place + 4 : place + 8], "little")
        chunk = contents[place + 8 : place + 8 + size]
        streamed = name == b"data" and size == 0xFFFFFFFF  # written to a pipe: nobody could go back to say how much
        check(
            len(chunk) == size or streamed,
            f"{path} is cut off: its chunk {name.decode('ascii', 'replace')!r} should have {size:,} bytes, but only "
            f"{len(chunk):,} are there; copy or record it again",
        )
        chunks.setdefault(name, chunk)
        place += 8 + size + size % 2
    return chunks


def _format(chunk: bytes, path: Path) -> tuple[int, int, int, int]:
    """The 'fmt ' chunk -> encoding (1 or 3), channels, rate in Hz, bits a sample; anything that is not read is refused."""
    check(len(chunk) >= 16, f"{path} has a 'fmt ' chunk of {len(chunk)} bytes, but it needs 16; save it again")
    encoding, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
    if encoding == EXTENSIBLE:
        check(len(chunk) >= 26, f"{path} is 'extensible', but its 'fmt ' chunk ends before the encoding; save it again")
        encoding = int.from_bytes(chunk[24:26], "little")
    check(
        encoding in (PCM, FLOATING),
        f"{path} is compressed ({COMPRESSED.get(encoding, f'encoding {encoding}')}), but only whole numbers (PCM) and "
        "floating point are read; convert it to 16-bit PCM",
    )
    widths = (8, 16, 24, 32) if encoding == PCM else (32, 64)
    check(
        bits in widths,
        f"{path} has {bits} bits a sample, but {', '.join(map(str, widths))} are read for this encoding; "
        "convert it to 16-bit PCM",
    )
    check(
        channels >= 1 and rate >= 1,
        f"{path} claims {channels} channels at {rate} Hz, and both must be at least 1; its header is broken, save it again",
    )
    return encoding, channels, rate, bits


def _decode(data: bytes, encoding: int, bits: int, channels: int, path: Path) -> np.ndarray:
    """The 'data' chunk -> float32 (frames, channels) in [-1, 1]."""
    width = bits // 8
    frames = len(data) // (width * channels)
    check(frames > 0, f"{path} has no sound in it: its 'data' chunk holds no whole frame; record it again")
    data = data[: frames * width * channels]
    if encoding == FLOATING:
        samples = np.frombuffer(data, f"<f{width}").astype(np.float32)
        check(
            bool(np.isfinite(samples).all()),
            f"{path} holds samples that are not finite numbers; it is damaged, save it again",
        )
        samples = samples.clip(-1.0, 1.0)
    elif width == 1:
        samples = (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / 128.0
    elif width == 3:  # as the upper bytes of 32 bits, the sign bit comes where it belongs
        wide = np.zeros((frames * channels, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        samples = (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    else:
        samples = (np.frombuffer(data, f"<i{width}") / 2.0 ** (bits - 1)).astype(np.float32)
    return samples.reshape(frames, channels)
