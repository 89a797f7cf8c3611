"""Runs lessons from scratch and writes them back with their outputs: `python lessons/build.py`, or only `04 05`.

The notebook is the only source of a lesson. Each is run by a new kernel in an empty folder, so that it can lean on nothing
that lies about. The Chinese edition has the same code, so that one run gives both their outputs. What would differ from one
run to the next without saying anything (times, versions, the ids of cells) is taken out, and a lesson that stops with an
error or warns is not written.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

LESSONS = Path(__file__).resolve().parent
CELL_SECONDS = (
    400  # until a cell is given up; on two idle cores a whole lesson takes less than half
)
MOST_PICTURE_BYTES = 100_000
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


def lesson_files(*wanted: str) -> list[Path]:
    """The English notebooks whose names begin with one of `wanted`, such as "04"; all for none."""
    files = sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))
    names = [file.stem for file in files]
    for start in wanted:
        if not any(name.startswith(start) for name in names):
            raise SystemExit(f"no lesson begins with {start!r}; there are {', '.join(names)}")
    return [file for file in files if not wanted or file.name.startswith(wanted)]


def chinese_edition(file: Path) -> Path:
    """The notebook of the same lesson in Chinese."""
    return file.parent / "zh" / file.name


def executed(notebook: NotebookNode) -> NotebookNode:
    """A copy of the notebook, run from its first cell to its last; raises nbclient's error where a cell does."""
    notebook = nbformat.from_dict({**notebook, "metadata": METADATA})
    with tempfile.TemporaryDirectory() as folder:
        work, settings = Path(folder, "work"), Path(folder, "ipython")
        work.mkdir()
        python_path = os.pathsep.join(
            filter(None, [str(LESSONS.parent), os.environ.get("PYTHONPATH")])
        )
        environment = {
            **os.environ,
            "PYTHONPATH": python_path,
            "IPYTHONDIR": str(settings),
            "PYTHONHASHSEED": "0",
        }
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            record_timing=False,
            store_widget_state=False,
            resources={"metadata": {"path": str(work)}},
        )
        return client.execute(env=environment)


def normalised(notebook: NotebookNode) -> NotebookNode:
    """A copy in the form that is committed: tags and nbgrader's metadata alone, cell ids made from what a cell says."""
    notebook = nbformat.from_dict(
        {**notebook, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    )
    met: Counter[str] = Counter()
    for cell in notebook.cells:
        cell.metadata = NotebookNode(
            {key: cell.metadata[key] for key in ("tags", "nbgrader") if key in cell.metadata}
        )
        name = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        met[name] += 1
        cell.id = name if met[name] == 1 else f"{name}-{met[name]}"
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
        for output in cell.get("outputs", []):
            output.pop("metadata", None)
            if output.output_type in ("display_data", "execute_result"):
                output.metadata = NotebookNode()
                output.data = NotebookNode(sorted(output.data.items()))
    return notebook


def joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """What was printed in one go stands in one output, however the kernel happened to cut it."""
    whole: list[NotebookNode] = []
    for output in outputs:
        if whole and output.output_type == "stream" and output.get("name") == whole[-1].get("name"):
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def complaints(notebook: NotebookNode) -> list[str]:
    """What must not be in the outputs: errors, anything on stderr, warnings, this machine's paths, large pictures."""
    found = []
    places = {
        str(LESSONS.parent),
        str(Path.home()),
        sys.prefix,
        tempfile.gettempdir() + "/",
        "site-packages",
    } - {"/"}
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            text = output_text(output)
            if output.output_type == "error":
                found.append(f"cell {number} stops with {output.ename}: {output.evalue}")
            if output.get("name") == "stderr" or "Warning:" in text:
                found.append(f"cell {number} warns: {text[:200]}")
            found += [f"cell {number} shows the path {place}" for place in places if place in text]
            for kind, data in output.get("data", {}).items():
                size = len(base64.b64decode(data)) if kind.startswith("image/") else 0
                if size > MOST_PICTURE_BYTES:
                    found.append(f"cell {number} has a picture of {size:,} bytes")
                if "widget" in kind:
                    found.append(
                        f"cell {number} shows a widget, which a page without a kernel cannot"
                    )
    return found


def output_text(output: NotebookNode) -> str:
    """All that an output says in words."""
    parts = [output.get("text", "")] + [
        data for kind, data in output.get("data", {}).items() if "image" not in kind
    ]
    return "\n".join(map(str, parts))


def build(file: Path) -> float:
    """Run one lesson and write it back, in Chinese too where there is such an edition; returns the seconds that it took."""
    started = time.monotonic()
    notebook = normalised(executed(nbformat.read(file, as_version=4)))
    seconds = time.monotonic() - started
    if found := complaints(notebook):
        raise SystemExit("\n".join([f"{file.name} was not written:", *found]))
    write(notebook, file)
    if (chinese := chinese_edition(file)).exists():
        write(with_outputs(nbformat.read(chinese, as_version=4), notebook), chinese)
    return seconds


def with_outputs(notebook: NotebookNode, run: NotebookNode) -> NotebookNode:
    """A copy of the notebook with the outputs of another that has the same code."""
    notebook = nbformat.from_dict(notebook)
    ours, theirs = ([c for c in book.cells if c.cell_type == "code"] for book in (notebook, run))
    if [cell.source for cell in ours] != [cell.source for cell in theirs]:
        raise SystemExit("the Chinese edition has other code; pack its draft again")
    for cell, ran in zip(ours, theirs, strict=True):
        cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
    return normalised(notebook)


def write(notebook: NotebookNode, file: Path) -> None:
    """Write to a file beside it, then take its place."""
    nbformat.validate(notebook)
    temporary = file.with_suffix(".tmp")
    temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
    temporary.replace(file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="such as 04; all when none is named")
    for path in lesson_files(*parser.parse_args().lessons):
        print(f"{path.stem}  {build(path):.0f} s", flush=True)
