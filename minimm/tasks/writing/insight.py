"""Looking inside a captioner: what it would write next after each layer of its decoder."""

from __future__ import annotations

from typing import Any

import torch

from minimm.interpretation.logit_lens import logit_lens
from minimm.tasks.seen_inside import SeenDepths
from minimm.tasks.writing.image_captioner import ImageCaptioner


@torch.inference_mode()
def depths(task: ImageCaptioner, image: Any, caption: str | None = None) -> SeenDepths:
    """The logit lens over a caption, the model's own if none is given: the likeliest next token after each layer."""
    caption = task.generate_caption(image) if caption is None else caption
    words = task.caption_words(task._load(image), caption)  # refuses an empty caption
    model, picture = words[0].model, words[0].image[None]
    ids = torch.tensor([[task.tokenizer.bos_id, *task.tokenizer.encode(caption)]], device=task.device)
    return SeenDepths.of(task.tokenizer, ids[0].tolist(), logit_lens(model.decoder, lambda: model(picture, ids))[:, 0])
