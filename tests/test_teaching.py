"""The teacher's guide and the glossary say what is so: laws catch the mistakes named, and terms stand in their lessons."""

import importlib
import re
from pathlib import Path

import mutants
import pytest
from mutants.catalogue import WRONG
from typer.main import get_command

from minimm.cli import app
from minimm.specs.grading import grade
from minimm.specs.registry import all_specs, spec_of

LESSONS = Path(__file__).resolve().parents[1] / "lessons"
GUIDE = (LESSONS / "TEACHING.md").read_text(encoding="utf-8")
MISTAKES = re.findall(r"^\| `(\w+)`: (.*?) \| .*? \| (.*?) \| .*? \|$", GUIDE, re.MULTILINE)
TERMS = re.findall(
    r"^\| (.*?) \| (.*?) \| .*? \| .*? \| (\d\d) \|$", (LESSONS / "glossary.md").read_text("utf-8"), re.MULTILINE
)

for file in sorted(Path(mutants.__file__).parent.glob("*.py")):
    importlib.import_module(f"mutants.{file.stem}")
PLANTED = {one.label: one for one in WRONG}


@pytest.mark.parametrize(("function", "mistake", "law"), MISTAKES, ids=lambda text: text)
def test_the_law_named_catches_the_mistake(function, mistake, law):
    report = grade(spec_of(function), PLANTED[f"{function}: {mistake}"].function, first_only=True)
    assert report.failure.words == law


def test_what_is_handed_in_can_be_graded_and_the_commands_are_there():
    assert len(MISTAKES) > 25
    weeks = "".join(re.findall(r"^\| \d+ \|.*$|^Exercises to hand in.*?^$", GUIDE, re.MULTILINE | re.DOTALL))
    assert set(re.findall(r"`(\w+)`", weeks)) <= set(all_specs())
    assert set(re.findall(r"^minimm ([\w-]+)", GUIDE, re.MULTILINE)) <= set(get_command(app).commands)


def plain(text: str) -> str:
    return re.sub(r"[^\w]+", "", text.lower())


@pytest.mark.parametrize(("english", "chinese", "lesson"), TERMS, ids=lambda text: text)
def test_a_term_stands_in_its_lesson(english, chinese, lesson):
    for term, folder in ((english, LESSONS), (chinese, LESSONS / "zh")):
        for notebook in folder.glob(f"{lesson}_*.ipynb"):
            wanted = plain(re.sub(r" ?[(（].*", "", term))
            assert wanted in plain(notebook.read_text(encoding="utf-8")), f"{term} is not in {notebook.name}"


def test_terms_are_in_order():
    names = [english.lower() for english, _, _ in TERMS]
    assert names == sorted(names) and len(set(names)) == len(names) > 90
