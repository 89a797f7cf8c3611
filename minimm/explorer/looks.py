"""What a page shows of attention: weights from one part to another, and the queries and keys they come from, as few bytes.

A weight is one byte, b = 255 sqrt(w), so that small ones are told apart as well. A number of a query or a key is one byte,
b = 128 + 127 x / largest, where `largest` is that of the layer's head. All of them are deflated together.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from minimm.errors import check

MOST_WEIGHTS = 4_000_000  # before they are deflated; what is above is left out, and said to be
MOST_NEURONS = 600_000  # numbers in queries and keys, which deflating hardly makes smaller


@dataclass(frozen=True)
class Look:
    """Attention from one part to another: weights (L, H, T_q, T_k) from `origin` to `target`, their numbers in the page.

    layers: their numbers in the model; empty = all in order. queries, keys: (L, H, T_q, D) and (L, H, T_k, D), where it is
    to be seen, neuron by neuron, what the weights come from.
    """

    name: str
    origin: int
    target: int
    weights: np.ndarray
    layers: list[int] = field(default_factory=list)
    queries: np.ndarray | None = None
    keys: np.ndarray | None = None

    def __post_init__(self) -> None:
        check(
            self.weights.ndim == 4
            and self.weights.size > 0
            and 0 <= self.weights.min() <= self.weights.max() <= 1.0001,
            f"a page shows weights (L, H, T_q, T_k) from 0 to 1, but those of {self.name!r} are {self.weights.shape}",
        )
        for name, vectors, count in (("queries", self.queries, 2), ("keys", self.keys, 3)):
            wanted = (*self.weights.shape[:2], self.weights.shape[count])
            check(
                vectors is None or vectors.shape[:3] == wanted,
                f"the {name} of {self.name!r} must be {wanted} and as wide as a head, not {getattr(vectors, 'shape', '')}",
            )
        object.__setattr__(self, "layers", self.layers or list(range(len(self.weights))))

    def only(self, layers: Sequence[int]) -> Look:
        """The same with these of its layers alone, by their numbers in the model."""
        unknown = sorted(set(layers) - set(self.layers))
        check(not unknown, f"{self.name!r} has the layers {_listed(self.layers)}, but not {_listed(unknown)}")
        places = [place for place, layer in enumerate(self.layers) if layer in set(layers)]
        check(len(places) > 0, f"{self.name!r} would be shown without any layer; choose from {_listed(self.layers)}")
        chosen = {
            name: vectors if vectors is None else vectors[places]
            for name, vectors in (("weights", self.weights), ("queries", self.queries), ("keys", self.keys))
        }
        return replace(self, layers=[self.layers[place] for place in places], **chosen)


def thinned(looks: Sequence[Look]) -> tuple[list[Look], str]:
    """Looks that fit into a page: of too many weights, the largest look loses every second layer; and a sentence on that."""
    looks, left_out = list(looks), {}
    while sum(look.weights.size for look in looks) > MOST_WEIGHTS:
        largest = max(range(len(looks)), key=lambda number: looks[number].weights.size)
        look = looks[largest]
        check(
            len(look.layers) > 1,
            f"{look.name!r} has {look.weights.size:,} weights in a single layer, and a page holds {MOST_WEIGHTS:,}; give a "
            "shorter text",
        )
        left_out[look.name] = left_out.get(look.name, len(look.layers))
        looks[largest] = look.only(look.layers[1::2])
    names = {look.name: look for look in looks}
    sentences = [
        f"Of the {count} layers of {name!r}, {_listed(names[name].layers)} are shown; all would make the page too large."
        for name, count in left_out.items()
    ]
    for look in looks:
        shown = neuron_layers(look)
        if look.queries is not None and len(shown) < len(look.layers):
            others = "choose layers to see others" if shown else "give a shorter text to see some"
            which = f"those of {_listed(shown)} alone" if shown else "none"
            sentences.append(
                f"Of queries and keys of {look.name!r}, {which} are in this page, which all would make too large; {others}."
            )
    return looks, " ".join(sentences)


def neuron_layers(look: Look) -> list[int]:
    """The layers whose queries and keys a page has room for, the last ones, by their numbers in the model."""
    if look.queries is None or look.keys is None:
        return []
    each = look.queries[0].size + look.keys[0].size
    return look.layers[max(0, len(look.layers) - MOST_NEURONS // each) :]


def packed(looks: Sequence[Look]) -> tuple[list[dict[str, Any]], str]:
    """For the page: a row for each look, with the byte at which its weights begin, and all bytes, deflated, in base 64."""
    rows, contents = [], bytearray()
    for look in looks:
        layers, heads, queries, keys = look.weights.shape
        rows.append(
            {
                "name": look.name,
                "from": look.origin,
                "to": look.target,
                "layers": layers,
                "layer_names": look.layers,
                "heads": heads,
                "rows": queries,
                "columns": keys,
                "start": len(contents),
            }
        )
        contents += np.rint(255 * np.sqrt(look.weights.clip(0, 1))).astype(np.uint8).tobytes()
        shown = neuron_layers(look)
        if shown:
            chosen = look.only(shown)
            rows[-1]["neurons"] = {"first": layers - len(shown), "size": chosen.queries.shape[-1]}
            for name, vectors in (("queries", chosen.queries), ("keys", chosen.keys)):
                largest = np.abs(vectors).max(axis=(2, 3), keepdims=True).clip(min=1e-12)  # (L, H, 1, 1)
                rows[-1]["neurons"][name] = {"start": len(contents), "largest": largest[..., 0, 0].round(5).tolist()}
                contents += np.rint(128 + 127 * vectors / largest).astype(np.uint8).tobytes()
    return rows, base64.b64encode(zlib.compress(bytes(contents), 9)).decode()


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
