"""Late interaction: a text fits a picture as well as its words, each compared with the region that shows it best.

    c_tr = cosine(word_t, region_r)            similarity(text, picture) = mean_t max_r c_tr

Trained on whole pairs alone, it learns which word belongs where: nobody ever says where a thing is, but a word that must be
found in its own picture and not in others can only do so at the thing it names. The map c_t of a word over the regions is
where the picture shows it. The parts of a recording or a clip take the place of regions as well.

Source: Khattab and Zaharia 2020, "ColBERT", section 3.3 (the sum over words there is a mean here, since texts differ in
length); for pictures Yao et al. 2022, "FILIP", eq. 4. Differs from FILIP: there, regions also look for words, in a second
similarity of its own; most regions are background that no word names, and leaving them out saves two thirds of the time.
The plain formula is in `first_principles/late_interaction.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.errors import check


def late_interaction(words: Tensor, word_mask: Tensor, regions: Tensor, region_mask: Tensor) -> Tensor:
    """The similarity of every text and every picture, (N, M), from -1 to 1.

    Args:
        words: (N, T, D) and regions: (M, R, D), rows of length one.
        word_mask: (N, T) and region_mask: (M, R) bool, True where a part is real; each row has at least one.
    """
    check(
        words.ndim == regions.ndim == 3 and words.shape[-1] == regions.shape[-1],
        f"words must be (N, T, D) and regions (M, R, D) of one width D, but they are {tuple(words.shape)} and "
        f"{tuple(regions.shape)}",
    )
    for name, parts, mask in (("words", words, word_mask), ("regions", regions, region_mask)):
        check(
            mask.shape == parts.shape[:2],
            f"{name} {tuple(parts.shape)} need a mask {tuple(parts.shape[:2])}, but it is {tuple(mask.shape)}",
        )
    count, (num_pictures, num_regions, _) = len(words), regions.shape
    real = words[word_mask]  # (W, D): the words of all texts one behind the other, without padding
    cosines = (real @ regions.flatten(0, 1).T).view(-1, num_pictures, num_regions)  # (W, M, R)
    if not bool(region_mask.all()):
        cosines = cosines.masked_fill(~region_mask, -torch.inf)
    best = cosines.max(dim=-1).values  # (W, M)
    lengths = word_mask.sum(dim=1)  # (N,)
    text = torch.arange(count, device=words.device).repeat_interleave(lengths)  # (W,): whose word it is
    return best.new_zeros(count, num_pictures).index_add(0, text, best) / lengths[:, None]
