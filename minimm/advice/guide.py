"""`minimm guide`: which model for which task, in which sizes, judged by what, and what to do with little data.

The same table of jobs as `minimm advise` has, before anything is counted or measured: to choose from, or to hand out, as text
or as a page.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from minimm.advice.jobs import Job, find_jobs
from minimm.files import write_text

WIDTH, LABEL = 118, 12
# What each job is judged by, as results.json calls it, and how to read that.
METRICS = {
    "language-model": ("perplexity, bits_per_byte", "how surprised it is by text it has not read; with another tokenizer, "
                       "compare bits per byte only"),
    "translator": ("bleu, chrf", "n-grams shared with a translation by people; chrF for languages with many endings"),
    "summarizer": ("rouge1, rouge2, rougeL", "words, pairs and sequences shared with a summary by people"),
    "question-answerer": ("exact_match, f1", "answers that are the same, and words that are shared with the true one"),
    "classifier": ("accuracy, f1", "with rare labels look at the second: accuracy forgives overlooking them"),
    "encoder": ("masked_accuracy", "gaps filled rightly; what counts in the end is the job that starts from it"),
    "captioner": ("exact_match, cider, pointing_accuracy", "right as a whole, alike in words, and whether words look at what "
                  "they name"),
    "visual-question-answerer": ("accuracy, accuracy_chance", "above the second, which takes no look at the picture"),
    "retriever": ("recall_at_1, recall_at_5", "how often the right one is the best, or among five, in both directions"),
    "digit-retriever": ("recall_at_1, recall_at_5", "how often the right one is the best, or among five, in all directions"),
    "speech-recognizer": ("word_error_rate", "words to be changed, added and removed, for each that was said; 0 is perfect"),
    "video-captioner": ("exact_match, exact_match_shuffled",
                        "right, and right of frames in any order: it sees motion if that is rare"),
    "text-to-image": ("all_accuracy, codebook_use", "drawings in which a reader by rules finds what was asked for"),
    "assistant": ("accuracy of each job", "beside the specialist's of the same job"),
}  # fmt: skip


def guide(
    taken: list[str] | None = None, given: str | None = None, task: str | None = None, page: Path | None = None
) -> None:
    """Print the guide to the jobs that fit, as `find_jobs`, all if nothing is asked for; write it as an HTML `page`, too."""
    jobs = find_jobs(taken, given, task)
    print(fill(_opening(), WIDTH))
    for job in jobs:
        print(f"\n{job.name}: {_routes(job)}")
        for label, said in _rows(job):
            if label == "command":
                print(f"  {label:<{LABEL}}{said}")  # in one line, to be copied
            else:
                print(fill(said, WIDTH, initial_indent=f"  {label:<{LABEL}}", subsequent_indent=" " * (LABEL + 2)))
    if page is not None:
        write_text(page, as_page(jobs))
        print(f"\nthe same as a page: {page}")


def _opening() -> str:
    return (
        "If nothing but text goes in and out, a language model or one of its relatives will do; as soon as pictures, sounds "
        "or clips do, take a model with an encoder for each. One model for several jobs, the assistant, needs as much data "
        "and time as all of them together. `minimm advise` counts and measures for your machine."
    )


def _routes(job: Job) -> str:
    """What goes in and comes out, the longest lists cut short."""
    routes = [f"{before.replace(' ', ' + ')} to {after}" for before, after in job.routes]
    return ", ".join(routes[:4]) + (", and other mixtures" if len(routes) > 4 else "")


def _rows(job: Job) -> list[tuple[str, str]]:
    """What is told of a job, by label."""
    only_text = all(set(before.split()) | {after} == {"text"} for before, after in job.routes)
    keys, reading = METRICS[job.name]
    rows = [
        ("kind", "language" if only_text else "multimodal"),
        ("why", job.why),
        ("sizes", "; ".join(_size(job, name) for name in job.presets)),
        ("judged by", f"{keys}: {reading}"),
        ("little data", job.few),
        ("to expect", job.measured or ""),
        ("command", " ".join(["minimm train", *job.command, *(["--text FILE"] if job.reads_text else [])])),
    ]
    return [(label, said) for label, said in rows if said]


def _size(job: Job, name: str) -> str:
    preset: Any = job.presets[name]
    parts = [f"width {preset.d_model}"] if hasattr(preset, "d_model") else []
    layers = [getattr(preset, field) for field in ("num_layers", "num_encoder_layers") if hasattr(preset, field)]
    parts += [f"{layers[0]} layers"] if layers else []
    if hasattr(preset, "image_size"):
        parts.append(f"{preset.image_size} x {preset.image_size} pixels")
    return f"--preset {name} ({', '.join([*parts, f'{job.seconds(name):.0f} s on two cores'])})"


def as_page(jobs: Sequence[Job]) -> str:
    """A self-contained HTML page of these jobs."""
    links = " ".join(f'<a href="#{job.name}">{job.name}</a>' for job in jobs)
    sections = "\n".join(_section(job) for job in jobs)
    return PAGE.format(opening=_in_html(_opening()), links=links, sections=sections)


def _section(job: Job) -> str:
    rows = "\n".join(
        f"<dt>{label}</dt><dd>{f'<code>{html.escape(said)}</code>' if label == 'command' else _in_html(said)}</dd>"
        for label, said in _rows(job)
    )
    return f'<section id="{job.name}">\n<h2>{job.name}</h2>\n<p>{_in_html(_routes(job))}</p>\n<dl>\n{rows}\n</dl>\n</section>'


def _in_html(text: str) -> str:
    """Escaped, what stands in backticks as code."""
    pieces = html.escape(text, quote=False).split("`")
    return "".join(f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces))


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Which model for which task</title>
<style>
:root {{ --paper: #ffffff; --ink: #1a1a1a; --soft: #5c5c5c; --line: #c9c9c9; --link: #0072b2; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --paper: #141414; --ink: #ececec; --soft: #a8a8a8; --line: #4a4a4a; --link: #56b4e9; }}
}}
body {{
  margin: 0 auto; padding: 1rem; max-width: 52rem;
  background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
}}
a {{ color: var(--link); margin-right: .75rem; white-space: nowrap; }}
section {{ border-top: 1px solid var(--line); margin-top: 1.25rem; }}
h2 {{ margin: .75rem 0 0; font-size: 1.15rem; }}
section p {{ margin: 0; color: var(--soft); }}
dl {{ display: grid; grid-template-columns: 6.5rem 1fr; gap: .3rem .75rem; margin: .5rem 0; }}
dt {{ color: var(--soft); }}
dd {{ margin: 0; overflow-wrap: anywhere; }}
@media (max-width: 30rem) {{ dl {{ grid-template-columns: 1fr; }} dd {{ margin-bottom: .4rem; }} }}
</style>
</head>
<body>
<h1>Which model for which task</h1>
<p>{opening}</p>
<nav aria-label="Tasks">{links}</nav>
{sections}
</body>
</html>
"""
