"""Texts that belong together line by line: two files, one a language, or one file with a tab between the two.

Two layouts of a folder are known: `train.tsv`, `test.tsv`, ... with source, tab, target; and `train.en`, `train.de`,
`test_2016_flickr.en`, ... (.gz too), the layout of Multi30k, with one sentence a line.
"""

from __future__ import annotations

from glob import escape
from pathlib import Path

from minimm.datasets.folders import find_folder, find_splits
from minimm.datasets.scene_pairs import scene_pairs
from minimm.datasets.text_files import read_text
from minimm.errors import check
from minimm.files import check_inside

Pairs = list[tuple[str, str]]


def read_pair_splits(name: str | Path, source: str, target: str) -> dict[str, Pairs]:
    """The pairs of a data set by part: {"train": ..., "val": ..., "test": ...}, as (source, target).

    Args:
        name: a folder, a .tsv file, the name of bundled data such as "parallel", or "shapes": captions of drawn scenes.
        source, target: languages. They choose the files `train.en` and `train.de`, or the columns of a .tsv file, whose
            first is English in what comes with minimm: with source "zh" and target "en" the columns change places.

    Raises `MinimmError` for unequal line counts, empty lines (with their numbers) and missing files.
    """
    check(source != target, f"source and target are both {source!r}; choose two languages")
    if name == "shapes":
        return scene_pairs(source, target)
    folder = find_folder(name)
    if folder.is_file() or (folder / "train.tsv").is_file():
        swap = target == "en"
        splits = {part: read_pair_table(path) for part, path in find_splits(folder, ".tsv").items()}
        return {part: [(b, a) for a, b in pairs] if swap else pairs for part, pairs in splits.items()}
    parts = sorted({file.name.split(".")[0] for file in folder.glob(f"*.{escape(source)}*")})
    check(
        "train" in parts,
        f"{folder} has neither train.tsv nor train.{source}; its files for {source!r} are of {parts or 'no part'}",
    )
    return {
        part: read_parallel(_language_file(folder, part, source), _language_file(folder, part, target))
        for part in parts
    }


def read_parallel(source: Path, target: Path) -> Pairs:
    """Two files whose lines belong together -> pairs. Unequal counts and empty lines raise a `MinimmError`."""
    lines = [read_text(path).removesuffix("\n").split("\n") for path in (source, target)]
    check(
        len(lines[0]) == len(lines[1]),
        f"{source} has {len(lines[0])} lines, but {target} has {len(lines[1])}; line i of one must belong to line i of the "
        "other",
    )
    for path, texts in zip((source, target), lines, strict=True):
        empty = [number for number, text in enumerate(texts, start=1) if not text.strip()]
        check(
            not empty,
            f"{path} has {len(empty)} empty lines, the first at {empty[:5]}; remove each with its partner, or write it",
        )
    return [(a.strip(), b.strip()) for a, b in zip(*lines, strict=True)]


def read_pair_table(path: Path) -> Pairs:
    """A file with one pair a line, source, tab, target."""
    pairs = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        columns = [column.strip() for column in line.split("\t")]
        check(
            len(columns) == 2 and all(columns),
            f"{path}, line {number}: {line[:60]!r} is not source, tab, target; neither may be empty",
        )
        pairs.append((columns[0], columns[1]))
    check(len(pairs) > 0, f"{path} is empty; give one pair a line")
    return pairs


def _language_file(folder: Path, part: str, language: str) -> Path:
    found = [path for path in (folder / f"{part}.{language}", folder / f"{part}.{language}.gz") if path.is_file()]
    check(len(found) > 0, f"{folder} has no {part}.{language} and no {part}.{language}.gz")
    return check_inside(found[0], folder)
