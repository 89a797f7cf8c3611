"""One token for each word: short sequences that read well in figures, and a large vocabulary that is never complete.

A word is a piece of `splitting.py`, with the space before it: 'a red cat' is 'a', ' red', ' cat'. So decoding needs no
rule about where spaces belong, and the same word at the start of a text is another token.
"""

from __future__ import annotations

from minimm.tokenizers.pieces import PieceTokenizer
from minimm.tokenizers.splitting import split_words


class WordTokenizer(PieceTokenizer):
    """A token is one whole piece of `split_words`; `train(..., min_count=2)` leaves out what occurs only once.

    >>> WordTokenizer.train("the cat, the dog").encode("the cat")
    [8, 4]
    """

    kind = "word"
    piece_name = "word"
    split = staticmethod(split_words)
