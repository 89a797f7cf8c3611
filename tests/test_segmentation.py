"""The laws of cutting text into words and sentences."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minimm.datasets.bundled import bundled
from minimm.errors import MinimmError
from minimm.features.segmentation import ChineseSegmenter, english_words
from minimm.features.sentences import split_sentences

LETTERS = "甲乙丙"
dictionaries = st.dictionaries(st.text(LETTERS, min_size=1, max_size=3), st.integers(1, 50), min_size=1, max_size=8)


def all_cuts(text):
    for cuts in itertools.product([False, True], repeat=len(text) - 1):
        ends = [*(i + 1 for i, cut in enumerate(cuts) if cut), len(text)]
        yield [text[a:b] for a, b in zip([0, *ends], ends, strict=False)]


@given(counts=dictionaries, text=st.text(LETTERS, min_size=1, max_size=8))
@example(counts={"甲乙": 5, "乙丙": 5, "丙": 1, "甲": 1}, text="甲乙丙")
def test_no_other_cut_is_likelier(counts, text):
    segmenter = ChineseSegmenter(counts)
    words = segmenter.segment(text)
    allowed = [cut for cut in all_cuts(text) if all(word in counts or len(word) == 1 for word in cut)]
    assert words in allowed
    best = max(map(segmenter.log_probability, allowed))
    assert segmenter.log_probability(words) == pytest.approx(best, abs=1e-9)


@given(counts=dictionaries)
def test_probabilities_of_words_are_shares_of_the_counts(counts):
    segmenter = ChineseSegmenter(counts)
    total = sum(counts.values()) + 0.5
    for word, count in counts.items():
        assert segmenter.log_probability([word]) == pytest.approx(math.log(count / total))
    assert segmenter.log_probability(["丁"]) == pytest.approx(math.log(0.5 / total))


@given(text=st.text(st.sampled_from("甲乙丙 ab1.'，\n-"), max_size=30))
def test_words_put_together_are_the_text_without_its_white_space(text):
    segmenter = ChineseSegmenter({"甲乙": 3, "丙": 1})
    assert "".join(segmenter.segment(text)) == "".join(text.split())
    assert "".join(english_words(text)) == "".join(text.split())


# Cut by hand. The first ones are known to be ambiguous.
GOLD = """
研究 生命 的 起源
结婚 的 和 尚未 结婚 的 人 都 来 了
他 从 小学 毕业 以后 去 了 北京
乒乓球 拍卖 完 了
这 只 小猫 正在 桌子 下面 睡觉
我们 明天 下午 一起 去 图书馆 看书 吧
老师 告诉 学生 们 太阳 是 一 颗 恒星
她 妈妈 买 了 三 条 红色 的 裙子
科学家 发现 了 一 种 新 的 植物
人工智能 可以 预测 下 一个 单词
爷爷 每天 早上 在 公园里 散步
我 的 朋友 喜欢 喝 咖啡 和 吃 面包
春天 到 了 花园 里 开 满 了 花
小狗 在 草地 上 跑来跑去
请 把 窗户 关上 外面 很 冷
火车 已经 离开 了 车站
孩子 们 在 学校 学习 数学 和 音乐
昨天 晚上 下雨 了 今天 天气 很 凉快
月亮 绕 着 地球 转动
猫头鹰 在 夜里 飞行
"""


def test_on_sentences_cut_by_hand_the_bundled_dictionary_is_right_in_more_than_nine_words_of_ten():
    segmenter = ChineseSegmenter.load(bundled("chinese") / "dictionary.txt")
    shared = ours = theirs = 0
    for line in GOLD.strip().splitlines():
        truth = line.split()
        found = segmenter.segment("".join(truth))

        def spans(words):
            ends = list(itertools.accumulate(map(len, words)))
            return set(zip([0, *ends], ends, strict=False))

        shared, ours, theirs = (
            shared + len(spans(found) & spans(truth)),
            ours + len(found),
            theirs + len(truth),
        )
    assert 2 * shared / (ours + theirs) >= 0.9


def test_counts_are_learned_from_text_in_which_no_word_is_marked():
    words = ["研究", "研究生", "生命", "命", "生", "的", "起源"]
    texts = ["研究生命的起源"] * 3 + ["生命的起源", "研究的起源", "研究生的生命", "生命", "研究"] * 4
    segmenter = ChineseSegmenter.train(texts, words)
    assert segmenter.segment("研究生命的起源") == ["研究", "生命", "的", "起源"]
    assert segmenter.counts["命"] == 1  # never chosen; it keeps the one that keeps it alive


def test_bad_dictionaries_are_explained(tmp_path):
    with pytest.raises(MinimmError, match="the dictionary is empty"):
        ChineseSegmenter({})
    with pytest.raises(MinimmError, match="counts must be above 0"):
        ChineseSegmenter({"甲": 0})
    (tmp_path / "d.txt").write_text("甲 3\n乙 many\n", encoding="utf-8")
    with pytest.raises(MinimmError, match="line 2"):
        ChineseSegmenter.load(tmp_path / "d.txt")


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Li came. He left at 3.5 p.m. today.", ["Dr. Li came.", "He left at 3.5 p.m. today."]),
        ('"Go!" he said. "Why?" She went.', ['"Go!" he said.', '"Why?"', "She went."]),
        ("狐狸来了。“你好！”它说。", ["狐狸来了。", "“你好！”", "它说。"]),
        ("J. R. Smith won. U.S. teams lost.", ["J. R. Smith won.", "U.S. teams lost."]),
        ("A heading\n\nA sentence", ["A heading", "A sentence"]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text, sentences):
    assert split_sentences(text) == sentences


@given(text=st.text(st.sampled_from("Ab. !?。！\n”x3"), max_size=40))
def test_sentences_keep_every_character_but_white_space(text):
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence == sentence.strip() != "" for sentence in sentences)
