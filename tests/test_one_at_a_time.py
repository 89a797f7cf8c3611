"""Of two processes that train into one folder the second is refused; a process that has ended, however, bars nobody."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import run

from minimm.datasets.multimodal_instructions import MultimodalInstructions
from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.one_at_a_time import alone_in
from minimm.tasks import MultimodalAssistant, TextGenerator, TextToImageGenerator

HOLD = """
import sys
from minimm.one_at_a_time import alone_in

with alone_in(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""
TEXT = "to be or not to be, that is the question. " * 20
Hold = Callable[[Path], subprocess.Popen]


@pytest.fixture()
def hold() -> Iterator[Hold]:
    """Lets another process hold a folder until its input is closed or it is killed."""
    started = []

    def begin(folder: Path) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def writer() -> TextGenerator:
    sizes = {"context_length": 8, "d_model": 8, "num_heads": 2, "num_layers": 1, "batch_size": 2}
    return TextGenerator("tiny", tokenizer="character", vocab_size=None, precision="float32", **sizes)


def test_a_folder_that_another_process_trains_into_is_refused_and_untouched(hold, tmp_path):
    folder = tmp_path / "book"
    writer().fit(TEXT, max_steps=2, folder=folder)
    other = hold(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for resume in (False, True):
        with pytest.raises(MinimmError) as caught:
            writer().fit(TEXT, max_steps=4, folder=folder, resume=resume)
        assert str(caught.value) == (
            f"{folder} is in use: process {other.pid} works in it now; wait until that ends, or choose another folder"
        )
        assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("end", ["by itself", "killed"])
def test_a_process_that_has_ended_bars_nobody(hold, tmp_path, end):
    other = hold(tmp_path / "book")
    if end == "killed":
        other.kill()
    other.communicate()
    assert (tmp_path / "book" / ".in_use").exists() == (end == "killed")
    writer().fit(TEXT, max_steps=2, folder=tmp_path / "book")
    assert not (tmp_path / "book" / ".in_use").exists()


def test_one_thread_may_enter_again_and_no_other(tmp_path):
    refused = []

    def enter() -> None:
        try:
            with alone_in(tmp_path):
                pass
        except MinimmError as error:
            refused.append(str(error))

    with alone_in(tmp_path):
        with alone_in(tmp_path):
            pass
        for _ in range(2):  # what has been left once inside is still held
            other = threading.Thread(target=enter)
            other.start()
            other.join()
    enter()
    assert len(refused) == 2 and all(f"process {os.getpid()} works in it" in told for told in refused)
    assert list(tmp_path.iterdir()) == []


def test_of_many_processes_that_come_at_once_one_is_in_at_a_time(tmp_path):
    """Each enters a hundred times and, inside, does what two at once would be caught at: it makes a file that must be new."""
    code = """
import sys
from pathlib import Path
from minimm.errors import MinimmError
from minimm.one_at_a_time import alone_in

folder, entered = Path(sys.argv[1]), 0
while entered < 100:
    try:
        with alone_in(folder / "held"):
            (folder / "inside").open("x").close()
            (folder / "inside").unlink()
            entered += 1
    except MinimmError as error:
        assert "is in use" in str(error)
"""
    crowd = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(4)]
    assert [process.wait() for process in crowd] == [0] * 4


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(MinimmError, match=r"file cannot be written \(.*choose another folder"),
        alone_in(tmp_path / "file"),
    ):
        pass


def test_of_processes_that_torchrun_started_the_first_stands_for_all(hold, monkeypatch, tmp_path):
    hold(tmp_path)
    monkeypatch.setenv("RANK", "1")
    with alone_in(tmp_path):
        pass


def test_tasks_of_several_stages_hold_their_folder_from_the_first_to_the_last(hold, tmp_path):
    held = []

    def look(*_: object) -> None:
        held.append((tmp_path / "assistant" / ".in_use").read_text(encoding="ascii"))

    sizes = {"d_model": 16, "num_heads": 2, "num_layers": 1, "precision": "float32"}
    data = MultimodalInstructions(["captions"])
    MultimodalAssistant(**sizes).fit(data, max_steps=3, folder=tmp_path / "assistant", after_stage=look)
    assert held == [str(os.getpid())] * 3
    hold(tmp_path / "drawer")
    with pytest.raises(MinimmError, match="is in use"):
        TextToImageGenerator(image_size=16, **sizes).fit(Shapes(image_size=16), max_steps=2, folder=tmp_path / "drawer")


@pytest.mark.parametrize("command", ["quickstart", "bias", "scaling-law", "train captioner"])
def test_every_command_that_trains_is_refused(hold, tmp_path, capsys, command):
    hold(tmp_path / "out")
    assert run(*command.split(), "--out", tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert "is in use: process" in told and "Traceback" not in told
