"""One answer about a text and a picture, or what else comes as a `Memory`: two encoders, a fusion, a score for each label.

    logits = W fusion(text_encoder(text), image_encoder(image)) + b

Every question that has one of a fixed set of answers is a case of it: what is asked about a picture (Antol et al. 2015,
"VQA", section 4, answers among the frequent ones), whether a sentence is true of it, whether a recording fits it.
"""

from __future__ import annotations

from torch import Tensor, nn

from minimm.errors import check
from minimm.layers.dropout import Dropout
from minimm.layers.fusion import Fusion


class FusedClassifier(nn.Module):
    """Two inputs -> logits (B, num_labels).

    Args:
        text_encoder: gives a `Memory` for token ids (B, T) and their mask (B, T).
        image_encoder: gives a `Memory` for pictures; one for recordings or clips takes its input and mask just as well.
        fusion: one of `layers.fusion.FUSIONS`; all three have the same d_model.
    """

    def __init__(self, text_encoder: nn.Module, image_encoder: nn.Module, fusion: Fusion, num_labels: int) -> None:
        super().__init__()
        check(num_labels >= 2, f"num_labels={num_labels}, but there is nothing to decide with fewer than 2 labels")
        widths = {part.config.d_model for part in (text_encoder, image_encoder, fusion)}
        check(
            len(widths) == 1,
            f"the text encoder gives vectors of width d_model={text_encoder.config.d_model}, the image encoder "
            f"{image_encoder.config.d_model} and the fusion takes {fusion.config.d_model}; make them equal",
        )
        self.text_encoder = text_encoder
        self.image_encoder = image_encoder
        self.fusion = fusion
        self.dropout = Dropout(fusion.config.dropout)
        self.output = nn.Linear(fusion.config.d_model, num_labels)

    def forward(
        self, ids: Tensor, images: Tensor, mask: Tensor | None = None, image_mask: Tensor | None = None
    ) -> Tensor:
        """ids (B, T) and pictures (B, 3, S, S) -> logits (B, num_labels).

        Args:
            mask: (B, T) bool, False for padding; None = all are real. image_mask: the same for recordings and clips.
        """
        text = self.text_encoder(ids, mask)
        image = self.image_encoder(images) if image_mask is None else self.image_encoder(images, image_mask)
        return self.output(self.dropout(self.fusion(text.features, text.mask, image.features, image.mask)))
