"""Folders of strangers with links in them: those that lead out are refused, whoever reads the folder.

A file that is given by name may be a link: that is the choice of whoever gives it.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from handed_in import SOFTMAX, hand_in
from stranger_folders import MODELS
from stranger_readers import DATA, MEDIA, READERS

from minimm.classroom.submissions import find_submissions
from minimm.datasets.folders import find_splits
from minimm.errors import MinimmError
from minimm.interoperability.hugging_face import load_hugging_face
from minimm.runs.retrieve import things_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="making links needs rights there")

BY_NAME = ("JSON", "safetensors", "SQuAD", "summaries", "labelled texts", "reviews to audit", "pairs in a table")
BY_NAME += ("dictionary", "plan of an experiment", "runs of remedies")  # their readers are given one file
FOLDERS = [
    name for name in (*MODELS, *DATA, "folder of frames") if not name.startswith("tokenizer") and name not in BY_NAME
]


def files_in(folder: Path) -> list[Path]:
    """Without the model beside a training's state, which is written anew."""
    written = ("training_state.json", "model.safetensors") if (folder / "training_state.json").exists() else ()
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in written)


def test_most_readers_read_folders():
    assert set(MEDIA) - set(FOLDERS) == set(MEDIA) - {"folder of frames"} and len(FOLDERS) > 30


@pytest.mark.parametrize("name", FOLDERS)
def test_each_file_that_is_a_link_out_of_its_folder_is_refused(tmp_path, name):
    folder, outside = tmp_path / "given", tmp_path / "secret"
    folder.mkdir()
    READERS[name].write(folder)
    for file in files_in(folder):
        shutil.move(file, outside)
        file.symlink_to(outside)
        with pytest.raises(MinimmError, match=rf"{file.name} is a link that leads out of .*given"):
            READERS[name].read(folder)
        file.unlink()
        shutil.move(outside, file)
    READERS[name].read(folder)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_may_be_a_link_and_hold_links_into_itself(tmp_path, name):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    READERS[name].write(folder)
    (folder / "kept").mkdir()
    for number, file in enumerate(files_in(folder)):
        shutil.move(file, folder / "kept" / str(number))
        file.symlink_to(folder / "kept" / str(number))
    (tmp_path / "given").symlink_to(folder, target_is_directory=True)
    READERS[name].read(tmp_path / "given")


def test_a_link_to_itself_or_to_nowhere_is_no_picture(tmp_path):
    READERS["folder of frames"].write(tmp_path)
    for target in (tmp_path / "0.png", tmp_path.parent / "nowhere.png"):
        (tmp_path / "0.png").symlink_to(target)
        with pytest.raises(MinimmError, match=r"0\.png is a link that leads out of .*, or nowhere"):
            READERS["folder of frames"].read(tmp_path)
        (tmp_path / "0.png").unlink()


def test_what_is_searched_and_what_is_learned_from_is_no_link_either(tmp_path):
    (tmp_path / "secret.wav").write_bytes(b"RIFF")
    (tmp_path / "secret.tsv").write_text("a\tb\n")
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "a.wav").symlink_to(tmp_path / "secret.wav")
    (folder / "train.tsv").symlink_to("../secret.tsv")
    with pytest.raises(MinimmError, match=r"a\.wav is a link that leads out"):
        things_of(folder, ("audio",))
    with pytest.raises(MinimmError, match=r"train\.tsv is a link that leads out"):
        find_splits(folder, ".tsv")


def test_the_links_of_a_store_of_models_are_followed(tmp_path):
    """As huggingface_hub keeps what it has fetched: blobs by their sum, and snapshots that link to them."""
    store = tmp_path / "models--someone--model"
    snapshot = store / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    (store / "blobs").mkdir()
    READERS["gpt2 folder"].write(snapshot)
    for number, file in enumerate(files_in(snapshot)):
        shutil.move(file, store / "blobs" / str(number))
        file.symlink_to(Path("..", "..", "blobs", str(number)))
    load_hugging_face(snapshot)
    shutil.move(store / "blobs" / "0", tmp_path / "secret")
    (store / "blobs" / "0").symlink_to(tmp_path / "secret")
    with pytest.raises(MinimmError, match="is a link that leads out of .*0123abc"):
        load_hugging_face(snapshot)


@pytest.mark.parametrize("blobs", [False, True])
def test_who_calls_a_folder_snapshots_leads_nowhere_else(tmp_path, blobs):
    """Not into what lies beside it, nor into blobs that are a link themselves."""
    snapshot, secret = tmp_path / "snapshots" / "0123abc", tmp_path / "secret"
    snapshot.mkdir(parents=True)
    secret.mkdir()
    READERS["gpt2 folder"].write(snapshot)
    shutil.move(snapshot / "config.json", secret)
    if blobs:
        (tmp_path / "blobs").symlink_to(secret, target_is_directory=True)
    (snapshot / "config.json").symlink_to((tmp_path / "blobs" if blobs else secret) / "config.json")
    with pytest.raises(MinimmError, match=r"config\.json is a link that leads out of"):
        load_hugging_face(snapshot)


def test_links_out_of_a_students_folder_are_left_out(tmp_path):
    secret, submitted = tmp_path / "secret", tmp_path / "submitted"
    secret.mkdir()
    (secret / "keys.py").write_text("def softmax(): pass\n")
    hand_in(submitted, "ann", SOFTMAX)
    (submitted / "ann" / "linked.py").symlink_to(secret / "keys.py")
    (submitted / "ann" / "up.py").symlink_to("../../secret/keys.py")
    (submitted / "ann" / "folder").symlink_to(secret)
    (submitted / "bob").symlink_to(secret)
    found, problems = find_submissions(submitted)
    assert [(one.student, [path.name for path in one.files]) for one in found] == [("ann", ["solution.py"])]
    assert sum("leads out of the folder" in problem for problem in found[0].problems) == 3
    assert "bob is a link" in problems[0]
