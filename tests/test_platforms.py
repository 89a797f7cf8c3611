"""minimm where things are not as on its makers' machines: odd folders, no home, no display, ASCII alone, a closed pipe."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run

from minimm.datasets.bundled import bundled

LETTERS = "the quick brown fox jumps over the lazy dog 我们去看书. "
SMALL = ["--vocab-size", "260", "--d-model", "16", "--num-layers", "1", "--num-heads", "2", "--context-length", "80"]
SOFTMAX = """import numpy as np


def softmax(logits, axis=-1):
    weights = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)
"""
COMMANDS = {
    "data list": ["data", "list"],
    "list-specs": ["list-specs", "softmax"],
    "check": ["check", "lösung 练习.py"],
    "guide": ["guide"],
    "refusal": ["data", "card", "没有 这个"],
}
SURROUNDINGS = {
    "no home, no display": {"HOME": None, "USERPROFILE": None, "DISPLAY": None, "MPLBACKEND": None},
    "a home that nobody may write to": {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None},
    "ascii": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"},
    "a narrow terminal": {"COLUMNS": "20", "LINES": "5", "TERMINAL_WIDTH": "20"},
}


def started(arguments: list[str], folder: Path, changes: dict[str, str | None], **options) -> subprocess.Popen:
    """`python -m minimm` in `folder`, with `changes` in its environment (None: not there at all)."""
    environment = {name: value for name, value in os.environ.items() if changes.get(name, "") is not None}
    environment |= {name: value for name, value in changes.items() if value is not None}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    command = [sys.executable, "-m", "minimm", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


@pytest.fixture()
def folder(tmp_path) -> Path:
    """With spaces, an apostrophe, an accent and Chinese characters in its name."""
    odd = tmp_path / "mes données d'été 数据 (1)"
    odd.mkdir()
    (odd / "lösung 练习.py").write_text(SOFTMAX, encoding="utf-8")
    return odd


def runs(command: str, surroundings: str, slow: bool = False):
    return pytest.param(command, surroundings, id=f"{command}, {surroundings}", marks=[pytest.mark.slow] * slow)


@pytest.mark.parametrize(
    ("command", "surroundings"),
    [
        *(runs(command, name) for command in ("data list", "list-specs", "refusal") for name in SURROUNDINGS),
        *(runs("check", name, slow=name != "ascii") for name in SURROUNDINGS),
        *(runs("guide", name, slow=True) for name in SURROUNDINGS),
    ],
)
def test_a_command_works_wherever_it_runs(command, surroundings, folder):
    process = started(COMMANDS[command], folder, SURROUNDINGS[surroundings])
    out, err = (text.decode("utf-8") for text in process.communicate())
    assert "Traceback" not in err, err
    if command == "refusal":
        assert process.returncode == 2 and err.startswith("error: ") and err.count("\n") == 1
        assert surroundings == "ascii" or "没有 这个" in err  # there, Python itself cannot read what was typed
    else:
        assert process.returncode == 0 and out.strip() and not err, err


@pytest.mark.parametrize("command", ["data list", "list-specs"])
def test_nobody_sees_a_traceback_when_what_reads_the_output_goes_away(command, folder):
    process = started(COMMANDS[command], folder, {})
    process.stdout.close()  # as `| head -1` does
    assert process.stderr.read() == b""
    process.wait()


@pytest.mark.slow
def test_a_model_is_trained_without_home_display_and_letters_on_the_terminal(folder):
    everything = {name: value for changes in SURROUNDINGS.values() for name, value in changes.items()}
    (folder / "书.txt").write_text(LETTERS * 60, encoding="utf-8")
    for command in (
        ["train", "language-model", "--text", "书.txt", *SMALL, "--max-steps", "4", "--out", "运行"],
        ["generate", "--model", "运行", "--prompt", "我们", "--max-new-tokens", "3"],
    ):
        process = started(command, folder, everything)
        out, err = (text.decode("utf-8") for text in process.communicate())
        assert process.returncode == 0 and "Traceback" not in err, err
    assert out.startswith("我们")


def test_a_model_is_trained_resumed_audited_and_used_in_a_folder_of_any_name(folder, capsys):
    book = folder / "mein Buch 书.txt"
    book.write_text(LETTERS * 60, encoding="utf-8")
    out = folder / "läufe 运行"
    train = ["train", "language-model", "--text", book, *SMALL, "--out", out]
    assert run(*train, "--max-steps", "4") == 0
    assert run(*train, "--max-steps", "8", "--resume") == 0
    assert run("generate", "--model", out, "--prompt", "the", "--max-new-tokens", "4") == 0
    assert run("score", book, "--model", out) == 0
    assert run("audit", "--model", out, "--out", folder / "prüfung 审计") == 0
    assert list((folder / "prüfung 审计").iterdir())
    assert "error" not in capsys.readouterr().err


@pytest.mark.slow
def test_a_picture_in_a_folder_of_any_name_is_learned_from_and_described(folder):
    scenes = shutil.copytree(bundled("scenes"), folder / "bilder 图片")
    small = ["--image-size", "32", "--d-model", "16", "--num-layers", "1", "--num-heads", "2", "--max-steps", "2"]
    assert run("train", "captioner", "--data", scenes, *small, "--out", folder / "model 模型") == 0
    picture = next(scenes.rglob("*.png"))
    assert run("caption", picture, "--model", folder / "model 模型") == 0
    assert (folder / "model 模型" / "figures" / "captions.png").stat().st_size > 0


def test_a_class_in_a_folder_of_any_name_is_graded(folder):
    student = folder / "abgaben 作业" / "王 小明 (2)"
    student.mkdir(parents=True)
    (student / "lösung 练习.py").write_text(SOFTMAX, encoding="utf-8")
    assert run("grade", student.parent, "--functions", "softmax", "--out", folder / "noten 成绩.csv") == 0
    assert "王 小明 (2)" in (folder / "noten 成绩.csv").read_text(encoding="utf-8-sig")
