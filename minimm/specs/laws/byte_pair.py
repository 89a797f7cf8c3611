"""Laws of byte-pair tokens: turning text into ids, and back without a loss."""

from __future__ import annotations

from hypothesis import strategies as st

from minimm.specs.draw import texts
from minimm.specs.expect import equal, holds
from minimm.specs.law import Spec, law
from minimm.specs.laws.byte_pair_reference import (
    LESSON,
    ids_and_merges,
    learned,
    naive_decode,
    naive_encode,
    token_bytes,
)
from minimm.specs.laws.words import split_words
from minimm.specs.returns import Ids, Text


class BytePairEncode(Spec):
    """Cut into words, each word into bytes, and apply the merges in the order in which they were learned."""

    signature = "byte_pair_encode(text, merges)"
    shapes = "text, a list of pairs of ids -> a list of ids; bytes are 0..255, merge i makes id 256 + i"
    lesson = LESSON
    example = ("hugs", [(117, 103), (104, 256)])
    reference = staticmethod(naive_encode)

    @staticmethod
    def returns(text, merges):
        return Ids()

    @law("without merges the ids are the bytes of the text", texts, hint="UTF-8 gives one to four bytes a character.")
    def bytes_alone(byte_pair_encode, text):
        equal(byte_pair_encode(text, []), list(text.encode("utf-8")), "the ids")

    @law("an empty text has no tokens", learned(), hint="Nothing in, nothing out.")
    def empty(byte_pair_encode, drawn):
        equal(byte_pair_encode("", drawn[1]), [], "the ids of an empty text")

    @law(
        "the ids stand for the bytes of the text, in order",
        learned(),
        hint="No byte may be lost, doubled or moved. What does each id of your list stand for?",
    )
    def same_bytes(byte_pair_encode, drawn):
        text, merges = drawn
        table, ids = token_bytes(merges), byte_pair_encode(text, merges)
        holds(all(0 <= i < len(table) for i in ids), "the ids", ids, f"from 0 to {len(table) - 1}")
        equal(b"".join(table[i] for i in ids), text.encode("utf-8"), "the bytes of the tokens, put together")

    @law(
        "no merge is left that could still be applied inside a word",
        learned(),
        hint="Repeat until no neighbouring pair of the word is in the list of merges.",
    )
    def nothing_left(byte_pair_encode, drawn):
        text, merges = drawn
        for word in split_words(text):
            ids = byte_pair_encode(word, merges)
            left = [pair for pair in zip(ids, ids[1:], strict=False) if pair in merges]
            equal(left, [], f"the pairs of neighbours in {ids} ({word!r}) that are merges")

    @law(
        "words are encoded one by one",
        learned(),
        hint="Split as GPT-2 does, with the space in front of its word; merges never cross the cut.",
    )
    def word_by_word(byte_pair_encode, drawn):
        text, merges = drawn
        parts = [i for word in split_words(text) for i in byte_pair_encode(word, merges)]
        equal(byte_pair_encode(text, merges), parts, "the ids, beside those of each word alone")

    @law(
        "the merge that was learned first is applied first",
        st.sampled_from(["abc", "abcd", "cabcabc", "abcbc", "bcab"]),
        st.booleans(),
        hint="The place in the list decides: not the place in the word, not the length of what comes out.",
    )
    def ranked(byte_pair_encode, text, left_first):
        a, b, c, d = b"abcd"
        # With ab first, bc can no longer be joined in "abc", although a token for all of "abc" exists.
        merges = [(a, b), (b, c), (a, 257), (256, d)] if left_first else [(b, c), (a, b), (256, d), (257, 256)]
        equal(byte_pair_encode(text, merges), naive_encode(text, merges), f"the ids of {text!r}")

    @law(
        "in a run of the same letter pairs are joined from the left",
        st.integers(1, 9),
        hint="In 'aaa' the first two are joined, the third stays; then the next pair begins behind them.",
    )
    def from_the_left(byte_pair_encode, length):
        merges, text = [(97, 97), (256, 256), (256, 97)], "a" * length
        equal(byte_pair_encode(text, merges), naive_encode(text, merges), f"the ids of {text!r}")

    @law(
        "it equals applying merge after merge to every word",
        learned(),
        hint="Follow one word by hand: which pair has the lowest place in the list?",
    )
    def agrees(byte_pair_encode, drawn):
        equal(byte_pair_encode(*drawn), naive_encode(*drawn), "the ids")


class BytePairDecode(Spec):
    """Put the bytes of all tokens together, then read them as UTF-8."""

    signature = "byte_pair_decode(ids, merges)"
    shapes = "a list of ids, a list of pairs of ids -> text; bytes that are not UTF-8 become U+FFFD"
    lesson = LESSON
    example = ([257, 115], [(117, 103), (104, 256)])
    reference = staticmethod(naive_decode)

    @staticmethod
    def returns(ids, merges):
        return Text()

    @law("no ids, no text", learned(), hint="Nothing in, nothing out.")
    def empty(byte_pair_decode, drawn):
        equal(byte_pair_decode([], drawn[1]), "", "the text of no ids")

    @law("ids below 256 are bytes", texts, hint="bytes(ids) and then .decode.")
    def bytes_alone(byte_pair_decode, text):
        equal(byte_pair_decode(list(text.encode("utf-8")), []), text, "the text")

    @law(
        "decoding undoes encoding, for every text",
        learned(),
        hint="Join the bytes of all tokens first, decode once at the end: a token may hold half of a character.",
    )
    def round_trip(byte_pair_decode, drawn):
        text, merges = drawn
        equal(byte_pair_decode(naive_encode(text, merges), merges), text, "the text")

    @law(
        "a token of tokens is spelled out in full",
        st.integers(1, 5),
        hint="Merge i may join tokens that are merges themselves.",
    )
    def nested(byte_pair_decode, depth):
        merges = [(97, 98)] + [(255 + i, 99) for i in range(1, depth)]
        equal(byte_pair_decode([255 + depth], merges), "ab" + "c" * (depth - 1), f"the text of id {255 + depth}")

    @law(
        "bytes that are no character become U+FFFD, and nothing is raised",
        ids_and_merges(),
        hint="A model may write half an emoji. What should .decode do with errors?",
    )
    def broken_characters(byte_pair_decode, drawn):
        equal(byte_pair_decode(*drawn), naive_decode(*drawn), "the text")

    @law(
        "it equals joining the bytes and reading them as UTF-8",
        learned(),
        hint="Look each id up in the table of bytes that the merges build.",
    )
    def agrees(byte_pair_decode, drawn):
        text, merges = drawn
        ids = naive_encode(text, merges)[::-1]
        equal(byte_pair_decode(ids, merges), naive_decode(ids, merges), "the text")
