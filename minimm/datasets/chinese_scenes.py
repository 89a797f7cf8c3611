"""The canonical Chinese sentence for a scene of shapes.

    a small red circle left of a large blue ring above a small black cross
    一个红色的小圆形在一个蓝色的大圆环左边，后者在一个黑色的小十字上方

It is no word-by-word copy of the English one. The colour stands before the size (红色的小圆形, as one says it); a place word
such as 左边 follows the thing that it is seen from; and since a clause with 在 has one subject, the second relation begins
anew with 后者, "the latter", which unlike 它 ("it") cannot be taken for the first thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minimm.datasets.layout import is_beside

if TYPE_CHECKING:
    from minimm.datasets.shapes import SceneObject

SIZES = {"small": "小", "large": "大"}
COLOURS = {"red": "红色", "green": "绿色", "blue": "蓝色", "yellow": "黄色", "purple": "紫色", "black": "黑色"}
SHAPES = {
    "circle": "圆形",
    "square": "正方形",
    "triangle": "三角形",
    "diamond": "菱形",
    "cross": "十字",
    "ring": "圆环",
}
A, OF, AT, LATTER, LEFT, ABOVE, COMMA = "一个", "的", "在", "后者", "左边", "上方", "，"
# All words of these sentences, for cutting them: a dictionary of everyday words need not have 菱形.
WORDS = (A, OF, AT, LATTER, LEFT, ABOVE, COMMA, *SIZES.values(), *COLOURS.values(), *SHAPES.values())


def describe_in_chinese(objects: list[SceneObject]) -> str:
    """The canonical sentence for objects in the order of naming.

    >>> from minimm.datasets.shapes import SceneObject
    >>> circle, ring = ("small", "red", "circle", (1, 1, 9, 9)), ("large", "blue", "ring", (16, 2, 30, 16))
    >>> describe_in_chinese([SceneObject(*circle), SceneObject(*ring)])
    '一个红色的小圆形在一个蓝色的大圆环左边'
    """
    names = [A + COLOURS[item.colour] + OF + SIZES[item.size] + SHAPES[item.shape] for item in objects]
    sentence = names[0]
    for index in range(1, len(objects)):
        place = LEFT if is_beside(objects[index - 1].box, objects[index].box) else ABOVE
        sentence += (COMMA + LATTER if index > 1 else "") + AT + names[index] + place
    return sentence
