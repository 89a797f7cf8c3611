"""What is installed is what lies in the repository: the sdist and the wheel hold all of it, and nothing else."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import minimm

ROOT = Path(__file__).resolve().parents[1]
TRAVELS = ("minimm", "data_samples", "lessons")  # in the wheel
PAGES = ("pyproject.toml", "MANIFEST.in", "LICENSE", "CITATION.cff", *(path.name for path in ROOT.glob("*.md")))
FOLDERS = tuple(f"{name}/" for name in TRAVELS)
STAYS = ("lessons/solutions/", "lessons/ruff.toml")  # in the repository and the sdist, not in the wheel
MADE = {"PKG-INFO", "setup.cfg"}  # by setuptools
SCRATCH = shutil.ignore_patterns("__pycache__", ".*")

# Words in what distributions say of their licence. All of these let anyone use, change and pass on what they are given with.
PERMISSIVE = ("mit", "bsd", "apache", "isc", "psf", "python software foundation", "hpnd", "zlib", "cc0", "unlicense")
STRICTER = ("gpl", "mpl", "mozilla", "proprietary", "commercial")
# What is used in spite of a stricter word, and why.
EXCEPTIONS = {
    "tqdm": "MPL-2.0 and MIT: Mozilla's licence asks to pass on changes of tqdm's own files alone, and minimm makes none",
    "hypothesis": "MPL-2.0, the same; it draws inputs and nothing of it goes into a model",
}


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def build(kind: str, source: Path, out: Path) -> Path:
    """What `pip wheel` and `python -m build` ask of setuptools, without the network."""
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A copy, for setuptools writes beside what it builds."""
    copy = tmp_path_factory.mktemp("copy") / "repository"
    for name in (*TRAVELS, "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=SCRATCH)
    for name in PAGES:
        shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory) -> Path:
    return build("wheel", repository, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_every_file_and_no_other(repository, wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
    expected = {path for path in files_in(repository) if path.startswith(FOLDERS) and not path.startswith(STAYS)}
    where = {path: path if path.startswith("minimm/") else f"minimm/{path}" for path in expected}
    assert inside.keys() == set(where.values())
    for path, name in where.items():
        assert inside[name] == (repository / path).read_bytes(), path


@pytest.mark.slow
def test_the_sdist_is_the_repository_and_gives_the_same_wheel(repository, wheel, tmp_path):
    with tarfile.open(build("sdist", repository, tmp_path)) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = next(path for path in tmp_path.iterdir() if path.is_dir())
    kept = {path for path in files_in(repository) if path.startswith((*FOLDERS, "tests/")) or path in PAGES}
    assert kept == {path for path in files_in(unpacked) if ".egg-info/" not in path} - MADE
    for path in kept:
        assert (unpacked / path).read_bytes() == (repository / path).read_bytes(), path
    with zipfile.ZipFile(build("wheel", unpacked, tmp_path)) as ours, zipfile.ZipFile(wheel) as other:
        assert set(ours.namelist()) == set(other.namelist())
        assert all(ours.read(name) == other.read(name) for name in ours.namelist())


@pytest.mark.slow
def test_the_wheel_works_where_there_is_no_repository(wheel, tmp_path):
    """In a virtual environment of its own, which borrows what minimm depends on from this one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True)
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip())
    (packages / "borrowed.pth").write_text(str(Path(pytest.__file__).resolve().parents[1]), encoding="utf-8")
    away = tmp_path / "away"
    away.mkdir()
    (away / "mine.py").write_text(
        "import numpy as np\n\n\ndef softmax(logits, axis=-1):\n"
        "    weights = np.exp(logits - logits.max(axis=axis, keepdims=True))\n"
        "    return weights / weights.sum(axis=axis, keepdims=True)\n",
        encoding="utf-8",
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def minimm(*arguments: str | Path) -> str:
        command = [python.with_name("minimm"), *arguments]
        done = subprocess.run(command, cwd=away, env=environment, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, f"{arguments}: {done.stderr or done.stdout}"
        return done.stdout

    command = [python, "-c", "import minimm; print(minimm.__file__)"]
    where = subprocess.run(command, cwd=away, env=environment, capture_output=True, text=True, check=True).stdout
    assert Path(where.strip()).is_relative_to(packages)
    assert "quickstart" in minimm("--help")
    assert "scenes" in minimm("data", "list")
    assert "all 8 laws hold" in minimm("check", "mine.py")
    text = ["--text", packages / "minimm" / "data_samples" / "text", "--out", "book"]
    small = ["--d-model", "16", "--num-layers", "1", "--num-heads", "2", "--context-length", "16", "--max-steps", "2"]
    minimm("train", "language-model", *text, "--tokenizer", "character", *small)
    assert minimm("generate", "--model", "book", "--prompt", "The", "--max-new-tokens", "3").startswith("The")
    minimm("release", "--lessons", "04", "--out", "handout")


def test_everything_that_minimm_needs_may_be_used_by_anyone():
    """Of every dependency at run time and of theirs, as far as they are installed, by what their metadata say."""
    waiting, said = ["minimm"], {}
    while waiting:
        name = waiting.pop()
        try:
            found = distribution(name)
        except ModuleNotFoundError:  # for another system, such as colorama for Windows
            continue
        classifiers = [line for line in found.metadata.get_all("Classifier") or [] if line.startswith("License ::")]
        fields = [found.metadata.get(field) or "" for field in ("License-Expression", "License")]
        said[name] = " ".join(line.partition("\n")[0] for line in (*fields, *classifiers)).lower()
        needs = [Requirement(text) for text in found.requires or []]
        names = [need.name.lower() for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
        waiting += [other for other in names if other not in said]
    assert {"torch", "numpy", "sympy"} <= said.keys()  # theirs, too, were looked at
    strict = {name for name, words in said.items() if any(word in words for word in STRICTER)}
    unclear = {name for name, words in said.items() if not any(word in words for word in PERMISSIVE)}
    assert strict | unclear == EXCEPTIONS.keys(), {name: said[name] for name in strict | unclear}


def test_the_oldest_of_everything_stands_where_ci_takes_it_from():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.findall(
        r'^    "(\w+)>=([\d.]+)', project[: project.index("[project.optional-dependencies]")], re.MULTILINE
    )
    oldest = {name: Version(version) for name, version in needed}
    lines = (ROOT / ".ci" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line.split("==") for line in lines if not line.startswith("#")]
    assert {name: Version(version) for name, version in pinned} == oldest


def test_the_citation_has_the_fields_of_its_format_and_this_version():
    """Citation File Format 1.2.0: what must be there, and of what may be there only what it knows."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    fields = dict(re.findall(r"^([\w-]+): *(.*)$", text, re.MULTILINE))
    assert {"cff-version", "message", "title", "authors"} <= fields.keys()
    known = {"cff-version", "message", "title", "authors", "type", "version", "abstract", "license", "keywords"}
    assert fields.keys() <= known
    assert fields["cff-version"] == "1.2.0" and fields["type"] == "software" and fields["license"] == "MIT"
    assert fields["version"] == minimm.__version__ == distribution("minimm").version
    assert re.search(r"^authors:\n  - name: \S", text, re.MULTILINE)  # an entity; a person has given-names


def test_every_link_between_the_repositorys_own_pages_leads_somewhere():
    for page in ROOT.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (ROOT / link).exists(), f"{page.name} -> {link}"
