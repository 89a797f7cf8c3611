"""Writes `sentiment/`: labelled reviews to learn from and to test on, drawn by `minimm.datasets.reviews`. Deterministic."""

from __future__ import annotations

from pathlib import Path

from minimm.datasets.reviews import draw_reviews
from minimm.files import write_text

PARTS = {"train": (1_200, 1), "test": (400, 2)}  # count and seed


def main() -> None:
    """Write train.tsv and test.tsv; a review of the test that is in the training is drawn again elsewhere, not kept."""
    folder = Path(__file__).parent / "sentiment"
    seen: set[str] = set()
    for part, (count, seed) in PARTS.items():
        reviews = [(label, text) for label, text in draw_reviews(count, seed) if text not in seen]
        seen |= {text for _, text in reviews}
        write_text(folder / f"{part}.tsv", "".join(f"{label}\t{text}\n" for label, text in reviews))


if __name__ == "__main__":
    main()
