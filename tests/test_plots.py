"""The laws of the figures: everything is inside, legible, drawn from the right numbers, and nothing leaks."""

from __future__ import annotations

import doctest
import itertools
import subprocess
import sys
import warnings

import matplotlib
import matplotlib.style
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.font_manager import fontManager
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from minimm.errors import MinimmError
from minimm.plots import attention_grid, caption_strip, filmstrip, labels, loss_curves, picture_grid, save_figure
from minimm.plots.arcs import attention_arcs
from minimm.plots.caption import _interpolation
from minimm.plots.labels import shorten, token_label, width, wrap
from minimm.plots.loss import running_mean
from minimm.plots.number_tables import NumberTable, number_tables
from minimm.plots.style import rendered

RANDOM = np.random.default_rng(0)
WORDS = ["a", "red", "circle", "above", "$5 and $x_2$", "小狐", "🙂😀", "", "extraordinarily-long-compound", "\ud800"]
TOKENS = ["The", " red", "\n", "\t", " $x$", "小", "🙂", "", "\x00", "�", "\\frac$", "averyverylongtokenindeed"]
some_words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9)
few_examples = settings(max_examples=8)  # each draws a figure
HISTORY = [
    {"step": s, "train_loss": 4 - s / 40} | ({"validation_loss": 4.1 - s / 50} if s % 20 == 0 else {})
    for s in range(80)
]


def attention(*shape: int) -> np.ndarray:
    scores = np.exp(np.random.default_rng(shape).normal(size=shape) * 2)
    return scores / scores.sum(-1, keepdims=True)


def small_figures():
    """One small example of every kind of figure, by name."""
    image = RANDOM.random((3, 8, 8)).round(1)
    yield "attention", attention_grid(attention(2, 3, 4, 4), TOKENS[:4], TOKENS[:4], "Attention")
    yield "caption", caption_strip(image, WORDS[:2], attention(2, 4, 4), [None, (1, 2, 5, 7)])
    yield "filmstrip", filmstrip(np.stack([image, image]), WORDS[:2], attention(2, 2, 4, 4))
    yield "loss", loss_curves(HISTORY, "Loss", uniform_loss=4.2)
    yield "arcs", attention_arcs(attention(4), TOKENS[:4], 2, "Arcs")
    tables = [
        NumberTable("scores", [[0.5, -np.inf], [-2, 12345]], TOKENS[:2], TOKENS[4:6]),
        NumberTable("mask", [[True, False]]),
    ]
    yield "numbers", number_tables(tables, "Numbers")
    yield "pictures", picture_grid(np.stack([image, image]), WORDS[1:3], [True, False])


def texts_of(figure) -> list[Text]:
    """All texts that are drawn: not the empty ones, nor the labels of ticks that lie beyond an axis."""
    beyond = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                beyond |= {tick.label1, tick.label2}
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible() and text not in beyond]


def written(figure) -> str:
    return "\n".join(text.get_text() for text in texts_of(figure))


def title_of(figure) -> str:
    return figure._suptitle.get_text().replace("\n", " ")


def maps_of(figure):
    """The axes with a picture or map, without the colour bar (whose picture is one column wide)."""
    return [axes for axes in figure.axes if axes.images and axes.images[0].get_array().shape[1] > 1]


