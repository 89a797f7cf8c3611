"""Verbs for trained models of text: translate, summarize, classify, ask, fill; and export of any model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minimm.commands.options import Device, Model, NumBeams
from minimm.errors import check


def translate(
    texts: Annotated[list[str], typer.Argument(help="Sentences to translate.")],
    model: Model,
    figure: Annotated[
        Path | None, typer.Option(help="Draw where the model looked for each word (one sentence).")
    ] = None,
    num_beams: NumBeams = 4,
    device: Device = "auto",
) -> None:
    """Translate sentences with a trained translator.

    Example: minimm translate --model runs/zh "a small red fox" --figure looked.png
    """
    from minimm.tasks import Translator

    check(figure is None or len(texts) == 1, f"--figure draws one sentence, but {len(texts)} were given")
    task = Translator.load(model, device=device)
    written = task.translate_all(texts, num_beams=num_beams)
    for text in written:
        typer.echo(text)
    if figure is not None:
        from minimm.plots.style import save_figure

        save_figure(task.attend(texts[0], written[0]).plot(), figure)


def summarize(
    file: Annotated[Path, typer.Argument(help="A text file with the article.")],
    model: Annotated[
        Path | None, typer.Option(help="Folder of a trained summarizer; not needed to pick sentences.")
    ] = None,
    method: Annotated[
        str, typer.Option(help="model writes; lead takes the first sentences, text_rank the most central ones.")
    ] = "model",
    num_sentences: Annotated[int, typer.Option(help="How many sentences lead and text_rank take.", min=1)] = 3,
    num_beams: NumBeams = 4,
    device: Device = "auto",
) -> None:
    """Shorten a text.

    Example: minimm summarize article.txt --method text_rank
    """
    from minimm.datasets.text_corpus import read_corpus
    from minimm.tasks import Summarizer

    check(method != "model" or model is not None, "the method `model` needs --model; or choose --method text_rank")
    task = Summarizer(device=device) if method != "model" else Summarizer.load(model, device=device)
    article = read_corpus(file)
    typer.echo(task.summarize(article, method=method, num_sentences=num_sentences, num_beams=num_beams))


def classify(
    texts: Annotated[list[str], typer.Argument(help="Texts to label.")],
    model: Model,
    device: Device = "auto",
) -> None:
    """Label texts with a trained classifier, with the probability of each label.

    Example: minimm classify --model runs/classifier "not bad at all"
    """
    from minimm.tasks import TextClassifier

    task = TextClassifier.load(model, device=device)
    for row in task.predict_probabilities(texts).tolist():
        typer.echo(
            task.labels[row.index(max(row))]
            + "".join(f"\t{label} {p:.3f}" for label, p in zip(task.labels, row, strict=True))
        )


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    model: Model,
    text: Annotated[
        Path, typer.Option(help="A text file that holds the answer, or a folder of documents to look it up in.")
    ],
    device: Device = "auto",
) -> None:
    """Answer a question from a text, or from a folder of documents with the source cited.

    Example: minimm ask "Who wrote the letter?" --model runs/qa --text letters
    """
    from minimm.datasets.text_corpus import read_corpus
    from minimm.tasks import QuestionAnswerer

    task = QuestionAnswerer.load(model, device=device)
    answer = task.answer_from(question, text) if text.is_dir() else task.answer(question, read_corpus(text))
    typer.echo(f"{answer.text}  ({answer.probability:.0%}{f', from {answer.source}' if answer.source else ''})")


def fill(
    text: Annotated[str, typer.Argument(help="A text with one gap, written ___.")],
    model: Model,
    k: Annotated[int, typer.Option(help="How many guesses.", min=1)] = 5,
    device: Device = "auto",
) -> None:
    """Guess the token in a gap with a pretrained encoder.

    Example: minimm fill --model runs/encoder "the film was ___"
    """
    from minimm.tasks import MaskedTextModel

    for token, probability in MaskedTextModel.load(model, device=device).fill(text, k):
        typer.echo(f"{probability:.3f}  {token}")


def score(
    file: Annotated[Path, typer.Argument(help="A text file or a folder of them.")],
    model: Model,
    stride: Annotated[
        int | None, typer.Option(help="Tokens by which the window slides; the whole context if not given.", min=1)
    ] = None,
    device: Device = "auto",
) -> None:
    """Measure how well a language model predicts a text: loss, perplexity and bits per byte.

    Bits per byte compare models with different tokenizers. A smaller --stride gives every token more to look back on.

    Example: minimm score my_book.txt --model runs/book --stride 64
    """
    from minimm.datasets.text_corpus import read_corpus
    from minimm.runs.report import print_table
    from minimm.tasks import TextGenerator

    print_table(TextGenerator.load(model, device=device).evaluate(read_corpus(file), stride=stride))


def export(
    model: Model,
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    format: Annotated[
        str,
        typer.Option(help="transformers: for its Auto classes; onnx: graphs that onnxruntime runs without PyTorch."),
    ] = "transformers",
) -> None:
    """Write a trained model for other programs to open.

    With --format transformers a language model, encoder or classifier becomes a folder of Hugging Face's transformers;
    with --format onnx a language model, captioner or retriever becomes graphs, described in onnx.json.

    Example: minimm export --model runs/book --format onnx --out exported
    """
    check(format in ("transformers", "onnx"), f"--format {format!r:.40} is not known; choose transformers or onnx")
    if format == "onnx":
        from minimm.tasks.onnx_export import export_to_onnx

        written = export_to_onnx(model, out)
        typer.echo(f"{out} holds {' and '.join(written['graphs'])} for onnxruntime; onnx.json says how they are used")
        for modality in written.get("left_out", ()):
            typer.echo(f"the encoder of {modality} was left out, for it cannot be exported to ONNX")
    else:
        from minimm.tasks.text.export import export_to_hugging_face

        export_to_hugging_face(model, out)
        typer.echo(f"{out} opens with transformers' Auto classes")
