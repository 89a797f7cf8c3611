"""The laws of cleaning and of taking text out of markup."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minimm.errors import MinimmError
from minimm.features.cleaning import clean_text, normalize_unicode, normalize_whitespace, remove_invisible
from minimm.features.markup import Block, html_to_text, is_content, markdown_to_text

forms = st.sampled_from(["NFC", "NFKC"])
awkward = st.text(
    st.one_of(st.characters(), st.sampled_from("e\u0301 \t\r\n\u2028\u200b\u200d\ufeff\xad\x00ﬁ①狐")), max_size=40
)


@given(text=awkward, form=forms)
@example(text="e\u200b\u0301", form="NFC")  # what is removed stood between the two halves of a character
def test_cleaning_twice_is_cleaning_once(text, form):
    once = clean_text(text, form)
    assert clean_text(once, form) == once


@given(text=awkward, form=forms)
def test_clean_text_is_normal_visible_and_has_no_spare_space(text, form):
    clean = clean_text(text, form)
    assert unicodedata.is_normalized(form, clean)
    assert clean == clean.strip()
    assert "  " not in clean and " \n" not in clean and "\n " not in clean and "\n\n\n" not in clean
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cs") for c in clean)
    clean.encode("utf-8")


@given(text=awkward)
def test_nothing_that_is_seen_is_lost(text):
    def seen(s):
        return [c for c in s if unicodedata.category(c)[0] in "LNPS"]

    assert seen(remove_invisible(text)) == seen(text)
    assert seen(normalize_whitespace(text)) == seen(text)


def test_the_two_forms_do_what_their_names_say():
    assert normalize_unicode("cafe\u0301") == "café"
    assert normalize_unicode("ﬁ ①", "NFC") == "ﬁ ①"
    assert normalize_unicode("ﬁ ① ｆｏｘ", "NFKC") == "fi 1 fox"
    assert clean_text("👩\u200d🚀") == "👩\u200d🚀"  # the joiner makes one picture of two
    with pytest.raises(MinimmError, match="form='NFD' is not known"):
        clean_text("a", "NFD")


PAGE = """<!doctype html><html><head><title>Foxes - My Site</title><style>p {color: red}</style></head><body>
<div id="menu"><a href="/">Home</a> <a href="/about">About us</a> <a href="/contact">Contact</a></div>
<h1>Foxes in the city</h1>
<p>More and more foxes live in cities, where they find food in gardens, in parks and beside the railway lines.</p>
<p>They sleep by day &amp; hunt by night, and most people who share a street with them have never seen one of them.</p>
<script>track("foxes & more");</script>
<div><a href="/a">Ten things you did not know about badgers</a> <a href="/b">Win a holiday for two by the sea</a></div>
<div class="footer">Copyright 2020</div></body></html>"""


def test_of_a_page_the_article_is_kept_and_what_is_around_it_is_dropped():
    text = html_to_text(PAGE)
    assert text.split("\n\n") == [
        "Foxes in the city",
        "More and more foxes live in cities, where they find food in gardens, in parks and beside the railway lines.",
        "They sleep by day & hunt by night, and most people who share a street with them have never seen one of them.",
        *(["Copyright 2020"] if "Copyright" in text else []),
    ]
    assert "Copyright" not in text


def test_the_rule_for_blocks_is_that_of_the_paper():
    def judge(before, block, after):
        return is_content([Block("", words, share, False) for words, share in (before, block, after)], 1)

    assert not judge((50, 0), (100, 0.4), (50, 0))  # mostly links
    assert judge((0, 0), (17, 0), (0, 0)) and not judge((4, 0), (16, 0), (15, 0))
    assert judge((5, 0), (1, 0), (0, 0)) and judge((0, 0), (1, 0), (16, 0))
    assert judge((9, 0.9), (41, 0), (0, 0)) and judge((9, 0.9), (3, 0), (18, 0))
    assert not judge((9, 0.9), (40, 0), (17, 0))


def test_what_the_page_itself_calls_main_or_around_is_believed():
    page = "<header>Big Site</header><main><p>Short.</p></main><aside>Buy shoes</aside><footer>2020</footer>"
    assert html_to_text(page) == "Short."
    assert html_to_text("<p>Only a few words</p>") == "Only a few words"  # nothing would be left, so all is kept
    assert html_to_text("<nav>Home<div>About</nav><p>Text of the page.</p>") == "Text of the page."
    assert html_to_text("<main>a<br>b<pre>x  y</pre></main>") == "a\nb\n\nx y"


pieces = st.sampled_from([*"<>/= \"'&;!-x\n狐", "<p>", "</a>", "<script>", "<!--", "<nav", "&#"])


@given(text=st.lists(pieces, max_size=30).map("".join))
def test_any_broken_html_is_read_as_far_as_it_goes(text):
    assert "evil" not in html_to_text(f"<p>fine</p><script>evil()</script>{text}")


MARKDOWN = """---
title: Foxes
---
# Foxes *in* the city

They eat **mice**, `berries` and [bread](https://example.org "x"), see ![a fox](fox.png).
snake_case stays, _stress_ goes, 2 * 3 * 4 too stays.

> - [x] one
> - two

1. first
2. second

```python
code = "dropped"
```

| animal | legs |
|--------|-----:|
| fox    | 4    |

Setext
------
<b>bold</b> \\*not stress\\* <https://example.org>

[ref]: https://example.org
"""


def test_markdown_loses_its_marks_and_keeps_its_words():
    assert markdown_to_text(MARKDOWN) == (
        "Foxes in the city\n\n"
        "They eat mice, berries and bread, see a fox.\nsnake_case stays, stress goes, 2 * 3 * 4 too stays.\n\n"
        "one\ntwo\n\nfirst\nsecond\n\nanimal legs\n\nfox 4\n\nSetext\n\nbold *not stress* https://example.org"
    )


@given(words=st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1), min_size=1, max_size=6))
def test_plain_words_are_no_markup(words):
    text = " ".join(words)
    assert markdown_to_text(text) == text
    assert html_to_text(text) == text
