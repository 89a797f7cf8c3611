"""Subjects, noun phrases, numbers and adjectives, drawn in English and Chinese at once, for `parallel_patterns.py`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import parallel_words as words
from parallel_words import Activity, Noun

from minimm.datasets.pick import chance, pick

ONES = (
    "zero one two three four five six seven eight nine ten eleven "
    "twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety"
DIGITS = "零一二三四五六七八九十"
PRONOUNS = [  # subject, object, possessive, Chinese, person
    ("I", "me", "my", "我", "first"), ("you", "you", "your", "你", "plural"), ("he", "him", "his", "他", "third"),
    ("she", "her", "her", "她", "third"), ("we", "us", "our", "我们", "plural"), ("they", "them", "their", "他们", "plural"),
]  # fmt: skip
FAMILY = (
    "father:爸爸, mother:妈妈, older sister:姐姐, "
    "younger brother:弟弟, grandfather:爷爷, grandmother:奶奶, uncle:叔叔, aunt:阿姨"
)
OTHERS = "friend:的朋友, neighbor:的邻居, teacher:的老师, classmate:的同学"
OWNERS = [("my", "我"), ("your", "你"), ("his", "他"), ("her", "她")]


@dataclass(frozen=True)
class Phrase:
    """The same thing in English and Chinese."""

    en: str
    zh: str


@dataclass(frozen=True)
class Subject(Phrase):
    """Who does it; `person` is "first", "third" or "plural" and decides the verb's form."""

    person: str

    @property
    def be(self) -> str:
        """am, is or are."""
        return {"first": "am", "third": "is", "plural": "are"}[self.person]

    @property
    def do(self) -> str:
        """do or does."""
        return "does" if self.person == "third" else "do"

    @property
    def have(self) -> str:
        """have or has."""
        return "has" if self.person == "third" else "have"

    def verb(self, base: str) -> str:
        """The present tense of a verb."""
        return words.third(base) if self.person == "third" else base


