"""What a spec is: a named function of the contract and the laws that every implementation of it must obey.

A law is a sentence ("the weights of each row sum to one") and a body that draws inputs, calls the function under test
and expects something of what comes back. Laws are tried in the order in which they are written: those that define the
idea first, agreement with the plain reference last. The inputs come from hypothesis, which also makes a failing one as
small as it can; the reference never imports the code under test.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from hypothesis.strategies import SearchStrategy

from minimm.specs.returns import Returned

EXAMPLES = 100  # inputs tried for a law; hypothesis' own default


@dataclass(frozen=True)
class Law:
    """One property.

    Attributes:
        words: the law as a sentence, without the function's name.
        hint: where to look when it is broken; never the solution.
        inputs: what hypothesis draws; handed to `body` after the function under test.
        body: `body(function, *drawn)`, raises `Broken` if the law does not hold.
        examples: how many inputs are tried.
    """

    words: str
    hint: str
    inputs: tuple[SearchStrategy, ...]
    body: Callable
    examples: int = EXAMPLES


def law(words: str, *inputs: SearchStrategy, hint: str, examples: int = EXAMPLES) -> Callable[[Callable], Law]:
    """Decorator that makes a `Law` of a body inside a `Spec`."""

    def make(body: Callable) -> Law:
        return Law(words, hint, inputs, body, examples)

    return make


class Spec:
    """The laws of one function. A subclass states the class variables, `returns`, `reference`, and its laws.

    Attributes:
        signature: as in the contract, with defaults: "softmax(logits, axis=-1)".
        shapes: what goes in and what comes out, for the student: "logits (..., V) -> (..., V)".
        lesson: number and title of the lesson that explains it.
        example: plain arguments for a first call; a function that cannot take these cannot be graded.
    """

    signature: ClassVar[str]
    shapes: ClassVar[str]
    lesson: ClassVar[str]
    example: ClassVar[tuple[Any, ...]]

    @staticmethod
    def returns(*args: Any, **kwargs: Any) -> Returned:
        """What a right implementation gives back for these arguments: its kind and shape."""
        raise NotImplementedError

    @staticmethod
    def reference(*args: Any, **kwargs: Any) -> Any:
        """The plainest right implementation, an oracle of its own."""
        raise NotImplementedError

    @classmethod
    def name(cls) -> str:
        """The function's name, read off the signature."""
        return cls.signature.partition("(")[0]

    @classmethod
    def parameters(cls) -> inspect.Signature:
        """The signature as Python sees it, to bind arguments to names."""
        return parse_signature(cls.signature)

    @classmethod
    def laws(cls) -> list[Law]:
        """The laws in the order in which they are written; those of a parent class first."""
        return [value for parent in reversed(cls.__mro__) for value in vars(parent).values() if isinstance(value, Law)]


@cache
def parse_signature(text: str) -> inspect.Signature:
    """ "softmax(logits, axis=-1)" -> its parameters and their defaults (numbers and None only).

    >>> list(parse_signature("softmax(logits, axis=-1)").parameters)
    ['logits', 'axis']
    """
    import ast

    definition = ast.parse(f"def {text}: pass").body[0]
    names = [argument.arg for argument in definition.args.args]
    defaults = [ast.literal_eval(default) for default in definition.args.defaults]
    required = len(names) - len(defaults)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [
            inspect.Parameter(name, kind, default=defaults[i - required] if i >= required else inspect.Parameter.empty)
            for i, name in enumerate(names)
        ]
    )
