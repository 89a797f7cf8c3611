"""Files made to do harm: small ones that claim or unpack to more than any memory holds, and names that lead elsewhere.

Each must end in a sentence, or be read, with `strangers.MEGABYTES` more memory than before at most.
"""

from __future__ import annotations

import json
import struct
import zlib

import pytest
import stranger_readers
from handed_in import SOFTMAX, notebook
from stranger_changes import png_chunk
from stranger_folders import save_foreign
from stranger_tasks import WORD_PIECE
from strangers import memory_limited

from minimm.classroom.handed_in import read_handed_in
from minimm.datasets.coco_captions import CocoCaptions, write_listing
from minimm.datasets.text_corpus import read_corpus
from minimm.datasets.transcribed_recordings import TranscribedRecordings
from minimm.errors import MinimmError
from minimm.features.image import load_image
from minimm.features.video import load_video
from minimm.features.wav import read_wav
from minimm.files import read_json
from minimm.interoperability.hugging_face import load_hugging_face
from minimm.tokenizers import load_tokenizer
from minimm.training.checkpoint import load_tensors

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def little_memory():
    """What a bomb takes beyond the limit fails here as it would on a machine that is full."""
    with memory_limited():
        yield


def png(width: int, height: int, *more: bytes, kind: int = 2) -> bytes:
    """A picture that claims this size and has hardly a byte of it."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    return SIGNATURE + header + b"".join(more) + png_chunk(b"IDAT", zlib.compress(bytes(100))) + png_chunk(b"IEND", b"")


def gif(width: int, height: int, frames: int) -> bytes:
    """An animation of empty frames, 18 bytes each."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 2, 2, 0) + b"\x02\x02\x84\x51\x00"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + frame * frames + b";"


PICTURES = {
    "huge.png": (png(100_000, 100_000), "claims"),
    "wide.png": (png(2**31 - 1, 2), "claims"),
    "unfinished.png": (png(4000, 6000), "damaged or cut off"),
    "text.png": (png(8, 8, png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))), "damaged or cut off"),
    "profile.png": (png(8, 8, png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(10**8)))), "damaged or cut off"),
    "huge.gif": (gif(65_535, 65_535, 1), "claims"),
    "postscript.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) (w) file\n%%EOF", "of a known kind"),
    "postscript.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) (w) file\n%%EOF", "of a known kind"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_claims_or_hides_too_much_is_refused(tmp_path, name, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)  # no program is started for any kind of picture
    content, sentence = PICTURES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MinimmError, match=sentence):
        load_image(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (gif(8, 8, 200_000), "more than 10,000 frames"),
        (gif(3_000, 3_000, 150), "claims 150 frames"),
        (gif(4_000, 3_000, 2), "claims frames of 4000 x 3000"),
        (png(8, 8, png_chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))), "claims"),
        (png(2, 2, png_chunk(b"acTL", struct.pack(">II", 10**8, 0))), "more than 10,000 frames"),
    ],
)
def test_a_clip_of_more_frames_than_can_be_looked_through_is_refused(tmp_path, content, sentence):
    (tmp_path / "a.gif").write_bytes(content)
    with pytest.raises(MinimmError, match=sentence):
        load_video(tmp_path / "a.gif", 2, 8)


@pytest.mark.parametrize("place", [4, 16, 24, 28, 40])
@pytest.mark.parametrize("number", [0, 2**31, 2**32 - 2])
def test_a_recording_that_claims_terabytes_is_read_as_far_as_it_goes_or_refused(tmp_path, place, number):
    wav = stranger_readers.WAV
    (tmp_path / "a.wav").write_bytes(wav[:place] + struct.pack("<I", number) + wav[place + 4 :])
    try:
        assert len(read_wav(tmp_path / "a.wav")[0]) <= 800
    except MinimmError as error:
        assert "a.wav" in str(error)


def tensors(header: dict, data: bytes = bytes(16), length: int | None = None) -> bytes:
    written = json.dumps(header).encode()
    return (len(written) if length is None else length).to_bytes(8, "little") + written + data


def entry(start: int, end: int, *shape: int) -> dict:
    return {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}


