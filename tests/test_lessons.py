"""Lessons as they are committed: run in order, without complaint, of one form, in two languages, all links alive."""

import ast
import base64
import importlib
import io
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

from minimm.classroom.handed_in import read_handed_in
from minimm.classroom.needed import needed

nbformat = pytest.importorskip(
    "nbformat", reason="lessons are notebooks; pip install -e '.[test]' brings nbformat and nbclient"
)
pytest.importorskip("nbclient", reason="lessons are run by nbclient; pip install -e '.[test]' brings it")

ROOT = Path(__file__).resolve().parents[1]
LESSONS = ROOT / "lessons"
WIDEST_CODE = 100  # characters
SECTIONS = {
    "en": [
        *("What you will be able to do", "The idea", "The formula", "By hand, in NumPy", "The library's version"),
        *("A real run", "Exercises", "What goes wrong in practice", "Further reading"),
    ],
    "zh": [
        *("学完这一课，你能做到", "直觉", "公式", "用 NumPy 手算", "库里的实现"),
        *("真正跑一次", "练习", "实践中容易出的错", "延伸阅读"),
    ],
}
EXERCISE = {"en": r"^### Exercise (\d) · ", "zh": r"^### 练习 (\d) · "}
NBGRADER = {"schema_version": 3, "task": False}

sys.path.insert(0, str(LESSONS))
build, draft = importlib.import_module("build"), importlib.import_module("draft")
sys.path.remove(str(LESSONS))
ENGLISH = build.lesson_files()
FILES = ENGLISH + sorted((LESSONS / "zh").glob("[0-9][0-9]_*.ipynb"))


@pytest.fixture(params=FILES, ids=lambda file: file.relative_to(LESSONS).as_posix())
def lesson(request) -> Path:
    return request.param


@pytest.fixture
def notebook(lesson):
    return nbformat.read(lesson, as_version=4)


def language(lesson: Path) -> str:
    return "zh" if lesson.parent.name == "zh" else "en"


def cells_of(notebook, kind: str) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def prose(notebook) -> str:
    return "\n\n".join(cell.source for cell in cells_of(notebook, "markdown"))


def tagged(notebook, tag: str) -> list:
    return [cell for cell in notebook.cells if cell.metadata.get("tags") == [tag]]


def test_it_was_run_from_the_first_cell_to_the_last_and_says_nothing_it_should_not(notebook):
    code = cells_of(notebook, "code")
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert build.complaints(notebook) == []


def test_it_is_committed_in_the_form_that_build_writes(lesson, notebook):
    again = nbformat.writes(build.normalised(notebook)) + "\n"
    assert lesson.read_text(encoding="utf-8") == again


def test_its_pictures_are_right_on_a_white_and_on_a_dark_page(notebook):
    pictures = [
        o.data["image/png"] for c in cells_of(notebook, "code") for o in c.outputs if "image/png" in o.get("data", {})
    ]
    assert len(pictures) >= 2
    for picture in pictures:
        image = Image.open(io.BytesIO(base64.b64decode(picture)))
        assert image.mode in ("RGB", "P") and "transparency" not in image.info


def test_it_has_the_sections_of_every_lesson_and_a_picture_before_the_formula(lesson, notebook):
    wanted = SECTIONS[language(lesson)]
    assert notebook.cells[0].source.startswith(f"# {lesson.name[:2]} · ")
    assert re.findall(r"^## (.*)$", prose(notebook), re.MULTILINE) == wanted
    formula = next(n for n, cell in enumerate(notebook.cells) if cell.source.startswith(f"## {wanted[2]}"))
    before = [output for cell in notebook.cells[:formula] for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in before)
    assert "\n| " in notebook.cells[formula].source, "every symbol's shape belongs in a table below the formula"


def test_its_exercises_are_numbered_and_begin_with_a_prediction(lesson, notebook):
    found = re.findall(EXERCISE[language(lesson)], prose(notebook), re.MULTILINE)
    assert found == [str(n) for n in range(1, len(found) + 1)]
    assert 3 <= len(found) <= 6
    assert prose(notebook).count("<details>") == prose(notebook).count("</details>") >= 1
    assert len(tagged(notebook, "exercise")) >= 1


def test_a_stub_is_followed_by_its_check_and_stops_nothing(notebook):
    exercises = tagged(notebook, "exercise")
    assert (
        len(exercises) == len(tagged(notebook, "check")) == len({cell.metadata.nbgrader.grade_id for cell in exercises})
    )
    for stub in exercises:
        check = notebook.cells[notebook.cells.index(stub) + 1]
        (function,) = ast.parse(stub.source).body
        assert ast.get_docstring(function)
        assert ast.unparse(function.body[1:]) == "raise NotImplementedError"
        assert check.source == f"minimm.check({function.name})"
        answer = {"grade": False, "solution": False, "locked": False, "grade_id": function.name}
        assert stub.metadata == {"tags": ["exercise"], "nbgrader": NBGRADER | answer}
        graded = {"grade": True, "solution": False, "locked": True, "points": 1, "grade_id": f"check-{function.name}"}
        assert check.metadata == {"tags": ["check"], "nbgrader": NBGRADER | graded}
        assert "not written yet" in build.output_text(check.outputs[0])


