"""Metrics of text equal those that papers report with: sacrebleu, rouge-score, scikit-learn, pycocoevalcap.

On text that hypothesis makes up, and on 1,000 lines of Multi30k when the environment variable MINIMM_DATA says where it lies.
"""

from __future__ import annotations

import random
import re
import string
from collections import Counter

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from pycocoevalcap.cider.cider import Cider
from rouge_score import rouge_scorer
from sklearn import metrics as sklearn_metrics

from minimm.datasets.folders import find_folder
from minimm.datasets.pair_splits import read_pair_splits
from minimm.errors import MinimmError
from minimm.metrics import (
    accuracy,
    bleu,
    character_error_rate,
    chrf,
    cider,
    confusion_matrix,
    normalized_exact_match,
    precision_recall_f1,
    rouge,
    rouge_l,
    rouge_n,
    sentence_bleu,
    token_f1,
    word_error_rate,
)

CLOSE = {"rel": 1e-9, "abs": 1e-9}
SMOOTHINGS = ("exp", "floor", "add-k", "none")
words = st.sampled_from(["a", "red", "fox", "sees", "the", "blue", "birds", "bird"])
sentences = st.lists(words, min_size=1, max_size=10).map(" ".join)
corpora = st.lists(st.tuples(sentences, st.lists(sentences, min_size=1, max_size=3)), min_size=1, max_size=5)
han = st.text(st.sampled_from("狐狸饿了。 a，fox1"), min_size=1, max_size=12).filter(str.strip)


def streams(references):
    """sacrebleu wants the first reference of every segment, then the second, ..."""
    most = max(map(len, references))
    return [[texts[k] if k < len(texts) else None for texts in references] for k in range(most)]


def their_cider(hypotheses, references):
    truth = dict(enumerate(references))
    return Cider().compute_score(truth, {number: [text] for number, text in enumerate(hypotheses)})[0]


def their_rouge(hypotheses, references, name):
    scorer = rouge_scorer.RougeScorer([name])
    best = [
        max(scorer.score(text, hypothesis)[name].fmeasure for text in texts)
        for hypothesis, texts in zip(hypotheses, references, strict=True)
    ]
    return sum(best) / len(best)


@given(corpus=corpora, smoothing=st.sampled_from(SMOOTHINGS))
def test_bleu_of_corpora_and_sentences_is_sacrebleus_for_every_smoothing(corpus, smoothing):
    hypotheses, references = map(list, zip(*corpus, strict=True))
    theirs = sacrebleu.corpus_bleu(hypotheses, streams(references), smooth_method=smoothing).score
    assert bleu(hypotheses, references, smoothing=smoothing) == pytest.approx(theirs, **CLOSE)
    theirs = sacrebleu.sentence_bleu(hypotheses[0], references[0], smooth_method=smoothing).score
    assert sentence_bleu(hypotheses[0], references[0], smoothing=smoothing) == pytest.approx(theirs, **CLOSE)


@given(pairs=st.lists(st.tuples(han, han), min_size=1, max_size=4))
def test_bleu_of_chinese_cuts_it_into_characters_as_sacrebleu_does(pairs):
    hypotheses, texts = map(list, zip(*pairs, strict=True))
    theirs = sacrebleu.corpus_bleu(hypotheses, [texts], tokenize="zh").score
    assert bleu(hypotheses, [[text] for text in texts], tokenize="zh") == pytest.approx(theirs, **CLOSE)


@given(corpus=corpora)
def test_chrf_is_sacrebleus(corpus):
    hypotheses, references = map(list, zip(*corpus, strict=True))
    theirs = sacrebleu.corpus_chrf(hypotheses, streams(references)).score
    assert chrf(hypotheses, references) == pytest.approx(theirs, **CLOSE)


@given(corpus=corpora)
def test_rouge_is_rouge_scores(corpus):
    hypotheses, references = map(list, zip(*corpus, strict=True))
    for name, ours in rouge(hypotheses, references).items():
        assert ours == pytest.approx(their_rouge(hypotheses, references, name), **CLOSE)
    theirs = rouge_scorer.RougeScorer(["rouge2", "rougeL"]).score(references[0][0], hypotheses[0])
    assert rouge_n(hypotheses[0], references[0][0], 2) == pytest.approx(tuple(theirs["rouge2"]), **CLOSE)
    assert rouge_l(hypotheses[0], references[0][0]) == pytest.approx(tuple(theirs["rougeL"]), **CLOSE)


# Any text at all. rouge-score takes every letter beyond a to z for white space, so for it there are none.
any_text = st.lists(st.tuples(st.text(max_size=40), st.lists(st.text(max_size=40), min_size=1, max_size=3)), min_size=1)
any_ascii = st.text(st.characters(max_codepoint=127), max_size=40)


@given(corpus=any_text.map(lambda pairs: pairs[:4]))
def test_chrf_of_any_text_is_sacrebleus(corpus):
    hypotheses, references = map(list, zip(*corpus, strict=True))
    theirs = sacrebleu.corpus_chrf(hypotheses, streams(references)).score
    assert chrf(hypotheses, references) == pytest.approx(theirs, **CLOSE)


@given(hypothesis=any_ascii, reference=any_ascii)
def test_rouge_of_any_ascii_text_is_rouge_scores(hypothesis, reference):
    theirs = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"]).score(reference, hypothesis)
    for order in (1, 2):
        assert rouge_n(hypothesis, reference, order) == pytest.approx(tuple(theirs[f"rouge{order}"]), **CLOSE)
    assert rouge_l(hypothesis, reference) == pytest.approx(tuple(theirs["rougeL"]), **CLOSE)


