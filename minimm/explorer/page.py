"""What the page shows, and the page itself: one HTML file without network or framework.

Two megabytes hold 12 layers of 12 heads over 128 tokens; of longer texts layers are left out (`looks.py`).

A page has parts, texts and pictures (a sound is a picture of its frequencies, with what is heard), and looks: attention from
one part to another, or of a text at itself (`looks.py`). `page.html`, `page.css`, `page.js` and `neurons.js` beside this file
become one; what is to be seen is JSON in it.
"""

from __future__ import annotations

import base64
import html
import io
import json
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from minimm.errors import check
from minimm.explorer.looks import Look, packed, thinned
from minimm.files import write_text

WHITESPACE = str.maketrans({" ": "␣", "\n": "⏎", "\t": "⇥"})  # so that they are seen
HEIGHT = 640  # of the frame in a notebook, in pixels


@dataclass(frozen=True)
class Text:
    """A text by its tokens."""

    name: str
    tokens: list[str]

    def __len__(self) -> int:
        return len(self.tokens)

    def as_dict(self) -> dict[str, Any]:
        """For the page."""
        return {"name": self.name, "kind": "tokens", "tokens": [token.translate(WHITESPACE) for token in self.tokens]}


@dataclass(frozen=True)
class Picture:
    """A picture (H, W, 3) uint8 with a grid of `rows` x `columns` cells, or the frames of a clip side by side.

    sound: a wav file, where the picture shows what is heard.
    """

    name: str
    pixels: np.ndarray
    rows: int
    columns: int
    frames: int = 1
    sound: bytes | None = None

    def __len__(self) -> int:
        return self.rows * self.columns

    def as_dict(self) -> dict[str, Any]:
        """For the page."""
        check(
            self.pixels.ndim == 3 and self.pixels.shape[2] == 3 and self.pixels.dtype == np.uint8,
            f"a page shows pictures (H, W, 3) of uint8, but {self.name!r} is {self.pixels.shape} of {self.pixels.dtype}",
        )
        buffer = io.BytesIO()
        Image.fromarray(self.pixels).save(buffer, format="PNG", optimize=True)
        found = {"name": self.name, "kind": "picture"}
        found |= {"rows": self.rows, "columns": self.columns, "frames": self.frames}
        found["source"] = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        if self.sound is not None:
            found["sound"] = f"data:audio/wav;base64,{base64.b64encode(self.sound).decode()}"
        return found


@dataclass
class Page:
    """A page; `.save(path)` writes it, and a notebook shows it when it is a cell's last line."""

    title: str
    parts: list[Text | Picture]
    looks: list[Look]

    def __post_init__(self) -> None:
        check(len(self.looks) > 0, f"nothing was recorded of {self.title!r}, so there is nothing to look at")
        for look in self.looks:
            sizes = (len(self.parts[look.origin]), len(self.parts[look.target]))
            check(
                look.weights.shape[2:] == sizes,
                f"{look.name!r} has weights {look.weights.shape}, but its parts have {sizes[0]} and {sizes[1]} places",
            )

    def html(self) -> str:
        """The whole page."""
        looks, note = thinned(self.looks)
        rows, weights = packed(looks)
        content = {"parts": [part.as_dict() for part in self.parts], "looks": rows, "weights": weights}
        here = files(__package__)
        inserted = {
            "title": html.escape(self.title),
            "note": html.escape(note),
            "style": here.joinpath("page.css").read_text(encoding="utf-8"),
            "script": here.joinpath("page.js").read_text(encoding="utf-8"),
            "neurons": here.joinpath("neurons.js").read_text(encoding="utf-8"),
            "content": json.dumps(content, ensure_ascii=False).replace(
                "<", "\\u003c"
            ),  # else a token could end the script
        }
        template = here.joinpath("page.html").read_text(encoding="utf-8")
        return re.sub(r"{{(\w+)}}", lambda found: inserted[found[1]], template)

    def save(self, path: str | Path) -> None:
        """Write the page, atomically."""
        write_text(path, self.html())

    def _repr_html_(self) -> str:
        title, shown = html.escape(self.title), html.escape(self.html())
        return f'<iframe title="{title}" srcdoc="{shown}" width="100%" height="{HEIGHT}" style="border:0"></iframe>'
