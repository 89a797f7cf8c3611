"""Stop words: the hundred or so words that hold sentences together and say nothing about the subject.

A search by word counts is misled by them: without them it puts the right article first in 95 instead of 73 of 100 cases, and
TF-IDF, which weighs them down by itself, needs half the index. But they are the grammar: a language model that never saw them
needs 3.4 instead of 1.9 bits for a byte of real text, and "not" is among them, which turns praise into blame.
`tests/benchmarks/stop_words.py` measures search and writing, in English and in Chinese.
"""

from __future__ import annotations

from collections.abc import Iterable

from minimm.errors import check

_ENGLISH = """
a about above after again against all also am an and any are as at be because been before being below between both but
by can cannot could did do does doing down during each either few for from further had has have having he her here
hers herself him himself his how i if in into is it its itself just let me more most must my myself neither no nor not
now of off on once only or other ought our ours ourselves out over own same shall she should so some such than that
the their theirs them themselves then there these they this those through to too under until up upon us very was we
were what when where which while who whom whose why will with would yet you your yours yourself yourselves don't
doesn't didn't isn't aren't wasn't weren't won't can't couldn't wouldn't shouldn't hasn't haven't hadn't it's i'm
you're he's she's we're they're i've you've we've they've i'll you'll he'll she'll we'll they'll that's there's what's
who's let's
"""
_CHINESE = """
的 了 着 过 地 得 是 在 有 和 与 跟 同 及 或 或者 而 而且 并 并且 但 但是 可是 不过 然而 因为 所以 因此 由于
如果 要是 虽然 即使 只要 只有 除了 关于 对 对于 把 被 让 给 从 到 由 向 往 为 为了 以 以及 于 之 其 此 这 那
这个 那个 这些 那些 这里 那里 这样 那样 我 你 他 她 它 我们 你们 他们 她们 它们 自己 大家 谁 什么 哪 哪里 哪个
怎么 怎样 多少 几 吗 呢 吧 啊 呀 嘛 哦 不 没 没有 也 都 还 又 再 就 才 只 很 太 更 最 非常 已经 正在 曾经 将
会 能 可以 要 应该 一 一个 一些 个 些 里 上 下 中 前 后 时 时候 等 等等 第
"""
STOP_WORDS = {"en": frozenset(_ENGLISH.split()), "zh": frozenset(_CHINESE.split())}


def remove_stop_words(words: Iterable[str], language: str) -> list[str]:
    """The words that are no stop words of `language` ("en" or "zh"), in their order; capitals make no difference.

    >>> remove_stop_words(["The", "fox", "is", "in", "the", "garden"], "en")
    ['fox', 'garden']
    """
    check(language in STOP_WORDS, f"there are no stop words for {language!r}; choose from {sorted(STOP_WORDS)}")
    return [word for word in words if word.lower() not in STOP_WORDS[language]]
