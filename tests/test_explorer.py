"""The page holds what was recorded, whatever the tokens are; in a browser, what is pointed at lights up what it looks at."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import zlib
from functools import partial

import numpy as np
import pytest
import torch
from command_line import run
from hypothesis import given
from hypothesis import strategies as st

from minimm.datasets.bundled import bundled
from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.explorer import looks as looks_module
from minimm.explorer.looks import Look
from minimm.explorer.page import WHITESPACE, Page, Picture, Text
from minimm.runs.explore import explore, media_page
from minimm.tasks import ImageCaptioner, TextGenerator, Translator
from minimm.tasks.attended import AttendedClip, AttendedSound

TEXT = "the quick brown fox jumps over the lazy dog. " * 100
BROWSER = shutil.which("chromium")
needs_a_browser = pytest.mark.skipif(BROWSER is None, reason="needs Debian's chromium")
ROUNDING = 1 / 255  # of sqrt(w), twice the most that one byte can be off


def random_weights(*shape, seed=0):
    scores = np.exp(np.random.default_rng(seed).normal(0, 2, shape))
    return (scores / scores.sum(axis=-1, keepdims=True)).astype(np.float32)


def random_products(layers=3, heads=2, tokens=5, size=8, seed=0):
    """Weights over what lies behind a token, and the queries and keys that they come from."""
    generator = torch.Generator().manual_seed(seed)
    queries, keys = torch.randn(2, layers, heads, tokens, size, generator=generator)
    scores = (queries @ keys.mT / size**0.5).masked_fill(torch.ones(tokens, tokens).triu(1).bool(), -torch.inf)
    return {"weights": scores.softmax(-1).numpy(), "queries": queries.numpy(), "keys": keys.numpy()}


def content_of(contents: str) -> dict:
    return json.loads(re.search(r'<script id="content"[^>]*>(.*?)</script>', contents, re.DOTALL)[1])


def weights_of(content: dict, number: int) -> np.ndarray:
    look = content["looks"][number]
    raw = np.frombuffer(zlib.decompress(base64.b64decode(content["weights"])), np.uint8)
    shape = [look[name] for name in ("layers", "heads", "rows", "columns")]
    return (raw[look["start"] :][: int(np.prod(shape))].reshape(shape) / 255.0) ** 2


class TestPage:
    @given(st.lists(st.text(max_size=6), min_size=1, max_size=6), st.text(max_size=20), st.integers(0, 99))
    def test_any_tokens_come_back_and_so_do_the_weights(self, tokens, title, seed):
        weights = random_weights(2, 3, len(tokens), len(tokens), seed=seed)
        contents = Page(
            title, [Text("text", tokens)], [Look("self", 0, 0, weights), Look("again", 0, 0, weights[:1])]
        ).html()
        content = content_of(contents)
        shown = [token.translate(WHITESPACE) for token in tokens]
        assert content["parts"][0]["tokens"] == shown and f"<h1>{html.escape(title)}</h1>" in contents
        for number, wanted in enumerate((weights, weights[:1])):
            np.testing.assert_allclose(np.sqrt(weights_of(content, number)), np.sqrt(wanted), atol=ROUNDING)
        assert "http://" not in contents and "https://" not in contents  # nothing is loaded from anywhere

    def test_a_token_cannot_end_the_script(self):
        contents = Page(
            "</title>",
            [Text("<b>", ["</script><script>alert(1)</script>", "{{style}}"])],
            [Look("self", 0, 0, random_weights(1, 1, 2, 2))],
        ).html()
        assert contents.count("</script>") == 2 and contents.count("</title>") == 1
        assert content_of(contents)["parts"][0]["tokens"][1] == "{{style}}"

    def test_twelve_layers_of_twelve_heads_over_128_tokens_stay_below_two_megabytes(self):
        look = Look("self", 0, 0, **random_products(12, 12, 128, 64))
        contents = Page("GPT-2", [Text("text", ["token"] * 128)], [look]).html()
        assert len(contents.encode()) < 2_000_000
        assert "Of queries and keys of &#x27;self&#x27;, those of 9, 10, 11 alone are in this page" in contents

    def test_what_is_too_large_is_thinned_and_said(self, monkeypatch):
        monkeypatch.setattr(looks_module, "MOST_WEIGHTS", 100)
        page = Page("t", [Text("text", ["a"] * 5)], [Look("self", 0, 0, random_weights(6, 1, 5, 5))])
        content = content_of(page.html())
        assert content["looks"][0]["layer_names"] == [1, 3, 5]
        assert "Of the 6 layers of &#x27;self&#x27;, 1, 3, 5 are shown" in page.html()
        with pytest.raises(MinimmError, match="in a single layer.*give a shorter text"):
            Page("t", [Text("text", ["a"] * 11)], [Look("self", 0, 0, random_weights(1, 1, 11, 11))]).html()

    def test_what_does_not_fit_together_is_refused(self):
        weights = random_weights(1, 1, 2, 2)
        with pytest.raises(MinimmError, match="nothing was recorded"):
            Page("t", [], [])
        with pytest.raises(MinimmError, match="its parts have 3 and 3 places"):
            Page("t", [Text("text", ["a", "b", "c"])], [Look("self", 0, 0, weights)])
        with pytest.raises(MinimmError, match="weights .* from 0 to 1"):
            Look("self", 0, 0, weights - 1)
        with pytest.raises(MinimmError, match=r"pictures \(H, W, 3\) of uint8"):
            Picture("p", np.zeros((4, 4)), 2, 2).as_dict()

    def test_chosen_layers_keep_their_numbers_and_unknown_ones_are_named(self):
        look = Look("self", 0, 0, **random_products())
        assert look.only([2, 1]).layers == [1, 2] and look.only([1, 2]).only([2]).layers == [2]
        np.testing.assert_array_equal(look.only([1]).keys, look.keys[1:2])
        with pytest.raises(MinimmError, match="'self' has the layers 0, 1, 2, but not 3, 7"):
            look.only([3, 0, 7])
        with pytest.raises(MinimmError, match="without any layer; choose from 0, 1, 2"):
            look.only([])
        with pytest.raises(MinimmError, match=r"queries of 'self' must be \(3, 2, 5\)"):
            Look("self", 0, 0, **random_products() | {"queries": look.queries[:, :, 1:]})

    def test_a_notebook_shows_it_in_a_frame(self):
        page = Page("t", [Text("text", ["a", '"<b>"'])], [Look("self", 0, 0, random_weights(1, 1, 2, 2))])
        shown = page._repr_html_()
        assert html.unescape(re.search(r'srcdoc="([^"]*)"', shown)[1]) == page.html()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of untrained models: what they look at means nothing, but it is theirs."""
    folder = tmp_path_factory.mktemp("models")
    small = {"d_model": 32, "num_heads": 2, "num_layers": 2, "device": "cpu"}
    TextGenerator(**small, context_length=32).fit(TEXT, max_steps=1).save(folder / "text")
    ImageCaptioner(**small, channels=(4, 8)).fit(Shapes(), max_steps=1).save(folder / "captioner")
    pairs = [["a b", "b a", "a a", "b b"] * 4, ["x y", "y x", "x x", "y y"] * 4]
    layers = {"num_encoder_layers": 1, "num_decoder_layers": 1}
    Translator(d_model=32, num_heads=2, device="cpu", **layers).fit(*pairs, max_steps=120).save(folder / "translator")
    return folder


