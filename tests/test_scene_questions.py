"""Scenes with questions: every answer is true, nothing is ambiguous, and the question alone does not give it away."""

import re
from collections import Counter, defaultdict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minimm.datasets.further_questions import ask_further
from minimm.datasets.scene_places import draw_places
from minimm.datasets.scene_questions import ANSWERS, KINDS, SceneQuestions
from minimm.datasets.shapes import COLOURS, SHAPES, SIZES, Shapes
from minimm.errors import MinimmError

HELD_OUT = dict(zip(COLOURS, SHAPES, strict=True))
PLURALS = {f"{shape}es" if shape == "cross" else f"{shape}s": shape for shape in SHAPES}
NUMBERS = ("zero", "one", "two", "three")
SIDES = {"left of": (0, -1), "right of": (0, 1), "above": (1, -1), "below": (1, 1)}


def draw(split="train", count=400, seed=0):
    return SceneQuestions(split).draw(count, torch.Generator().manual_seed(seed))


def meant(text, objects):
    """The objects that a phrase such as "small red circles" or "the blue thing" may mean."""
    words = [PLURALS.get(word, word) for word in text.split()]
    wanted = [set(words) & set(names) for names in (SIZES, COLOURS, SHAPES)]
    return [
        o for o in objects if all(not w or a in w for w, a in zip(wanted, (o.size, o.colour, o.shape), strict=True))
    ]


def true_places(question, objects, side=32):
    """The fifths of the picture in which the centres of what may be meant lie, from the top and from the left."""
    fifths = dict(zip(range(5), ("one", "two", "three", "four", "five"), strict=True))
    centres = [((o.box[1] + o.box[3]) / 2, (o.box[0] + o.box[2]) / 2) for o in meant(question, objects)]
    return {f"row {fifths[y * 5 // side]} column {fifths[x * 5 // side]}" for y, x in centres}


def true_answers(question, objects):
    """All the answers that could be given, by reading the question afresh."""
    if "where" in question or "row" in question:
        return true_places(question, objects)
    attribute = "colour" if "colour" in question else "shape"
    relation = next((r for r in SIDES if r in question), None)
    if relation is None:
        found = meant(question, objects)
        if question.startswith(("how many", "count")):
            return {NUMBERS[len(found)]}
        if question.startswith(("is there", "do you")):
            return {"yes" if found else "no"}
        return {getattr(o, attribute) for o in found}
    what, other = question.split(f" {relation} ")
    (origin,) = meant(other, objects)
    axis, way = SIDES[relation]

    def ahead(o):  # pixels by which it lies to that side
        return way * ((o.box[axis] + o.box[axis + 2]) - (origin.box[axis] + origin.box[axis + 2])) / 2

    if question.startswith("is the"):
        (subject,) = meant(what, objects)
        assert abs(ahead(subject)) > 2.8
        return {"yes" if ahead(subject) > 0 else "no"}
    others = [o for o in objects if o is not origin]
    assert all(abs(ahead(o)) > 2.8 for o in others)
    return {getattr(o, attribute) for o in others if ahead(o) > 0}


@given(st.sampled_from(("train", "validation", "held_out")), st.integers(0, 2**40))
def test_every_question_has_one_answer_and_it_is_true(split, seed):
    scenes = draw(split, 20, seed)
    for question, answer, objects in zip(scenes.questions, scenes.answers, scenes.objects, strict=True):
        assert true_answers(question, objects) == {answer}, (question, objects)
        assert answer in ANSWERS


@given(st.sampled_from(("train", "held_out")), st.integers(0, 2**40))
def test_further_questions_about_the_same_scene_have_one_answer_each_and_it_is_true(split, seed):
    """Also about scenes that hold the same thing twice, and of the pairs that the split may name."""
    generator = torch.Generator().manual_seed(seed)
    for scenes in (draw(split, 20, seed).objects, SceneQuestions(split).shapes.draw(20, generator).objects):
        turns = ask_further(SceneQuestions(split), scenes, generator)
        assert len(turns) == 20
        for (question, answer), objects in zip(turns, scenes, strict=True):
            assert true_answers(question, objects) == {answer}, (question, objects)
            named = re.findall(rf"({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})", question)
            assert all((HELD_OUT[colour] == shape) == (split == "held_out") for colour, shape in named)


@given(st.sampled_from(("train", "held_out")), st.integers(1, 3), st.integers(0, 2**40))
def test_a_place_is_that_of_a_thing_that_is_there_once(split, most, seed):
    shapes = Shapes(split, 40, max_objects=most)
    placed, again = (draw_places(shapes, 20, torch.Generator().manual_seed(seed)) for _ in range(2))
    assert placed.questions == again.questions and placed.scenes.images.equal(again.scenes.images)
    for question, answer, objects in zip(placed.questions, placed.answers, placed.scenes.objects, strict=True):
        assert 1 <= len(objects) <= most and len(meant(question, objects)) == 1
        assert true_places(question, objects, side=40) == {answer}
        assert all((HELD_OUT[o.colour] == o.shape) == (split == "held_out") for o in objects)


