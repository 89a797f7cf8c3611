"""What must hold for the answers that are left out of the loss."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from minimm.training.language_prior import LanguagePrior

CHOICES = ["yes", "no", "red", "blue", "circle"]
QUESTIONS = ["is it red", "is it round", "what colour is it", "what colour is the ring", "what shape is it"]
seen = st.lists(
    st.tuples(st.sampled_from(QUESTIONS), st.sampled_from(CHOICES), st.sampled_from([1, 6, 30])),
    min_size=1,
    max_size=12,
)


def test_an_answer_of_the_same_kind_that_a_question_never_had_is_left_out_and_others_stay_in():
    questions = ["what colour is it"] * 40 + ["what colour is the ring"] * 20 + ["what colour is that", "is it red"]
    answers = ["red", "blue"] * 20 + ["blue"] * 20 + ["blue", "yes"]
    prior = LanguagePrior(questions, answers, CHOICES)
    mask = prior.mask(["what colour is the ring", "what colour is that", "is it red"], torch.tensor([3, 3, 0]))
    assert mask.tolist() == [[True, True, False, True, True], [True] * 5, [True] * 5]


@given(seen, st.lists(st.sampled_from([*QUESTIONS, "never met"]), min_size=1, max_size=6), st.data())
def test_what_was_seen_what_is_true_and_what_was_not_to_be_expected_stay_in(found, asked, data):
    pairs = [(question, answer) for question, answer, times in found for _ in range(times)]
    prior = LanguagePrior(*zip(*pairs, strict=True), CHOICES)
    targets = torch.tensor([data.draw(st.integers(0, len(CHOICES) - 1)) for _ in asked])
    mask = prior.mask(asked, targets)
    for row, question, target in zip(mask, asked, targets.tolist(), strict=True):
        had = [answer for other, answer in pairs if other == question]
        of_kind = [answer for other, answer in pairs if other.split()[:2] == question.split()[:2]]
        for number, answer in enumerate(CHOICES):
            expected = bool(of_kind) and len(had) * of_kind.count(answer) >= 5 * len(of_kind)
            left_out = expected and answer not in had and number != target
            assert row[number].item() is not left_out
