"""Articles with their summaries: one JSON object a line, with the keys article, summary and perhaps title."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from minimm.datasets.text_files import read_text
from minimm.errors import MinimmError, check


@dataclass(frozen=True)
class Article:
    """A text and what a person would say in short."""

    article: str
    summary: str
    title: str = ""


def read_summaries(path: str | Path) -> list[Article]:
    """All articles of a file; a line that is none raises a `MinimmError` with its number."""
    articles = []
    for number, line in enumerate(read_text(Path(path)).splitlines(), start=1):
        try:
            saved = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise MinimmError(f"{path}, line {number} is not JSON ({error})") from None
        values = [saved.get(key, "") for key in ("article", "summary", "title")] if isinstance(saved, dict) else []
        check(
            all(isinstance(value, str) for value in values)
            and len(values) == 3
            and values[0].strip()
            and values[1].strip(),
            f"{path}, line {number}: expected an object with the texts article and summary, neither empty",
        )
        articles.append(Article(*values))
    check(len(articles) > 0, f"{path} is empty; give one article a line")
    return articles
