"""What a student is told: the law, the smallest input, what came out, and for each bad habit a sentence of its own."""

import json

import numpy as np
import pytest

from minimm.classroom.render import as_html, as_text, headline
from minimm.specs.grading import grade
from minimm.specs.registry import all_specs, spec_of
from minimm.specs.report import BROKEN, HOLDS, NOT_WRITTEN, STOPPED, Report


def right(logits, axis=-1):
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def over_everything(logits, axis=-1):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def softmax_that(body):
    def softmax(logits, axis=-1):
        return body(logits, axis)

    return grade(spec_of("softmax"), softmax)


def test_a_right_function_keeps_every_law():
    report = grade(spec_of("softmax"), right)
    assert report.status == HOLDS and len(report.kept) == len(spec_of("softmax").laws()) and not report.broken


def test_a_failure_names_the_law_the_smallest_input_and_both_sides():
    report = grade(spec_of("softmax"), over_everything)
    assert report.status == BROKEN
    failure = report.failure
    assert failure.words == report.broken[0] == "the weights of each row sum to one"
    assert ("logits", "[[0.],\n [0.]]   (2, 1) float64") in failure.calls[0]
    assert (failure.got, failure.wanted) == ("[0.5, 0.5]", "[1., 1.]")
    text = as_text([report])
    for part in (failure.words, failure.hint, report.lesson, "[0.5, 0.5]", "[1., 1.]"):
        assert part in text


def test_the_same_function_and_seed_give_the_same_report():
    first, second = (grade(spec_of("softmax"), over_everything, seed=3) for _ in range(2))
    assert first == second


def test_a_report_survives_the_journey_as_json():
    report = grade(spec_of("softmax"), over_everything)
    assert Report.from_dict(json.loads(json.dumps(report.as_dict()))).as_dict() == json.loads(
        json.dumps(report.as_dict())
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (lambda x, axis: None, "the result is None"),
        (lambda x, axis: right(x, axis).tolist(), "the result is a list of"),
        (lambda x, axis: (right(x, axis), x), "the result is a tuple of 2"),
        (lambda x, axis: (right(x, axis) * 9).astype(int), "of int64"),
        (lambda x, axis: right(x, axis).astype(np.float32), "the dtype of the result"),
        (lambda x, axis: right(x, axis).astype(complex), "of complex128"),
        (lambda x, axis: right(x, axis).astype(object), "of object"),
        (lambda x, axis: right(x, axis)[0], "the shape of the result"),
        (lambda x, axis: right(x, axis).sum(), "the result is the float64"),
        (lambda x, axis: x @ x, "it raised ValueError"),
        (lambda x, axis: np.subtract(x, 1, out=x), "logits after the call"),
        (lambda x, axis: right(x, axis) + np.random.rand(), "the answer to the second call"),
    ],
)
def test_each_bad_habit_gets_its_own_sentence(body, sentence):
    report = softmax_that(body)
    assert report.status == BROKEN and sentence in report.failure.what
    assert report.failure.words and report.failure.hint


def test_an_exception_is_reported_with_the_students_own_line():
    def softmax(logits, axis=-1):
        return logits.reshape(17, 4)

    assert "return logits.reshape(17, 4)" in grade(spec_of("softmax"), softmax).failure.what


@pytest.mark.parametrize("function", [lambda x: x, lambda: 0, lambda logits, dim=-1: logits, 3, "softmax"])
def test_a_wrong_signature_is_shown_beside_the_right_one(function):
    report = grade(spec_of("softmax"), function)
    assert report.failure.words == "softmax is called as softmax(logits, axis=-1)"


def test_what_is_not_written_yet_is_no_failure():
    def softmax(logits, axis=-1):
        raise NotImplementedError

    def empty(logits, axis=-1):
        """Fill this in."""

    for stub in (softmax, empty):
        report = grade(spec_of("softmax"), stub)
        assert report.status == NOT_WRITTEN and not report
        assert "not written yet" in headline(report) and report.failure is None


def test_a_function_that_hangs_is_stopped_and_one_that_exits_is_caught(monkeypatch):
    monkeypatch.setattr("minimm.specs.grading.SECONDS_PER_CALL", 0.2)

    def hangs(logits, axis=-1):
        while True:
            pass

    def leaves(logits, axis=-1):
        raise SystemExit(0)

    for function, sentence in ((hangs, "did not come back in time"), (leaves, "called sys.exit")):
        report = grade(spec_of("softmax"), function)
        assert report.status == STOPPED and sentence in report.failure.what


def test_a_law_can_break_late_and_still_be_found():
    """Wrong only for three rows or more of a float32 array: the drawn inputs reach such corners."""

    def softmax(logits, axis=-1):
        wrong = logits.dtype == np.float32 and logits.ndim == 3 and axis == 1
        return right(logits, -1 if wrong else axis)

    assert grade(spec_of("softmax"), softmax).status == BROKEN


@pytest.mark.parametrize("name", list(all_specs()))
def test_every_spec_says_what_it_is_about(name):
    spec = spec_of(name)
    laws = spec.laws()
    assert len(laws) >= (2 if name.endswith("_backward") else 5)
    assert len({law.words for law in laws}) == len(laws)
    for law in laws:
        assert law.words and law.hint and not law.words.endswith(".")
    assert spec.shapes and spec.lesson.startswith("lesson ")
    assert not grade(spec, lambda *args, **kwargs: None)


def test_html_says_the_same_and_escapes_what_the_student_wrote():
    def softmax(logits, axis=-1):
        raise ValueError("<script>")

    page = as_html(grade(spec_of("softmax"), softmax))
    assert "&lt;script&gt;" in page and "<script>" not in page
    assert "comes back with an answer" in page
