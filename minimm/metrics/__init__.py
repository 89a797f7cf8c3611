"""How good an answer is, in numbers: perplexity, BLEU, chrF, ROUGE, CIDEr-D, accuracy, F1, recall, edit distance. No torch."""

from minimm.metrics.answers import normalized_exact_match, token_f1
from minimm.metrics.bleu import bleu, sentence_bleu
from minimm.metrics.chrf import chrf
from minimm.metrics.cider import cider
from minimm.metrics.classification import accuracy, confusion_matrix, precision_recall_f1, scores_by_label
from minimm.metrics.edit_distance import character_error_rate, edit_distance, word_error_rate
from minimm.metrics.matching import exact_match
from minimm.metrics.perplexity import bits_per_byte, perplexity
from minimm.metrics.retrieval import recall_at_k, recall_by_label
from minimm.metrics.rouge import rouge, rouge_l, rouge_n

__all__ = [
    "accuracy",
    "bits_per_byte",
    "bleu",
    "character_error_rate",
    "chrf",
    "cider",
    "confusion_matrix",
    "edit_distance",
    "exact_match",
    "normalized_exact_match",
    "perplexity",
    "precision_recall_f1",
    "recall_at_k",
    "recall_by_label",
    "rouge",
    "rouge_l",
    "rouge_n",
    "scores_by_label",
    "sentence_bleu",
    "token_f1",
    "word_error_rate",
]
