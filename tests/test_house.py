"""The house is in order: imports point downwards, every file is short and explains itself, nothing forbidden is used."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "minimm").rglob("*.py"))
MODULES = r"nn\.(MultiheadAttention|Transformer\w*|GRU\w*|LSTM\w*|Conv\w+|LayerNorm|RMSNorm)\b"
FUNCTIONS = r"F\.(conv\d?d?|rms_norm)\b"  # fused kernels that a test holds equal to a formula of ours are allowed


@pytest.fixture(params=FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def source(request) -> str:
    return request.param.read_text(encoding="utf-8")


def test_imports_point_downwards():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_file_is_one_idea_and_starts_by_saying_which(source):
    assert source.count("\n") <= 260
    assert len(ast.get_docstring(ast.parse(source)) or "") > 30


def test_everything_public_is_explained(source):
    """An override is explained where it is declared, a law by its words."""

    def undocumented(body, prefix=""):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                overrides = any(
                    isinstance(d, ast.Attribute | ast.Name) or getattr(d.func, "id", "") == "law"
                    for d in node.decorator_list
                )
                if not ast.get_docstring(node) and not overrides:
                    yield prefix + node.name
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    yield from undocumented(node.body, f"{node.name}.")

    assert list(undocumented(ast.parse(source).body)) == []


def test_what_minimm_explains_it_writes_itself_and_nothing_is_unpickled(source, request):
    if request.node.callspec.id.endswith(("torch_functions.py", "benchmarks/layer_speed.py")):
        pytest.skip("PyTorch's own, there to be graded or timed beside ours")
    code = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith("#"))
    assert re.search(f"{MODULES}|{FUNCTIONS}", code) is None
    assert re.search(r"\bimport pickle\b|torch\.load\(|\beval\(|\bexec\(", code.replace(".eval(", "")) is None


def test_importing_minimm_loads_nothing_heavy():
    code = "import sys, minimm; print(sorted({'torch', 'numpy', 'matplotlib', 'PIL'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_every_room_travels_in_the_wheel():
    listed = set(
        re.findall(r'^    "(minimm[\w.]*)",$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    )
    packages = {path.parent.relative_to(ROOT) for path in (ROOT / "minimm").rglob("__init__.py")}
    assert {".".join(package.parts) for package in packages} <= listed


def test_first_principles_are_numpy_and_the_standard_library_alone():
    for file in (ROOT / "minimm" / "first_principles").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                known = name.partition(".")[0] in {"numpy", *sys.stdlib_module_names}
                assert known or name.startswith("minimm.first_principles."), f"{file.name} imports {name}"


def test_the_code_is_formatted_and_lint_free():
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_the_readme_tree_names_the_rooms_that_exist():
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("```\nminimm/")[1].split("```")[0]
    named = set(re.findall(r"^  (\w+)/", tree, re.MULTILINE))
    assert named == {path.parent.name for path in (ROOT / "minimm").glob("*/__init__.py")}
