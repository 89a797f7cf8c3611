"""Where each word of an answer looked in the pictures, recordings and clips of its prompt: self-attention, cut and reshaped.

In a decoder-only model words and media share one attention. The weights of a word on a medium are the columns where the medium
was spliced in; they lie on the grid of its encoder, coarser where neighbours were merged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minimm.datasets.instruction_sources import SAMPLE_RATE
from minimm.features.audio import HOP_SECONDS, load_audio
from minimm.interpretation.recorder import attention_maps
from minimm.layers.multi_head_attention import SelfAttention
from minimm.models.multimodal_language_model import Media, MultimodalLanguageModel
from minimm.tasks.attended import AttendedClip, AttendedImage, AttendedSound

Attended = AttendedImage | AttendedSound | AttendedClip


def attended_media(
    model: MultimodalLanguageModel,
    row: list[int],
    media: Media,
    words: list[str],
    given: Mapping[str, Sequence[Any]],
) -> list[Attended]:
    """What the last words of `row` looked at, for each medium in order.

    Args:
        row: token ids of the prompt and of the answer. media: what its places stand for, as the encoders take it.
        words: those of the answer, one for each of its tokens, at the end of the row. given: the media as they were given.
    """
    embedded = model.embed([row], media)
    language_model = model.language_model
    weights = attention_maps(
        language_model, lambda: language_model.forward_embeddings(embedded.vectors), SelfAttention
    )[:, 0].numpy()  # (L, H, T, T)
    # The attention that chose a word is that of the position before it, which is where it was predicted.
    looked = weights[:, :, -len(words) - 1 : -1]  # (L, H, W, T)
    queues = {name: iter(range(len(sources))) for name, sources in given.items()}
    found: list[Attended] = []
    for span in embedded.spans[0]:
        index = next(queues[span.modality])
        part = looked[..., span.start : span.stop]  # (L, H, W, positions)
        if span.modality == "audio":
            encoder = model.encoders["audio"].config
            step = HOP_SECONDS * 2 ** len(encoder.channels) * model.projectors["audio"].merge[0]
            waveform = load_audio(given["audio"][index], SAMPLE_RATE)
            found.append(AttendedSound(waveform, SAMPLE_RATE, words, part, step))
            continue
        maps = part.reshape(*part.shape[:3], *span.grid)
        shown = media[span.modality][0][index].cpu().numpy()
        if span.modality == "image":
            found.append(AttendedImage(shown, words, maps))
        else:  # one map for each frame: those that were merged share theirs
            maps = np.repeat(maps, model.projectors["video"].merge[0], axis=3)[:, :, :, : len(shown)]
            found.append(AttendedClip(shown, words, maps))
    return found
