"""Laws of learning byte pairs: the most frequent neighbours become one token, again and again."""

from __future__ import annotations

from hypothesis import strategies as st

from minimm.specs.draw import texts
from minimm.specs.expect import equal, holds
from minimm.specs.law import Spec, law
from minimm.specs.laws.byte_pair_reference import LESSON, naive_train, token_bytes, vocab_sizes
from minimm.specs.laws.words import split_words
from minimm.specs.returns import Merges


class TrainBytePair(Spec):
    """Join the most frequent neighbours into a new token, again and again."""

    signature = "train_byte_pair(text, vocab_size)"
    shapes = (
        "text, vocab_size >= 256 -> a list of at most vocab_size - 256 pairs of ids; bytes are 0..255, merge i makes id "
        "256 + i; words are split as GPT-2 does; aaa holds (a, a) twice; ties go to the lexicographically greatest pair "
        "of byte strings"
    )
    lesson = LESSON
    example = ("hug hug hugs", 258)
    reference = staticmethod(naive_train)

    @staticmethod
    def returns(text, vocab_size):
        return Merges()

    @law("256 tokens need no merges", texts, hint="The 256 bytes are there from the start.")
    def bytes_alone(train_byte_pair, text):
        equal(train_byte_pair(text, 256), [], "the merges for vocab_size 256")

    @law(
        "a text without two letters side by side teaches nothing, and that is no error",
        st.sampled_from(["", "a", " ", "1", "a\tb"]),
        hint="When no pair is left, stop: there is no maximum of nothing.",
    )
    def nothing_to_learn(train_byte_pair, text):
        equal(train_byte_pair(text, 260), naive_train(text, 260), f"the merges of {text!r}")

    @law(
        "the most frequent pair comes first",
        st.integers(1, 4),
        hint="Count every place where the two stand side by side, in every word, as often as the word occurs.",
    )
    def most_frequent(train_byte_pair, more):
        text = " xy" * (2 + more) + " ab cd ab"
        first = [tuple(pair) for pair in train_byte_pair(text, 257)]
        wanted = naive_train(text, 257)
        equal(first, wanted, f"the first merge of {text!r}, as byte numbers")

    @law(
        "a merge joins older tokens only, and never the same pair twice",
        texts,
        vocab_sizes,
        hint="Merge i makes id 256 + i; after it, that pair no longer stands anywhere in the text.",
    )
    def older_tokens(train_byte_pair, text, vocab_size):
        merges = train_byte_pair(text, vocab_size)
        known = all(max(pair) < 256 + i and min(pair) >= 0 for i, pair in enumerate(merges))
        holds(known, "the merges", merges, "pairs of ids below 256 + i in merge i")
        holds(len(set(merges)) == len(merges), "the merges", merges, "all different")

    @law(
        "it goes on until the vocabulary is full or no pair is left",
        texts,
        vocab_sizes,
        hint="vocab_size - 256 merges. A pair that occurs once is still a pair.",
    )
    def as_many_as_possible(train_byte_pair, text, vocab_size):
        wanted = len(naive_train(text, vocab_size))
        equal(len(train_byte_pair(text, vocab_size)), wanted, f"the number of merges for vocab_size {vocab_size}")

    @law(
        "a smaller vocabulary is the beginning of a larger one",
        texts,
        vocab_sizes,
        hint="What is merged first does not depend on how many merges follow.",
    )
    def prefix(train_byte_pair, text, vocab_size):
        smaller, larger = train_byte_pair(text, vocab_size), train_byte_pair(text, vocab_size + 4)
        equal(larger[: len(smaller)], smaller, f"the first {len(smaller)} merges of a larger vocabulary")

    @law(
        "no token spans two words",
        texts,
        vocab_sizes,
        hint="Split the text as GPT-2 does first; a space belongs to the word behind it. Count inside words only.",
    )
    def within_words(train_byte_pair, text, vocab_size):
        merges = train_byte_pair(text, vocab_size)
        words = [word.encode("utf-8") for word in split_words(text)]
        for token in token_bytes(merges)[256:]:
            holds(any(token in word for word in words), "a token", token, f"part of one of the words {words}")

    @law(
        "every place counts: in aaa the pair (a, a) stands twice",
        st.sampled_from(["aaa\nzy", "aaaa zy zy zz", "aaa bcbc", "bbbbb ac ac ac"]),
        st.integers(257, 260),
        hint="Count the neighbours at each place of the word, also where two such places share a letter.",
    )
    def overlaps(train_byte_pair, text, vocab_size):
        equal(train_byte_pair(text, vocab_size), naive_train(text, vocab_size), f"the merges of {text!r}")

    @law(
        "equally frequent pairs: the greatest bytes first",
        st.one_of(
            st.permutations([" ab", " zy", " mn", " ba"]).map("".join),
            st.sampled_from(["ab\nab\nabc\naz", "ab ab abc az", "xya xyb xa", "aab aba baa", "ca cab b"]),
        ),
        hint="Compare the bytes of the first token, then those of the second; ids and order of appearance do not count.",
    )
    def ties(train_byte_pair, text):
        equal(train_byte_pair(text, 262), naive_train(text, 262), f"the merges of {text!r}")

    @law(
        "it equals counting all pairs again after every merge",
        texts,
        vocab_sizes,
        hint="Find the first merge that differs: how often does each of the two pairs occur at that moment?",
    )
    def agrees(train_byte_pair, text, vocab_size):
        equal(train_byte_pair(text, vocab_size), naive_train(text, vocab_size), "the merges")