@pytest.mark.parametrize(
    "content",
    [
        tensors({"a": entry(0, 4 * 10**12, 10**12)}),
        tensors({"a": entry(0, 16, 10**12)}),
        tensors({"a": entry(0, 16, 2**32, 2**32)}),
        tensors({"a": entry(0, 8, 2), "b": entry(4, 12, 2)}),
        tensors({"a": entry(0, 16, 4), "b": entry(0, 16, 4)}),
        tensors({"a": entry(16, 0, 4)}),
        tensors({"a": entry(8, 24, 4)}),
        tensors({"a": {**entry(0, 16, 4), "shape": [-4]}}),
        tensors({"a": entry(0, 16, 4)}, length=10**13),
        tensors({"a": entry(0, 16, 4)}, length=2**64 - 1),
        tensors({"a": entry(0, 16, 4)}, length=3),
    ],
)
def test_tensors_that_claim_terabytes_overlap_or_lie_outside_are_refused(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(MinimmError, match=r"model\.safetensors is not a complete safetensors file"):
        load_tensors(tmp_path / "model.safetensors")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_json_nested_a_hundred_thousand_deep_is_refused(tmp_path, opening):
    (tmp_path / "a.json").write_text(opening * 100_000)
    with pytest.raises(MinimmError, match="not readable JSON"):
        read_json(tmp_path / "a.json")


def foreign_tokenizer(vocabulary: dict, merges: list) -> dict:
    level = {"type": "ByteLevel", "add_prefix_space": False}
    added = [{"id": len(vocabulary), "content": "<|endoftext|>"}]
    model = {"type": "BPE", "vocab": vocabulary, "merges": merges}
    return {"model": model, "pre_tokenizer": level, "added_tokens": added, "normalizer": None}


TOKENIZERS = {
    "unknown tokens": {"kind": "byte_pair", "merges": [[97, 98], [256, 300]]},
    "a cycle": {"kind": "byte_pair", "merges": [[257, 97], [256, 98]]},
    "itself": {"kind": "byte_pair", "merges": [[256, 256]]},
    "doubling": {"kind": "byte_pair", "merges": [[97, 97], *([255 + i, 255 + i] for i in range(1, 60))]},
    "a foreign merge of nothing": foreign_tokenizer({"a": 0, "b": 1}, [["a", "zz"]]),
    "foreign merges in a cycle": foreign_tokenizer({"ab": 0, "ba": 1}, [["ab", "a"], ["aba", "b"]]),
    "a character of a million": {"kind": "character", "tokens": ["a" * 10**6]},
    "words of a million": {"kind": "word", "tokens": ["a " * 10**6]},
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tokenizer_that_cannot_be_is_refused(tmp_path, name):
    (tmp_path / "tokenizer.json").write_text(json.dumps(TOKENIZERS[name]))
    with pytest.raises(MinimmError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path / "tokenizer.json")


def test_tokens_of_a_million_characters_are_read_and_slow_nothing_down(tmp_path):
    saved = WORD_PIECE.saved()
    saved["tokens"] += ["a" * 10**6, "##" + "b" * 10**6]
    (tmp_path / "tokenizer.json").write_text(json.dumps(saved))
    assert load_tokenizer(tmp_path / "tokenizer.json").encode("the fox") == WORD_PIECE.encode("the fox")


def test_a_text_that_unpacks_to_more_than_the_memory_is_refused(tmp_path):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with (tmp_path / "a.txt.gz").open("wb") as file:
        for _ in range(1100):
            file.write(packer.compress(bytes(2**20)))
        file.write(packer.flush())
    assert (tmp_path / "a.txt.gz").stat().st_size < 2 * 2**20
    with pytest.raises(MinimmError, match="unpacks to more than"):
        read_corpus(tmp_path)


def test_a_notebook_with_a_hundred_megabytes_of_output_is_read_without_it(tmp_path):
    saved = json.loads(notebook(SOFTMAX))
    saved["cells"][0]["outputs"] = [{"output_type": "stream", "text": "x" * 10**8}]
    (tmp_path / "a.ipynb").write_text(json.dumps(saved))
    file = read_handed_in(tmp_path / "a.ipynb")
    assert "softmax" in file.text and "outputs, which were ignored" in file.problems[0]


OUTSIDE = (
    "../secret.png",
    "/etc/passwd",
    "images/../../secret.png",
    "..\\secret.png",
    "C:\\secret.png",
    "\\\\host\\a.png",
)


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_that_lead_out_of_a_folder_are_refused(tmp_path, name):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(stranger_readers.PNG)
    write_listing(folder, [name], ["a secret"])
    with pytest.raises(MinimmError, match="leads out of the folder"):
        CocoCaptions(folder, 8)
    (folder / "transcripts.tsv").write_text(f"{name}\thello\n")
    with pytest.raises(MinimmError, match="leads out of the folder"):
        TranscribedRecordings(folder)
    save_foreign("gpt2", folder / "gpt2", sharded=True)
    index = folder / "gpt2" / "model.safetensors.index.json"
    saved = json.loads(index.read_text())
    saved["weight_map"] = dict.fromkeys(saved["weight_map"], name)
    index.write_text(json.dumps(saved))
    with pytest.raises(MinimmError, match="not a file of this folder|does not exist"):
        load_hugging_face(folder / "gpt2")
