"""Writing 200 tokens with a KV cache beside `transformers`' generate, on the same weights, on the CPU, taking turns.

    python tests/benchmarks/generation.py [--threads 2] [--rounds 12] [--out results.json]

GPT-2s with random weights, one sequence, greedy; both must write the same tokens. The vocabulary counts: with GPT-2's own
50,257 tokens most of the time of a small model goes into the last matrix, which both sides multiply alike; 1,024 is what
minimm's own models have. Each round runs theirs, then ours; its ratio is theirs / ours. Above 1, ours is faster.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
import transformers

from minimm.files import write_json
from minimm.generation.sampling import generate
from minimm.interoperability.hugging_face import load_hugging_face

PROMPT_TOKENS, NEW_TOKENS = 8, 200
SHAPES = ((4, 128, 4), (6, 384, 6))  # layers, width, heads
VOCABULARIES = (1024, 50257)


def compare(layers: int, width: int, heads: int, vocab_size: int, rounds: int) -> dict[str, list[float]]:
    """side -> seconds of each round. Raises when the two write different tokens."""
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=vocab_size, n_embd=width, n_layer=layers, n_head=heads, bos_token_id=0, eos_token_id=None
    )
    theirs = transformers.GPT2LMHeadModel(config).eval()
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = load_hugging_face(folder)
    prompt = torch.randint(vocab_size, (1, PROMPT_TOKENS))

    def write_theirs() -> list[int]:
        written = theirs.generate(prompt, max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=0)
        return written[0, PROMPT_TOKENS:].tolist()

    def write_ours() -> list[int]:
        return generate(ours, prompt.tolist(), NEW_TOKENS)[0]

    if write_theirs() != write_ours():  # also warms both up
        raise SystemExit("the two wrote different tokens, so their times do not compare")
    seconds: dict[str, list[float]] = {"transformers": [], "minimm": []}
    for _ in range(rounds):
        for side, write in (("transformers", write_theirs), ("minimm", write_ours)):
            start = time.perf_counter()
            write()
            seconds[side].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Measure, print, write `--out`."""
    parser = argparse.ArgumentParser(description="cached generation beside transformers, on the CPU")
    parser.add_argument("--threads", type=int, default=2, help="processor threads for both (default 2)")
    parser.add_argument("--rounds", type=int, default=12, help="how often each side runs (default 12)")
    parser.add_argument("--out", type=Path, help="write the numbers to this JSON file")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    transformers.logging.set_verbosity_error()
    results = []
    for vocab_size in VOCABULARIES:
        for layers, width, heads in SHAPES:
            seconds = compare(layers, width, heads, vocab_size, arguments.rounds)
            ratios = sorted(a / b for a, b in zip(seconds["transformers"], seconds["minimm"], strict=True))
            low, middle, high = statistics.quantiles(ratios, n=4)
            rates = {side: NEW_TOKENS / statistics.median(found) for side, found in seconds.items()}
            print(
                f"{layers} layers x {width}, vocabulary {vocab_size:6,}: transformers {rates['transformers']:6.0f} tokens/s, "
                f"minimm {rates['minimm']:6.0f} tokens/s, ratio {middle:.2f} (middle half {low:.2f} to {high:.2f})"
            )
            results.append(
                {
                    "layers": layers,
                    "d_model": width,
                    "vocab_size": vocab_size,
                    "ratio": middle,
                    "ratio_lower_quartile": low,
                    "ratio_upper_quartile": high,
                    "minimm_tokens_per_second": rates["minimm"],
                    "transformers_tokens_per_second": rates["transformers"],
                }
            )
    if arguments.out:
        write_json(arguments.out, {"threads": arguments.threads, "rounds": arguments.rounds, "measurements": results})


if __name__ == "__main__":
    main()
