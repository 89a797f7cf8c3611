"""Words, and among them the places where something else than text stands: `<image>`, `<audio>`, `<video>`.

A place is one token, whatever is written around it. Only those that occur in the training prompts are in the vocabulary: they
are the modalities that the model was trained on.
"""

from __future__ import annotations

import re

from minimm.tokenizers.pieces import PieceTokenizer
from minimm.tokenizers.splitting import split_words
from minimm.tokenizers.tokenizer import check_text

MODALITIES = ("image", "audio", "video")
_PLACE = re.compile(f"(<(?:{'|'.join(MODALITIES)})>)")


class PromptTokenizer(PieceTokenizer):
    """A token is a place, or one whole piece of `split_words`.

    >>> tokenizer = PromptTokenizer.train("<image> <image> the same digit")
    >>> tokenizer.place_ids, tokenizer.encode("<image> the digit")
    ({'image': 4}, [4, 8, 6])
    """

    kind = "prompt"
    piece_name = "word"

    @staticmethod
    def split(text: str) -> list[str]:
        """Cut `text` into places and words; joined they give it back."""
        check_text(text)
        pieces = []
        for part in _PLACE.split(text):
            pieces += [part] if _PLACE.fullmatch(part) else split_words(part)
        return pieces

    @property
    def place_ids(self) -> dict[str, int]:
        """The token of each modality that this vocabulary knows."""
        return {name: self._id_of[f"<{name}>"] for name in MODALITIES if f"<{name}>" in self._id_of}


def find_places(prompt: str) -> list[str]:
    """The modalities of the places of a prompt, in order.

    >>> find_places("<image> <audio> is the spoken digit the written one")
    ['image', 'audio']
    """
    return [place.strip("<>") for place in _PLACE.findall(prompt)]