def number(value: int) -> str:
    """1 to 99 in English.

    >>> number(22)
    'twenty-two'
    """
    if value < 20:
        return ONES.split()[value]
    return TENS.split()[value // 10] + (f"-{ONES.split()[value % 10]}" if value % 10 else "")


def zh_number(value: int) -> str:
    """1 to 99 in Chinese, as one reads it: 12 = 十二, 22 = 二十二."""
    tens, ones = divmod(value, 10)
    return ("" if tens == 0 else "十" if tens == 1 else DIGITS[tens] + "十") + (DIGITS[ones] if ones else "")


def zh_count(value: int) -> str:
    """How many there are: as `zh_number`, but two things are 两, not 二."""
    return "两" if value == 2 else zh_number(value)


def article(en: str) -> str:
    """a or an, with the words behind it."""
    return ("an " if en[0] in "aeiou" and not en.startswith("use") else "a ") + en


class Phrases:
    """Draws phrases from a generator."""

    def __init__(self, generator: random.Random) -> None:
        self.generator = generator
        self.all_activities = words.activities()

    def pick(self, items: Sequence):
        """One of the items."""
        return pick(self.generator, items)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return chance(self.generator, probability)

    def entry(self, table: str) -> Phrase:
        """One entry of a table of `parallel_words`."""
        return Phrase(*self.pick(words.pairs(table)))

    def upto(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return self.pick(range(low, high + 1))

    def subject(self, *, first: bool = True) -> Subject:
        """A pronoun, a relative or friend, or a person known by the profession."""
        draw = self.pick([self.pronoun, self.pronoun, self.relative, self.worker])
        return self.pronoun(first=first) if draw == self.pronoun else draw()

    def pronoun(self, *, first: bool = True) -> Subject:
        """I, you, he ...; `first=False` leaves out I and we, as in questions."""
        en, _, _, zh, person = self.pick([p for p in PRONOUNS if first or p[0] not in ("I", "we")])
        return Subject(en, zh, person)

    def relative(self) -> Subject:
        """my father 我爸爸, her friend 她的朋友."""
        (owner, zh_owner), who = self.pick(OWNERS), self.entry(FAMILY if self.chance(0.7) else OTHERS)
        return Subject(f"{owner} {who.en}", zh_owner + who.zh, "third")

    def worker(self) -> Subject:
        """this teacher 这个老师, those boys 那些男孩."""
        noun = self.noun("person")
        if self.chance(0.2):
            many, zh_many = self.pick([("these", "这些"), ("those", "那些")])
            return Subject(f"{many} {noun.plural}", zh_many + noun.zh, "plural")
        phrase = self.definite(noun)
        return Subject(phrase.en, phrase.zh, "third")

    def recipient(self) -> Phrase:
        """Somebody to whom something is given."""
        if self.chance(0.5):
            _, en, _, zh, _ = self.pick(PRONOUNS)
            return Phrase(en, zh)
        subject = self.relative() if self.chance(0.5) else self.worker()
        return Phrase(subject.en, subject.zh)

    def noun(self, *groups: str) -> Noun:
        """A noun of one of the groups; without groups, any thing that one can hold or use."""
        groups = groups or ("reading", "paper", "furniture", "tool", "clothes", "accessory", "machine", "vehicle")
        group = self.pick(groups)
        return self.pick([noun for noun in words.NOUNS.values() if noun.group == group])

    def described(self, noun: Noun, plural: bool = False, share: float = 0.45) -> Phrase:
        """The noun, often with an adjective before it: red pen 红色的钢笔."""
        en = noun.plural if plural else noun.en
        if not words.attributes(noun) or not self.chance(share):
            return Phrase(en, noun.zh)
        adjective = self.pick(words.attributes(noun))
        return Phrase(f"{adjective} {en}", attributive(adjective) + noun.zh)

    def indefinite(self, noun: Noun, share: float = 0.45) -> Phrase:
        """a red pen 一支红色的钢笔, two pens 两支钢笔, a very heavy box 一个很重的盒子."""
        if self.chance(0.12) and words.predicates(noun):
            adjective = self.pick(words.predicates(noun))
            return Phrase(
                f"a very {adjective} {noun.en}", f"一{noun.measure}很{words.PREDICATES[adjective]}的{noun.zh}"
            )
        if self.chance(0.6):
            phrase = self.described(noun, share=share)
            return Phrase(article(phrase.en), f"一{noun.measure}{phrase.zh}")
        count = 2 if self.chance(0.3) else self.upto(3, 10)
        phrase = self.described(noun, plural=True, share=share)
        return Phrase(f"{number(count)} {phrase.en}", f"{zh_count(count)}{noun.measure}{phrase.zh}")

    def definite(self, noun: Noun, share: float = 0.0) -> Phrase:
        """this pen 这支钢笔, that red pen 那支红色的钢笔."""
        this, zh_this = self.pick([("this", "这"), ("that", "那")])
        phrase = self.described(noun, share=share)
        return Phrase(f"{this} {phrase.en}", f"{zh_this}{noun.measure}{phrase.zh}")

    def owned(self, noun: Noun) -> Phrase:
        """my pen 我的钢笔."""
        _, _, en, zh, _ = self.pick(PRONOUNS)
        return Phrase(f"{en} {noun.en}", f"{zh}的{noun.zh}")

    def thing(self, noun: Noun) -> Subject:
        """Something as the subject: this pen, my pen, these pens."""
        if self.chance(0.25):
            these, zh_these = self.pick([("these", "这些"), ("those", "那些")])
            return Subject(f"{these} {noun.plural}", zh_these + noun.zh, "plural")
        phrase = self.owned(noun) if self.chance(0.35) else self.definite(noun, share=0.15)
        return Subject(phrase.en, phrase.zh, "third")

    def activity(self, *, skill: bool = False, place: str | None = None) -> Activity:
        """Something to do; `skill` for what one can or cannot do, `place` for where."""
        fitting = [
            a for a in self.all_activities if (a.skill or not skill) and (place is None or a.place in (place, "any"))
        ]
        return self.pick(fitting)

    def place(self, activity: Activity) -> Phrase:
        """Where an activity may happen."""
        return self.entry(words.PLACES[self.pick(["in", "out"]) if activity.place == "any" else activity.place])


def attributive(adjective: str) -> str:
    """An adjective before a Chinese noun: 大, but 漂亮的 and 红色的."""
    if adjective in words.COLOURS:
        return words.COLOURS[adjective] + "的"
    zh = words.PREDICATES[adjective]
    return zh if adjective in words.NO_THE_CHINESE else zh + "的"


def said(verb: str, activity: Activity) -> str:
    """An activity with its verb in a form already chosen: "plays" and football."""
    return f"{verb} {activity.rest}" if activity.rest else verb
