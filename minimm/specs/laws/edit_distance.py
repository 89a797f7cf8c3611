"""Laws of the edit distance: the fewest insertions, deletions and substitutions from one sequence to another."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from minimm.specs.expect import equal, holds
from minimm.specs.law import Spec, law
from minimm.specs.returns import Number

short = st.one_of(st.text(alphabet="ab", max_size=6), st.text(alphabet="abé你\U0001f600 ", max_size=6))
words = st.lists(st.sampled_from(["the", "cat", "sat"]), max_size=5)
sequences = st.one_of(st.tuples(short, short), st.tuples(words, words))


def naive_edit_distance(a, b) -> int:
    """The definition, from the end: keep equal ends, or take the cheapest of three edits."""

    @cache
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        substitution = distance(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        return min(substitution, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    return distance(len(a), len(b))


class EditDistance(Spec):
    """Levenshtein's distance: insertion, deletion and substitution cost 1 each."""

    signature = "edit_distance(a, b)"
    shapes = "two sequences: texts, or lists of words or ids -> a whole number"
    lesson = "lesson 08, evaluating text"
    example = ("kitten", "sitting")
    reference = staticmethod(naive_edit_distance)

    @staticmethod
    def returns(a, b):
        return Number(whole=True)

    @law(
        "a sequence is at distance 0 from itself, and from no other",
        sequences,
        hint="Keeping an element costs nothing.",
    )
    def identity(edit_distance, pair):
        a, b = pair
        equal(edit_distance(a, a), 0, "the distance from itself")
        equal(edit_distance(a, b) == 0, a == b, "whether the distance is 0")

    @law(
        "from nothing it takes one insertion for each element",
        sequences,
        hint="The border: an empty one on either side.",
    )
    def from_nothing(edit_distance, pair):
        a, _ = pair
        equal(edit_distance(a[:0], a), len(a), "the distance from nothing")
        equal(edit_distance(a, a[:0]), len(a), "the distance to nothing")

    @law("it is the same in both directions", sequences, hint="What is inserted one way is deleted the other way.")
    def symmetric(edit_distance, pair):
        a, b = pair
        equal(edit_distance(b, a), edit_distance(a, b), "the distance back")

    @law(
        "exchanging one element for a new one costs 1",
        st.text(alphabet="ab", min_size=1, max_size=6),
        st.integers(0, 5),
        hint="A substitution is one edit, not a deletion and an insertion.",
    )
    def substitution(edit_distance, a, place):
        place %= len(a)
        equal(edit_distance(a, a[:place] + "x" + a[place + 1 :]), 1, "the distance after one substitution")

    @law(
        "inserting or deleting one element costs 1, wherever it stands",
        st.text(alphabet="ab", max_size=6),
        st.integers(0, 6),
        hint="Elements behind the edit have moved by one place: comparing place by place is not enough.",
    )
    def insertion(edit_distance, a, place):
        place %= len(a) + 1
        longer = a[:place] + "x" + a[place:]
        equal(edit_distance(a, longer), 1, "the distance after one insertion")
        equal(edit_distance(longer, a), 1, "the distance after one deletion")

    @law(
        "two neighbours that change places cost 2",
        st.sampled_from(["", "a", "b", "ba"]),
        st.sampled_from(["", "a", "b"]),
        hint="A transposition is not one of the three edits.",
    )
    def transposition(edit_distance, before, after):
        equal(edit_distance(f"{before}xy{after}", f"{before}yx{after}"), 2, "the distance after a transposition")

    @law(
        "a detour is never shorter",
        sequences,
        st.integers(0, 3),
        hint="The fewest edits from a to c are at most those from a to b and on to c.",
    )
    def triangle(edit_distance, pair, cut):
        a, c = pair
        b = a[:cut] + c[cut:]
        there, detour = edit_distance(a, c), edit_distance(a, b) + edit_distance(b, c)
        holds(there <= detour, "the distance", there, f"at most {detour}, the way over {b!r}")

    @law(
        "it equals the cheapest way found by trying all",
        sequences,
        hint="Fill the table for the printed pair by hand: from the left, from above, from the corner.",
    )
    def agrees(edit_distance, pair):
        equal(edit_distance(*pair), naive_edit_distance(*pair), "the distance")
