"""Writes `parallel/`: English-Chinese sentence pairs for learning to translate, with combinations held out.

Two words that are *held out* as a pair never occur in one sentence of train.tsv or test.tsv, though each occurs often
with others: whoever translates held_out.tsv has understood the words and the grammar, and not learnt whole phrases by
heart (Lake and Baroni 2018 ask this of networks with the SCAN commands). Every English sentence has one Chinese one and the
other way round, so that a translation can be judged by equality. Deterministic; `parallel_patterns.py` has the grammar.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import parallel_more_patterns
import parallel_patterns
import parallel_words as words
from parallel_phrases import Phrases

from minimm.datasets.pick import shuffled
from minimm.files import write_text

NUM_TRAIN, NUM_TEST, NUM_HELD_OUT, SEED = 6_400, 500, 500, 2_026
DRAWS = 30_000
PEOPLE = [
    "father",
    "mother",
    "sister",
    "brother",
    "grandfather",
    "grandmother",
    "uncle",
    "aunt",
    "teacher",
    "doctor",
    "student",
    "farmer",
    "driver",
    "nurse",
    "cook",
]
TRAVEL = ["swim", "dance", "work", "study", "rest", "sing", "paint", "sleep", "run", "exercise", "skate", "ski", "chat"]


def forms(verb: str) -> str:
    """All forms of a verb, so that "bought" counts as an occurrence of "buy"."""
    return " ".join(
        dict.fromkeys([verb, words.third(verb), words.past(verb), words.doing(verb), words.participle(verb)])
    )


def held_out_pairs(generator: random.Random) -> list[tuple[str, str, str]]:
    """(kind, forms of one word, forms of the other): about every ninth of the possible combinations of its kind."""
    both = {noun.en: f"{noun.en} {noun.plural}" for noun in words.NOUNS.values()}
    verbs = [v for v in words.VERBS if len(words.objects(v)) >= 10]
    with_verb = [("verb-object", forms(v), both[noun.en]) for v in verbs for noun in words.objects(v)]
    with_adjective = [
        ("adjective-noun", adjective, both[noun.en])
        for noun in words.NOUNS.values()
        for adjective in words.attributes(noun)
        if noun.group != "person"
    ]
    with_subject = [("subject-verb", person, forms(verb)) for person in PEOPLE for verb in TRAVEL]
    return [
        pair
        for kind in (with_verb, with_adjective, with_subject)
        for pair in shuffled(generator, kind)[: len(kind) // 9]
    ]


def finish(sentence: tuple[str, str]) -> tuple[str, str]:
    """One space between words, none before the full stop, a capital at the beginning."""
    en = re.sub(r" +([.,?])", r"\1", re.sub(r" +", " ", sentence[0]))
    return en[0].upper() + en[1:], sentence[1]


def draw_sentences(generator: random.Random) -> list[tuple[str, str]]:
    """Different sentences, each pattern equally often, one translation each in both directions."""
    patterns = [
        function
        for module in (parallel_patterns, parallel_more_patterns)
        for name, function in sorted(vars(module).items())
        if getattr(function, "__module__", "") == module.__name__
        and function.__annotations__.get("return") == "Sentence"
    ]
    phrases = Phrases(generator)
    english, chinese = {}, {}
    for turn in range(DRAWS):
        en, zh = finish(patterns[turn % len(patterns)](phrases))
        if en not in english and zh not in chinese:
            english[en], chinese[zh] = zh, en
    return list(english.items())


def tokens(en: str) -> set[str]:
    """The words of a sentence in small letters."""
    return set(re.findall(r"[a-z]+", en.lower()))


def write_pairs(path: Path, rows: list[tuple[str, ...]]) -> None:
    """One row a line, columns separated by tabs."""
    write_text(path, "".join("\t".join(row) + "\n" for row in rows))


def make(folder: Path) -> None:
    """Write train.tsv, test.tsv, held_out.tsv and held_out_pairs.txt."""
    generator = random.Random(SEED)
    pairs = held_out_pairs(generator)
    split = [(set(one.split()), set(two.split())) for _, one, two in pairs]
    seen, unseen = [], []
    for en, zh in draw_sentences(generator):
        inside = tokens(en)
        together = any(one & inside and two & inside for one, two in split)
        (unseen if together else seen).append((en, zh))
    seen, unseen = shuffled(generator, seen), shuffled(generator, unseen)
    train, test = seen[:NUM_TRAIN], seen[NUM_TRAIN : NUM_TRAIN + NUM_TEST]
    known = set().union(*(tokens(en) for en, _ in train))
    test, unseen = ([row for row in rows if tokens(row[0]) <= known] for rows in (test, unseen))
    write_pairs(folder / "train.tsv", train)
    write_pairs(folder / "test.tsv", test)
    write_pairs(folder / "held_out.tsv", unseen[:NUM_HELD_OUT])
    write_pairs(folder / "held_out_pairs.txt", pairs)


if __name__ == "__main__":
    make(Path(__file__).parent / "parallel")
