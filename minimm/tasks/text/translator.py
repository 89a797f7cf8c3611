"""A model that translates: `Translator().fit(sources, targets).translate("a small red fox")`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minimm.errors import check
from minimm.features.languages import mostly_chinese
from minimm.metrics import bleu, chrf, exact_match
from minimm.tasks.text.text_to_text import TextToText

Pairs = Sequence[tuple[str, str]]


class Translator(TextToText):
    """An encoder reads a sentence, a decoder writes it in another language, and cross-attention shows which word came whence.

    Args as in `TextToText`.
    """

    kind = "translator"

    def fit(
        self,
        sources: Sequence[str],
        targets: Sequence[str],
        *,
        validation: Pairs | None = None,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> Translator:
        """Learn from sentences and their translations, `targets[i]` being that of `sources[i]`.

        Args:
            validation: (source, target) pairs to choose the best weights by; None keeps one pair in twenty for it.
            max_steps, max_seconds, folder, resume: as in `TextGenerator.fit`.
        """
        check(
            len(sources) == len(targets),
            f"there are {len(sources)} source sentences but {len(targets)} translations; line i of one must belong to line i "
            "of the other",
        )
        pairs = list(zip(sources, targets, strict=True))
        self._fit(pairs, validation, max_steps=max_steps, max_seconds=max_seconds, folder=folder, resume=resume)
        return self

    def translate(self, text: str, *, num_beams: int = 4) -> str:
        """A text in the other language; one that is too long for the model is translated in parts of whole sentences."""
        return self.translate_all([text], num_beams=num_beams)[0]

    def translate_all(self, texts: Sequence[str], *, num_beams: int = 4, alpha: float = 0.6) -> list[str]:
        """Many sentences at once; `alpha` is the exponent of the length penalty (see `generation.beam_search`)."""
        return self._write(texts, num_beams, alpha)

    def evaluate(self, sources: Sequence[str], targets: Sequence[str], *, num_beams: int = 4) -> dict[str, float]:
        """Scores against the true translations: `bleu` and `chrf` (0 to 100) and `exact_match` (0 to 1).

        BLEU of Chinese counts characters, that of other languages words, as is the custom.
        """
        check(
            len(sources) == len(targets) and len(sources) > 0,
            f"there are {len(sources)} source sentences and {len(targets)} translations; give as many of both, at least one",
        )
        written = self.translate_all(sources, num_beams=num_beams)
        references = [[target] for target in targets]
        return {
            "bleu": bleu(written, references, tokenize="zh" if mostly_chinese(targets) else "13a"),
            "chrf": chrf(written, references),
            "exact_match": exact_match(written, references),
        }
