"""Single layers beside those of `torch.nn`, with the same weights, at the sizes that minimm's models use.

Convolution, GRU: a training step, forward and back. Attention: with the weights given back, which torch's fused kernel never
has, beside that kernel; what seeing costs; and as models train with it. Each pair must agree before it is measured.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimm.benchmarks.comparison import OURS, Comparison, take_turns
from minimm.layers.attention import fused_attention, scaled_dot_product_attention
from minimm.layers.convolution import Conv2d
from minimm.layers.gru import GRU
from minimm.layers.masks import causal_mask

CONVOLUTIONS = ((64, 32, 3, 32), (64, 16, 32, 64))  # batch, side, channels in and out: the stages of the tiny CNN
GRU_SIZES = (32, 100, 64, 128)  # batch, steps, width in and out
ATTENTION_SIZES = (8, 4, 256, 32)  # batch, heads, tokens, width of a head


def compare_layers(rounds: int, device: torch.device) -> list[Comparison]:
    """Convolution and GRU in training, the GRU forward alone, attention with and without its weights."""
    found = [_compare_convolution(sizes, rounds, device) for sizes in CONVOLUTIONS]
    found += [_compare_gru(back, rounds, device) for back in (True, False)]
    return [*found, *_compare_attention(rounds, device)]


def _compare_convolution(sizes: tuple[int, ...], rounds: int, device: torch.device) -> Comparison:
    batch, side, narrow, wide = sizes
    ours = Conv2d(narrow, wide, kernel_size=3, stride=2, padding=1).to(device)
    theirs = nn.Conv2d(narrow, wide, kernel_size=3, stride=2, padding=1).to(device)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        ours.weight.copy_(torch.randn(ours.weight.shape, generator=generator) / (9 * narrow) ** 0.5)
    theirs.load_state_dict(ours.state_dict())
    images = torch.rand(batch, side, side, narrow, generator=generator).to(device).requires_grad_(narrow > 3)
    planes = images.detach().permute(0, 3, 1, 2).contiguous().requires_grad_(narrow > 3)  # as torch wants them
    torch.testing.assert_close(ours(images).permute(0, 3, 1, 2), theirs(planes), rtol=1e-4, atol=1e-4)
    return Comparison(
        f"convolution 3 x 3 / 2, {narrow} -> {wide}, {side} x {side}, training",
        batch,
        "picture",
        take_turns({OURS: training_step(ours, images), "torch": training_step(theirs, planes)}, rounds, device),
    )


def _compare_gru(back: bool, rounds: int, device: torch.device) -> Comparison:
    batch, steps, narrow, wide = GRU_SIZES
    ours, theirs = GRU(narrow, wide), nn.GRU(narrow, wide, batch_first=True)
    ours.reset_parameters(torch.Generator().manual_seed(0))
    theirs.load_state_dict(ours.state_dict())
    ours, theirs = ours.to(device), theirs.to(device)
    inputs = torch.randn(batch, steps, narrow, generator=torch.Generator().manual_seed(1)).to(device)
    torch.testing.assert_close(ours(inputs)[0], theirs(inputs)[0], rtol=1e-3, atol=1e-4)

    def forward(layer: nn.Module) -> Callable[[], object]:
        def run() -> object:
            with torch.inference_mode():
                return layer(inputs)

        return run

    sides = {OURS: ours, "torch": theirs}
    run = {side: (training_step(layer, inputs) if back else forward(layer)) for side, layer in sides.items()}
    how = "training" if back else "forward"
    return Comparison(
        f"GRU {narrow} -> {wide}, {steps} steps, {how}", batch * steps, "step", take_turns(run, rounds, device)
    )


def _compare_attention(rounds: int, device: torch.device) -> list[Comparison]:
    """Attention that gives its weights back, and the one that models train with in both precisions, beside torch's kernel."""
    mask = causal_mask(ATTENTION_SIZES[2], device=device)
    ours: dict[str, tuple[Callable[..., Tensor], torch.dtype]] = {
        "attention with its weights": (lambda q, k, v: scaled_dot_product_attention(q, k, v, mask)[0], torch.float32),
        "attention": (lambda q, k, v: fused_attention(q, k, v, causal=True), torch.float32),
        "attention in bfloat16": (lambda q, k, v: fused_attention(q, k, v, causal=True), torch.bfloat16),
    }
    return [_compare_one_attention(name, attend, kind, rounds, device) for name, (attend, kind) in ours.items()]


def _compare_one_attention(
    name: str, attend: Callable[..., Tensor], kind: torch.dtype, rounds: int, device: torch.device
) -> Comparison:
    batch, heads, length, width = ATTENTION_SIZES
    generator = torch.Generator().manual_seed(0)
    qkv = [torch.randn(batch, heads, length, width, generator=generator).to(device, kind) for _ in range(3)]
    qkv = [x.requires_grad_() for x in qkv]
    gradient = torch.ones_like(qkv[0])

    def kernel(*qkv: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(*qkv, is_causal=True)

    close = {"rtol": 1e-4, "atol": 1e-5} if kind == torch.float32 else {"rtol": 0.05, "atol": 0.05}
    torch.testing.assert_close(attend(*qkv), kernel(*qkv), **close)
    sides = {OURS: attend, "torch": kernel}
    run = {side: lambda f=f: torch.autograd.grad(f(*qkv), qkv, gradient) for side, f in sides.items()}
    work = f"{name}, {length} tokens, training"
    return Comparison(work, batch * length, "token", take_turns(run, rounds, device))


def training_step(layer: nn.Module, inputs: Tensor) -> Callable[[], object]:
    """Forward, and back to all weights and, where they need it, to the inputs."""
    wanted = [*layer.parameters(), *([inputs] if inputs.requires_grad else [])]

    def run() -> object:
        outputs = layer(inputs)
        outputs = outputs[0] if isinstance(outputs, tuple) else outputs
        return torch.autograd.grad(outputs.sum(), wanted)

    return run
