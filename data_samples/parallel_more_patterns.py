"""The other half of the sentence patterns; see `parallel_patterns.py`."""

from __future__ import annotations

import parallel_words as words
from parallel_patterns import Sentence
from parallel_phrases import Phrase, Phrases, article, number, said, zh_count, zh_number
from parallel_words import NOUNS, doing, objects, participle


def _spot(p: Phrases) -> Phrase:
    """on the table 桌子上."""
    landmark, where = NOUNS[p.pick(words.LANDMARKS.split())], p.entry(words.POSITIONS)
    if where.en == "on" and landmark.en in ("tree", "cupboard", "house"):
        return _spot(p)
    if where.en == "under" and landmark.en in ("cupboard", "house", "box"):
        return _spot(p)
    return Phrase(f"{where.en} the {landmark.en}", f"{landmark.zh}{where.zh}")


def there_is(p: Phrases) -> Sentence:
    """There are two cats under the chair: the place comes first, then 有."""
    noun, spot = p.noun("animal", "reading", "tool", "clothes", "food", "accessory"), _spot(p)
    kind = p.pick(["yes", "yes", "no", "question"])
    if kind == "no":
        return f"there are no {noun.plural} {spot.en}.", f"{spot.zh}没有{noun.zh}。"
    if kind == "question":
        return f"are there any {noun.plural} {spot.en}?", f"{spot.zh}有{noun.zh}吗？"
    thing = p.indefinite(noun)
    many = thing.en.split()[0] not in ("a", "an")
    return f"there {'are' if many else 'is'} {thing.en} {spot.en}.", f"{spot.zh}有{thing.zh}。"


def where_is(p: Phrases) -> Sentence:
    """My key is on the table; where is my key?"""
    s, kind = (
        p.thing(p.noun("reading", "tool", "clothes", "accessory", "animal")),
        p.pick(["yes", "question", "where", "no"]),
    )
    spot = _spot(p)
    if kind == "where":
        return f"where {s.be} {s.en}?", f"{s.zh}在哪里？"
    if kind == "question":
        return f"{s.be} {s.en} {spot.en}?", f"{s.zh}在{spot.zh}吗？"
    return f"{s.en} {s.be} {'not ' * (kind == 'no')}{spot.en}.", f"{s.zh}{'不' * (kind == 'no')}在{spot.zh}。"


def can(p: Phrases) -> Sentence:
    """She can play chess; he cannot swim. What one has learnt is 会."""
    s, activity, kind = p.subject(), p.activity(skill=True), p.pick(["yes", "no", "question"])
    en = said(activity.verb, activity)
    if kind == "question":
        s = p.subject(first=False)
        return f"can {s.en} {en}?", f"{s.zh}会{activity.zh}吗？"
    return f"{s.en} {'can' if kind == 'yes' else 'cannot'} {en}.", f"{s.zh}{'不' * (kind == 'no')}会{activity.zh}。"


def must(p: Phrases) -> Sentence:
    """You should rest at home; we must study tonight."""
    s, activity = p.subject(), p.activity()
    modal = p.entry("should:应该, should not:不应该, must:必须, may:可以, may not:不可以")
    place = p.place(activity) if p.chance(0.5) else Phrase("", "")
    en = f"{modal.en} {said(activity.verb, activity)} {place.en}"
    return f"{s.en} {en}.", f"{s.zh}{modal.zh}{'在' * bool(place.zh)}{place.zh}{activity.zh}。"


def want(p: Phrases) -> Sentence:
    """My aunt wants to swim; do you like to sing?"""
    s, activity, kind = p.subject(), p.activity(), p.pick(["yes", "no", "question"])
    verb = p.entry("want:想, like:喜欢")
    en = said(activity.verb, activity)
    if kind == "question":
        s = p.subject(first=False)
        return f"{s.do} {s.en} {verb.en} to {en}?", f"{s.zh}{verb.zh}{activity.zh}吗？"
    if kind == "no":
        return f"{s.en} {s.do} not {verb.en} to {en}.", f"{s.zh}不{verb.zh}{activity.zh}。"
    return f"{s.en} {s.verb(verb.en)} to {en}.", f"{s.zh}{verb.zh}{activity.zh}。"


