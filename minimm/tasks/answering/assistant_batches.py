"""What the training of `MultimodalAssistant` reads: its vocabulary, and rows of token ids with what must follow."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from minimm.datasets.instruction_jobs import TRANSCRIBE
from minimm.datasets.instructions import Instructions
from minimm.datasets.multimodal_instructions import MultimodalInstructions
from minimm.datasets.text_corpus import IGNORE
from minimm.errors import MinimmError, check
from minimm.generation.decoder import pad_left
from minimm.tokenizers import PromptTokenizer, Tokenizer
from minimm.tokenizers.tokenizer import Unknown

VOCABULARY_EXAMPLES = 400  # of each job, read to learn the words
VOCABULARY_SEED = 1_234_568


def learn_vocabulary(data: MultimodalInstructions) -> PromptTokenizer:
    """All words and places of the jobs' prompts and answers, and of what is told in place of their media."""
    generator = torch.Generator().manual_seed(VOCABULARY_SEED)
    texts = [
        join_places(TRANSCRIBE)
    ]  # known from the beginning, so that a model can go on to learn from spoken questions
    for job in data.jobs:
        examples = data.draw(job, VOCABULARY_EXAMPLES, generator)
        prompts = [*examples.prompts, *examples.in_words().prompts]
        further = [turn for turns in examples.more for turn in turns]
        prompts += [prompt for prompt, _ in further]
        answers = [*examples.answers, *(answer for _, answer in further)]
        texts += [*map(join_places, prompts), *(f" {answer}" for answer in answers)]
    return PromptTokenizer.train(texts)


def check_vocabulary(tokenizer: Tokenizer, data: MultimodalInstructions) -> None:
    """Make sure that a trained vocabulary has all words of the jobs' prompts and answers, or say which is missing."""
    generator = torch.Generator().manual_seed(VOCABULARY_SEED)
    for job in data.jobs:
        examples = data.draw(job, VOCABULARY_EXAMPLES, generator)
        turns = [
            *zip(examples.prompts, examples.answers, strict=True),
            *(turn for row in examples.more for turn in row),
        ]
        try:
            for prompt, answer in turns:
                prompt_ids(tokenizer, prompt, "error")
                answer_ids(tokenizer, answer, "error")
        except MinimmError as error:
            raise MinimmError(
                f"the model to go on from does not know all words of the job {job} ({error}); it cannot learn new words, so "
                f"leave this job out, or train a new model with it among its --jobs"
            ) from None


def check_words(tokenizer: Tokenizer, prompt: str) -> None:
    """Make sure that an assistant knows all words of a prompt, or say which it does not."""
    pieces = PromptTokenizer.split(join_places(prompt))
    known = [tokenizer.encode(piece, unknown="replace") != [tokenizer.unk_id] for piece in pieces]
    unknown = [piece.strip() for piece, knows in zip(pieces, known, strict=True) if not knows]
    check(
        not unknown,
        f"this assistant has learned few words, and not {', '.join(map(repr, unknown))}; ask as in its training, "
        "such as '<image> describe the picture' or '<image> how many red shapes are there'; samples.txt has more",
    )


def prompt_ids(tokenizer: Tokenizer, prompt: str, unknown: Unknown = "replace") -> list[int]:
    """Token ids of a prompt; every word has a space before it, so that it is the same token wherever it stands."""
    return tokenizer.encode(join_places(prompt), unknown=unknown)


def answer_ids(tokenizer: Tokenizer, answer: str, unknown: Unknown = "replace") -> list[int]:
    """Token ids of an answer, likewise."""
    return tokenizer.encode(f" {answer}", unknown=unknown)


def join_places(prompt: str) -> str:
    """A space before every word and none before a place.

    >>> join_places("<image> <audio> the same")
    '<image><audio> the same'
    """
    return re.sub(r"\s+(<\w+>)", r"\1", f" {prompt}")


def token_rows(tokenizer: Tokenizer, examples: Instructions) -> tuple[list[list[int]], list[Tensor]]:
    """Rows of token ids, and for each turn of the conversation what must follow.

        prompt <bos> answer                                   and where more is asked   <eos> prompt <bos> answer ...

    What must follow a `<bos>` and each word of an answer is the next word, at last `<eos>`. The targets (B, T') of a turn
    belong to the last T' positions, when rows are padded on the left; they are `IGNORE` in all other turns.
    """
    end = tokenizer.eos_id
    rows: list[list[int]] = []
    targets: list[list[list[int]]] = []  # by row, then by turn
    more = examples.more or [[]] * len(examples)
    for prompt, answer, further in zip(examples.prompts, examples.answers, more, strict=True):
        row, spans = [], []
        for asked, answered in ((prompt, answer), *further):
            row += [end] * bool(row) + prompt_ids(tokenizer, asked) + [tokenizer.bos_id]
            words = answer_ids(tokenizer, answered)
            spans.append((len(row) - 1, [*words, end]))  # from `<bos>` on
            row += words
        first = spans[0][0]
        rows.append(row)
        targets.append(
            [[IGNORE] * (start - first) + words + [IGNORE] * (len(row) - start - len(words)) for start, words in spans]
        )
    return rows, [pad_left(list(turn), IGNORE)[0] for turn in zip(*targets, strict=True)]
