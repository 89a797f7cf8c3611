"""The laws of near-duplicates, leak-free splits, data cards and cleaned corpora."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimm.datasets.card import data_card
from minimm.datasets.cleaned_corpus import clean_corpus
from minimm.datasets.collection import collect
from minimm.datasets.splits import leak_free_split
from minimm.errors import MinimmError
from minimm.features.languages import guess_language
from minimm.features.near_duplicates import jaccard, near_duplicate_groups, shingles

WORDS = """fox garden river stone letter window bread music winter yellow engine doctor paper morning village""".split()  # noqa: SIM905


def sentence(generator, length=12):
    return " ".join(generator.choices(WORDS, k=length))


def corpus_with_copies(seed, count=24):
    """Texts, some of which are others with a word changed."""
    generator = random.Random(seed)
    texts = [sentence(generator) for _ in range(count)]
    for _ in range(count // 2):
        words = generator.choice(texts).split()
        words[generator.randrange(len(words))] = generator.choice(WORDS)
        texts.append(" ".join(words))
    generator.shuffle(texts)
    return texts


@given(seed=st.integers(0, 10**6), threshold=st.sampled_from([0.7, 0.8, 0.9, 1.0]))
def test_groups_are_what_comparing_all_pairs_would_find(seed, threshold):
    texts = corpus_with_copies(seed)
    sets = [shingles(text) for text in texts]
    group_of = list(range(len(texts)))
    for a, b in itertools.combinations(range(len(texts)), 2):
        if jaccard(sets[a], sets[b]) >= threshold:
            old, new = group_of[b], group_of[a]
            group_of = [new if group == old else group for group in group_of]
    expected = {}
    for number, group in enumerate(group_of):
        expected.setdefault(group, []).append(number)
    assert near_duplicate_groups(texts, threshold) == sorted(expected.values())


def test_capitals_marks_and_spaces_make_no_difference_but_words_do():
    texts = ["The fox, it ran!", "the  FOX it ran", "the dog it ran", "", "!?"]
    assert near_duplicate_groups(texts, 0.9) == [[0, 1], [2], [3, 4]]
    assert near_duplicate_groups([], 0.9) == []
    with pytest.raises(MinimmError, match=r"threshold=0.3 must lie between 0.5 and 1"):
        near_duplicate_groups(texts, 0.3)


@given(seed=st.integers(0, 10**6))
def test_a_split_takes_every_text_once_and_keeps_what_resembles_together(seed):
    texts = corpus_with_copies(seed)
    parts = leak_free_split(texts, {"train": 0.6, "test": 0.4})
    assert sorted(parts["train"] + parts["test"]) == list(range(len(texts)))
    for a, b in itertools.product(parts["train"], parts["test"]):
        assert jaccard(shingles(texts[a]), shingles(texts[b])) < 0.8


@given(seed=st.integers(0, 10**6))
def test_the_part_of_a_text_depends_on_neither_order_nor_other_texts(seed):
    texts = corpus_with_copies(seed, 20)

    def part_of(texts):
        parts = leak_free_split(texts, {"train": 0.5, "test": 0.5})
        return {texts[number]: part for part, numbers in parts.items() for number in numbers}

    first = part_of(texts)
    assert part_of(texts[::-1] + ["another text, about nothing that was there before"]).items() >= first.items()


def test_the_parts_have_about_the_sizes_that_were_asked_for():
    generator = random.Random(0)
    texts = [f"{generator.getrandbits(128):x}" for _ in range(4000)]
    sizes = {part: len(numbers) / 4000 for part, numbers in leak_free_split(texts).items()}
    assert sizes == pytest.approx({"train": 0.9, "validation": 0.05, "test": 0.05}, abs=0.012)
    with pytest.raises(MinimmError, match="sum to 1"):
        leak_free_split(texts[:2], {"train": 0.5})


def test_a_card_counts_what_is_there():
    card = data_card(["The red fox. It sleeps.", "The red fox. It sleeps.", "the red fox: it sleeps", "狐狸饿了。", ""])
    assert (card.documents, card.exact_duplicates, card.near_duplicates) == (5, 1, 1)
    assert card.words == 3 * 5 + 4
    assert card.vocabulary == 5 + 4
    assert card.hapax == 4
    assert card.sentences == 2 + 2 + 1 + 1
    assert card.characters == 23 + 23 + 22 + 5
    assert card.bytes == 23 + 23 + 22 + 15
    assert card.languages == {"en": 3, "zh": 1, "other": 1}
    assert card.lengths == {"0": 1, "1": 0, "2-3": 0, "4-7": 4}
    assert (card.shortest, card.median, card.longest) == (0, 5, 5)
    assert card.common_words[:3] == ["red", "fox", "sleeps"]
    assert "| vocabulary | 9 different words, 4 of them once |" in str(card)
    with pytest.raises(MinimmError, match="list of at least one text"):
        data_card("one text")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("It was the best of times, it was the worst of times.", "en"),
        ("Ein Hund läuft über die Wiese und bellt.", "de"),
        ("Le chien court dans le pré et aboie pour jouer.", "fr"),
        ("El perro corre por el campo y ladra con las ovejas.", "es"),
        ("Il cane corre nel campo e abbaia con gli amici.", "it"),
        ("De hond loopt over het veld en blaft niet.", "nl"),
        ("一只狗在草地上跑。", "zh"),
        ("犬が草の上を走っている。", "ja"),
        ("Собака бежит по лугу.", "ru"),
        ("12345 !?", "other"),
    ],
)
def test_languages_are_told_by_script_and_little_words(text, language):
    assert guess_language(text) == language


def test_documents_are_collected_with_their_sources_and_without_markup(tmp_path):
    (tmp_path / "b.md").write_text("# Title\n\nSome *words*.", encoding="utf-8")
    (tmp_path / "a.html").write_text("<nav>Menu</nav><main><p>Page text.</p></main>", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.txt").write_text("* plain *", encoding="utf-8")
    (tmp_path / "empty.txt").write_text(" \n", encoding="utf-8")
    (tmp_path / "code.py").write_text("x = 1", encoding="utf-8")
    found = {document.source: document.text for document in collect([tmp_path])}
    assert found == {"a.html": "Page text.", "b.md": "Title\n\nSome words.", "sub/c.txt": "* plain *"}
    with pytest.raises(MinimmError, match="there is no text in"):
        collect([tmp_path / "empty.txt"])


def test_a_cleaned_corpus_says_what_became_of_every_text(tmp_path):
    lines = ["A fox ran through the garden.", "short", "a fox ran  through the garden", "Another thing happened later."]
    (tmp_path / "a.txt").write_text("\n".join(lines), encoding="utf-8")
    corpus = clean_corpus([tmp_path], unit="line", min_characters=10)
    assert [document.text for document in corpus.documents] == [lines[0], lines[3]]
    assert (corpus.collected, corpus.too_short, corpus.duplicates) == (4, 1, 1)
    assert sum(map(len, corpus.split().values())) == 2
    assert len(clean_corpus([tmp_path]).documents) == 1
    with pytest.raises(MinimmError, match="unit='word' is not known"):
        clean_corpus([tmp_path], unit="word")
    with pytest.raises(MinimmError, match="none of 4 texts has 1000 characters"):
        clean_corpus([tmp_path], unit="line", min_characters=1000)
