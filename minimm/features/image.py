"""Pictures: from any file to an array (3, H, W) in [0, 1], and small random changes that keep what they show.

Augmentation makes many pictures of one: shifted, scaled and in another light, a thing is still the same thing. Hues are
never turned, since names contain colours.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from minimm.errors import MinimmError, check

MAX_PIXELS = 64_000_000  # a file may claim any size in a few bytes; larger ones are refused before they are unpacked


def load_image(source: Any, size: int | None = None) -> np.ndarray:
    """A picture as float32 (3, H, W) in [0, 1].

    Args:
        source: a path, a PIL image, or an array (3, H, W) in [0, 1]. Grey, 16-bit, palette, CMYK and transparent
            pictures are converted (transparent ones put on white); of an animation the first frame is taken.
        size: bring it to a square of this side in pixels: shape kept, padded with white.
    """
    if isinstance(source, str | Path):
        name, picture = str(source), _open(Path(source))
    elif isinstance(source, Image.Image):
        name, picture = "the picture", _to_rgb(source)
    else:
        name, picture = "the picture", to_pil(source)
    check(min(picture.size) >= 2, f"{name} is {picture.width} x {picture.height} pixels; there is nothing to see in it")
    if size is not None and picture.size != (size, size):
        picture = ImageOps.pad(picture, (size, size), Image.Resampling.BICUBIC, color=(255, 255, 255))
    return np.ascontiguousarray(np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / 255.0)  # (3, H, W)


def _open(path: Path) -> Image.Image:
    check(path.exists(), f"{path} does not exist")
    check(path.is_file(), f"{path} is a folder; give one picture file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the check below is stricter
            with Image.open(path) as file:
                check(
                    file.width * file.height <= MAX_PIXELS,
                    f"{path} claims {file.width} x {file.height} pixels; pictures of more than {MAX_PIXELS:,} are refused",
                )
                file.load()
                return _to_rgb(file)
    except MinimmError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise MinimmError(
            f"{path} is not a complete picture ({error}); open it in a viewer and save it again"
        ) from None
    except Exception as error:  # noqa: BLE001, a broken file can make Pillow's decoders fail in any way
        raise MinimmError(f"{path} is not a readable picture ({type(error).__name__}: {error})") from None


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Any mode of Pillow's -> RGB, on white where it is transparent."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):  # 16-bit grey; `convert` would cut it off at 255 instead of scaling it
        values = np.asarray(picture, dtype=np.float64)
        scale = 65535.0 if values.max(initial=0) > 255 or "16" in picture.mode else 255.0
        picture = Image.fromarray((values / scale * 255.0).clip(0, 255).round().astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def to_pil(image: np.ndarray | Tensor) -> Image.Image:
    """An array (3, H, W) in [0, 1] -> a PIL image."""
    values = np.asarray(image)
    check(
        values.ndim == 3 and values.shape[0] == 3,
        f"a picture must be an array (3, H, W), but its shape is {values.shape}; for (H, W, 3) use .transpose(2, 0, 1)",
    )
    check(
        bool(np.isfinite(values).all()) and values.min(initial=0) >= -1e-6 and values.max(initial=0) <= 1 + 1e-6,
        "the numbers of a picture must lie in [0, 1]; divide 8-bit values by 255",
    )
    return Image.fromarray((values.astype(np.float64).transpose(1, 2, 0) * 255.0).round().clip(0, 255).astype(np.uint8))


def augment_images(
    images: Tensor,
    generator: torch.Generator,
    *,
    shift: float = 0.1,
    scale: tuple[float, float] = (0.8, 1.2),
    recolour: float = 0.2,
) -> Tensor:
    """Change each picture a little: shifted, scaled, and in another light. (B, 3, H, W) in [0, 1] -> the same shape.

    Args:
        generator: a CPU generator; the same state makes the same changes.
        shift: at most this share of the side, in each direction; white moves in.
        scale: how much larger or smaller, least and most.
        recolour: strength of random brightness, contrast, saturation and white balance, each within +- this share.
    """
    check(
        images.ndim == 4 and images.shape[1] == 3, f"augment_images needs (B, 3, H, W), but got {tuple(images.shape)}"
    )
    count = images.shape[0]

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    zoom = uniform(*scale)
    affine = torch.zeros(count, 2, 3)  # from places in the new picture to places in the old, both in [-1, 1]
    affine[:, 0, 0] = affine[:, 1, 1] = 1.0 / zoom
    affine[:, :, 2] = uniform(-2.0 * shift, 2.0 * shift, 2)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False).to(images)
    moved = 1.0 - F.grid_sample(1.0 - images, grid, padding_mode="zeros", align_corners=False)  # outside is white

    grey = moved.mean(dim=1, keepdim=True)  # (B, 1, H, W)
    level = grey.mean(dim=(2, 3), keepdim=True)  # (B, 1, 1, 1)
    saturation, contrast, brightness = (uniform(1 - recolour, 1 + recolour, 1, 1, 1).to(images) for _ in range(3))
    balance = uniform(1 - recolour / 2, 1 + recolour / 2, 3, 1, 1).to(images)
    coloured = torch.lerp(grey, moved, saturation)
    contrasted = torch.lerp(level, coloured, contrast)
    return (contrasted * (brightness * balance)).clamp(0.0, 1.0)
