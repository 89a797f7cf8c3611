"""The laws of TF-IDF, TextRank and stop words. Oracles: scikit-learn; the equation of TextRank solved exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from minimm.errors import MinimmError
from minimm.features.stop_words import STOP_WORDS, remove_stop_words
from minimm.features.text_rank import lead_summary, text_rank, text_rank_summary
from minimm.features.tf_idf import TfIdf, search_words

words = st.sampled_from(["fox", "garden", "red", "river", "the", "狐", "狸"])
documents = st.lists(st.lists(words, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=6)


@given(texts=documents, query=st.lists(words, min_size=1, max_size=4).map(" ".join))
def test_weights_and_similarities_are_those_of_scikit_learn(texts, query):
    theirs = TfidfVectorizer(tokenizer=search_words, token_pattern=None)
    matrix = theirs.fit_transform(texts)
    ours = TfIdf().fit(texts)
    row = dict(zip(theirs.get_feature_names_out(), theirs.transform([query]).toarray()[0], strict=True))
    assert ours.transform(query) == pytest.approx({word: weight for word, weight in row.items() if weight > 0})
    expected = (matrix @ theirs.transform([query]).T).toarray()[:, 0]
    found = dict(ours.search(query, k=len(texts)))
    for number, similarity in enumerate(expected):
        assert found.get(number, 0.0) == pytest.approx(similarity, abs=1e-12)


def test_the_best_documents_come_first_and_unknown_words_find_nothing():
    index = TfIdf().fit(["a red fox", "a blue bird", "the red red fox"])
    (best, most), (second, less) = index.search("red fox", k=3)
    assert (best, second) == (2, 0) and most > less > 0
    assert index.search("unicorn", k=3) == []
    for bad in ([], "one text"):
        with pytest.raises(MinimmError, match="at least one document"):
            TfIdf().fit(bad)
    with pytest.raises(MinimmError, match="k=0"):
        index.search("fox", k=0)


@given(texts=documents)
def test_text_rank_solves_its_equation(texts):
    scores = text_rank(texts)
    count = len(texts)
    bags = [set(search_words(text)) for text in texts]
    similarity = np.zeros((count, count))
    for a in range(count):
        for b in range(count):
            size = math.log(len(bags[a])) + math.log(len(bags[b]))
            if a != b and size > 0:
                similarity[a, b] = len(bags[a] & bags[b]) / size
    totals = similarity.sum(1, keepdims=True)
    steps = np.where(totals > 0, similarity / np.where(totals > 0, totals, 1), 1 / count)
    exact = np.linalg.solve(np.eye(count) - 0.85 * steps.T, np.full(count, 0.15 / count))
    assert np.allclose(scores, exact, atol=1e-9)
    assert scores.sum() == pytest.approx(1)


def test_the_summary_takes_the_central_sentences_in_their_order():
    text = "Rain fell all day. The red fox slept in the barn. A red fox likes a dry barn. Cats sing."
    assert text_rank_summary(text, 2) == "The red fox slept in the barn. A red fox likes a dry barn."
    assert lead_summary(text, 1) == "Rain fell all day."
    assert lead_summary("狐狸来了。它饿了。它走了。", 2) == "狐狸来了。它饿了。"
    with pytest.raises(MinimmError, match="num_sentences=0"):
        lead_summary(text, 0)
    with pytest.raises(MinimmError, match="nothing to shorten"):
        text_rank_summary(" ", 1)


@pytest.mark.parametrize("language", sorted(STOP_WORDS))
def test_stop_words_are_removed_whatever_their_capitals_and_others_stay(language):
    stop = sorted(STOP_WORDS[language])
    assert remove_stop_words([*stop, "fox", *(word.upper() for word in stop), "狐狸"], language) == ["fox", "狐狸"]
    assert all(word == word.lower() and not word.isspace() for word in stop)


def test_an_unknown_language_of_stop_words_is_answered_with_the_known_ones():
    with pytest.raises(MinimmError, match=r"'xx'; choose from \['en', 'zh'\]"):
        remove_stop_words(["a"], "xx")
