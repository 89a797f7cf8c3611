"""`minimm train translator`, `summarizer`, `encoder`, `classifier` and `question-answerer`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from minimm.commands.options import LabelSmoothing, LayerDecay, Out, Patience, given, training_command
from minimm.commands.train import train

Pretrained = Annotated[
    Path | None,
    typer.Option(help="Start from this encoder: what `minimm train encoder` wrote, or a Hugging Face BERT folder."),
]


@train.command("translator")
@training_command("d_model", "dropout", "batch_size", "optimizer", "learning_rate")
def train_translator(
    source: Annotated[str, typer.Option(help="Language to translate from, as in the files' names: en, de, zh.")],
    target: Annotated[str, typer.Option(help="Language to translate into.")],
    pairs: Annotated[
        str,
        typer.Option(
            help="A folder with train.LANGUAGE files (.gz too) whose lines belong together, or train.tsv; bundled data; "
            "or `shapes`, captions of drawn scenes in en and zh."
        ),
    ] = "parallel",
    out: Out = Path("runs/translator"),
    preset: Annotated[str | None, typer.Option(help="tiny or small; by the number of pairs if not given.")] = None,
    vocab_size: Annotated[int | None, typer.Option(help="Tokens of the vocabulary that both sides share.")] = None,
    *,
    training: dict[str, Any],
) -> None:
    """Learn to translate sentences from pairs: an encoder reads, a decoder writes.

    `bleu` in results.json is measured on the part called test (the first whose name begins so), with four beams.

    Example: minimm train translator --source en --target zh --max-seconds 150 --out runs/zh
    """
    from minimm.runs.text import train_translator as run

    options = given(vocab_size=vocab_size)
    limits = limits_of(training)
    run(pairs, source, target, out, preset=preset, limits=limits, **options, **training)


@train.command("summarizer")
@training_command("d_model", "dropout", "batch_size", "optimizer", "learning_rate")
def train_summarizer(
    data: Annotated[
        str, typer.Option(help="A .jsonl file with article and summary, a folder with train.jsonl, or bundled data.")
    ] = "summaries",
    out: Out = Path("runs/summarizer"),
    preset: Annotated[str, typer.Option(help="tiny or small.")] = "tiny",
    vocab_size: Annotated[int | None, typer.Option(help="Tokens of the vocabulary.")] = None,
    context_length: Annotated[int | None, typer.Option(help="The longest article in tokens.", min=1)] = None,
    *,
    training: dict[str, Any],
) -> None:
    """Learn to write summaries; two methods that only pick sentences are measured beside it.

    Example: minimm train summarizer --max-seconds 300 --out runs/summarizer
    """
    from minimm.runs.text import train_summarizer as run

    options = given(vocab_size=vocab_size, context_length=context_length)
    limits = limits_of(training)
    run(data, out, preset=preset, limits=limits, **options, **training)


@train.command("encoder")
@training_command("d_model", "dropout", "batch_size", "optimizer", "learning_rate")
def train_encoder(
    text: Annotated[list[Path], typer.Option(help="A text file or a folder of them, unlabelled; may be repeated.")],
    out: Out = Path("runs/encoder"),
    preset: Annotated[str, typer.Option(help="tiny or small.")] = "tiny",
    architecture: Annotated[
        str, typer.Option(help="minimm (learns fastest) or bert (opens in Hugging Face's transformers).")
    ] = "minimm",
    vocab_size: Annotated[int | None, typer.Option(help="Tokens of the WordPiece vocabulary.")] = None,
    *,
    training: dict[str, Any],
) -> None:
    """Pretrain a text encoder by filling gaps, for classifiers and question answerers to start from.

    Example: minimm train encoder --text reviews.txt --max-seconds 120 --out runs/encoder
    """
    from minimm.runs.text import train_encoder as run
    from minimm.tasks.presets import find_preset
    from minimm.tasks.text.presets import ENCODER_ARCHITECTURES

    options = given(vocab_size=vocab_size)
    limits = limits_of(training)
    options |= find_preset(ENCODER_ARCHITECTURES, architecture, "architecture")
    run(text, out, preset=preset, limits=limits, **options, **training)


@train.command("classifier")
@training_command("dropout", "batch_size", "optimizer", "learning_rate")
def train_classifier(
    data: Annotated[
        str, typer.Option(help="A .tsv file of label, tab, text; a folder with train.tsv; or bundled data.")
    ] = "sentiment",
    out: Out = Path("runs/classifier"),
    preset: Annotated[str, typer.Option(help="tiny or small.")] = "tiny",
    pretrained: Pretrained = None,
    method: Annotated[str, typer.Option(help="What of a pretrained encoder learns: full, frozen or lora.")] = "full",
    layer_decay: LayerDecay = None,
    label_smoothing: LabelSmoothing = None,
    patience: Patience = None,
    *,
    training: dict[str, Any],
) -> None:
    """Learn to label texts, from scratch or from a pretrained encoder.

    Example: minimm train classifier --pretrained runs/encoder --method lora --out runs/classifier
    """
    from minimm.runs.text import train_classifier as run

    options = given(pretrained=pretrained, layer_decay=layer_decay, label_smoothing=label_smoothing, patience=patience)
    limits = limits_of(training)
    run(data, out, preset=preset, method=method, limits=limits, **options, **training)


@train.command("question-answerer")
@training_command("dropout", "batch_size", "optimizer", "learning_rate")
def train_question_answerer(
    data: Annotated[
        str, typer.Option(help="A .json file in SQuAD's layout, a folder with train.json, or bundled data.")
    ] = "questions",
    out: Out = Path("runs/question-answerer"),
    preset: Annotated[str, typer.Option(help="tiny or small.")] = "small",
    pretrained: Pretrained = None,
    *,
    training: dict[str, Any],
) -> None:
    """Learn to find the words of a text that answer a question.

    Example: minimm train question-answerer --max-seconds 300 --out runs/qa
    """
    from minimm.runs.text import train_question_answerer as run

    options = given(pretrained=pretrained)
    limits = limits_of(training)
    run(data, out, preset=preset, limits=limits, **options, **training)


def limits_of(training: dict[str, Any]) -> dict[str, Any]:
    """Takes the limits of a run out of its options; they are for `fit`, the others for the model."""
    return {name: training.pop(name) for name in ("max_seconds", "max_steps", "resume") if name in training}
