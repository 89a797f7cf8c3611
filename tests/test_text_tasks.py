"""The text tasks end to end: seconds of training on tiny worlds, then each must have learned; bad input is explained."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from minimm.datasets.collection import Document
from minimm.datasets.question_answering import Question
from minimm.errors import MinimmError
from minimm.tasks import MaskedTextModel, QuestionAnswerer, Summarizer, TextClassifier, Translator

ADJECTIVES = {"red": "rot", "blue": "blau", "old": "alt", "new": "neu", "big": "gross", "small": "klein"}
NOUNS = {"cat": "katze", "dog": "hund", "house": "haus", "tree": "baum", "book": "buch", "car": "auto", "bird": "vogel"}
VERBS = {"sees": "sieht", "has": "hat", "wants": "will"}
FAST = {"d_model": 64, "num_heads": 2, "batch_size": 32, "precision": "float32"}


def sentences():
    """English with the adjective before the noun, and an invented language with it behind."""
    found = []
    for (a, x), (n, y), (v, z), (m, w) in itertools.product(
        ADJECTIVES.items(), NOUNS.items(), VERBS.items(), NOUNS.items()
    ):
        found.append((f"the {a} {n} {v} the {m}", f"der {y} {x} {z} der {w}"))
    order = torch.randperm(len(found), generator=torch.Generator().manual_seed(0)).tolist()
    return [found[i] for i in order]


@pytest.fixture(scope="module")
def translator():
    pairs = sentences()[:700]
    task = Translator(**FAST, num_encoder_layers=1, num_decoder_layers=1, vocab_size=400, dropout=0.0)
    return task.fit([s for s, _ in pairs], [t for _, t in pairs], max_steps=200)


def test_a_translator_learns_words_and_their_order_and_looks_at_the_right_place(translator, tmp_path):
    unseen = sentences()[700:]
    scores = translator.evaluate([s for s, _ in unseen], [t for _, t in unseen])
    assert scores["exact_match"] >= 0.95
    assert scores["bleu"] >= 95
    translator.save(tmp_path)
    loaded = Translator.load(tmp_path)
    source, target = unseen[0]
    assert loaded.translate(source) == translator.translate(source)
    attended = loaded.attend(source, target)
    assert np.allclose(attended.map.sum(axis=-1), 1, atol=1e-4)
    assert attended.map.shape == (len(attended.target_tokens), len(attended.source_tokens))
    attended.plot()


def test_translations_do_not_depend_on_what_else_is_in_the_batch(translator):
    sources = ["the red cat sees the dog", "the old tree has the book", "the cat"]
    assert translator.translate_all(sources) == [translator.translate(source) for source in sources]


def test_the_same_seed_trains_the_same_translator(translator):
    pairs = sentences()[:50]
    texts = [s for s, _ in pairs], [t for _, t in pairs]
    first, second = (
        Translator(**FAST, num_encoder_layers=1, num_decoder_layers=1, vocab_size=300, seed=3).fit(*texts, max_steps=3)
        for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True))


def test_what_a_translator_cannot_do_is_said(translator):
    with pytest.raises(MinimmError, match="2 source sentences but 1 translations"):
        Translator().fit(["a", "b"], ["c"])
    with pytest.raises(MinimmError, match="target of pair 2"):
        Translator().fit(["a", "b"], ["c", " "])
    with pytest.raises(MinimmError, match="reads at most"):
        translator.translate("the red cat " * 100)
    with pytest.raises(MinimmError, match="at least one word"):
        translator.translate("  ")
    with pytest.raises(MinimmError, match="not learned anything"):
        Translator().translate("a")


def test_a_summarizer_learns_which_fact_matters_and_stands_beside_two_that_only_pick():
    people, things = [f"person{i}" for i in range(20)], [f"thing{i}" for i in range(20)]
    articles, summaries = [], []
    for i, (person, thing) in enumerate(itertools.product(people, things)):
        other = things[(7 * i + 3) % 20]
        articles.append(f"It was a day like any other. {person} bought {thing}. Nobody saw {other}.")
        summaries.append(f"{person} bought {thing}.")
    order = torch.randperm(len(articles), generator=torch.Generator().manual_seed(0)).tolist()
    articles, summaries = [articles[i] for i in order], [summaries[i] for i in order]
    task = Summarizer(
        **FAST, num_encoder_layers=1, num_decoder_layers=1, vocab_size=500, dropout=0.0, context_length=64
    )
    task.fit(articles[:-40], summaries[:-40], max_steps=400)
    model = task.evaluate(articles[-40:], summaries[-40:])
    lead = task.evaluate(articles[-40:], summaries[-40:], method="lead")
    assert model["rouge1"] >= 0.9 > lead["rouge1"]
    text_rank = task.summarize(articles[0], method="text_rank")
    assert text_rank in articles[0]
    with pytest.raises(MinimmError, match="method='best'"):
        task.summarize(articles[0], method="best")
    with pytest.raises(MinimmError, match="2 articles and 1 summaries"):
        task.fit(["a b", "c d"], ["a"])


GOOD, BAD = [f"good{i}" for i in range(12)], [f"bad{i}" for i in range(12)]


def reviews(count, seed=0):
    """Texts of four words of one mood, among others: words of a mood stand together."""
    generator = torch.Generator().manual_seed(seed)
    texts, labels = [], []
    for _ in range(count):
        mood = int(torch.randint(2, (), generator=generator))
        chosen = torch.randint(12, (4,), generator=generator).tolist()
        texts.append("the film was " + " and ".join((BAD, GOOD)[mood][i] for i in chosen))
        labels.append(("negative", "positive")[mood])
    return texts, labels


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    task = MaskedTextModel(**FAST, num_layers=2, vocab_size=120, dropout=0.0)
    task.fit(reviews(2000)[0], max_steps=250, folder=folder)
    return folder


def test_filling_gaps_teaches_which_words_belong_together(encoder):
    task = MaskedTextModel.load(encoder)
    assert task.evaluate(reviews(100, seed=1)[0])["masked_loss"] < 0.8 * np.log(task.tokenizer.vocab_size)
    guesses = task.fill("the film was good1 and ___ and good3 and good7", k=1)
    assert 0 < guesses[0][1] <= 1
    with pytest.raises(MinimmError, match="2 gaps"):
        task.fill("___ and ___")


@pytest.mark.parametrize("method", ["full", "frozen", "lora"])
def test_a_pretrained_encoder_learns_from_few_labels(encoder, method, tmp_path):
    texts, labels = reviews(16, seed=2)
    test = reviews(200, seed=3)
    options = {"optimizer": "adamw", "learning_rate": 3e-3, "batch_size": 16, "label_smoothing": 0.1}
    task = TextClassifier(pretrained=encoder, method=method, layer_decay=0.9, **options)
    task.fit(texts, labels, max_steps=60, folder=tmp_path)
    scores = task.evaluate(*test)
    assert scores["accuracy"] >= 0.9
    loaded = TextClassifier.load(tmp_path)
    assert loaded.labels == ["negative", "positive"]
    assert torch.allclose(loaded.predict_probabilities(test[0]), task.predict_probabilities(test[0]), atol=1e-5)


def test_a_frozen_encoder_stays_as_it_was(encoder):
    task = TextClassifier(pretrained=encoder, method="frozen", batch_size=8).fit(*reviews(16), max_steps=5)
    before = MaskedTextModel.load(encoder).model.encoder.state_dict()
    assert all(torch.equal(before[name], tensor) for name, tensor in task.model.encoder.state_dict().items())


def test_a_classifier_from_scratch_learns_and_reads_long_texts_in_windows(capsys):
    task = TextClassifier(**FAST, num_layers=1, vocab_size=120, context_length=16, dropout=0.0)
    task.fit(*reviews(400), max_steps=120)
    assert task.evaluate(*reviews(100, seed=5))["accuracy"] >= 0.95
    assert "longer than" not in capsys.readouterr().out
    long = " ".join(GOOD * 10)
    probabilities = task.predict_probabilities([long, "bad1 bad2 bad3 bad4"])
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(2))
    assert task.predict([long]) == ["positive"]
    TextClassifier(**FAST, num_layers=1, vocab_size=120, context_length=16).fit([long, "bad1"], ["x", "y"], max_steps=1)
    assert "1 of 2 texts are longer than 14 tokens; only their first 14 are learned from" in capsys.readouterr().out


def test_what_a_classifier_cannot_do_is_said(tmp_path):
    with pytest.raises(MinimmError, match="nothing to tell apart"):
        TextClassifier().fit(["a b", "c d"], ["x", "x"])
    with pytest.raises(MinimmError, match="2 texts and 1 labels"):
        TextClassifier().fit(["a", "b"], ["x"])
    with pytest.raises(MinimmError, match="method='lora' adjusts a pretrained encoder"):
        TextClassifier(method="lora")
    task = TextClassifier(**FAST, num_layers=1, vocab_size=100).fit(*reviews(20), max_steps=1)
    with pytest.raises(MinimmError, match="never taught"):
        task.evaluate(["good1"], ["neutral"])
    with pytest.raises(MinimmError, match="put it into"):
        task.predict("good1")


def facts(count, seed=0):
    """Contexts that say who lives in which town, with one question each."""
    generator = torch.Generator().manual_seed(seed)
    names, towns = [f"name{i}" for i in range(30)], [f"town{i}" for i in range(30)]
    questions = []
    for _ in range(count):
        who = torch.randperm(30, generator=generator)[:3].tolist()
        where = torch.randperm(30, generator=generator)[:3].tolist()
        context = " ".join(f"{names[a]} lives in {towns[b]}." for a, b in zip(who, where, strict=True))
        pick = int(torch.randint(3, (), generator=generator))
        answer = towns[where[pick]]
        questions.append(
            Question(context, f"Where does {names[who[pick]]} live?", (answer,), (context.index(answer + "."),))
        )
    return questions


@pytest.fixture(scope="module")
def answerer():
    task = QuestionAnswerer("tiny", **FAST, num_layers=2, vocab_size=300, context_length=48, dropout=0.0)
    return task.fit(facts(1500), max_steps=1000)


def test_a_question_answerer_finds_the_words_that_answer(answerer, tmp_path):
    scores = answerer.evaluate(facts(150, seed=1))
    assert scores["exact_match"] >= 0.8
    assert scores["f1"] >= scores["exact_match"]
    question = facts(1, seed=2)[0]
    answer = answerer.answer(question.question, question.context)
    assert question.context[answer.start : answer.start + len(answer.text)] == answer.text
    answerer.save(tmp_path)
    assert QuestionAnswerer.load(tmp_path).answer(question.question, question.context) == answer


def test_long_texts_are_read_in_windows_and_folders_are_searched_and_cited(answerer):
    filler = "name1 lives in town1. " * 20
    answer = answerer.answer("Where does name2 live?", filler + "name2 lives in town9.")
    assert answer.text in filler + "name2 lives in town9."
    documents = [Document(f"name{i} lives in town{i}.", f"file{i}.txt") for i in range(10)]
    found = answerer.answer_from("Where does name7 live?", documents)
    assert (found.text, found.source) == ("town7", "file7.txt")
    with pytest.raises(MinimmError, match="shares a word"):
        answerer.answer_from("zzz?", documents)
