"""The page of `minimm explore` beside bertviz: a random model of GPT-2's size (12 layers of 12 heads) and 128 tokens.

python tests/benchmarks/attention_pages.py                needs bertviz, ipython and Debian's chromium

Both get the same weights. Told are the size of each page and the seconds until a browser shows the first picture, the least of
some rounds by turns. bertviz' page also fetches two libraries from the network, whose bytes are not counted; without network
its picture never comes, which is told as infinite seconds.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import torch
from playwright.sync_api import TimeoutError as NeverShown
from playwright.sync_api import sync_playwright

from minimm.explorer.looks import Look
from minimm.explorer.page import Page, Text
from minimm.interpretation.recorder import RecordedAttention, recorded_attention
from minimm.interpretation.rollout import attention_rollout
from minimm.layers.initialization import initialize
from minimm.layers.multi_head_attention import SelfAttention
from minimm.models.language_model import LanguageModel, LanguageModelConfig

TOKENS, ROUNDS = 128, 5


def attention_and_tokens() -> tuple[RecordedAttention, list[str]]:
    """What a random GPT-2 recorded of 128 tokens, weights (12, 1, 12, 128, 128), and tokens as a text might have them."""
    config = LanguageModelConfig(50_257, TOKENS, 768, 12, 12, positions="learned", normalization="layer", bias=True)
    model = LanguageModel(config)
    initialize(model, torch.Generator().manual_seed(0), 12)
    ids = torch.randint(50_257, (1, TOKENS), generator=torch.Generator().manual_seed(1))
    return recorded_attention(model.eval(), lambda: model(ids), SelfAttention), [
        f" word{number}" for number in range(TOKENS)
    ]


def ours(found: RecordedAttention, tokens: list[str]) -> str:
    """Self-attention with queries and keys of the layers that there is room for, and rollout."""
    weights, queries, keys = (kept[:, 0].numpy() for kept in (found.weights, found.queries, found.keys))
    rolled = attention_rollout(found.weights[:, 0])[None, None].numpy()
    looks = [Look("self-attention", 0, 0, weights, queries=queries, keys=keys), Look("rollout", 0, 0, rolled)]
    return Page("GPT-2", [Text("the text", tokens)], looks).html()


def theirs(view: str, weights: torch.Tensor, tokens: list[str]) -> str:
    """bertviz' `head_view` or `model_view`."""
    import bertviz

    return getattr(bertviz, view)(list(weights), tokens, html_action="return").data


def seconds_to_picture(browser, file: Path, shown: str) -> float:
    """From asking for the page until `shown` is there; infinite if it does not come within ten seconds."""
    tab = browser.new_page()
    started = time.perf_counter()
    try:
        tab.goto(file.as_uri())
        tab.wait_for_selector(shown, timeout=10_000, state="attached")
        return time.perf_counter() - started
    except NeverShown:
        return float("inf")
    finally:
        tab.close()


def main() -> None:
    found, tokens = attention_and_tokens()
    pages = {"minimm": ours(found, tokens)}
    pages |= {f"bertviz {view}": theirs(view, found.weights, tokens) for view in ("head_view", "model_view")}
    shown = {"minimm": "body[data-ready=yes]", "bertviz head_view": "svg text", "bertviz model_view": "svg rect"}
    seconds: dict[str, list[float]] = {name: [] for name in pages}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        for _ in range(ROUNDS):
            for name, contents in pages.items():
                file = Path(folder) / "page.html"
                file.write_text(
                    f"<!DOCTYPE html><meta charset=utf-8>{contents}" if name != "minimm" else contents, "utf-8"
                )
                seconds[name].append(seconds_to_picture(browser, file, shown[name]))
        browser.close()
    for name, contents in pages.items():
        size, own = (len(page.encode()) for page in (contents, pages["minimm"]))
        print(f"{name:<20} {size / 1e6:6.2f} MB, {size / own:5.1f} times ours, {min(seconds[name]):6.2f} s")


if __name__ == "__main__":
    main()