def like(p: Phrases) -> Sentence:
    """I like cats, but she likes dogs; he does not like pears."""
    groups = ("animal", "food")
    group = p.pick(groups)
    one, two, s = p.noun(group), p.noun(group), p.subject()
    kind = p.pick(["yes", "no", "question", "but", "but not"])
    if kind == "question":
        s = p.subject(first=False)
        return f"{s.do} {s.en} like {one.plural}?", f"{s.zh}喜欢{one.zh}吗？"
    if kind == "no":
        return f"{s.en} {s.do} not like {one.plural}.", f"{s.zh}不喜欢{one.zh}。"
    first = f"{s.en} {s.verb('like')} {one.plural}", f"{s.zh}喜欢{one.zh}"
    if kind == "yes" or one == two:
        return f"{first[0]}.", f"{first[1]}。"
    if kind == "but not":
        return f"{first[0]} but {s.do} not like {two.plural}.", f"{first[1]}，但是不喜欢{two.zh}。"
    other = p.subject()
    if other.zh == s.zh:
        return like(p)
    return f"{first[0]}, but {other.en} {other.verb('like')} {two.plural}.", f"{first[1]}，但是{other.zh}喜欢{two.zh}。"


def portion(p: Phrases) -> Sentence:
    """She drank two cups of tea: 两杯茶."""
    one, many, content, measure, zh, verb = p.pick(words.PORTIONS)
    s, count, when = p.subject(), p.pick([1, 1, 2, 2, 3, 4, 5]), p.entry(words.PAST_DAYS)
    amount = f"a {one}" if count == 1 else f"{number(count)} {many}"
    en_verb, zh_verb = {"eat": ("ate", "吃"), "drink": ("drank", "喝")}[verb]
    if p.chance(0.3):
        return (
            f"{s.en} {s.verb('want')} to {verb} {amount} of {content}.",
            f"{s.zh}想{zh_verb}{zh_count(count)}{measure}{zh}。",
        )
    return (
        f"{s.en} {en_verb} {amount} of {content} {when.en}.",
        f"{s.zh}{when.zh}{zh_verb}了{zh_count(count)}{measure}{zh}。",
    )


def ever(p: Phrases) -> Sentence:
    """Have you ever ridden a horse? He has never been to Beijing. 过 says that it happened at some time."""
    s, kind = p.subject(), p.pick(["never", "question"])
    if p.chance(0.3):
        where = p.entry(words.DESTINATIONS)
        en, zh = f"been to {where.en}", f"去过{where.zh}"
    else:
        verb = p.pick(list(words.EXPERIENCES))
        noun = p.pick(objects(verb))
        en, zh = f"{participle(verb)} {article(noun.en)}", f"{words.EXPERIENCES[verb]}过{noun.zh}"
    if kind == "question":
        s = p.subject(first=False)
        return f"{s.have} {s.en} ever {en}?", f"{s.zh}{zh}吗？"
    return f"{s.en} {s.have} never {en}.", f"{s.zh}从来没{zh}。"


def give(p: Phrases) -> Sentence:
    """The teacher gave me a new book; she will send us a card."""
    s, who = p.subject(), p.recipient()
    noun = p.noun("reading", "paper", "tool", "accessory", "food")
    thing = p.indefinite(noun)
    if who.zh in s.zh or s.zh in who.zh:
        return give(p)
    verb, past_verb, zh = p.pick([("give", "gave", "送"), ("send", "sent", "寄"), ("lend", "lent", "借")])
    if p.chance(0.3):
        when = p.entry(words.FUTURE)
        return f"{s.en} will {verb} {who.en} {thing.en} {when.en}.", f"{s.zh}{when.zh}要{zh}给{who.zh}{thing.zh}。"
    return f"{s.en} {past_verb} {who.en} {thing.en}.", f"{s.zh}{zh}给了{who.zh}{thing.zh}。"


