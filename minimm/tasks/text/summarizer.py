"""A model that shortens: `Summarizer().fit(articles, summaries).summarize(article)`, beside two methods that need no training.

"lead" takes the first sentences, "text_rank" the most central ones (Mihalcea & Tarau 2004); "model" writes its own. What a
summary should say, and in which words, only the third can learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minimm.errors import check
from minimm.features.text_rank import lead_summary, text_rank_summary
from minimm.metrics import rouge
from minimm.tasks.text.text_to_text import TextToText

METHODS = ("model", "lead", "text_rank")


class Summarizer(TextToText):
    """An encoder reads an article, a decoder writes its summary. Args as in `TextToText`."""

    kind = "summarizer"

    def fit(
        self,
        articles: Sequence[str],
        summaries: Sequence[str],
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> Summarizer:
        """Learn from articles and their summaries; one pair in twenty is kept for validation."""
        check_articles(articles, summaries)
        pairs = list(zip(articles, summaries, strict=True))
        self._fit(pairs, None, max_steps=max_steps, max_seconds=max_seconds, folder=folder, resume=resume)
        return self

    def summarize(self, article: str, *, method: str = "model", num_sentences: int = 1, num_beams: int = 4) -> str:
        """One summary. `num_sentences` is for "lead" and "text_rank", which need no trained model."""
        return self.summarize_all([article], method=method, num_sentences=num_sentences, num_beams=num_beams)[0]

    def summarize_all(
        self, articles: Sequence[str], *, method: str = "model", num_sentences: int = 1, num_beams: int = 4
    ) -> list[str]:
        """Many summaries at once. One beyond the model's context is summarised in parts of whole sentences."""
        check(method in METHODS, f"method={method!r} is not known; choose from {METHODS}")
        if method == "lead":
            return [lead_summary(article, num_sentences) for article in articles]
        if method == "text_rank":
            return [text_rank_summary(article, num_sentences) for article in articles]
        return self._write(articles, num_beams, alpha=0.6)

    def evaluate(
        self, articles: Sequence[str], summaries: Sequence[str], *, method: str = "model", num_sentences: int = 1
    ) -> dict[str, float]:
        """`rouge1`, `rouge2` and `rougeL` (F1, 0 to 1) against the true summaries."""
        check_articles(articles, summaries)
        written = self.summarize_all(articles, method=method, num_sentences=num_sentences)
        return rouge(written, [[summary] for summary in summaries])


def check_articles(articles: Sequence[str], summaries: Sequence[str]) -> None:
    """Raise unless there is one summary for each article, and at least one."""
    check(
        len(articles) == len(summaries) and len(articles) > 0,
        f"there are {len(articles)} articles and {len(summaries)} summaries; give one summary for each article",
    )
