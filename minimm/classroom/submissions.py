"""A folder of submissions: who handed in what. One folder a student, or nbgrader's `submitted/STUDENT/ASSIGNMENT/`.

    SUBMISSIONS/STUDENT/.../notebook.ipynb or solution.py

Links that lead out of a student's folder are left out, as are hidden folders and notebooks' checkpoints.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from minimm.errors import check
from minimm.files import leads_into

KINDS = (".ipynb", ".py")
MOST_FILES = 200  # of one student


@dataclass
class Submission:
    """What one student handed in.

    Attributes:
        student: the folder's name. page: a name for files about the student, unlike any other's on every system.
        folder: where it lies. files: the notebooks and Python files in it. problems: sentences on what is odd about them.
    """

    student: str
    page: str
    folder: Path
    files: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def find_submissions(folder: Path) -> tuple[list[Submission], list[str]]:
    """Every student's submission, by name, and sentences on what lies about and belongs to nobody.

    Raises `MinimmError` if there is no such folder, or no student's folder in it.
    """
    root = students_root(folder)
    students = _folders(root)
    check(
        bool(students), f"{root} has no folder in it; expected one folder for each student, with notebooks or .py files"
    )
    submissions, problems, pages = [], [], {}
    for path in students:
        name = path.name.encode("utf-8", "replace").decode("utf-8")
        key = _page(name)
        pages[key] = pages.get(key, 0) + 1
        page = key if pages[key] == 1 else f"{key}-{pages[key]}"
        submissions.append(Submission(name, page, path))
    _name_twins(submissions, problems)
    for submission in submissions:
        _collect(submission)
    for path in sorted(root.iterdir()):
        if path.is_symlink() and path.is_dir():
            problems.append(f"{path.name} is a link to another place and was left out")
        elif path.is_file() and path.suffix in KINDS:
            problems.append(f"{path.name} lies beside the students' folders, so it is nobody's; put it into one")
    return submissions, problems


def students_root(folder: Path) -> Path:
    """The folder whose folders are the students': `folder` itself, or `submitted` in it if that is nbgrader's course."""
    check(folder.exists(), f"there is no folder {folder}")
    check(folder.is_dir(), f"{folder} is a file; give the folder that holds one folder for each student")
    submitted = folder / "submitted"
    return submitted if submitted.is_dir() and _folders(submitted) else folder


def find_files(folder: Path) -> tuple[list[Path], list[str]]:
    """The notebooks and Python files below a folder, and sentences on those that were left out."""
    files, problems = [], []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        for name in [*folders, *sorted(names)]:
            path = Path(place, name)
            if path.is_symlink() and not leads_into(path, folder):
                problems.append(f"{path.relative_to(folder)} leads out of the folder, or nowhere, and was left out")
            elif path.suffix in KINDS and path.is_file() and not name.startswith("."):
                files.append(path)
    if len(files) > MOST_FILES:
        problems.append(f"there are {len(files)} files; the first {MOST_FILES} were read")
    return files[:MOST_FILES], problems


def _folders(folder: Path) -> list[Path]:
    hidden = (".", "__")
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink() and not p.name.startswith(hidden))


def _page(name: str) -> str:
    """A student's name as that of a file: one case, one way to write accents, nothing that a system forbids."""
    plain = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", name).casefold()).strip("._")
    return plain[:80] or "student"


def _name_twins(submissions: list[Submission], problems: list[str]) -> None:
    named: dict[str, list[Submission]] = {}
    for submission in submissions:
        named.setdefault(unicodedata.normalize("NFC", submission.student).casefold(), []).append(submission)
    for twins in named.values():
        if len(twins) > 1:
            folders = " and ".join(twin.student for twin in twins)
            problems.append(f"the folders {folders} bear one name; they are graded as different students")
            for twin in twins:
                twin.problems.append(f"{len(twins)} folders bear this name; this page is about {twin.student!r}")


def _collect(submission: Submission) -> None:
    submission.files, problems = find_files(submission.folder)
    submission.problems += problems
    if not submission.files:
        submission.problems.append("the folder has no notebook (.ipynb) and no Python file (.py) in it")