def test_further_questions_are_of_all_kinds_and_as_often_about_what_is_absent():
    scenes = draw(count=1000).objects
    turns = ask_further(SceneQuestions(), scenes, torch.Generator().manual_seed(1))
    exists = [answer for question, answer in turns if question.startswith(("is there", "do you see a"))]
    assert 0.2 < exists.count("no") / len(exists) < 0.8
    for start in (
        "how many",
        "what colour is the",
        "what shape is the",
        "is the",
        "is there",
        "where is",
        "in which row",
    ):
        assert sum(question.startswith(start) for question, _ in turns) > 20, start


def test_only_counting_may_find_more_than_one():
    scenes = draw(count=2000)
    for question, kind, objects in zip(scenes.questions, scenes.kinds, scenes.objects, strict=True):
        if kind in ("colour", "shape", "exists"):
            assert len(meant(question, objects)) <= 1


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_held_out_pairs_are_shown_and_asked_for_in_their_own_split_alone(split):
    scenes = draw(split, 2000)
    pairs = {(o.colour, o.shape) for objects in scenes.objects for o in objects}
    pairs |= {pair for q in scenes.questions for pair in re.findall(rf"({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})", q)}
    assert len(pairs) == (6 if split == "held_out" else 30)
    assert all((HELD_OUT[colour] == shape) == (split == "held_out") for colour, shape in pairs)


def test_answers_are_even_among_the_questions_of_one_wording():
    """Pearson's chi-squared over all wordings that are frequent enough stays where evenness would put it."""
    scenes = draw(count=12_000, seed=3)
    tally = defaultdict(Counter)
    for question, answer in zip(scenes.questions, scenes.answers, strict=True):
        tally[question][answer] += 1
    assert len(tally) > 1000
    statistic, freedom = 0.0, 0
    for question, counts in tally.items():
        kinds = 2 if question.startswith(("is", "do")) else 4 if question.startswith(("how", "count")) else 5
        kinds += kinds == 5 and (set(question.split()) & {"small", "large"} != set()) and "thing" in question.split()
        kinds -= kinds == 6 and set(question.split()) & set(COLOURS) != set()
        expected = counts.total() / kinds
        if expected >= 5 and not any(relation in question for relation in SIDES):
            assert len(counts) <= kinds
            statistic += sum((counts[answer] - expected) ** 2 / expected for answer in counts) + expected * (
                kinds - len(counts)
            )
            freedom += kinds - 1
    assert freedom > 100
    assert abs(statistic - freedom) < 4 * (2 * freedom) ** 0.5


def test_a_relation_is_as_often_true_as_not():
    scenes = draw(count=12_000, seed=4)
    answers = Counter(a for q, a in zip(scenes.questions, scenes.answers, strict=True) if q.startswith("is the"))
    assert set(answers) == {"yes", "no"}
    assert abs(answers["yes"] - answers["no"]) < 4 * answers.total() ** 0.5


def test_kinds_are_equally_frequent_and_numbers_of_objects_all_occur():
    scenes = draw(count=5000)
    kinds = Counter(scenes.kinds)
    assert set(kinds) == set(KINDS)
    assert max(kinds.values()) < 1.15 * min(kinds.values())
    assert {len(objects) for objects in scenes.objects} == {1, 2, 3}


def test_relations_may_be_asked_about_more():
    kinds = Counter(SceneQuestions(relation_share=0.6).draw(3000, torch.Generator().manual_seed(5)).kinds)
    assert abs(kinds["relation"] / 3000 - 0.6) < 0.05
    assert all(abs(kinds[kind] / 3000 - 0.1) < 0.03 for kind in KINDS if kind != "relation")
    with pytest.raises(MinimmError, match="relation_share"):
        SceneQuestions(relation_share=1.0)


def test_the_same_generator_draws_the_same_and_another_draws_another():
    one, same, other = draw(seed=1), draw(seed=1), draw(seed=2)
    assert torch.equal(one.images, same.images)
    assert one.questions == same.questions
    assert one.questions != other.questions
    assert one.images.shape == (400, 3, 32, 32)
    assert one.images.dtype == torch.float32
    assert 0 <= one.images.min() <= one.images.max() <= 1


def test_none_can_be_drawn():
    scenes = draw(count=0)
    assert scenes.images.shape == (0, 3, 32, 32)
    assert scenes.questions == scenes.answers == scenes.kinds == scenes.objects == []


def test_an_unknown_split_is_refused():
    with pytest.raises(MinimmError, match="split='test' is not known"):
        SceneQuestions("test")