def assert_well_made(figure):
    """All text is inside the canvas, at least 8 points large and clear of all other; drawing warns about nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    boxes = {text: text.get_window_extent(canvas.get_renderer()) for text in texts_of(figure)}
    for a, b in itertools.combinations(boxes, 2):
        wide = min(boxes[a].x1, boxes[b].x1) - max(boxes[a].x0, boxes[b].x0)
        high = min(boxes[a].y1, boxes[b].y1) - max(boxes[a].y0, boxes[b].y0)
        assert wide <= 1 or high <= 1, f"{a.get_text()!r} and {b.get_text()!r} overlap"  # a pixel of rounding
    for text, box in boxes.items():
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert inside, f"{text.get_text()!r} lies at {box}, outside {figure.bbox}"
        assert text.get_fontsize() >= 8, text
    title = figure._suptitle.get_window_extent()
    assert title_of(figure)
    assert all(axes.bbox.y1 <= title.y0 for axes in figure.axes), "the title lies over a panel"


# Every figure


@few_examples
@given(
    *(st.integers(1, 9), st.integers(1, 9)),
    *(st.integers(1, 70), st.integers(1, 70)),
    st.sampled_from(["x", "Attention $ for € 3", "A title that goes on and on " * 5]),
)
def test_an_attention_grid_of_any_size_is_well_made(num_layers, num_heads, num_queries, num_keys, title):
    queries, keys = ((TOKENS * 6)[:count] for count in (num_queries, num_keys))
    figure = attention_grid(attention(num_layers, num_heads, num_queries, num_keys), queries, keys, title)
    assert len(maps_of(figure)) + (min(num_keys, 64) == 1) * min(num_layers, 8) * min(num_heads, 8) == (
        min(num_layers, 8) * min(num_heads, 8)
    )
    assert_well_made(figure)


@few_examples
@given(some_words, st.integers(1, 60), st.integers(1, 60), st.integers(2, 7))
def test_a_caption_strip_of_any_size_is_well_made_and_has_one_panel_more_than_words(words, height, wide, per_row):
    figure = caption_strip(np.ones((3, height, wide)), words, attention(len(words), 3, 5), max_per_row=per_row)
    assert len(maps_of(figure)) == len(words) + 1
    assert_well_made(figure)


@few_examples
@given(some_words, st.integers(1, 40), st.integers(1, 60), st.integers(1, 60), st.booleans())
def test_a_filmstrip_of_any_size_is_well_made_and_has_one_row_more_than_words(words, frames, height, wide, timed):
    clip, maps = np.ones((frames, 3, height, wide)), attention(len(words), frames, 3, 5)
    figure = filmstrip(clip, words, maps, np.arange(frames) * 1.25 if timed else None)
    assert len(maps_of(figure)) == len(words) + 1
    assert_well_made(figure)
    shown = [text for text in written(figure).split("\n") if text.endswith(" s") or text.isdecimal()]
    assert len(shown) - 2 == min(frames, 12)  # the colour bar has a 0 and a 1


def test_what_a_filmstrip_cannot_draw_is_explained():
    clip, maps = np.ones((4, 3, 6, 6)), attention(2, 4, 2, 2)
    for arguments, message in (
        ((clip, ["one"], maps), "there are 1 words, 4 frames, no times and maps of shape"),
        ((clip[:3], ["a", "b"], maps), "there are 2 words, 3 frames"),
        ((clip, ["a", "b"], maps, [0.0]), "4 frames, 1 times"),
        ((clip[:, :1],), r"\(T, 3, H, W\) was expected"),
        ((clip, ["a", "b"], -maps), "weights are at least 0"),
    ):
        with pytest.raises(MinimmError, match=message):
            filmstrip(*arguments)


@few_examples
@given(some_words, st.integers(1, 40), st.integers(1, 40), st.integers(1, 5), st.booleans())
def test_a_picture_grid_of_any_size_is_well_made(captions, height, wide, columns, judged):
    images = np.zeros((len(captions), 3, height, max(2, wide)))
    captions = [" ".join(captions)] * len(captions)
    figure = picture_grid(images, captions, [False] * len(captions) if judged else None, columns)
    assert len(maps_of(figure)) == len(captions)
    assert_well_made(figure)


@few_examples
@given(
    st.lists(st.floats(-50, 50) | st.floats(-9e4, 9e4), min_size=1, max_size=60),
    st.none() | st.floats(0, 12),
    st.sampled_from(["Loss of $ and €", "A title that goes on and on " * 6]),
)
def test_loss_curves_of_any_run_are_well_made(losses, uniform_loss, title):
    history = [{"step": 1000 * i, "train_loss": loss, "validation_loss": loss} for i, loss in enumerate(losses)]
    assert_well_made(loss_curves(history, title, uniform_loss))


@pytest.mark.parametrize("style", ["dark_background", "ggplot", "bmh"])
def test_figures_look_the_same_under_any_style_of_the_user_and_leave_no_trace(style):
    RANDOM.bit_generator.state = np.random.default_rng(1).bit_generator.state
    expected = {name: np.asarray(rendered(figure, 60)) for name, figure in small_figures()}
    RANDOM.bit_generator.state = np.random.default_rng(1).bit_generator.state
    with matplotlib.style.context([style, {"figure.constrained_layout.use": True}]):
        before = dict(matplotlib.rcParams)
        for name, figure in small_figures():
            assert (np.asarray(rendered(figure, 60)) == expected[name]).all(), name
        assert dict(matplotlib.rcParams) == before


def test_plotting_imports_neither_pyplot_nor_torch():
    code = "import sys, minimm.plots; print('matplotlib.pyplot' in sys.modules, 'torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False"]


def test_a_notebook_shows_a_figure_by_itself_as_the_png_that_is_saved(tmp_path):
    for name, figure in small_figures():
        save_figure(figure, tmp_path / name)
        assert figure._repr_png_() == (tmp_path / name).read_bytes()


# Saving


def test_a_saved_figure_is_a_small_opaque_png_with_a_margin_of_white_paper(tmp_path):
    for name, figure in small_figures():
        path = tmp_path / "new folder" / f"{name}.png"
        save_figure(figure, path)
        assert path.stat().st_size < 100_000
        pixels = np.asarray(Image.open(path))  # (height, width, 3): no transparency
        assert pixels.shape[2] == 3
        np.testing.assert_allclose(pixels.shape[1::-1], figure.get_size_inches() * 110, atol=1)
        edge = np.concatenate([pixels[:8].ravel(), pixels[-8:].ravel(), pixels[:, :8].ravel(), pixels[:, -8:].ravel()])
        assert (edge == 255).all()


def test_a_figure_too_large_to_save_is_reduced_but_stays_legible(tmp_path):
    figure = picture_grid(np.random.default_rng(0).random((8, 3, 200, 200)), ["noise"] * 8)
    save_figure(figure, tmp_path / "full.png", max_kilobytes=1e6)
    save_figure(figure, tmp_path / "reduced.png", max_kilobytes=100)
    full, reduced = (Image.open(tmp_path / name) for name in ("full.png", "reduced.png"))
    assert (tmp_path / "reduced.png").stat().st_size < (tmp_path / "full.png").stat().st_size / 3
    assert reduced.width >= 80 / 110 * full.width - 1
    assert figure.dpi == 110


def test_a_figure_that_cannot_be_written_is_a_sentence_and_leaves_nothing(tmp_path):
    (tmp_path / "loss.png").mkdir()
    with pytest.raises(MinimmError, match="could not be written"):
        save_figure(loss_curves(HISTORY, "x"), tmp_path / "loss.png")
    assert [path.name for path in tmp_path.iterdir()] == ["loss.png"]


# Labels


@given(st.text(max_size=60), st.floats(0.3, 4.0), st.integers(1, 4))
def test_wrapped_and_shortened_text_is_never_wider_than_its_place(text, inches, max_lines):
    lines = wrap(text, inches, 9, max_lines).replace(r"\$", "$").split("\n")
    assert len(lines) <= max_lines
    for line in (
        *lines,
        shorten(text, inches, 9).replace(r"\$", "$"),
        token_label(text, inches, 9).replace(r"\$", "$"),
    ):
        assert width(line, 9) <= inches or len(line) == 1


@given(st.text("ab $\\-.狐é", max_size=50))
def test_wrapping_into_enough_lines_loses_no_letter(text):
    kept = wrap(text, 0.8, 9, max_lines=60).replace(r"\$", "$")
    assert "".join(kept.split()) == "".join(labels.drawable_text(text).split())


@few_examples
@given(st.text("ab$\\{}^_ ", min_size=1, max_size=20))
def test_dollar_signs_and_backslashes_are_drawn_as_they_are(text):
    figure = attention_grid(np.ones((1, 1, 1, 1)), [text], ["k"], "x")
    canvas = FigureCanvasAgg(figure)
    drawn = []
    renderer = canvas.get_renderer()
    original = renderer.draw_text
    renderer.draw_text = lambda gc, x, y, s, prop, angle, ismath=False, mtext=None: (
        drawn.append((s, ismath)),
        original(gc, x, y, s, prop, angle, ismath, mtext),
    )
    figure.draw(renderer)
    assert (labels.drawable_text(text.replace(" ", "␣")), False) in drawn or width(text, 8) > 0.8


def test_whitespace_in_tokens_is_visible_and_what_no_font_has_is_a_box():
    assert token_label(" a\n\t ", 2, 8) == "␣a⏎⇥␣"
    assert token_label("\x00\ud800", 2, 8) == "□□"
    assert shorten("e\u0301 \U000e0100x", 2, 8) in ("e\u0301 x", "é x")  # an invisible selector leaves nothing behind


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_chinese_font_is_used_when_the_system_has_one_though_it_came_after_matplotlibs_list(
    tmp_path, monkeypatch, is_listed
):
    pen = TTGlyphPen(None)
    for move, point in (("moveTo", (100, 0)), ("lineTo", (900, 0)), ("lineTo", (500, 800))):
        getattr(pen, move)(point)
    pen.closePath()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "fox"])
    font.setupCharacterMap({ord("狐"): "fox"})
    font.setupGlyf({".notdef": pen.glyph(), "fox": pen.glyph()})
    font.setupHorizontalMetrics({".notdef": (1000, 100), "fox": (1000, 100)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Noto Sans CJK SC", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(tmp_path / "chinese.ttf")
    caches = (labels.families, labels._drawable, labels.width)
    latin = [font for font in fontManager.ttflist if font.name not in labels.CJK_FAMILIES]
    monkeypatch.setattr(fontManager, "ttflist", latin)
    monkeypatch.setattr(labels, "findSystemFonts", lambda: [str(tmp_path / "chinese.ttf"), "/no/such/font.ttf"])
    try:
        if is_listed:
            fontManager.addfont(tmp_path / "chinese.ttf")
        [cache.cache_clear() for cache in caches]
        assert "Noto Sans CJK SC" in labels.families()
        assert shorten("狐", 1, 9) == "狐"
        assert_well_made(attention_grid(np.ones((1, 1, 1, 1)), ["狐"], ["狐"], "狐 fox"))
    finally:
        monkeypatch.undo()
        fontManager._findfont_cached.cache_clear()
        [cache.cache_clear() for cache in caches]


# Attention


def test_each_map_shows_the_weights_of_its_layer_and_head_relative_to_their_maximum():
    weights = attention(2, 3, 4, 5)
    figure = attention_grid(weights, list("abcd"), list("vwxyz"), "All heads")
    for axes, expected in zip(maps_of(figure), weights.reshape(6, 4, 5), strict=True):
        shown = axes.images[0]
        np.testing.assert_allclose(shown.get_array(), expected / expected.max())
        assert shown.get_clim() == (0, 1)
        assert f"max {expected.max():.2f}" in written(figure)
    for label in ("head 0", "head 2", "layer 0", "layer 1"):
        assert label in written(figure)
    assert [text.get_text() for text in maps_of(figure)[3].get_yticklabels()] == list("abcd")
    assert [text.get_text() for text in maps_of(figure)[3].get_xticklabels()] == list("vwxyz")


def test_what_a_grid_leaves_out_is_said_in_its_title():
    figure = attention_grid(attention(9, 2, 65, 3), ["q"] * 65, ["k"] * 3, "Large")
    assert title_of(figure) == "Large (the first 8 of 9 layers, the first 64 of 65 queries)"
    assert len(maps_of(figure)) == 16
    assert maps_of(figure)[0].images[0].get_array().shape == (64, 3)


def test_many_tokens_are_numbered_instead_of_labelled():
    figure = attention_grid(attention(1, 1, 40, 40), ["fox"] * 40, ["fox"] * 40, "x")
    ticks = [text.get_text() for text in maps_of(figure)[0].get_yticklabels()]
    assert ticks == [str(position) for position in range(0, 40, 4)]
    assert "fox" not in written(figure)


def test_long_tokens_are_cut_and_have_room():
    long = [f"{letter}{'w' * 40}" for letter in "abc"]
    figure = attention_grid(attention(2, 2, 3, 3), long, long, "x")
    assert_well_made(figure)
    ticks = [text.get_text() for text in maps_of(figure)[2].get_yticklabels()]
    assert all(tick.startswith(letter) and tick.endswith("…") for tick, letter in zip(ticks, "abc", strict=True))


def test_a_tensor_with_gradient_and_a_map_of_zeros_can_be_drawn():
    torch = pytest.importorskip("torch")
    weights = torch.zeros(1, 1, 2, 2, dtype=torch.bfloat16, requires_grad=True)
    (axes,) = maps_of(attention_grid(weights, ["a", "b"], ["a", "b"], "x"))
    assert (np.asarray(axes.images[0].get_array()) == 0).all()


# Captions


@given(st.integers(1, 40), st.integers(1, 12))
def test_bilinear_interpolation_keeps_constants_and_the_order_of_the_cells(fine, coarse):
    matrix = _interpolation(fine, coarse)  # (fine, coarse)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    assert (np.diff(matrix @ np.arange(coarse)) >= -1e-12).all()


@given(st.integers(0, 3), st.integers(0, 3))
def test_the_heat_glows_at_the_cell_the_word_looked_at_and_leaves_the_rest_grey(row, column):
    heat = np.zeros((1, 4, 4))
    heat[0, row, column] = 0.3
    figure = caption_strip(np.full((3, 32, 32), 0.5), ["fox"], heat)
    picture, panel = (np.asarray(axes.images[0].get_array()) for axes in maps_of(figure))
    assert (picture == 0.5).all()
    colourful = panel.max(axis=-1) - panel.min(axis=-1)
    size = len(panel) // 4
    brightest = np.unravel_index(panel.sum(axis=-1).argmax(), colourful.shape)
    assert (brightest[0] // size, brightest[1] // size) == (row, column)
    opposite = panel[:: len(panel) - 1, :: len(panel) - 1][1 - row // 2, 1 - column // 2]  # the corner farthest away
    assert np.ptp(opposite) < 0.02


def test_a_box_is_outlined_in_pixels_of_the_picture_on_the_panel_of_its_word():
    figure = caption_strip(np.ones((3, 32, 48)), ["a", "fox"], attention(2, 4, 4), [None, (3, 4, 15, 20)])
    outlines = [[p for p in axes.patches if isinstance(p, Rectangle)] for axes in maps_of(figure)]
    assert [len(found) for found in outlines] == [0, 0, 1]
    assert outlines[2][0].get_bbox().extents.tolist() == [3, 4, 15, 20]
    assert list(maps_of(figure)[2].images[0].get_extent()) == [0, 48, 32, 0]
    assert [axes.get_title() for axes in maps_of(figure)] == ["the picture", "a", "fox"]
    assert "outlined" in title_of(figure)


# Loss


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200), st.floats(-3, 3))
def test_a_running_mean_stays_between_its_neighbours_and_starts_where_the_losses_start(values, shift):
    values = np.array(values)
    smooth = running_mean(values)
    assert smooth.shape == values.shape
    assert smooth[0] == pytest.approx(values[0], abs=1e-9)
    assert values.min() - 1e-9 <= smooth.min() and smooth.max() <= values.max() + 1e-9
    np.testing.assert_allclose(running_mean(values + shift), smooth + shift, atol=1e-8)


def test_a_running_mean_takes_most_of_the_noise_away():
    noise = np.random.default_rng(0).normal(size=1000)
    assert running_mean(noise)[50:].std() < 0.25


def test_loss_curves_show_both_losses_the_lowest_validation_and_the_uniform_guess():
    figure = loss_curves(HISTORY, "Loss", uniform_loss=np.log(65))
    lines = {line.get_label(): line.get_xydata() for line in figure.axes[0].get_lines()}
    np.testing.assert_allclose(lines["training, each record"], [(e["step"], e["train_loss"]) for e in HISTORY])
    validation = [(e["step"], e["validation_loss"]) for e in HISTORY if "validation_loss" in e]
    np.testing.assert_allclose(lines["validation, lowest 2.900 at step 60"], validation)
    assert "a uniform guess: 4.17" in written(figure)
    low, high = figure.axes[0].get_ylim()
    assert low < 2.0 and high > np.log(65)


# Picture grids


def test_right_and_wrong_differ_in_sign_and_colour_and_are_counted():
    figure = picture_grid(np.zeros((3, 3, 4, 4)), ["a", "b", "c"], [True, False, True], title="Unseen")
    frames = [tuple(axes.spines["left"].get_edgecolor()) for axes in maps_of(figure)]
    signs = [axes.texts[0].get_text() for axes in maps_of(figure)]
    assert signs == ["✓", "✗", "✓"]
    assert frames[0] == frames[2] != frames[1]
    assert title_of(figure) == "Unseen: 2 of 3 right (✓), the others wrong (✗)"


# Bad input

NAN = np.full((1, 1, 2, 2), np.nan)


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda: attention_grid(np.ones((1, 2, 2)), "ab", "ab", "x"), r"shape \(1, 2, 2\), but \(L, H, T_q, T_k\)"),
        (lambda: attention_grid(NAN, "ab", "ab", "x"), "weights contains NaN"),
        (lambda: attention_grid(NAN - np.inf, "ab", "ab", "x"), "weights contains NaN or infinity"),
        (lambda: attention_grid(-np.ones((1, 1, 2, 2)), "ab", "ab", "x"), "after softmax"),
        (lambda: attention_grid(np.ones((1, 1, 2, 2)), "ab", "abc", "x"), "3 key_tokens.*2 key positions"),
        (lambda: attention_grid(np.ones((0, 1, 2, 2)), "ab", "ab", "x"), "empty"),
        (lambda: caption_strip(np.ones((4, 4, 3)), ["a"], np.ones((1, 2, 2))), r"image has shape \(4, 4, 3\)"),
        (lambda: caption_strip(np.full((3, 4, 4), 255), ["a"], np.ones((1, 2, 2))), "divide bytes by 255"),
        (lambda: caption_strip(np.ones((3, 4, 4)), ["a"], np.ones((2, 2))), r"maps has shape \(2, 2\)"),
        (lambda: caption_strip(np.ones((3, 4, 4)), ["a"], np.ones((2, 2, 2))), "1 words, 2 maps"),
        (lambda: caption_strip(np.ones((3, 4, 4)), ["a"], np.ones((1, 2, 2)), []), "0 boxes"),
        (lambda: caption_strip(np.ones((3, 4, 4)), ["a"], NAN[0]), "maps contains NaN"),
        (lambda: caption_strip(np.ones((3, 4, 4)), ["a"], np.ones((1, 2, 2)), max_per_row=1), "max_per_row=1"),
        (lambda: loss_curves([], "x"), "nothing to draw"),
        (lambda: loss_curves([{"train_loss": 1.0}], "x"), "no 'step'"),
        (lambda: loss_curves([{"step": 7, "train_loss": np.nan}], "x"), "train_loss is nan at step 7"),
        (lambda: picture_grid(np.ones((2, 1, 4, 4)), ["a", "b"]), r"shape \(2, 1, 4, 4\), but \(N, 3, H, W\)"),
        (lambda: picture_grid(np.ones((2, 3, 4, 4)), ["a"]), "2 images, 1 captions and no values of correct"),
        (lambda: picture_grid(np.ones((1, 3, 4, 4)), ["a"], [True, False]), "2 values of correct"),
        (lambda: picture_grid(np.ones((1, 3, 4, 4)), ["a"], columns=0), "columns=0"),
        (lambda: attention_arcs([0.5, 0.5], ["a"], 0, "x"), "1 tokens, but 2 weights"),
        (lambda: attention_arcs([0.5, 0.5], ["a", "b"], 2, "x"), "query=2 is not one of 2 tokens"),
        (lambda: attention_arcs(np.ones(17) / 17, ["a"] * 17, 0, "x"), "at most 16"),
        (lambda: number_tables([], "x"), "no table"),
        (lambda: number_tables([NumberTable("a", np.ones(3))], "x"), r"shape \(3,\), but \(R, C\)"),
        (lambda: number_tables([NumberTable("a", [[np.nan]])], "x"), "NaN"),
        (lambda: number_tables([NumberTable("a", [[1, 2]], ["b", "c"])], "x"), "1 rows, but 2 row labels"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(draw, said):
    with pytest.raises(MinimmError, match=said):
        draw()


def test_the_examples_in_the_docstrings_are_true():
    for module in (labels, sys.modules[number_tables.__module__]):
        outcome = doctest.testmod(module)
        assert outcome.attempted > 0 and outcome.failed == 0
