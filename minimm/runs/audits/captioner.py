"""How often a captioner is right about pictures of each group: here, scenes by the colour and the shape of what is in them."""

from __future__ import annotations

import torch

from minimm.datasets.shapes import COLOURS, SHAPES, Shapes
from minimm.metrics.intervals import share_interval
from minimm.runs.audits.audited import Audited, accuracy_rows, worst_and_best
from minimm.tasks.seeds import EVALUATION_SEED
from minimm.tasks.writing.image_captioner import ImageCaptioner

PICTURES = 600
HARDLY_ANY = 0.05  # share of captions


def audit_captioner(task: ImageCaptioner, *, seed: int = 0) -> Audited:
    """On scenes of one object, by its colour and by its shape, pairs that were never trained on among them."""
    size = task.require_model().encoder.config.image_size
    generator = torch.Generator().manual_seed(EVALUATION_SEED + seed)
    colour = torch.arange(PICTURES) % len(COLOURS)
    shape = torch.arange(PICTURES) // len(COLOURS) % len(SHAPES)
    big = torch.randint(2, (PICTURES, 1), generator=generator).expand(-1, 3)
    source = Shapes("validation", size, max_objects=1, language=task.language)
    one = torch.ones(PICTURES, dtype=torch.int64)
    scenes = source.compose(one, big, *(every[:, None].expand(-1, 3) for every in (colour, shape)), generator)
    written = task.generate_captions(scenes.images)
    right = [one == caption for one, caption in zip(written, scenes.captions, strict=True)]
    rows, p_values, findings = {}, {}, []
    for kind, names, column in (("colour", list(COLOURS), colour), ("shape", list(SHAPES), shape)):
        named = [names[index] for index in column.tolist()]
        rows |= accuracy_rows(right, named)
        sentence, p_values[kind] = worst_and_best(f"By {kind}, accuracy", right, named, seed)
        findings.append(sentence)
    unseen = [right[index] for index in (colour == shape).nonzero()[:, 0].tolist()]
    every, held_out = share_interval(right), share_interval(unseen)
    results = {
        "pictures": PICTURES,
        "accuracy": {name: row.as_dict() for name, row in rows.items()},
        "p_values": p_values,
        "worst_accuracy": min(row.value for row in rows.values()),
        "accuracy_all": every.as_dict(),
        "accuracy_held_out": held_out.as_dict(),
    }
    findings.insert(
        0,
        f"{every.value:.1%} of the captions are right ({every.low:.1%} to {every.high:.1%}); of pairs of colour and shape "
        f"never trained on, {held_out.value:.1%} ({held_out.low:.1%} to {held_out.high:.1%}).",
    )
    limits = ["Scenes of a single shape; nothing is said about photographs or people."]
    if every.value < HARDLY_ANY:
        limits.append(
            "Hardly any caption is right: this captioner has learned from other pictures, and this audit is not for it."
        )
    measured_on = f"{PICTURES} scenes of one shape, every colour with every shape"
    return Audited(measured_on, results, rows, "share of captions that are exactly right", findings, limits)
