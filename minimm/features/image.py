"""Pictures: from any file to an array (3, H, W) in [0, 1], and small random changes that keep what they show.

Augmentation makes many pictures of one: shifted, scaled and in another light, a thing is still the same thing. Hues are
never turned, since names contain colours.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from minimm.errors import MinimmError, check
from minimm.files import check_file

PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
# Those that are read. Of the others that Pillow knows some start a program: PostScript is drawn by Ghostscript.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MAX_PIXELS = 25_000_000  # a file may claim any size in a few bytes; larger ones are refused before they are unpacked
BAND = 256  # rows


def load_image(source: Any, size: int | None = None) -> np.ndarray:
    """A picture as float32 (3, H, W) in [0, 1].

    Args:
        source: a path, a PIL image, or an array or tensor (3, H, W) in [0, 1]. Grey, 16-bit, palette, CMYK and
            transparent pictures are converted (transparent ones put on white); photos are turned upright; of an
            animation the first frame is taken.
        size: bring it to a square of this side in pixels: shape kept, padded with white.

    Raises:
        MinimmError: what cannot be read, claims more than `MAX_PIXELS` or has fewer than 2 x 2 pixels.
    """
    check(
        size is None or (isinstance(size, int) and size >= 2),
        f"size={size} is no side of a square; give a whole number of pixels from 2 up, such as size=64",
    )
    if isinstance(source, str | Path | Image.Image):
        source = Path(source) if isinstance(source, str) else source
        name = str(source) if isinstance(source, Path) else "the picture"
        with opened(source, name) as file:
            picture = to_rgb(file)
    else:
        name, image = "the picture", _checked(source)
        if min(image.shape[1:]) >= 2 and (size is None or image.shape[1:] == (size, size)):
            return image  # its numbers stay exactly as they are
        picture = to_pil(image)
    check(
        min(picture.size) >= 2,
        f"{name} has {picture.width} x {picture.height} pixels, too few to show anything; give at least 2 x 2",
    )
    if size is not None and picture.size != (size, size):
        picture = ImageOps.pad(picture, (size, size), Image.Resampling.BICUBIC, color=(255, 255, 255))
    return np.ascontiguousarray(np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / 255.0)  # (3, H, W)


@contextmanager
def opened(source: Path | Image.Image, name: str, wanted: str = "a PNG or JPEG file") -> Iterator[Image.Image]:
    """A file, or a PIL image, which may be a file not yet read; whatever goes wrong in the block becomes one sentence.

    Args:
        name: what the sentence calls it. wanted: what it says should have been given instead.
    """
    try:
        if isinstance(source, Path):
            check_file(source, wanted)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of many pixels or a damaged EXIF block: both are handled here
            with _open(source) as picture:
                check(
                    picture.width * picture.height <= MAX_PIXELS,
                    f"{name} claims {picture.width} x {picture.height} pixels, but at most {MAX_PIXELS:,} are read; "
                    "make it smaller first",
                )
                yield picture
    except MinimmError:
        raise
    except Image.DecompressionBombError:
        raise MinimmError(f"{name} claims more than {MAX_PIXELS:,} pixels; make it smaller first") from None
    except Image.UnidentifiedImageError:
        raise MinimmError(f"{name} is not a picture of a known kind; give {wanted}") from None
    except Exception as error:  # a damaged file can make Pillow's decoders fail in any way
        if isinstance(error, OSError) and error.strerror:
            raise MinimmError(f"{name} could not be read ({error.strerror})") from None
        raise MinimmError(f"{name} is damaged or cut off ({error}); open it in a viewer and save it again") from None


def _open(source: Path | Image.Image) -> AbstractContextManager[Image.Image]:
    return nullcontext(source) if isinstance(source, Image.Image) else Image.open(source, formats=FORMATS)


def to_rgb(picture: Image.Image) -> Image.Image:
    """Any mode of Pillow's -> RGB, upright, on white where it is transparent."""
    picture.load()
    with suppress(Exception):  # a damaged EXIF block cannot say which way is up; the pixels are as good as before
        picture = ImageOps.exif_transpose(picture)
    if picture.mode[0] in "IF":
        return _deep_grey_to_rgb(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _deep_grey_to_rgb(picture: Image.Image) -> Image.Image:
    """Grey of 16 bits, whole (mode I) or floating-point (mode F) numbers, scaled; `convert` would cut it off at 255."""
    grey = np.asarray(picture)
    white = 65535.0
    if picture.mode == "F":
        white = 1.0 if np.nan_to_num(grey).max(initial=0.0) <= 1.0 else 255.0  # both are in use for floating-point grey
    shades = np.empty(grey.shape, np.uint8)
    for top in range(0, len(grey), BAND):  # of a large picture all rows at once would take eight bytes a pixel, thrice
        values = np.nan_to_num(grey[top : top + BAND].astype(np.float64))
        values[values == picture.info.get("transparency")] = white  # the one grey that a PNG may declare transparent
        shades[top : top + BAND] = (values / white * 255.0).round().clip(0, 255)
    return Image.fromarray(shades).convert("RGB")


def _checked(image: Any) -> np.ndarray:
    """An array or tensor (3, H, W) in [0, 1] -> a float32 copy, or an error that says what is wrong with it."""
    values = image.detach().float().cpu().numpy() if isinstance(image, Tensor) else np.asarray(image)
    check(
        values.ndim == 3 and values.shape[0] == 3 and values.dtype.kind in "biuf",
        "a picture must be a path, a PIL image or an array (3, H, W) of numbers in [0, 1], but this is an array "
        f"{values.shape} of {values.dtype}; for (H, W, 3) use .transpose(2, 0, 1)",
    )
    check(
        bool(np.isfinite(values).all()) and values.min(initial=0) >= -1e-6 and values.max(initial=0) <= 1 + 1e-6,
        "the numbers of a picture must lie in [0, 1]; divide 8-bit values by 255",
    )
    return values.astype(np.float32).clip(0.0, 1.0)


def to_pil(image: np.ndarray | Tensor) -> Image.Image:
    """An array (3, H, W) in [0, 1] -> a PIL image of 8 bits a channel."""
    return Image.fromarray((_checked(image).transpose(1, 2, 0) * 255.0).round().astype(np.uint8))


def augment_images(
    images: Tensor,
    generator: torch.Generator,
    *,
    shift: float = 0.1,
    scale: tuple[float, float] = (0.8, 1.2),
    rotation: float = 0.0,
    recolour: float = 0.2,
) -> Tensor:
    """Change each picture a little: shifted, scaled, turned, and in another light. (B, 3, H, W) in [0, 1] -> the same shape.

    Clips (B, T, 3, H, W) are changed each in its way, all frames of one alike.

    Args:
        generator: a CPU generator; the same state makes the same changes.
        shift: at most this share of the side, in each direction; white moves in.
        scale: how much larger or smaller, least and most.
        rotation: at most so many degrees to either side, of square pictures; 0 for things that have an upright.
        recolour: strength of random brightness, contrast, saturation and white balance, each within +- this share.
    """
    check(
        images.ndim in (4, 5) and images.shape[-3] == 3 and images.is_floating_point(),
        f"augment_images needs floating-point pictures (B, 3, H, W) or clips (B, T, 3, H, W), but got {tuple(images.shape)} "
        f"of {images.dtype}",
    )
    shape, frames = images.shape, images.shape[1] if images.ndim == 5 else 1
    images = images.reshape(-1, *shape[-3:])
    count = len(images)

    def uniform(low: float, high: float, *size: int) -> Tensor:
        drawn = low + (high - low) * torch.rand(shape[0], *size, generator=generator)
        return drawn.repeat_interleave(frames, dim=0)  # (B * T, ...)

    zoom = uniform(*scale)
    affine = torch.zeros(count, 2, 3)  # from places in the new picture to places in the old, both in [-1, 1]
    affine[:, 0, 0] = affine[:, 1, 1] = 1.0 / zoom
    affine[:, :, 2] = uniform(-2.0 * shift, 2.0 * shift, 2) / zoom[:, None]
    if rotation:
        angle = uniform(-rotation, rotation).deg2rad()  # (B,)
        turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=-1).view(count, 2, 2)
        affine = turn @ affine
    grid = F.affine_grid(affine, list(images.shape), align_corners=False).to(images)
    moved = 1.0 - F.grid_sample(1.0 - images, grid, padding_mode="zeros", align_corners=False)  # outside is white

    # Saturation pulls each pixel towards its grey, contrast towards the picture's mean level, brightness and white
    # balance multiply: together one 3 x 3 matrix and one offset a picture.
    saturation, contrast, brightness = (uniform(1 - recolour, 1 + recolour, 1, 1).to(images) for _ in range(3))
    gain = brightness * uniform(1 - recolour / 2, 1 + recolour / 2, 3, 1).to(images)  # (B, 3, 1)
    mixing = saturation * torch.eye(3).to(images) + (1.0 - saturation) / 3.0  # (B, 3, 3)
    level = moved.view(shape[0], -1).mean(dim=1).repeat_interleave(frames).view(count, 1, 1)
    offset = gain * (1.0 - contrast) * level  # (B, 3, 1)
    recoloured = torch.baddbmm(offset, gain * contrast * mixing, moved.flatten(2))  # (B, 3, H * W)
    return recoloured.view(shape).clamp(0.0, 1.0)


def recolour(images: Tensor) -> Tensor:
    """Pictures (..., 3, H, W) with red for blue and blue for red; grey stays grey, and shapes are what they were."""
    check(
        images.ndim >= 3 and images.shape[-3] == 3,
        f"recolour needs pictures (..., 3, H, W), but got {tuple(images.shape)}",
    )
    return images.flip(-3)