def wear(p: Phrases) -> Sentence:
    """He is wearing a black hat: 着 says that it lasts; clothes are 穿, hats and watches 戴."""
    noun, s = p.noun("clothes", "accessory"), p.subject()
    thing = p.described(noun, share=0.8)
    return (
        f"{s.en} {s.be} wearing {article(thing.en)}.",
        f"{s.zh}{words.WEARABLE[noun.group]}着一{noun.measure}{thing.zh}。",
    )


def please(p: Phrases) -> Sentence:
    """Please wash these apples; please do not sell this car; let us dance in the garden."""
    if p.chance(0.3):
        activity = p.activity()
        place = p.place(activity)
        return f"let us {said(activity.verb, activity)} {place.en}.", f"我们在{place.zh}{activity.zh}吧。"
    verb = p.pick(
        ["buy", "sell", "wash", "repair", "read", "draw", "eat", "feed", "bring", "choose", "sing", "borrow", "write"]
    )
    thing = p.definite(p.pick(objects(verb)), 0.3)
    no, zh_no = ("do not ", "不要") if p.chance(0.4) else ("", "")
    return f"please {no}{verb} {thing.en}.", f"请{zh_no}{words.VERBS[verb][0]}{thing.zh}。"


def weather(p: Phrases) -> Sentence:
    """It is raining, so we will rest at home; if it snows tomorrow, she will not go to school."""
    s = p.subject()
    if p.chance(0.5):
        reason, activity = p.entry(words.WEATHER), p.activity(place="in")
        place = p.entry(words.PLACES["in"])
        en = f"{said(activity.verb, activity)} {place.en}"
        return f"{reason.en}, so {s.en} will {en}.", f"{reason.zh}，所以{s.zh}要在{place.zh}{activity.zh}。"
    reason, where = p.entry(words.IF_WEATHER), p.entry(words.DESTINATIONS)
    when = p.entry("tomorrow:明天, next week:下个星期, tonight:今天晚上")
    return (
        f"if {reason.en} {when.en}, {s.en} will not go to {where.en}.",
        f"如果{when.zh}{reason.zh}，{s.zh}就不去{where.zh}。",
    )


def because(p: Phrases) -> Sentence:
    """My mother is tired and wants to sleep; he is hungry, but he does not want to eat."""
    s, activity = p.subject(), p.activity()
    state = p.pick(["busy", "tired", "happy", "angry", "hungry", "thirsty", "nervous", "sad"])
    zh, en = words.PREDICATES[state], said(activity.verb, activity)
    if p.chance(0.5):
        return f"{s.en} {s.be} {state} and {s.verb('want')} to {en}.", f"{s.zh}很{zh}，想{activity.zh}。"
    return f"{s.en} {s.be} {state} and {s.do} not want to {en}.", f"{s.zh}很{zh}，不想{activity.zh}。"


def price(p: Phrases) -> Sentence:
    """This pen costs two yuan (两块钱), that one twenty-two (二十二块钱)."""
    thing = p.definite(p.noun("reading", "paper", "tool", "clothes", "accessory", "food"), 0.3)
    if p.chance(0.25):
        return f"how much does {thing.en} cost?", f"{thing.zh}多少钱？"
    yuan = 2 if p.chance(0.1) else p.upto(3, 99)
    return f"{thing.en} costs {number(yuan)} yuan.", f"{thing.zh}{zh_count(yuan)}块钱。"


def age(p: Phrases) -> Sentence:
    """The boy is twelve years old; how old is he?"""
    s, years = p.subject(), 2 if p.chance(0.1) else p.upto(3, 90)
    if p.chance(0.2):
        s = p.subject(first=False)
        return f"how old {s.be} {s.en}?", f"{s.zh}多大了？"
    return f"{s.en} {s.be} {number(years)} years old.", f"{s.zh}{zh_count(years)}岁。"


