"""How good an answer is, in numbers: perplexity, BLEU, CIDEr-D, exact match, recall at k, edit distance. No torch."""

from minimm.metrics.bleu import bleu
from minimm.metrics.cider import cider
from minimm.metrics.edit_distance import edit_distance
from minimm.metrics.matching import exact_match
from minimm.metrics.perplexity import bits_per_byte, perplexity
from minimm.metrics.retrieval import recall_at_k

__all__ = ["bits_per_byte", "bleu", "cider", "edit_distance", "exact_match", "perplexity", "recall_at_k"]
