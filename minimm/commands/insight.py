"""`minimm explore`, `explain`, `faithfulness`, `induction`: attention to look at, why a word stands there, which explanation
is true, and heads that copy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minimm.commands.options import Device, Model, Seed, interruptible


def explore(
    model: Model,
    text: Annotated[
        str | None,
        typer.Option(help="What to read: a text, a sentence to translate, a question, a prompt, a caption to explain."),
    ] = None,
    image: Annotated[list[Path] | None, typer.Option(help="A picture; an assistant takes several.")] = None,
    audio: Annotated[list[Path] | None, typer.Option(help="A wav file.")] = None,
    video: Annotated[list[Path] | None, typer.Option(help="A GIF or a folder of frames.")] = None,
    layer: Annotated[
        list[int] | None, typer.Option(help="A layer to show, from 0; repeat it for several. All if not given.")
    ] = None,
    out: Annotated[Path, typer.Option(help="HTML page to write.")] = Path("explorer.html"),
    device: Device = "auto",
) -> None:
    """Write one page, for any current browser and without network, that shows where a model looks: by word, layer and head.

    Example: minimm explore --model runs/quickstart/captioner --image scene.png --out page.html
    """
    from minimm.runs.explore import explore as run

    page = run(model, text=text, image=_one(image), audio=_one(audio), video=_one(video), layers=layer, device=device)
    page.save(out)
    print(f"{out}: {page.title}, {out.stat().st_size / 1000:,.0f} kB; open it in a browser")


def _one(files: list[Path] | None) -> list[Path] | Path | None:
    """The only file, or all of several, which an assistant alone takes."""
    return files[0] if files and len(files) == 1 else files or None


def explain(
    image: Annotated[Path, typer.Argument(help="A picture.")],
    model: Model,
    method: Annotated[
        str,
        typer.Option(
            help="'cross-attention, all layers', 'cross-attention, last layer', 'gradient x input', "
            "'integrated gradients', 'Grad-CAM', 'occlusion', 'RISE' or, as a yardstick, 'random'."
        ),
    ] = "occlusion",
    caption: Annotated[str | None, typer.Option(help="What to explain; the model's own caption if not given.")] = None,
    figure: Annotated[Path, typer.Option(help="Picture to write, a map for each word.")] = Path("explained.png"),
    animation: Annotated[
        Path | None, typer.Option(help="GIF to write, too: the caption as it is written, word by word.")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Draw which parts of a picture each word of its caption rests on.

    Example: minimm explain scene.png --model runs/quickstart/captioner --method occlusion
    """
    from minimm.plots.style import save_figure
    from minimm.tasks.writing.image_captioner import ImageCaptioner

    explained = ImageCaptioner.load(model, device=device).explain(image, method, caption, seed=seed)
    save_figure(explained.plot(), figure)
    if animation is not None:
        explained.animate(animation)
    print(f"{' '.join(explained.words)}: explained by {method} in {figure}")


def faithfulness(
    model: Annotated[
        list[Path], typer.Option(help="Folder of a trained captioner; several, such as of three seeds, are averaged.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for results.json and faithfulness.png; it is created.")] = Path(
        "runs/faithfulness"
    ),
    data: Annotated[str, typer.Option(help="Scenes whose truth is known: shapes or emoji-scenes.")] = "shapes",
    scenes: Annotated[int, typer.Option(help="How many scenes; two words of each are explained.", min=1)] = 200,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Test each explanation: does the word go when what it calls important is taken away, and does it point at the object?

    Example: minimm faithfulness --model runs/quickstart/captioner
    """
    from minimm.runs.faithfulness import measure_faithfulness

    with interruptible(resumable=False):
        measure_faithfulness(model, out, data=data, scenes=scenes, seed=seed, device=device)


def induction(
    out: Annotated[Path, typer.Option(help="Folder for results.json and induction.png; it is created.")] = Path(
        "runs/induction"
    ),
    max_seconds: Annotated[float, typer.Option(help="Stop training after this many seconds.", min=0)] = 170.0,
    max_steps: Annotated[int, typer.Option(help="Stop training after this many steps.", min=1)] = 1200,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train a two-layer model on random sequences said twice, watch its induction heads grow, and take them away.

    Example: minimm induction --out runs/induction
    """
    from minimm.runs.induction import run_induction

    with interruptible(resumable=False):
        run_induction(out, seed=seed, max_seconds=max_seconds, max_steps=max_steps, device=device)
