"""What each modality needs to enter a language model: an encoder, new or from a specialist, and how files become its input."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from minimm.datasets.instruction_sources import IMAGE_SIZE, NUM_MELS, SAMPLE_RATE
from minimm.errors import MinimmError, check
from minimm.features.audio import load_audio, log_mel_batch
from minimm.features.image import load_image
from minimm.features.video import load_video
from minimm.models.audio_encoder import AudioEncoder, AudioEncoderConfig
from minimm.models.image_encoder import ImageEncoder, ImageEncoderConfig
from minimm.models.multimodal_language_model import Media, MultimodalLanguageModel
from minimm.models.video_encoder import VideoEncoder, VideoEncoderConfig
from minimm.tokenizers.prompt import find_places
from minimm.training.description import config_from

ENCODERS = {
    encoder.__name__: (encoder, config)
    for encoder, config in (
        (ImageEncoder, ImageEncoderConfig),
        (AudioEncoder, AudioEncoderConfig),
        (VideoEncoder, VideoEncoderConfig),
    )
}


@dataclass(frozen=True)
class Modality:
    """One way into the model.

    encoder: what an encoder is that learns from nothing (`build_encoder`). merge: neighbours along each axis of its grid that
    become one position. load: files or arrays -> what the encoder takes. word: what one medium is called.
    """

    encoder: dict[str, Any]
    merge: tuple[int, ...]
    load: Callable[[Sequence[Any], nn.Module], tuple[Tensor, ...]]
    word: str


def load_images(sources: Sequence[Any], encoder: nn.Module) -> tuple[Tensor, ...]:
    """Pictures -> (M, 3, S, S) of the size that the encoder was built for."""
    return (torch.stack([torch.from_numpy(load_image(each, size=encoder.config.image_size)) for each in sources]),)


def load_recordings(sources: Sequence[Any], encoder: nn.Module) -> tuple[Tensor, ...]:
    """Recordings -> log-mels (M, F, num_mels) and which frames are real (M, F)."""
    return log_mel_batch([load_audio(each, SAMPLE_RATE) for each in sources], SAMPLE_RATE, encoder.config.num_mels)


def load_clips(sources: Sequence[Any], encoder: nn.Module) -> tuple[Tensor, ...]:
    """Clips -> (M, T, 3, S, S), as many frames as the encoder was built for."""
    frames, size = encoder.config.num_frames, encoder.config.image_size
    return (torch.stack([torch.as_tensor(load_video(each, num_frames=frames, size=size)) for each in sources]),)


# 16 positions for a picture (2 x 2 of 8 x 8 regions each), 80 ms of sound in one, 16 for a clip (2 frames, 2 x 2 of 4 x 4).
MODALITIES = {
    "image": Modality({"class": "ImageEncoder", "image_size": IMAGE_SIZE}, (2, 2), load_images, "picture"),
    "audio": Modality({"class": "AudioEncoder", "num_mels": NUM_MELS}, (2,), load_recordings, "recording"),
    "video": Modality({"class": "VideoEncoder", "image_size": IMAGE_SIZE}, (2, 2, 2), load_clips, "clip"),
}


def describe_encoder(encoder: nn.Module) -> dict[str, Any]:
    """An encoder's class and config, as JSON values; `build_encoder` undoes it."""
    return {"class": type(encoder).__name__, **asdict(encoder.config)}


def build_encoder(description: dict[str, Any]) -> nn.Module:
    """An empty encoder of the shape that `describe_encoder` wrote."""
    kind, config = ENCODERS[description["class"]]
    return kind(config_from(config, {name: value for name, value in description.items() if name != "class"}))


def load_media(prompt: str, given: Mapping[str, Sequence[Any]], model: MultimodalLanguageModel) -> Media:
    """What stands at the places of a prompt, as the encoders take it.

    Args:
        given: by modality, files or arrays in the order of their places.

    Raises:
        MinimmError: an empty prompt, places without a medium, media without a place, a modality never trained on.
    """
    check(prompt.strip() != "", "the prompt is empty; say what should be done, as in '<image> describe the picture'")
    places = find_places(prompt)
    for name, modality in MODALITIES.items():
        wanted, found = places.count(name), len(given.get(name, ()))
        if name not in model.encoders and wanted + found > 0:
            raise MinimmError(
                f"this model was not trained on <{name}>; it knows {', '.join(f'<{known}>' for known in model.encoders)}"
            )
        check(
            wanted == found,
            f"the prompt has {wanted} {'place' if wanted == 1 else 'places'} <{name}>, but {found} "
            f"{modality.word if found == 1 else modality.word + 's'} {'was' if found == 1 else 'were'} given; "
            f"write <{name}> once for each {modality.word}",
        )
    return {name: MODALITIES[name].load(given[name], model.encoders[name]) for name in MODALITIES if name in places}


def tidy(prompt: str) -> str:
    """A prompt as the training has them: lower case, one space between words and around places, no mark at the end.

    >>> tidy("<image>How many  red shapes are there?")
    '<image> how many red shapes are there'
    """
    spaced = re.sub(r"<\w+>", lambda place: f" {place.group()} ", prompt)
    return " ".join(spaced.lower().split()).rstrip(" ?!.")
