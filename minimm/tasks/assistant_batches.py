"""What the training of `MultimodalAssistant` reads: its vocabulary, and rows of token ids with what must follow."""

from __future__ import annotations

import torch
from torch import Tensor

from minimm.datasets.multimodal_instructions import Instructions, MultimodalInstructions
from minimm.datasets.text_corpus import IGNORE
from minimm.generation.decoder import pad_left
from minimm.tokenizers import PromptTokenizer, Tokenizer

VOCABULARY_EXAMPLES = 2_000  # of each job, read to learn the words
VOCABULARY_SEED = 1_234_568


def learn_vocabulary(data: MultimodalInstructions) -> PromptTokenizer:
    """All words and places of the jobs' prompts and answers, and of what is told in place of their media."""
    generator = torch.Generator().manual_seed(VOCABULARY_SEED)
    texts: list[str] = []
    for job in data.jobs:
        examples = data.draw(job, VOCABULARY_EXAMPLES, generator)
        texts += [*examples.prompts, *examples.in_words(), *examples.answers]
    return PromptTokenizer.train(texts)


def token_rows(tokenizer: Tokenizer, examples: Instructions, told: bool) -> tuple[list[list[int]], Tensor]:
    """Rows `prompt <bos> answer`, and what must follow the `<bos>` and each word of the answer: the next, at last `<eos>`.

    The targets (B, T') belong to the last T' positions, when rows are padded on the left.
    """
    texts = examples.in_words() if told else examples.prompts
    prompts = [tokenizer.encode(text, unknown="replace") for text in texts]
    answers = [tokenizer.encode(text, unknown="replace") for text in examples.answers]
    rows = [[*prompt, tokenizer.bos_id, *answer] for prompt, answer in zip(prompts, answers, strict=True)]
    targets, _ = pad_left([[*answer, tokenizer.eos_id] for answer in answers], IGNORE)
    return rows, targets
