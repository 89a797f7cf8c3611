"""The sentence patterns of the English-Chinese pairs: each function draws one sentence in both languages.

What they show of Chinese grammar: measure words, 了 (done), 正在 (doing), 过 (ever done), 着 (wearing), 没 and 不 (two ways to
say no), 吗 (yes or no?), 比 (than), 得 (how well), 两 and 二 (two things and the number 2), time and place before the verb.
"""

from __future__ import annotations

import parallel_words as words
from parallel_phrases import OWNERS, Phrase, Phrases, article, attributive, said
from parallel_words import doing, objects, past

Sentence = tuple[str, str]
SAME_IN_THE_PAST = {"read"}  # without a time one could not tell "I read two books" (now or then?)


def done(p: Phrases) -> Sentence:
    """The teacher bought two red pens yesterday. 了 behind the verb, the time before it."""
    verb = p.pick(list(words.VERBS))
    s, thing = p.subject(), p.indefinite(p.pick(objects(verb)))
    when = p.entry(words.PAST) if verb in SAME_IN_THE_PAST or p.chance(0.5) else Phrase("", "")
    return f"{s.en} {past(verb)} {thing.en} {when.en}.", f"{s.zh}{when.zh}{words.VERBS[verb][0]}了{thing.zh}。"


def done_two(p: Phrases) -> Sentence:
    """She bought a pen and an apple. 和 joins things."""
    verb = p.pick(["buy", "sell", "see", "find", "lose", "draw", "bring", "eat", "wash"])
    s, one, two = p.subject(), p.pick(objects(verb)), p.pick(objects(verb))
    a, b = p.indefinite(one, 0.2), p.indefinite(two, 0.2)
    return f"{s.en} {past(verb)} {a.en} and {b.en}.", f"{s.zh}{words.VERBS[verb][0]}了{a.zh}和{b.zh}。"


def not_done(p: Phrases) -> Sentence:
    """He did not buy this book. What did not happen is 没, without 了."""
    verb = p.pick(list(words.VERBS))
    s, thing = p.subject(), p.definite(p.pick(objects(verb)), 0.3)
    when = p.entry(words.PAST) if p.chance(0.3) else Phrase("", "")
    return f"{s.en} did not {verb} {thing.en} {when.en}.", f"{s.zh}{when.zh}没{words.VERBS[verb][0]}{thing.zh}。"


def was_it_done(p: Phrases) -> Sentence:
    """Did you find that key?"""
    verb = p.pick(list(words.VERBS))
    s, thing = p.subject(first=False), p.definite(p.pick(objects(verb)), 0.3)
    return f"did {s.en} {verb} {thing.en}?", f"{s.zh}{words.VERBS[verb][0]}{thing.zh}了吗？"


def what_was_done(p: Phrases) -> Sentence:
    """What did she buy yesterday?"""
    verb, when = (
        p.pick(["buy", "sell", "see", "find", "lose", "draw", "eat", "write", "borrow", "repair"]),
        p.entry(words.PAST),
    )
    s = p.subject(first=False)
    return f"what did {s.en} {verb} {when.en}?", f"{s.zh}{when.zh}{words.VERBS[verb][0]}了什么？"


def who_did(p: Phrases) -> Sentence:
    """Who broke this cup?"""
    verb = p.pick([verb for verb in words.VERBS if verb not in SAME_IN_THE_PAST])
    thing = p.definite(p.pick(objects(verb)), 0.3)
    return f"who {past(verb)} {thing.en}?", f"谁{words.VERBS[verb][0]}了{thing.zh}？"


def doing_now(p: Phrases) -> Sentence:
    """My father is cooking in the kitchen. 正在, or not: 没在."""
    s, activity, kind = p.subject(), p.activity(), p.pick(["yes", "yes", "no", "question"])
    place = p.place(activity) if p.chance(0.6) else Phrase("", "")
    en = f"{said(doing(activity.verb), activity)} {place.en}"
    at = f"在{place.zh}" if place.zh else "在"
    if kind == "question":
        s = p.subject(first=False)
        return f"{s.be} {s.en} {en}?", f"{s.zh}正{at}{activity.zh}吗？"
    if kind == "no":
        return f"{s.en} {s.be} not {en}.", f"{s.zh}没{at}{activity.zh}。"
    return f"{s.en} {s.be} {en}.", f"{s.zh}正{at}{activity.zh}。"


def what_is_done_now(p: Phrases) -> Sentence:
    """What are you doing in the garden?"""
    s, place = p.subject(first=False), p.entry(words.PLACES[p.pick(["in", "out"])])
    return f"what {s.be} {s.en} doing {place.en}?", f"{s.zh}正在{place.zh}做什么？"


