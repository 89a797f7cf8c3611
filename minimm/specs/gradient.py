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
from minimm.specs.expect import close, holds
from minimm.specs.law import Law, Spec, law
from minimm.specs.returns import Floats, Returned, Several

STEP = 1e-5  # the error of a central difference is about STEP**2 from the curve and 1e-16 / STEP from rounding
TOLERANCE = 1e-6
EXAMPLES = 60


class BackwardSpec(Spec):
    """A subclass names the forward spec, the arguments with a gradient, and a strategy for the forward's arguments.

    Attributes:
        forward: the spec of the function whose gradient this is.
        differentiable: names of the float array arguments, in order; an argument that is None has no gradient.
        inputs: draws the forward's arguments as a tuple, float64, away from kinks.
        incoming: names of the gradients that come in, one for each of the forward's first results.
        hint: where to look when the slope is wrong.
        extreme: draws arguments of a size at which a careless gradient is NaN; None where there is no such size.
    """

    forward: ClassVar[type[Spec]]
    differentiable: ClassVar[tuple[str, ...]]
    inputs: ClassVar[st.SearchStrategy]
    incoming: ClassVar[tuple[str, ...]] = ("grad_output",)
    hint: ClassVar[str]
    extreme: ClassVar[st.SearchStrategy | None] = None

    def __init_subclass__(cls) -> None:
        name, _, rest = cls.forward.signature.partition("(")
        cls.signature = f"{name}_backward({', '.join(cls.incoming)}, {rest}"
        gradients = ", ".join(cls.differentiable)
        cls.shapes = f"{', '.join(cls.incoming)}: the loss's gradient of what {name} gives -> that of {gradients}"
        cls.lesson = cls.forward.lesson
        cls.example = (*(np.ones_like(part) for part in cls._carriers(*cls.forward.example)), *cls.forward.example)
        cls.linear = _linear(cls)
        if cls.extreme is not None:
            cls.finite = _finite(cls)
        cls.slope = _slope(cls)

    @classmethod
    def _carriers(cls, *args: Any) -> tuple[Any, ...]:
        results = cls.forward.reference(*args)
        results = results if isinstance(results, tuple) else (results,)
        return results[: len(cls.incoming)]

    @classmethod
    def _without_defaults(cls, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Leave out the last arguments as far as they equal their defaults, so that these are tried as well."""
        parameters = list(cls.forward.parameters().parameters.values())
        while _is_default(args[-1], parameters[len(args) - 1].default):
            args = args[:-1]
        return args

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
            f"grad_{name}": None if given.get(name) is None else Floats(np.shape(given[name]))
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


def _is_default(value: Any, default: Any) -> bool:
    return not isinstance(value, np.ndarray) and value == default


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


def with_incoming(cls: type[BackwardSpec], inputs: st.SearchStrategy) -> st.SearchStrategy:
    """Draws (incoming gradients, the forward's arguments) for arguments drawn from `inputs`."""

    @st.composite
    def draw_both(draw: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        args = draw(inputs)
        if draw(st.booleans()):
            args = cls._without_defaults(args)
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
        with_incoming(cls, cls.inputs),
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


def _finite(cls: type[BackwardSpec]) -> Law:
    @law(
        "the gradient is a number for inputs of any size",
        with_incoming(cls, cls.extreme),
        hint="Which exp overflows? NaN comes from infinity / infinity or 0 * infinity; the forward pass avoids both.",
        examples=EXAMPLES,
    )
    def finite(backward: Callable, drawn: tuple) -> None:
        incoming, args = drawn
        for name, got in zip(cls.differentiable, _parts(backward(*incoming, *args)), strict=True):
            holds(got is None or np.isfinite(got), f"the gradient of {name}", got, "finite numbers")

    return finite


def _slope(cls: type[BackwardSpec]) -> Law:
    @law(
        f"the gradient equals the slope of {cls.forward.name()} measured with small steps",
        with_incoming(cls, cls.inputs),
        hint=cls.hint,
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
