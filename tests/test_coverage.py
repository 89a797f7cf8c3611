"""The map from each point of the road to its lesson and its file of the library: all exist, and lessons name the files."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "lessons" / "coverage.md").read_text(encoding="utf-8")
POINTS = re.findall(r"^\| (.*?) \| (\d\d) \| `(minimm/[\w/]+\.py)` \|$", TEXT, re.MULTILINE)
NUMBERS = {file.name[:2] for file in (ROOT / "lessons").glob("[0-9][0-9]_*.ipynb")}


@pytest.mark.parametrize(("point", "number", "file"), POINTS, ids=lambda text: text)
def test_a_point_has_its_file_and_its_lesson_names_it(point, number, file):
    assert (ROOT / file).is_file()
    for folder in ("lessons", "lessons/zh"):
        for lesson in (ROOT / folder).glob(f"{number}_*.ipynb"):
            text, module = lesson.read_text(encoding="utf-8"), file.removesuffix(".py").replace("/", ".")
            assert file in text or module in text, f"{lesson.name} names neither {file} nor its module"


def test_points_stand_in_the_order_of_lessons_and_none_is_without():
    numbers = [number for _, number, _ in POINTS]
    assert numbers == sorted(numbers) and len(POINTS) > 60
    assert len(POINTS) == TEXT.count("| `minimm/")
    assert NUMBERS - {"00"} <= set(numbers)  # the quick tour goes through what others explain