def habit(p: Phrases) -> Sentence:
    """We play football in the park every Sunday: in Chinese first the time, then the place, then what."""
    s, activity, when = p.subject(), p.activity(), p.entry(words.HABIT)
    place = p.place(activity) if p.chance(0.6) else Phrase("", "")
    en = f"{said(s.verb(activity.verb), activity)} {place.en} {when.en}"
    return f"{s.en} {en}.", f"{s.zh}{when.zh}{'在' * bool(place.zh)}{place.zh}{activity.zh}。"


def how_often(p: Phrases) -> Sentence:
    """Her uncle never swims."""
    s, activity, often = p.subject(), p.activity(), p.entry(words.OFTEN)
    place = p.place(activity) if p.chance(0.3) else Phrase("", "")
    en = f"{often.en} {said(s.verb(activity.verb), activity)} {place.en}"
    return f"{s.en} {en}.", f"{s.zh}{often.zh}{'在' * bool(place.zh)}{place.zh}{activity.zh}。"


def will_do(p: Phrases) -> Sentence:
    """I will buy a car next year; they will dance at school tonight. The plan is 要."""
    s, when = p.subject(), p.entry(words.FUTURE)
    if p.chance(0.5):
        verb = p.pick([verb for verb in words.VERBS if verb not in ("lose", "find", "see", "break")])
        thing = p.indefinite(p.pick(objects(verb)))
        return f"{s.en} will {verb} {thing.en} {when.en}.", f"{s.zh}{when.zh}要{words.VERBS[verb][0]}{thing.zh}。"
    activity = p.activity()
    place = p.place(activity) if p.chance(0.5) else Phrase("", "")
    en = f"{said(activity.verb, activity)} {place.en} {when.en}"
    return f"{s.en} will {en}.", f"{s.zh}{when.zh}要{'在' * bool(place.zh)}{place.zh}{activity.zh}。"


def go(p: Phrases) -> Sentence:
    """She goes to school by bus every day; he went to Beijing last week."""
    s, where = p.subject(), p.entry(words.DESTINATIONS)
    how = p.entry(words.TRANSPORT) if p.chance(0.5) else Phrase("", "")
    tense = p.pick(["past", "future", "habit"])
    if tense == "past":
        when = p.entry(words.PAST)
        return f"{s.en} went to {where.en} {how.en} {when.en}.", f"{s.zh}{when.zh}{how.zh}去了{where.zh}。"
    if tense == "future":
        when = p.entry(words.FUTURE)
        return f"{s.en} will go to {where.en} {how.en} {when.en}.", f"{s.zh}{when.zh}要{how.zh}去{where.zh}。"
    when = p.entry(words.HABIT)
    return f"{s.en} {s.verb('go')} to {where.en} {how.en} {when.en}.", f"{s.zh}{when.zh}{how.zh}去{where.zh}。"


def go_in_order_to(p: Phrases) -> Sentence:
    """He went to the market to buy three fish. The purpose simply follows."""
    s, where, thing = p.subject(), p.entry(words.SHOPS), p.indefinite(p.pick(objects("buy")))
    return f"{s.en} went to {where.en} to buy {thing.en}.", f"{s.zh}去{where.zh}买了{thing.zh}。"


def have(p: Phrases) -> Sentence:
    """They have two dogs. No is 没有, and then no measure word is needed."""
    noun = p.noun("animal") if p.chance(0.3) else p.noun()
    s, kind = p.subject(), p.pick(["yes", "yes", "no", "question"])
    if kind == "yes":
        thing = p.indefinite(noun)
        return f"{s.en} {s.have} {thing.en}.", f"{s.zh}有{thing.zh}。"
    thing = p.described(noun, share=0.2)
    if kind == "no":
        return f"{s.en} {s.do} not have {article(thing.en)}.", f"{s.zh}没有{thing.zh}。"
    s = p.subject(first=False)
    return f"{s.do} {s.en} have {article(thing.en)}?", f"{s.zh}有{thing.zh}吗？"


def how_many(p: Phrases) -> Sentence:
    """How many cats does your aunt have? 几 asks for a small number."""
    noun, s = p.noun("animal") if p.chance(0.3) else p.noun(), p.subject(first=False)
    return f"how many {noun.plural} {s.do} {s.en} have?", f"{s.zh}有几{noun.measure}{noun.zh}？"


