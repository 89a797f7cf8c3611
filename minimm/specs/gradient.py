"""The laws of every `NAME_backward`: it is linear in what comes in, and it is the slope that small steps measure.

    d loss / d x_i  =  (loss(x + h e_i) - loss(x - h e_i)) / 2h  +  O(h^2),      loss(x) = sum(grad_output * f(x))

The slope is measured on the spec's own reference, never on the function under test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from hypothesis import strategies as st

from minimm.specs.draw import floats
from minimm.specs.expect import close
from minimm.specs.law import Law, Spec, law
from minimm.specs.returns import Floats, Returned, Several

STEP = 1e-5  # the error of a central difference is about STEP**2 from the curve and 1e-16 / STEP from rounding
TOLERANCE = 1e-6
EXAMPLES = 40


class BackwardSpec(Spec):
    """A subclass names the forward spec, the arguments with a gradient, and a strategy for the forward's arguments.

    Attributes:
        forward: the spec of the function whose gradient this is.
        differentiable: names of the float array arguments, in order; an argument that is None has no gradient.
        inputs: draws the forward's arguments as a tuple, float64, away from kinks.
        incoming: names of the gradients that come in, one for each of the forward's first results.
    """

    forward: ClassVar[type[Spec]]
    differentiable: ClassVar[tuple[str, ...]]
    inputs: ClassVar[st.SearchStrategy]
    incoming: ClassVar[tuple[str, ...]] = ("grad_output",)

    def __init_subclass__(cls) -> None:
        name, _, rest = cls.forward.signature.partition("(")
        cls.signature = f"{name}_backward({', '.join(cls.incoming)}, {rest}"
        gradients = ", ".join(cls.differentiable)
        cls.shapes = f"{', '.join(cls.incoming)}: the loss's gradient of what {name} gives -> that of {gradients}"
        cls.lesson = cls.forward.lesson
        cls.example = (*(np.ones_like(part) for part in cls._carriers(*cls.forward.example)), *cls.forward.example)
        cls.linear = _linear(cls)
        cls.slope = _slope(cls)

    @classmethod
    def _carriers(cls, *args: Any) -> tuple[Any, ...]:
        results = cls.forward.reference(*args)
        results = results if isinstance(results, tuple) else (results,)
        return results[: len(cls.incoming)]

    @classmethod
    def _bound(cls, args: tuple[Any, ...]) -> dict[str, Any]:
        bound = cls.forward.parameters().bind(*args)
        bound.apply_defaults()
        return dict(bound.arguments)

    @classmethod
    def returns(cls, *args: Any, **kwargs: Any) -> Returned:
        """One array for each differentiable argument, of its shape."""
        given = cls.parameters().bind(*args, **kwargs).arguments
        kinds = {
            f"the gradient of {name}": None if given.get(name) is None else Floats(np.shape(given[name]))
            for name in cls.differentiable
        }
        return next(iter(kinds.values())) if len(kinds) == 1 else Several(**kinds)

    @classmethod
    def reference(cls, *args: Any) -> Any:
        """The measured slopes."""
        incoming, args = args[: len(cls.incoming)], args[len(cls.incoming) :]
        bound = cls._bound(args)

        def loss() -> float:
            return sum(
                float(np.sum(g * np.asarray(part)))
                for g, part in zip(incoming, cls._carriers(*bound.values()), strict=True)
            )

        slopes = tuple(None if bound[name] is None else _slopes(loss, bound, name) for name in cls.differentiable)
        return slopes[0] if len(slopes) == 1 else slopes


def _slopes(loss: Callable[[], float], bound: dict[str, Any], name: str) -> np.ndarray:
    original = bound[name]
    changed = bound[name] = np.array(original, dtype=np.float64)
    slopes = np.zeros_like(changed)
    for index in np.ndindex(changed.shape):
        middle = changed[index]
        changed[index] = middle + STEP
        above = loss()
        changed[index] = middle - STEP
        slopes[index] = (above - loss()) / (2 * STEP)
        changed[index] = middle
    bound[name] = original
    return slopes


def _with_incoming(cls: type[BackwardSpec]) -> st.SearchStrategy:
    @st.composite
    def draw_both(draw: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        args = draw(cls.inputs)
        incoming = tuple(
            floats(draw, *np.shape(part)) if np.shape(part) else draw(st.sampled_from([1.0, -2.0, 0.5]))
            for part in cls._carriers(*args)
        )
        return incoming, args

    return draw_both()


def _parts(gradients: Any) -> tuple[Any, ...]:
    return gradients if isinstance(gradients, tuple) else (gradients,)


def _linear(cls: type[BackwardSpec]) -> Law:
    @law(
        "twice the incoming gradient gives twice the gradient",
        _with_incoming(cls),
        hint="Every term of the result holds the incoming gradient exactly once.",
        examples=EXAMPLES,
    )
    def linear(backward: Callable, drawn: tuple) -> None:
        incoming, args = drawn
        once = _parts(backward(*incoming, *args))
        twice = _parts(backward(*(2 * g for g in incoming), *args))
        for name, one, two in zip(cls.differentiable, once, twice, strict=True):
            if one is not None:
                close(two, 2 * one, f"the gradient of {name} for twice the incoming gradient")

    return linear


def _slope(cls: type[BackwardSpec]) -> Law:
    @law(
        f"the gradient equals the slope of {cls.forward.name()} measured with small steps",
        _with_incoming(cls),
        hint="Derive it for this small input by hand: how does each output change when one input grows a little?",
        examples=EXAMPLES,
    )
    def slope(backward: Callable, drawn: tuple) -> None:
        incoming, args = drawn
        gradients = _parts(backward(*incoming, *args))
        measured = _parts(cls.reference(*incoming, *args))
        for name, got, wanted in zip(cls.differentiable, gradients, measured, strict=True):
            if wanted is not None:
                close(got, wanted, f"the gradient of {name}", tolerance=TOLERANCE)

    return slope
