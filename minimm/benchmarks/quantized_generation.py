"""Writing with weights in 8 and 4 bits beside the same model in float32: do fewer bytes pay for turning them into floats?"""

from __future__ import annotations

import copy

import torch

from minimm.benchmarks.comparison import OURS, Comparison, take_turns
from minimm.generation.sampling import generate
from minimm.layers.initialization import initialize
from minimm.layers.quantization import BITS, quantize
from minimm.models.language_model import LanguageModel, LanguageModelConfig

SHAPES = ((4, 128, 4), (6, 384, 6))  # layers, width, heads
VOCAB_SIZE, NEW_TOKENS = 1024, 100


def compare_quantized(rounds: int, device: torch.device) -> list[Comparison]:
    """One comparison for each shape and number of bits; the peer is the model in float32."""
    found = []
    for layers, width, heads in SHAPES:
        model = LanguageModel(LanguageModelConfig(VOCAB_SIZE, d_model=width, num_heads=heads, num_layers=layers))
        initialize(model, torch.Generator().manual_seed(0), layers)
        model.to(device).eval()
        for bits in reversed(BITS):
            small = copy.deepcopy(model)
            quantize(small, bits)
            sides = {
                OURS: lambda small=small: generate(small, [[1, 2, 3]], NEW_TOKENS),
                "float32": lambda model=model: generate(model, [[1, 2, 3]], NEW_TOKENS),
            }
            name = f"write, {layers} x {width}, {bits} bits"
            found.append(Comparison(name, NEW_TOKENS, "token", take_turns(sides, rounds, device)))
    return found