def quality(p: Phrases) -> Sentence:
    """This box is very heavy; is your car new? Chinese needs no 'is' before an adjective, but 很 where nothing else stands."""
    if p.chance(0.35):
        s, words_for_it = p.subject(), words.GROUPS["person"][2].split()
    else:
        noun = p.noun("animal", "food", "building", "plant", "art") if p.chance(0.4) else p.noun()
        s, words_for_it = p.thing(noun), words.predicates(noun)
    adjective = p.pick(words_for_it)
    zh, kind = words.PREDICATES[adjective], p.pick(["plain", "very", "too", "not", "question"])
    if kind == "question" and s.zh not in ("我", "我们"):
        return f"{s.be} {s.en} {adjective}?", f"{s.zh}{zh}吗？"
    if kind == "not":
        return f"{s.en} {s.be} not {adjective}.", f"{s.zh}不{zh}。"
    before, zh_form = {"very": ("very ", f"非常{zh}"), "too": ("too ", f"太{zh}了")}.get(kind, ("", f"很{zh}"))
    return f"{s.en} {s.be} {before}{adjective}.", f"{s.zh}{zh_form}。"


def colour(p: Phrases) -> Sentence:
    """This skirt is not blue: a colour is 是 ... 的."""
    s, kind = p.thing(p.noun("clothes", "accessory", "tool", "vehicle", "furniture")), p.pick(["yes", "no", "question"])
    name = p.pick(list(words.COLOURS))
    zh = attributive(name)
    if kind == "question":
        return f"{s.be} {s.en} {name}?", f"{s.zh}是{zh}吗？"
    return f"{s.en} {s.be} {'not ' * (kind == 'no')}{name}.", f"{s.zh}{'不' * (kind == 'no')}是{zh}。"


def comparison(p: Phrases) -> Sentence:
    """My sister is taller than him; this watch is more expensive than that watch: A 比 B and the plain adjective."""
    if p.chance(0.4):
        adjective = p.pick(["busy", "happy", "strict", "clever", "young", "strong", "healthy", "tall", "lazy", "kind"])
        a, b = p.subject(), p.recipient()
    else:
        noun = p.noun("animal", "building", "food") if p.chance(0.3) else p.noun()
        adjective = p.pick(words.predicates(noun))
        a, b = p.thing(noun), p.thing(noun)
    if a.zh == b.zh or a.zh.startswith(b.zh) or b.zh.startswith(a.zh):
        return comparison(p)
    zh = words.PREDICATES[adjective]
    if p.chance(0.25):
        return f"{a.en} {a.be} as {adjective} as {b.en}.", f"{a.zh}跟{b.zh}一样{zh}。"
    return f"{a.en} {a.be} {_more(adjective)} than {b.en}.", f"{a.zh}比{b.zh}{zh}。"


def _more(adjective: str) -> str:
    if adjective in (
        "tired",
        "beautiful",
        "interesting",
        "boring",
        "difficult",
        "useful",
        "expensive",
        "delicious",
        "comfortable",
    ):
        return f"more {adjective}"
    if adjective.endswith("y"):
        return adjective[:-1] + "ier"
    if adjective in ("big", "fat", "thin"):
        return adjective + adjective[-1] + "er"
    return adjective + ("r" if adjective.endswith(("e", "ee")) else "er")


def profession(p: Phrases) -> Sentence:
    """She is a doctor; is your uncle a cook?"""
    noun, kind = p.noun("person"), p.pick(["yes", "no", "question"])
    s = p.pronoun(first=kind != "question") if p.chance(0.5) else p.relative()
    many = s.person == "plural" and s.zh != "你"
    en, kind_of = noun.plural if many else article(noun.en), {"yes": "", "no": "not "}.get(kind)
    if kind == "question":
        return f"{s.be} {s.en} {en}?", f"{s.zh}是{noun.zh}吗？"
    return f"{s.en} {s.be} {kind_of}{en}.", f"{s.zh}{'不' * (kind == 'no')}是{noun.zh}。"


def whose(p: Phrases) -> Sentence:
    """This is my pen; that is not her book; whose key is this?"""
    noun, (this, zh_this) = p.noun(), p.pick([("this", "这"), ("that", "那")])
    kind = p.pick(["yes", "no", "question", "whose"])
    if kind == "whose":
        return f"whose {noun.en} is {this}?", f"{zh_this}是谁的{noun.zh}？"
    mine = p.owned(noun)
    if p.chance(0.5):
        (owner, zh_owner), who = p.pick(OWNERS), p.entry("father:爸爸, mother:妈妈, uncle:叔叔, aunt:阿姨")
        mine = Phrase(f"{owner} {who.en}'s {noun.en}", f"{zh_owner}{who.zh}的{noun.zh}")
    if kind == "question":
        return f"is {this} {mine.en}?", f"{zh_this}是{mine.zh}吗？"
    return f"{this} is {'not ' * (kind == 'no')}{mine.en}.", f"{zh_this}{'不' * (kind == 'no')}是{mine.zh}。"
