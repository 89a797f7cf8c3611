"""One token for each character: the smallest vocabulary, the longest sequences. The place to start.

Differs from a plain sorted alphabet in that ids follow frequency: id 4 is the most frequent character.
"""

from __future__ import annotations

from minimm.tokenizers.pieces import PieceTokenizer
from minimm.tokenizers.tokenizer import check_text


class CharacterTokenizer(PieceTokenizer):
    """A token is one Unicode character (code point).

    >>> CharacterTokenizer.train("banana").encode("ban")
    [6, 4, 5]
    """

    kind = "character"
    piece_name = "character"

    @staticmethod
    def split(text: str) -> list[str]:
        """The characters of `text`."""
        check_text(text)
        return list(text)
