"""How often a captioner is right about pictures of each group: here, scenes by the colour and the shape of what is in them."""

from __future__ import annotations

import torch

from minimm.datasets.shapes import COLOURS, SHAPES, Shapes
from minimm.runs.audits.audited import Audited, accuracy_rows, as_dict, worst_and_best
from minimm.tasks.seeds import EVALUATION_SEED
from minimm.tasks.writing.image_captioner import ImageCaptioner

PICTURES = 600


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
    rows = {}
    for names, column in ((list(COLOURS), colour), (list(SHAPES), shape)):
        rows |= accuracy_rows(right, [names[index] for index in column.tolist()], seed)
    held_out = [right[index] for index in (colour == shape).nonzero()[:, 0].tolist()]
    results = {
        "pictures": PICTURES,
        "accuracy": {name: as_dict(interval) for name, interval in rows.items()},
        "worst_accuracy": min(interval.value for interval in rows.values()),
        "accuracy_all": sum(right) / len(right),
        "accuracy_held_out": sum(held_out) / len(held_out),
    }
    findings = [
        f"{sum(right) / len(right):.1%} of the captions are right; of pairs of colour and shape never trained on, "
        f"{sum(held_out) / len(held_out):.1%}.",
        worst_and_best({name: rows[name] for name in COLOURS}, "By colour, accuracy"),
        worst_and_best({name: rows[name] for name in SHAPES}, "By shape, accuracy"),
    ]
    limits = ["Scenes of a single shape; nothing is said about photographs or people."]
    measured_on = f"{PICTURES} scenes of one shape, every colour with every shape"
    return Audited(measured_on, results, rows, "share of captions that are exactly right", findings, limits)