@pytest.mark.parametrize("lesson", ENGLISH, ids=lambda file: file.stem)
def test_a_solved_exercise_is_graded_without_the_lesson_around_it(lesson, notebook, tmp_path):
    """Lessons train and draw, which takes minutes and more rights than a function under limits has."""
    solutions = ast.parse((LESSONS / "solutions" / f"{lesson.stem}.py").read_text(encoding="utf-8")).body
    written = {tree.name: ast.unparse(tree) for tree in solutions if isinstance(tree, ast.FunctionDef)}
    for cell in tagged(notebook, "exercise"):
        cell.source = written[cell.metadata.nbgrader.grade_id]
    build.write(notebook, tmp_path / lesson.name)
    file = read_handed_in(tmp_path / lesson.name)
    for cell in tagged(notebook, "exercise"):
        for statement in needed(file, cell.metadata.nbgrader.grade_id):
            assert isinstance(statement.tree, ast.FunctionDef | ast.Import | ast.ImportFrom), ast.unparse(
                statement.tree
            )


def test_links_lead_to_files_and_names_to_symbols(lesson, notebook):
    text = prose(notebook)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith("https://"):
            assert (lesson.parent / target.partition("#")[0]).exists(), f"{target} leads nowhere"
    for path in re.findall(r"`((?:minimm|lessons|data_samples|tests)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), f"there is no {path}"
    for name in re.findall(r"`(minimm(?:\.\w+)+)", text):
        assert symbol_exists(name), f"{name} is no module or symbol"


def symbol_exists(name: str) -> bool:
    """`minimm.layers.attention.fused_attention`: the longest module of it, then attributes."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, None)
        return found is not None
    return False


def test_its_code_fits_a_page_and_imports_nothing_that_minimm_does_not_bring(notebook):
    listed = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("\ndependencies = [")[1].split("\n]")[0]
    brought = {*re.findall(r'^ +"([\w-]+)', listed, re.MULTILINE), "PIL", "minimm", *sys.stdlib_module_names}
    for cell in cells_of(notebook, "code"):
        assert max(map(len, cell.source.splitlines())) <= WIDEST_CODE
        assert not re.search(r"^[%!]|pyplot", cell.source, re.MULTILINE), "no magic, and figures by minimm.plots"
        for node in ast.walk(ast.parse(cell.source)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= brought


def test_the_source_that_it_shows_is_todays(notebook):
    lines = {line for path in (ROOT / "minimm").rglob("*.py") for line in path.read_text(encoding="utf-8").splitlines()}
    shown = "".join(
        build.output_text(output)
        for cell in cells_of(notebook, "code")
        if "getsource" in cell.source
        for output in cell.outputs
    )
    assert [line for line in shown.splitlines() if line.startswith("    ") and line not in lines] == []


def test_its_formulas_survive_markdown(notebook):
    """GitHub takes the backslash before punctuation for Markdown's, and shows `\\,` as a comma."""
    assert re.findall(r"\\[,;!]", prose(notebook)) == []


@pytest.mark.parametrize("english", ENGLISH, ids=lambda file: file.stem)
def test_the_chinese_edition_has_the_same_code_and_outputs(english):
    ours, theirs = (nbformat.read(file, as_version=4) for file in (english, build.chinese_edition(english)))
    assert [(c.source, c.metadata, c.outputs) for c in cells_of(ours, "code")] == [
        (c.source, c.metadata, c.outputs) for c in cells_of(theirs, "code")
    ]
    assert [cell.cell_type for cell in ours.cells] == [cell.cell_type for cell in theirs.cells]
    formulas = [re.findall(r"\$\$(.*?)\$\$", prose(notebook), re.DOTALL) for notebook in (ours, theirs)]
    assert formulas[0] == formulas[1]


def test_nothing_is_left_of_a_lesson_that_is_gone():
    stems = {file.stem for file in ENGLISH}
    assert {file.stem for file in FILES} == {file.stem for file in (LESSONS / "solutions").glob("*.py")} == stems


def test_the_map_lists_the_lessons_that_exist():
    text = (LESSONS / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| \d\d \|", line)]
    assert [re.search(r"\]\((\w+\.ipynb)\)", row).group(1) for row in rows] == [file.name for file in ENGLISH]
    assert all(f"](zh/{file.name})" in row for row, file in zip(rows, ENGLISH, strict=True))
    for target in re.findall(r"\]\(([^)\s#]+)\)", text):
        assert (LESSONS / target).exists(), f"{target} leads nowhere"


def test_a_draft_is_the_lesson_as_text(notebook):
    again = draft.packed(draft.unpacked(notebook))
    assert [(c.cell_type, c.source, c.metadata) for c in again.cells] == [
        (c.cell_type, c.source, c.metadata) for c in notebook.cells
    ]


@pytest.mark.slow
@pytest.mark.parametrize("lesson", ENGLISH, ids=lambda file: file.stem)
def test_it_runs_from_scratch(notebook):
    """Both editions: the Chinese one has the same code."""
    assert build.complaints(build.executed(notebook)) == []
