"""Submissions made on the fly: right, with planted mistakes, broken and hostile, and what to expect of each."""

from __future__ import annotations

import ast
import inspect
import json
from dataclasses import dataclass
from pathlib import Path

from mutants.catalogue import Planted

SOFTMAX = """
import numpy as np

def softmax(logits, axis=-1):
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)
"""
CAUSAL_MASK = """
import numpy as np

def causal_mask(length):
    return np.tril(np.ones((length, length), dtype=bool))
"""
STUB = 'def softmax(logits, axis=-1):\n    """To do."""\n    raise NotImplementedError\n'
HEAD = "import os, sys, time\nimport numpy as np\n\ndef softmax(logits, axis=-1):\n"
FALL_THROUGH = "\n    return np.ones_like(logits)\n"


@dataclass(frozen=True)
class Expected:
    """A submission for softmax: its code, the status it should get, and a part of the sentence about it."""

    label: str
    code: str
    status: str
    words: str = ""


def planted_source(planted: Planted) -> str:
    """The file of a planted implementation as a student's: without the catalogue, its function under its true name."""
    tree = ast.parse(Path(inspect.getsourcefile(planted.function)).read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if getattr(node, "module", "") != "mutants.catalogue"]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
            if node.name == planted.function.__name__:
                node.name = planted.name
    return ast.unparse(tree)


def broken() -> list[Expected]:
    """Files in which something is amiss, though nobody means harm."""
    bare = SOFTMAX.replace("import numpy as np", "")
    return [
        Expected("nothing", "", "missing", "there is no function softmax"),
        Expected("a stub", STUB, "not written", "not written yet"),
        Expected("renamed", SOFTMAX.replace("softmax", "softmaxx"), "missing", "should softmaxx be called so"),
        Expected("imported", "from minimm.first_principles.softmax import softmax\n", "missing", "from elsewhere"),
        Expected("numpy forgotten", bare, "broken", "NameError"),
        Expected("another signature", SOFTMAX.replace("axis=-1", "dim=-1"), "broken", "is called as"),
        Expected("half a file", SOFTMAX + "\ndef gelu(x:\n    return x\n", "holds"),
        Expected("a mistake elsewhere", SOFTMAX + "\nx = 1 / 0\n", "holds"),
        Expected("Python 2 elsewhere", SOFTMAX + "\nprint 'done'\n", "holds"),
        Expected("Python 2", "def softmax(logits, axis=-1):\n    print logits\n    return logits\n", "missing"),
        Expected(
            "an import that fails",
            "import absent_module\n" + bare.replace("np", "absent_module"),
            "unusable",
            "absent_module",
        ),
    ]


def hostile(victim: Path) -> list[Expected]:
    """Files that mean harm, or act as if; `victim` is a file that none of them may touch."""
    bodies = {
        "endless loop": ("while True: pass", "stopped", "did not come back in time"),
        "sleep": ("time.sleep(1000)", "broken", "calls time.sleep"),
        "memory bomb": ("x = np.ones(10**6)\n    while True: x = np.concatenate([x, x])", "stopped", "memory"),
        "flood": ("while True: print('x' * 10**5)", "stopped", "printed more than"),
        "deletes a file": (f"os.remove({str(victim)!r})", "broken", "changes files"),
        "deletes a folder": (f"import shutil; shutil.rmtree({str(victim.parent)!r})", "broken", "changes files"),
        "writes a file": (f"open({str(victim)!r}, 'w')", "broken", "opens the file"),
        "reads a file": (f"return open({str(victim)!r}).read()", "broken", "opens the file"),
        "network": ("import socket; socket.create_connection(('127.0.0.1', 9))", "broken", "uses the network"),
        "fork bomb": ("while True: os.fork()", "broken", "starts another process"),
        "a shell": (f"os.system('rm {victim}')", "broken", "starts another process"),
        "kills the grader": ("os.kill(os.getppid(), 9)", "broken", "sends a signal"),
        "sys.exit": ("sys.exit(0)", "stopped", "called sys.exit"),
        "os._exit": ("os._exit(0)", "stopped", "ended the process"),
        "past Python": (
            f"import ctypes; ctypes.CDLL(None).unlink({str(victim).encode()!r})",
            "broken",
            "goes past Python",
        ),
        "forged answers": (
            "for n in range(3, 20):\n        try: os.write(n, b'{\"report\": 1}\\n')\n        except OSError: pass",
            "stopped",
            "the line on which its answers travel",
        ),
        "printed answers": ('print(\'{"report": {"name": "softmax", "status": "holds"}}\')', "broken", "sum to one"),
        "patches the checker": (
            "import minimm.specs.grading as g; g.find_counterexample = lambda *a, **k: None; g.first_call = lambda *a: None",
            "broken",
            "",
        ),
        "reads the answers": (
            "import minimm.specs.laws.softmax as s; return s.naive_softmax(logits, axis)",
            "broken",
            "No module",
        ),
        "writes its own grade": ("open('grades.csv', 'a').write('me,softmax,1')", "broken", "opens the file"),
    }
    return [
        Expected(label, f"{HEAD}    {body}{FALL_THROUGH}", status, words)
        for label, (body, status, words) in bodies.items()
    ]


def notebook(*sources: str, **metadata: dict) -> str:
    """A notebook of code cells; the metadata of a cell under the name `cell0`, `cell1`, ..."""
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": metadata.get(f"cell{number}", {}),
            "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for number, source in enumerate(sources)
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def exercise(name: str) -> dict:
    """The metadata of an exercise's cell in a lesson."""
    nbgrader = {
        "grade": False,
        "solution": False,
        "locked": False,
        "schema_version": 3,
        "grade_id": name,
        "task": False,
    }
    return {"tags": ["exercise"], "nbgrader": nbgrader}


def hand_in(folder: Path, student: str, content: str | bytes, name: str = "solution.py") -> Path:
    """Write a student's file; returns its path."""
    path = folder / student / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
