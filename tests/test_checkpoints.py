"""What must hold for files: whole or not at all, and whatever is wrong with one is said in a sentence."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minimm.errors import MinimmError
from minimm.files import read_json, write_atomically, write_json, write_text
from minimm.tasks import TextGenerator
from minimm.training.checkpoint import copy_parameters, load_tensors, save_tensors


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """The folder of a small language model."""
    folder = tmp_path_factory.mktemp("saved")
    options = {
        "tokenizer": "character",
        "vocab_size": None,
        "context_length": 8,
        "d_model": 8,
        "num_heads": 2,
        "num_layers": 1,
    }
    TextGenerator("tiny", **options).fit("to be or not to be, " * 20, max_steps=1).save(folder)
    return folder


@given(st.floats(0.0, 0.999))
def test_a_checkpoint_cut_off_anywhere_is_refused(saved, tmp_path_factory, share):
    data = (saved / "model.safetensors").read_bytes()
    path = tmp_path_factory.mktemp("cut") / "model.safetensors"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(MinimmError, match="model.safetensors"):
        load_tensors(path)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bytes") / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(MinimmError):
        load_tensors(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(kind="image_captioner"), "image_captioner"),
        (lambda c: c.update(format="other"), "format"),
        (lambda c: c.pop("architecture"), "architecture"),
        (lambda c: c["architecture"].update(d_model=16), "another model"),
        (lambda c: c["architecture"].update(num_layers=2), "another model"),
        (lambda c: c["architecture"].update(num_heads=3), "num_heads=3"),
        (lambda c: c["architecture"].update(colour=1), "does not describe"),
    ],
)
def test_a_config_that_does_not_fit_the_weights_is_named(saved, tmp_path, change, message):
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes((saved / name).read_bytes())
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    change(config)
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(MinimmError, match=message):
        TextGenerator.load(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(saved, tmp_path, name):
    for other in {"config.json", "tokenizer.json", "model.safetensors"} - {name}:
        (tmp_path / other).write_bytes((saved / other).read_bytes())
    with pytest.raises(MinimmError, match=name):
        TextGenerator.load(tmp_path)


def test_missing_extra_and_misshapen_weights_are_named(tmp_path):
    model = torch.nn.Linear(2, 3)
    for tensors, message in (
        ({"weight": torch.zeros(3, 2)}, "lacks .'bias'."),
        ({"weight": torch.zeros(3, 2), "bias": torch.zeros(3), "more": torch.zeros(1)}, "has .'more'."),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(3)}, r"weight is \(2, 3\) there"),
    ):
        with pytest.raises(MinimmError, match=message):
            copy_parameters(model, tensors, tmp_path)


def test_tensors_survive_saving_bit_for_bit(tmp_path):
    tensors = {"a": torch.randn(3, 4), "b": torch.tensor([1.5], dtype=torch.bfloat16), "c": torch.arange(5)}
    save_tensors(tmp_path / "t.safetensors", tensors, {"note": "hello"})
    loaded, metadata = load_tensors(tmp_path / "t.safetensors")
    assert metadata == {"note": "hello"} and loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_disk_that_fills_up_leaves_the_old_file_and_no_scraps(tmp_path, monkeypatch, call):
    path = tmp_path / "file.json"
    write_text(path, "old")

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def write(temporary: Path) -> None:
        temporary.write_text("half", encoding="utf-8")
        if call == "write":
            no_space()

    if call == "fsync":
        monkeypatch.setattr("os.fsync", no_space)
    if call == "rename":
        monkeypatch.setattr(Path, "replace", no_space)
    with pytest.raises(MinimmError, match="No space left"):
        write_atomically(path, write)
    assert path.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_said_to_be_unwritable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MinimmError, match="could not be written"):
        write_text(tmp_path / "file" / "results.json", "{}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_json_comes_back_as_it_was(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("json") / "deep" / "v.json"
    try:
        path.parent.mkdir()
        write_json(path, value)
    except UnicodeEncodeError:
        return  # half a surrogate pair is not text
    assert read_json(path) == value


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5_000])
def test_broken_json_is_named(tmp_path, data):
    (tmp_path / "v.json").write_bytes(data)
    with pytest.raises(MinimmError, match="v.json"):
        read_json(tmp_path / "v.json")
