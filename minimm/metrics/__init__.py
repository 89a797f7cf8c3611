"""How good a text is, in numbers: perplexity, BLEU, CIDEr-D, exact match. NumPy and strings only, no torch."""

from minimm.metrics.bleu import bleu
from minimm.metrics.cider import cider
from minimm.metrics.matching import exact_match
from minimm.metrics.perplexity import bits_per_byte, perplexity

__all__ = ["bits_per_byte", "bleu", "cider", "exact_match", "perplexity"]
