"""Writing with a KV cache beside `transformers`' generate: the same weights, the same tokens.

GPT-2s with random weights, greedy. The vocabulary counts: with GPT-2's own 50,257 tokens most of the time of a small model
goes into the last matrix, which both sides multiply alike; 1,024 is what minimm's own models have. Reading the prompt
(prefill) and writing token by token (decode) are measured apart, for they have other limits: products there, memory here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable

import torch
from torch import Tensor

from minimm.benchmarks.comparison import OURS, Comparison, take_turns
from minimm.benchmarks.language_training import gpt2_config
from minimm.benchmarks.peers import peer
from minimm.errors import MinimmError
from minimm.generation.sampling import generate
from minimm.interoperability.hugging_face import save_hugging_face
from minimm.layers.initialization import initialize
from minimm.models.language_model import LanguageModel

SHAPES = ((4, 128, 4), (6, 384, 6))  # layers, width, heads
VOCABULARIES = (1024, 50257)
BATCHES = (1, 32)
CONTEXT = 1024  # GPT-2's
PROMPT_TOKENS, NEW_TOKENS, READ_TOKENS = 8, 200, 512


def compare_generation(rounds: int, device: torch.device) -> list[Comparison]:
    """Decode of every shape, vocabulary and batch, and prefill of every shape."""
    found = []
    for layers, width, heads in SHAPES:
        for vocab_size in VOCABULARIES:
            ours = LanguageModel(gpt2_config(vocab_size, layers, width, heads, CONTEXT))
            initialize(ours, torch.Generator().manual_seed(0), layers)
            ours, theirs, missing = ours.to(device).eval(), None, {}
            with peer("transformers", missing):
                theirs = twin(ours)
            name = f"{layers} x {width}, vocabulary {vocab_size:,}"
            batches = BATCHES if vocab_size == VOCABULARIES[0] else BATCHES[:1]
            for batch in batches:
                prompt = torch.randint(vocab_size, (batch, PROMPT_TOKENS), generator=torch.Generator().manual_seed(0))
                sides = _writers(ours, theirs, prompt.to(device))
                seconds = take_turns(sides, rounds, device)
                work = f"write, {name}, batch {batch}"
                found.append(Comparison(work, batch * NEW_TOKENS, "token", seconds, missing=missing))
        prompt = torch.randint(VOCABULARIES[-1], (1, READ_TOKENS), generator=torch.Generator().manual_seed(1)).to(
            device
        )
        sides = {OURS: _reader(lambda ids, m=ours: m(ids, cache=m.new_cache()), prompt)}
        if theirs is not None:
            sides["transformers"] = _reader(lambda ids, m=theirs: m(ids, use_cache=True), prompt)
        seconds = take_turns(sides, rounds, device)
        found.append(Comparison(f"read, {name}", READ_TOKENS, "token", seconds, missing=missing))
    return found


def twin(ours: LanguageModel) -> torch.nn.Module:
    """The model of `transformers` with the same weights."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        save_hugging_face(ours, folder)
        theirs = transformers.AutoModelForCausalLM.from_pretrained(folder)
    theirs.generation_config.eos_token_id = None  # it writes on to the end, as ours does
    return theirs.to(ours.device).eval()


def _writers(
    ours: LanguageModel, theirs: torch.nn.Module | None, prompt: Tensor
) -> dict[str, Callable[[], list[list[int]]]]:
    """All sides that are there write the same number of tokens; they must be the same ones for one prompt."""

    def write_ours() -> list[list[int]]:
        return generate(ours, prompt.tolist(), NEW_TOKENS)

    def write_theirs() -> list[list[int]]:
        every = torch.ones_like(prompt)
        written = theirs.generate(
            prompt, attention_mask=every, max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=0
        )
        return written[:, PROMPT_TOKENS:].tolist()

    if theirs is None:
        return {OURS: write_ours}
    # In a batch, sums in another order may tip a close call between two random tokens; one row of many is no cause for worry.
    same = sum(a == b for a, b in zip(write_ours(), write_theirs(), strict=True))
    if same < 0.9 * len(prompt):
        raise MinimmError(
            f"the two sides wrote the same only for {same} of {len(prompt)} prompts, so nothing is compared; "
            "take a version of transformers that minimm is tested with"
        )
    return {OURS: write_ours, "transformers": write_theirs}


def _reader(read: Callable[[Tensor], object], prompt: Tensor) -> Callable[[], object]:
    def run() -> object:
        with torch.inference_mode():
            return read(prompt)

    return run
