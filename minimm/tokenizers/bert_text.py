r"""What BERT does to a text before it looks for word pieces: clean it, and cut it into words and punctuation marks.

    clean          control characters are dropped, every white space becomes a space
    Chinese        a space on both sides of every Chinese character, so that each is a word
    accents        é -> e: canonical decomposition, then combining marks are dropped     (uncased models)
    lower case     character by character                                                (uncased models)
    words          cut at white space, and every punctuation mark is a word of its own

Source: Devlin et al. 2019, the code published with it. The `tokenizers` library does the same with the character tables of
Unicode 8; ours know the marks and punctuation that came later (690 characters), too.
"""

from __future__ import annotations

import unicodedata

import regex

from minimm.tokenizers.tokenizer import check_text

_DROPPED = regex.compile(r"[\p{Cc}\p{Cf}\p{Co}\p{Cs}\uFFFD--[\t\n\r]]", regex.VERSION1)
_SPACE = regex.compile(r"\s")
# The blocks of Chinese characters that BERT's code lists; kana and hangul are words as long as they are written.
_CHINESE = regex.compile(
    "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b920-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f]"
)
_MARK = regex.compile(r"\p{Mn}")
_PUNCTUATION = r"\p{P}!-/:-@\[-`{-~"  # $ + < = > ^ ` | ~ are symbols to Unicode, punctuation to BERT
_WORD = regex.compile(rf"[{_PUNCTUATION}]|[^\s{_PUNCTUATION}]+")


def split_bert_words(text: str, *, lower_case: bool = True, strip_accents: bool = True) -> list[str]:
    """The words and punctuation marks of `text`, as BERT sees them.

    >>> split_bert_words("Caf\u00e9, 红cat!")
    ['cafe', ',', '红', 'cat', '!']
    """
    check_text(text)
    text = _SPACE.sub(" ", _DROPPED.sub("", text))
    text = _CHINESE.sub(r" \g<0> ", text)
    if strip_accents:
        text = _MARK.sub("", unicodedata.normalize("NFD", text))
    if lower_case:
        text = "".join(map(str.lower, text))  # one by one: a whole word would get the final form of a Greek sigma
    return _WORD.findall(text)
