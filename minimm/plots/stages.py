"""What each stage of a training taught: one row for each job, one mark for each stage, from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from minimm.errors import check
from minimm.plots.labels import shorten, width
from minimm.plots.style import BLUE, GREEN, GREY, INK, NORMAL, SMALL, VERMILLION, Drawing, text_style

PANEL, ROW, GAP = 4.6, 0.26, 0.12  # inches: width of the axes, height of a row, between names and axes
MARKS = (("s", GREY), ("D", VERMILLION), ("o", BLUE), ("^", GREEN))  # shape and colour of each stage
LABEL_INCHES = 2.2


def stage_scores(scores: Mapping[str, Mapping[str, float]], title: str = "What each stage taught") -> Figure:
    """Draw scores[stage][job], shares from 0 to 1. Stages in order, at most four; a job may be missing in some.

    Raises `MinimmError` where there is nothing to draw, too many stages, or a score outside 0 to 1.
    """
    jobs = list(dict.fromkeys(job for found in scores.values() for job in found))
    check(
        len(jobs) > 0 and len(scores) <= len(MARKS),
        f"there are {len(scores)} stages with {len(jobs)} jobs to draw; give 1 to {len(MARKS)} stages and a job",
    )
    values = [value for found in scores.values() for value in found.values()]
    check(
        all(0.0 <= value <= 1.0 for value in values),
        f"scores are shares from 0 to 1, but these are {values}; divide percentages by 100",
    )
    labels = [shorten(job.replace("_", " "), LABEL_INCHES, NORMAL) for job in jobs]
    left = max(width(label, NORMAL) for label in labels) + GAP
    tall = ROW * len(jobs)
    figure = Drawing(left + PANEL + 0.15, tall + 0.55, title)
    axes = figure.panel(left, 0.3, PANEL, tall, frame=GREY)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(len(jobs) - 0.5, -0.5)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"], **text_style(SMALL))
    axes.grid(True, axis="x", color="#e4e4e4", linewidth=0.6, linestyle="-")
    axes.set_axisbelow(True)
    for row, label in enumerate(labels):
        figure.write(left - GAP / 2, 0.3 + (row + 0.5) * ROW, label, NORMAL, ha="right", va="center")
    at = left
    for (stage, found), (mark, colour) in zip(scores.items(), MARKS, strict=False):
        rows = [row for row, job in enumerate(jobs) if job in found]
        axes.plot(
            [found[jobs[row]] for row in rows],
            rows,
            mark,
            color=colour,
            markersize=6,
            markeredgecolor=INK,
            markeredgewidth=0.4,
            linestyle="none",
            clip_on=False,
        )
        key = figure.panel(at, 0.04, 0.16, 0.16)
        key.plot([0.5], [0.5], mark, color=colour, markersize=6, markeredgecolor=INK, markeredgewidth=0.4)
        key.set_xlim(0, 1)
        key.set_ylim(0, 1)
        key.set_axis_off()
        name = f"after {stage}"
        figure.write(at + 0.2, 0.12, name, SMALL, va="center")
        at += 0.2 + width(name, SMALL) + 0.2
    return figure
