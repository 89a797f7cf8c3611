"""Opening a pretrained encoder: a folder of ours or a BERT folder of Hugging Face's, from the disk."""

from __future__ import annotations

from pathlib import Path

from minimm.interoperability.hugging_face import is_hugging_face_folder, load_hugging_face
from minimm.models.text_encoder import TextEncoder
from minimm.tasks.task import check_together
from minimm.tasks.text.masked_text_model import MaskedTextModel
from minimm.tokenizers import Tokenizer, load_hugging_face_tokenizer


def load_encoder(folder: str | Path) -> tuple[TextEncoder, Tokenizer]:
    """The encoder and its tokenizer, on the CPU.

    Args:
        folder: what `MaskedTextModel` or `minimm train encoder` wrote, or what `save_pretrained` wrote for a BERT.

    Raises:
        MinimmError: another kind of model, or files that do not fit together.
    """
    if is_hugging_face_folder(folder):
        encoder, tokenizer = load_hugging_face(folder, encoder_only=True), load_hugging_face_tokenizer(folder)
        check_together(tokenizer, encoder.config.vocab_size, folder)
        return encoder, tokenizer
    task = MaskedTextModel.load(folder, device="cpu")
    return task.model.encoder, task.tokenizer
