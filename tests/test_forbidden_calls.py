"""What could run a stranger's program is nowhere in the package, but for what a place named here needs it for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "minimm").rglob("*.py"))
MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "marshal",
    "shelve",
    "yaml",
    "code",
    "runpy",
    "imp",
}
ARCHIVES = {"zipfile", "tarfile"}  # nothing is unpacked, so no name in an archive can lead out of a folder
BUILT_IN = {"eval", "exec", "compile", "__import__"}  # `model.eval()` and `re.compile(...)` are other things
CALLS = {
    *("torch.load", "torch.hub.load", "torch.jit.load", "np.load", "numpy.load", "os.system", "os.popen", "pty.spawn"),
    *("shutil.unpack_archive", "ctypes.CDLL", "import_module", "exec_module"),
}
# Where one of them is needed, and what for.
ALLOWED: dict[tuple[str, str], str] = {
    ("minimm/classroom/solution.py", "exec_module"): "runs a student's file: in the confined child process alone",
    ("minimm/classroom/kernel.py", "ctypes.CDLL"): "asks the kernel to confine that process, before the file is run",
    (
        "minimm/specs/implementations/__init__.py",
        "exec_module",
    ): "runs the file whose author asks for a table of its laws",
    (
        "minimm/specs/implementations/__init__.py",
        "import_module",
    ): "opens one of our own implementations, by a fixed list",
    ("minimm/specs/registry.py", "import_module"): "opens our own laws, by a fixed list",
    ("minimm/benchmarks/peers.py", "exec_module"): "runs the checkout of a peer that the user names, and says so",
}


def name_of(node: ast.AST) -> str:
    """The dotted name that is called; () stands for what has none."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "()"


def forbidden(source: str) -> set[str]:
    """The forbidden modules and calls of a file, and shells."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.partition(".")[0] in MODULES | ARCHIVES}
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES | ARCHIVES:
            found.add(node.module)
        if isinstance(node, ast.Call):
            name = name_of(node.func)
            found |= BUILT_IN & {name} | {call for call in CALLS if f".{name}".endswith(f".{call}")}
            for keyword in node.keywords:
                on = not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
                if keyword.arg in ("shell", "allow_pickle", "trust_remote_code") and on:
                    found.add(keyword.arg)
    return found


def test_nothing_that_could_run_a_strangers_program_is_called():
    found = {}
    for file in FILES:
        for name in forbidden(file.read_text(encoding="utf-8")):
            found[file.relative_to(ROOT).as_posix(), name] = ""
    assert sorted(found) == sorted(ALLOWED)
    assert all(len(reason) > 20 for reason in ALLOWED.values())


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import zipfile",
        "eval('1')",
        "exec(text)",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(command, shell=True)",
        "os.system('ls')",
        "spec.loader.exec_module(module)",
    ],
)
def test_the_search_finds_what_it_looks_for(source):
    assert forbidden(source)


def test_the_search_leaves_what_is_harmless():
    assert not forbidden(
        "model.eval()\nre.compile('a')\nsubprocess.run(command)\njson.loads(text)\ntorch.compile(model)"
    )