def clock(p: Phrases) -> Sentence:
    """He gets up at six o'clock; two o'clock is 两点, twelve o'clock 十二点."""
    s, hour, act, when = p.subject(), p.upto(1, 12), p.entry(words.DAILY), p.entry(words.HABIT)
    en = f"{s.verb(act.en)} at {number(hour)} o'clock"
    if p.chance(0.5):
        return f"{s.en} {en}.", f"{s.zh}{zh_count(hour)}点{act.zh}。"
    return f"{s.en} {en} {when.en}.", f"{s.zh}{when.zh}{zh_count(hour)}点{act.zh}。"


def rank(p: Phrases) -> Sentence:
    """The second book is interesting: in a row 2 is 二, not 两."""
    order = {
        1: "first",
        2: "second",
        3: "third",
        4: "fourth",
        5: "fifth",
        6: "sixth",
        7: "seventh",
        8: "eighth",
        9: "ninth",
    }
    place = p.upto(1, 9)
    if p.chance(0.25):
        s = p.subject()
        return f"{s.en} {s.verb('live')} on the {order[place]} floor.", f"{s.zh}住在{zh_number(place)}楼。"
    noun = p.noun()
    adjective = p.pick(words.predicates(noun))
    return (
        f"the {order[place]} {noun.en} is {adjective}.",
        f"第{zh_number(place)}{noun.measure}{noun.zh}很{words.PREDICATES[adjective]}。",
    )


def origin(p: Phrases) -> Sentence:
    """My classmate comes from Brazil."""
    s, country, kind = p.subject(), p.entry(words.COUNTRIES), p.pick(["yes", "no"])
    if kind == "no":
        return f"{s.en} {s.do} not come from {country.en}.", f"{s.zh}不是来自{country.zh}。"
    return f"{s.en} {s.verb('come')} from {country.en}.", f"{s.zh}来自{country.zh}。"


def how_long(p: Phrases) -> Sentence:
    """They waited for two hours: 等了两个小时."""
    s, act, (unit, zh_unit) = p.subject(), p.entry(words.DURATIVES), p.pick(words.pairs(words.UNITS)[:3])
    count = 2 if p.chance(0.3) else p.upto(3, 12)
    en = f"{words.past(act.en)} for {number(count)} {unit}s"
    return f"{s.en} {en}.", f"{s.zh}{act.zh}了{zh_count(count)}{zh_unit}。"


def how_well(p: Phrases) -> Sentence:
    """She sings very well; he runs as fast as me: 得 between the deed and how it is done."""
    s, other = p.subject(), p.recipient()
    verb, zh, way, zh_way = p.pick([entry.split(":") for entry in words.WELL.split(", ")])
    kind = p.pick(["very", "not", "more"])
    if kind == "not":
        return f"{s.en} {s.do} not {verb} {way}.", f"{s.zh}{zh}得不{zh_way}。"
    if kind == "very" or other.zh in s.zh or s.zh in other.zh:
        return f"{s.en} {s.verb(verb)} very {way}.", f"{s.zh}{zh}得很{zh_way}。"
    more = {"well": "better", "fast": "faster", "slowly": "more slowly"}[way]
    return f"{s.en} {s.verb(verb)} {more} than {other.en}.", f"{s.zh}{zh}得比{other.zh}{zh_way}。"


def doing_together(p: Phrases) -> Sentence:
    """I am eating breakfast with my friend: 跟 ... 一起."""
    s, who, activity = p.subject(), p.recipient(), p.activity()
    if who.zh in s.zh or s.zh in who.zh:
        return doing_together(p)
    return (
        f"{s.en} {s.be} {said(doing(activity.verb), activity)} with {who.en}.",
        f"{s.zh}正在跟{who.zh}一起{activity.zh}。",
    )