@given(corpus=st.lists(st.tuples(sentences, st.lists(sentences, min_size=1, max_size=3)), min_size=2, max_size=6))
def test_cider_is_its_authors(corpus):
    hypotheses, references = map(list, zip(*corpus, strict=True))
    assert cider(hypotheses, references) == pytest.approx(their_cider(hypotheses, references), **CLOSE)


@pytest.mark.filterwarnings("ignore:A single label")
@given(pairs=st.lists(st.tuples(*[st.sampled_from("abcd")] * 2), min_size=1, max_size=30))
def test_scores_of_labels_are_scikit_learns(pairs):
    truth, predicted = zip(*pairs, strict=True)
    assert accuracy(truth, predicted) == pytest.approx(sklearn_metrics.accuracy_score(truth, predicted), **CLOSE)
    for average in ("macro", "micro", "weighted"):
        theirs = sklearn_metrics.precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)[:3]
        assert precision_recall_f1(truth, predicted, average=average) == pytest.approx(theirs, **CLOSE)
    labels = sorted({*truth, *predicted})
    ours = [list(row.values()) for row in confusion_matrix(truth, predicted).values()]
    assert ours == sklearn_metrics.confusion_matrix(truth, predicted, labels=labels).tolist()


def squad_words(answer):
    """The steps of the SQuAD paper's evaluation, in its own order."""
    text = "".join(c for c in answer.lower() if c not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


@given(
    corpus=st.lists(
        st.tuples(
            *[st.lists(st.sampled_from(["The", "a", "fox!", "red-fox", "fox", "", "1.5"]), max_size=5).map(" ".join)]
            * 2
        ),
        min_size=1,
        max_size=5,
    )
)
def test_answers_are_compared_as_the_squad_paper_does(corpus):
    answers, truths = map(list, zip(*corpus, strict=True))
    exact, f1 = [], []
    for answer, truth in corpus:
        ours, theirs = squad_words(answer), squad_words(truth)
        exact.append(ours == theirs)
        shared = (Counter(ours) & Counter(theirs)).total()
        if not ours or not theirs:
            f1.append(float(ours == theirs))
        else:
            precision, recall = shared / len(ours), shared / len(theirs)
            f1.append(2 * precision * recall / (precision + recall) if shared else 0.0)
    accepted = [[truth] for truth in truths]
    assert normalized_exact_match(answers, accepted) == pytest.approx(sum(exact) / len(exact), **CLOSE)
    assert token_f1(answers, accepted) == pytest.approx(sum(f1) / len(f1), **CLOSE)


def test_error_rates_count_edits_over_the_length_of_what_was_said():
    assert word_error_rate(["the cat sat", "a"], ["the cat sat down", "a b"]) == pytest.approx(2 / 6)
    assert word_error_rate(["so many words too much"], ["one"]) == 5.0  # more edits than words: above 1
    assert character_error_rate(["kitten"], ["sitting"]) == pytest.approx(3 / 7)
    for rate in (word_error_rate, character_error_rate):
        assert rate(["same text"], ["same text"]) == 0
        with pytest.raises(MinimmError, match="2 hypotheses and 1 references"):
            rate(["a", "b"], ["a"])
        with pytest.raises(MinimmError, match="nothing to compare with"):
            rate(["a"], [""])


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(MinimmError, match="smoothing='exq' is not known"):
        bleu(["a"], [["a"]], smoothing="exq")
    with pytest.raises(MinimmError, match="tokenize='de' is not known"):
        bleu(["a"], [["a"]], tokenize="de")


@pytest.fixture(scope="module", params=["en", "de"])
def multi30k(request):
    """1,000 real lines, and the same with words left out, doubled and moved."""
    try:
        find_folder("multi30k")
    except MinimmError:
        pytest.skip("Multi30k is not here; `minimm data get multi30k` fetches it, MINIMM_DATA says where it lies")
    column = ("en", "de").index(request.param)
    lines = [pair[column] for pair in read_pair_splits("multi30k", "en", "de")["test_2016_flickr"]]
    generator, changed = random.Random(0), []
    for line in lines:
        found = line.split()
        for _ in range(generator.randrange(4)):
            at = generator.randrange(len(found))
            found.insert(generator.randrange(len(found) + 1), found[at] if generator.random() < 0.5 else found.pop(at))
        changed.append(" ".join(found))
    return changed, lines


def test_on_real_lines_all_metrics_are_their_peers(multi30k):
    hypotheses, lines = multi30k
    references = [[line] for line in lines]
    assert len(lines) == 1000
    for smoothing in SMOOTHINGS:
        theirs = sacrebleu.corpus_bleu(hypotheses, [lines], smooth_method=smoothing).score
        assert bleu(hypotheses, references, smoothing=smoothing) == pytest.approx(theirs, **CLOSE)
    for hypothesis, line in zip(hypotheses, lines, strict=True):
        theirs = sacrebleu.sentence_bleu(hypothesis, [line]).score
        assert sentence_bleu(hypothesis, [line]) == pytest.approx(theirs, **CLOSE)
    assert chrf(hypotheses, references) == pytest.approx(sacrebleu.corpus_chrf(hypotheses, [lines]).score, **CLOSE)
    # rouge-score takes ä for white space; ours reads it as a letter, so the two are compared without such letters.
    ascii_only = [[text.encode("ascii", "ignore").decode() for text in texts] for texts in (hypotheses, lines)]
    references = [[line] for line in ascii_only[1]]
    for name, ours in rouge(ascii_only[0], references).items():
        assert ours == pytest.approx(their_rouge(ascii_only[0], references, name), **CLOSE)
    plain = [[" ".join(re.findall(r"\w+", text.lower())) for text in texts] for texts in (hypotheses, lines)]
    ours = cider(plain[0], [[text] for text in plain[1]])
    assert ours == pytest.approx(their_cider(plain[0], [[text] for text in plain[1]]), **CLOSE)