class TestExplore:
    def test_a_text_is_shown_with_its_rollout(self, models):
        page = explore(models / "text", text="the lazy fox", device="cpu")
        assert [look.weights.shape[:2] for look in page.looks] == [(2, 2), (1, 1)]
        attended = TextGenerator.load(models / "text", device="cpu").attend("the lazy fox")
        assert page.parts[0].tokens == attended.tokens
        np.testing.assert_array_equal(page.looks[0].weights, attended.weights)
        chosen = explore(models / "text", text="the lazy fox", layers=[1], device="cpu")
        assert [look.layers for look in chosen.looks] == [[1], [0]]  # rollout goes through all of them

    def test_layers_are_chosen_by_the_numbers_that_a_model_has(self, models):
        with pytest.raises(MinimmError, match=r"layers \[0, 7\] were chosen of \[0, 1\]"):
            explore(models / "text", text="the lazy fox", layers=[7, 0], device="cpu")
        layers = {"num_encoder_layers": 2, "num_decoder_layers": 1}
        pairs = [["a b", "b a", "a a", "b b"] * 4, ["x y", "y x", "x x", "y y"] * 4]
        deep = Translator(d_model=32, num_heads=2, device="cpu", **layers).fit(*pairs, max_steps=1)
        deep.attend = partial(deep.attend, target="x y")  # whatever it would write after a single step
        page = explore(deep, text="a b", layers=[1])  # which the encoder alone has
        assert [look.name for look in page.looks] == ["self-attention of what it read"]

    @pytest.mark.parametrize("kind", [{}, {"positions": "learned", "bias": True}, {"num_key_value_heads": 1}])
    def test_queries_and_keys_are_those_that_the_weights_come_from(self, kind):
        sizes = {"d_model": 32, "num_heads": 2, "num_layers": 2, "context_length": 32, "device": "cpu"}
        attended = TextGenerator(**sizes, **kind).fit(TEXT, max_steps=1).attend("the lazy fox")
        scores = torch.from_numpy(attended.queries @ attended.keys.swapaxes(-1, -2)) / attended.queries.shape[-1] ** 0.5
        ahead = torch.ones(scores.shape[-2:]).triu(1).bool()
        wanted = scores.masked_fill(ahead, -torch.inf).softmax(-1)
        np.testing.assert_allclose(attended.weights, wanted, atol=1e-5)

    def test_a_captioner_looks_at_the_picture_and_at_its_own_words(self, models):
        picture = next(iter(sorted(bundled("scenes").rglob("*.png"))))
        page = explore(models / "captioner", image=picture, text="a red circle", device="cpu")
        words, shown, read = page.parts
        assert words.tokens == ["a", "red", "circle"] and shown.rows == shown.columns == 8
        assert read.tokens[0] == "<bos>" and len(read.tokens) == 3
        own = page.looks[1].weights
        np.testing.assert_allclose(own.sum(axis=-1), 1.0, atol=1e-5)
        assert (np.triu(own, 1) == 0).all()

    def test_a_chinese_captioner_reads_its_own_characters(self, tmp_path):
        sizes = {"d_model": 32, "num_heads": 2, "num_layers": 1, "channels": (4, 8), "device": "cpu"}
        task = ImageCaptioner(language="zh", **sizes).fit(Shapes(language="zh"), max_steps=1)
        picture = next(iter(sorted(bundled("scenes").rglob("*.png"))))
        page = explore(task, image=picture, text="一个小红色圆形")
        words, _, read = page.parts
        assert "".join(words.tokens) == "一个小红色圆形"
        assert read.tokens[:2] == ["<bos>", "一"] and "<unk>" not in read.tokens
        np.testing.assert_allclose(page.looks[1].weights.sum(axis=-1), 1.0, atol=1e-5)

    def test_a_translation_looks_at_its_source(self, models):
        page = explore(models / "translator", text="a b", device="cpu")
        assert [part.name for part in page.parts] == [
            "what it wrote",
            "what it read",
            "what it had read of its own words",
        ]
        written, read, own = (part.tokens for part in page.parts)
        assert own == ["<bos>", *written[:-1]] and read[-1] == "<eos>"
        _, reading, writing = page.looks
        for look in page.looks:
            np.testing.assert_allclose(look.weights.sum(axis=-1), 1.0, atol=1e-5)
        assert (np.triu(writing.weights, 1) == 0).all() and (np.triu(reading.weights, 1) > 0).any()

    def test_a_gpt2_that_transformers_opens_too_shows_the_same_weights(self, tmp_path):
        transformers = pytest.importorskip("transformers")
        shape = {"positions": "learned", "normalization": "layer", "feed_forward": "gelu_tanh", "bias": True}
        sizes = {"d_model": 32, "num_heads": 2, "num_layers": 2, "context_length": 32, "device": "cpu"}
        TextGenerator(**sizes, **shape).fit(TEXT, max_steps=1).save(tmp_path / "ours")
        assert run("export", "--model", tmp_path / "ours", "--out", tmp_path / "theirs") == 0
        page = explore(tmp_path / "theirs", text="the lazy dog", device="cpu")
        ids = TextGenerator.load(tmp_path / "ours", device="cpu").tokenizer.encode("the lazy dog")
        peer = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "theirs", attn_implementation="eager")
        attentions = peer(torch.tensor([ids]), output_attentions=True).attentions
        np.testing.assert_allclose(page.looks[0].weights, torch.stack(attentions)[:, 0].detach(), atol=1e-5)

    def test_what_is_missing_or_not_taken_is_named(self, models, tmp_path, capsys):
        with pytest.raises(MinimmError, match="to look into a TextGenerator, give it text"):
            explore(models / "text", device="cpu")
        with pytest.raises(MinimmError, match="the text is empty"):
            explore(models / "text", text="", device="cpu")
        with pytest.raises(MinimmError, match="takes one --image at a time"):
            explore(models / "captioner", image=["a.png", "b.png"], device="cpu")
        with pytest.raises(MinimmError, match="takes no audio; leave out --audio"):
            explore(models / "text", text="the", audio="a.wav", device="cpu")
        out = tmp_path / "page.html"
        assert run("explore", "--model", models / "text", "--text", "the " * 200, "--out", out) == 2
        assert "context_length" in capsys.readouterr().err and not out.exists()
        assert run("explore", "--model", models / "text", "--text", "the lazy dog", "--out", out) == 0
        assert "open it in a browser" in capsys.readouterr().out and "<!DOCTYPE html>" in out.read_text(
            encoding="utf-8"
        )


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page, and in the end makes sure that the console stayed empty."""
    complaints = []
    tab = browser.new_page(viewport={"width": 1000, "height": 800})
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on(
        "request", lambda request: request.url.startswith(("file:", "data:", "blob:")) or complaints.append(request.url)
    )

    def open_page(page: Page):
        page.save(tmp_path / "page.html")
        tab.goto((tmp_path / "page.html").as_uri())
        tab.wait_for_selector("body[data-ready=yes]")
        return tab

    yield open_page
    tab.close()
    assert complaints == []


def lit(tab, part, panel="a"):
    """The weights that are shown on the places of a part."""
    spots = tab.locator(f"#panel-{panel} [data-part='{part}']")
    return np.array(spots.evaluate_all("spots => spots.map(spot => Number(spot.dataset.weight))"))


def close(found, wanted):
    np.testing.assert_allclose(np.sqrt(found), np.sqrt(wanted), atol=ROUNDING)


@needs_a_browser
class TestBrowser:
    tokens = ["the", " <b>cat</b>", " 猫", " قطة", " sat"]

    def text_page(self):
        return Page(
            "A text", [Text("the text", self.tokens)], [Look("self-attention", 0, 0, random_weights(3, 2, 5, 5))]
        )

    def picture_page(self):
        pixels = np.full((32, 32, 3), 200, np.uint8)
        parts = [Text("the caption", ["a", "ring"]), Picture("the picture", pixels, 4, 4)]
        return Page("A picture", parts, [Look("cross-attention", 0, 1, random_weights(2, 2, 2, 16, seed=1))])

    def test_pointing_at_a_word_lights_up_what_it_looks_at(self, opened):
        page = self.text_page()
        tab, weights = opened(page), page.looks[0].weights
        tab.hover("#panel-a [data-index='3']")
        close(lit(tab, 0), weights[:, :, 3].mean(axis=(0, 1)))
        assert tab.locator("#panel-a [data-index='1']").inner_text() == "␣<b>cat</b>"
        tab.select_option("#layer-a", "2")
        tab.select_option("#head-a", "1")
        tab.hover("#panel-a [data-index='0']")
        close(lit(tab, 0), weights[2, 1, 0])
        tab.select_option("#direction", "in")
        close(lit(tab, 0), weights[2, 1, :, 0])
        colours = tab.locator("#panel-a .token").evaluate_all(
            "all => all.map(one => getComputedStyle(one).backgroundColor)"
        )
        assert len(set(colours)) > 1  # it is to be seen, too

    def test_two_views_are_compared(self, opened):
        page = self.text_page()
        tab, weights = opened(page), page.looks[0].weights
        tab.check("#compare")
        tab.select_option("#layer-b", "1")
        tab.hover("#panel-b [data-index='2']")
        close(lit(tab, 0, "a"), weights[:, :, 2].mean(axis=(0, 1)))
        close(lit(tab, 0, "b"), weights[1, :, 2].mean(axis=0))
        assert "First: “␣猫” looks at" in tab.inner_text("#said") and "Second:" in tab.inner_text("#said")

    def test_words_and_cells_of_a_picture_point_at_each_other(self, opened):
        page = self.picture_page()
        tab, weights = opened(page), page.looks[0].weights.mean(axis=(0, 1))
        tab.hover("#panel-a [data-part='0'][data-index='1']")
        close(lit(tab, 1), weights[1])
        tab.hover("#panel-a [data-part='1'][data-index='6']")
        close(lit(tab, 0), weights[:, 6])
        assert tab.inner_text("#said").startswith("row 2, column 3 is looked at by")

    def test_the_keyboard_alone_reaches_everything(self, opened):
        page = self.text_page()
        tab, weights = opened(page), page.looks[0].weights
        for _ in range(20):
            tab.keyboard.press("Tab")
            if tab.evaluate("document.activeElement.classList.contains('token')"):
                break
        tab.keyboard.press("ArrowLeft")
        close(lit(tab, 0), weights[:, :, 3].mean(axis=(0, 1)))
        tab.keyboard.press("l")
        close(lit(tab, 0), weights[0, :, 3].mean(axis=0))
        tab.keyboard.press("h")
        tab.keyboard.press("h")
        close(lit(tab, 0), weights[0, 1, 3])
        tab.keyboard.press("Shift+L")
        close(lit(tab, 0), weights[:, 1, 3].mean(axis=0))
        tab.keyboard.press("Enter")  # kept: pointing elsewhere changes nothing
        tab.hover("#panel-a [data-index='0']")
        close(lit(tab, 0), weights[:, 1, 3].mean(axis=0))
        assert "“␣قطة” looks at" in tab.inner_text("#said")

    def test_the_keyboard_reaches_words_and_cells_in_both_views(self, opened):
        page = self.picture_page()
        tab, weights = opened(page), page.looks[0].weights
        tab.check("#compare")
        reached = set()
        for _ in range(20):
            tab.keyboard.press("Tab")
            place = tab.evaluate(
                "(one => one.dataset.part && one.closest('.panel').id + one.dataset.part)(document.activeElement)"
            )
            if place == "panel-b1":  # the second view's picture
                tab.keyboard.press("ArrowDown")
                close(lit(tab, 0, "b"), weights.mean(axis=(0, 1))[:, 4])
                tab.keyboard.press("l")
                close(lit(tab, 0, "b"), weights[0].mean(axis=0)[:, 4])
                close(lit(tab, 0, "a"), weights.mean(axis=(0, 1))[:, 4])  # only the view that has the focus
            reached.add(place)
            if place == "panel-b1":
                break
        assert {"panel-a0", "panel-a1", "panel-b0", "panel-b1"} <= reached

    def test_a_click_keeps_a_word_and_the_next_click_another(self, opened):
        page = self.text_page()
        tab, weights = opened(page), page.looks[0].weights.mean(axis=(0, 1))
        for index in (1, 3):
            tab.click(f"#panel-a [data-index='{index}']")
            tab.hover("#panel-a [data-index='4']")
            close(lit(tab, 0), weights[index])
            assert tab.locator("#panel-a .kept").count() == 1
        tab.click("#panel-a [data-index='3']")
        tab.hover("#panel-a [data-index='4']")
        close(lit(tab, 0), weights[4])

    def test_all_maps_are_drawn_and_lead_to_their_head(self, opened):
        page = self.text_page()
        tab = opened(page)
        tab.click("#overview summary")
        tab.wait_for_selector(".map")
        assert tab.locator(".map").count() == 6
        tab.click("[aria-label='layer 1, head 0']")
        assert tab.input_value("#layer-a") == "1" and tab.input_value("#head-a") == "0"
        tab.hover("#panel-a [data-index='4']")
        close(lit(tab, 0), page.looks[0].weights[1, 0, 4])

    def test_neurons_show_what_a_weight_comes_from(self, opened):
        given = random_products()
        tab = opened(Page("A text", [Text("the text", self.tokens)], [Look("self-attention", 0, 0, **given)]))
        tab.click("#neurons summary")
        assert "Choose one head above, and one layer" in tab.inner_text("#neurons-said")
        tab.select_option("#layer-a", "1")
        tab.select_option("#head-a", "0")
        tab.hover("#panel-a [data-index='3']")
        rows = tab.locator("#neurons-table tr[data-column]")
        assert rows.count() == 4  # nothing lies ahead
        scores = np.array(rows.evaluate_all("rows => rows.map(row => Number(row.dataset.score))"))
        np.testing.assert_allclose(scores, given["keys"][1, 0, :4] @ given["queries"][1, 0, 3] / 8**0.5, atol=0.05)
        weights = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(weights, given["weights"][1, 0, 3, :4], atol=0.02)  # softmax of what is shown
        tab.hover("#neurons-table tr[data-column='2'] td:nth-child(3) canvas")
        said = tab.inner_text("#neuron")
        number = int(re.match(r"neuron (\d+)", said)[1])
        assert 3 <= number <= 5 and "key of “␣猫”" in said
        tab.focus("#neurons-table tr[data-column='2'] td:nth-child(3) canvas")
        for _ in range(9):
            tab.keyboard.press("ArrowLeft")
        assert tab.inner_text("#neuron").startswith("neuron 0:")  # by keyboard alone, and no further than the first
        product = given["queries"][1, 0, 3, number] * given["keys"][1, 0, 2, number]
        assert abs(float(said.rsplit(" ", 1)[1].replace("−", "-")) - product) < 0.05

    def test_a_look_without_neurons_hides_them(self, opened):
        tab = opened(self.picture_page())
        assert not tab.is_visible("#neurons")

    @pytest.mark.parametrize("width", [400, 800, 1600])
    def test_nothing_is_wider_than_the_window(self, opened, width):
        tab = opened(self.picture_page())
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width

    def test_sounds_and_clips_are_shown(self, opened):
        wave = np.sin(np.arange(8000) / 5).astype(np.float32)
        heard = AttendedSound(wave, 8000, ["one", "two"], random_weights(1, 2, 2, 9), 0.1)
        clip = AttendedClip(
            np.full((3, 3, 16, 16), 0.5, np.float32),
            ["one", "two"],
            random_weights(1, 1, 2, 12).reshape(1, 1, 2, 3, 2, 2),
        )
        page = media_page("Both", "the answer", [heard, clip])
        tab = opened(page)
        tab.hover("#panel-a [data-part='0'][data-index='1']")
        close(lit(tab, 1), heard.weights[0, :, 1].mean(axis=0))
        tab.select_option("#look", "1")
        tab.hover("#panel-a [data-part='0'][data-index='0']")
        in_rows = clip.weights[0, 0, 0].transpose(1, 0, 2).ravel()  # the frames side by side
        close(lit(tab, 2), in_rows)
        tab.hover("#panel-a [data-part='2'][data-index='3']")
        assert tab.inner_text("#said").startswith("frame 2, row 1, column 2 is looked at by")
