"""What layers and losses do with numbers and shapes at their limits: nothing overflows, nothing is broadcast by mistake.

One table describes them all. The shapes of what a layer takes are written as in its docstring: a letter is a size that is free
but the same wherever the letter stands (a mask may have 1 there where "?" follows), a number is what the layer was built for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from numerical import fill
from torch import Tensor, nn

from minimm.layers.adapters import LoRALinear
from minimm.layers.attention import fused_attention, scaled_dot_product_attention
from minimm.layers.convolution import Conv2d, conv2d
from minimm.layers.feed_forward import GELUFeedForward, SwiGLUFeedForward, gelu, silu
from minimm.layers.fusion import FUSIONS, FusionConfig, build_fusion, gated_residual, low_rank_bilinear
from minimm.layers.gru import GRU, gru, gru_cell
from minimm.layers.late_interaction import late_interaction
from minimm.layers.multi_head_attention import CrossAttention, SelfAttention
from minimm.layers.normalization import LayerNorm, RMSNorm, layer_norm, rms_norm
from minimm.layers.pooling import average_pool2d, masked_mean, max_pool2d
from minimm.layers.positions import PositionTable, RotaryPositions, rotate
from minimm.layers.quantization import QuantizedLinear, QuantizedMatrix
from minimm.layers.softmax import log_softmax, softmax
from minimm.layers.transformer_block import TransformerBlock
from minimm.layers.upsampling import Upsample, shuffle_pixels
from minimm.layers.vector_quantizer import VectorQuantizer
from minimm.training.contrastive import contrastive_loss, labelled_contrastive_loss
from minimm.training.losses import cross_entropy

SIZES = {
    "B": 3,
    "T": 5,
    "N": 4,
    "R": 6,
    "D": 8,
    "E": 10,
    "V": 7,
    "H": 2,
    "W": 9,
    "C": 4,
    "O": 3,
    "G": 12,
    "M": 5,
    "I": 3,
    "J": 2,
}
WIDTH = 8  # of the modules


@dataclass(frozen=True)
class Case:
    """A layer or loss, and the shapes of its inputs, such as "B T 8", "B T : bool" or "N : ids"."""

    name: str
    build: Callable[[], Callable]
    shapes: tuple[str, ...]

    def axes(self) -> list[list[str]]:
        return [shape.partition(":")[0].split() for shape in self.shapes]

    def inputs(self, sizes: list[list[int]], dtype: torch.dtype = torch.float32, scale: float = 1.0) -> list[Tensor]:
        generator = torch.Generator().manual_seed(0)
        made = []
        for shape, size in zip(self.shapes, sizes, strict=True):
            kind = shape.partition(":")[2].strip() or "float"
            if kind == "float":
                made.append((scale * torch.randn(size, generator=generator)).to(dtype))
            elif kind == "bool":
                made.append(torch.rand(size, generator=generator) < 0.7)
                made[-1][..., 0] = True
            else:
                made.append(torch.randint(2, size, generator=generator))
        return made

    def right(self) -> list[list[int]]:
        return [[SIZES.get(axis[0]) or int(axis) for axis in axes] for axes in self.axes()]

    def wrong(self):
        """Sizes that do not fit: one axis of one input is 1, one more or twice as long."""
        everywhere = [axis.rstrip("?") for axes in self.axes() for axis in axes]
        for place, axes in enumerate(self.axes()):
            for axis, letter in enumerate(axes):
                if letter.isdigit() or everywhere.count(letter.rstrip("?")) > 1:
                    size = self.right()[place][axis]
                    for other in {1, size + 1, 2 * size} - {1 if letter.endswith("?") else size}:
                        sizes = self.right()
                        sizes[place][axis] = other
                        yield sizes


def built(module: nn.Module) -> nn.Module:
    """With normal weights, in evaluation mode."""
    fill(module, torch.Generator().manual_seed(0), scale=0.3)
    return module.eval()


def look(x: Tensor, memory: Tensor) -> Tensor:
    attention = built(CrossAttention(WIDTH, 2, 10))
    return attention.to(x.dtype)(x, attention.project_memory(memory))


def decoder_block(x: Tensor, memory: Tensor) -> Tensor:
    block = built(TransformerBlock(WIDTH, 2, d_memory=10)).to(x.dtype)
    return block(x, causal=True, memory_key_value=block.cross_attention.project_memory(memory))


def lora() -> nn.Module:
    return built(LoRALinear(nn.Linear(WIDTH, 6), 2, 4.0, torch.Generator().manual_seed(0)))


def quantizer() -> Callable[[Tensor], Tensor]:
    layer = VectorQuantizer(4, WIDTH)
    with torch.no_grad():
        layer.codes.normal_(generator=torch.Generator().manual_seed(0))
    return lambda vectors: layer(vectors).codes + layer(vectors).commitment


def quantized(bits: int, columns: int) -> nn.Module:
    weight = torch.randn(6, columns, generator=torch.Generator().manual_seed(0))
    return QuantizedLinear(QuantizedMatrix(6, columns, bits).fill(weight), None)


def only(function: Callable) -> Callable[[], Callable]:
    return lambda: function


CASES = [
    Case("softmax", only(softmax), ("B V",)),
    Case("log_softmax", only(log_softmax), ("B V",)),
    Case("gelu", only(gelu), ("B V",)),
    Case("silu", only(silu), ("B V",)),
    Case("layer_norm", only(layer_norm), ("B T D", "D", "D")),
    Case("rms_norm", only(rms_norm), ("B T D", "D")),
    Case("LayerNorm", lambda: built(LayerNorm(WIDTH)), ("B T 8",)),
    Case("RMSNorm", lambda: built(RMSNorm(WIDTH)), ("B T 8",)),
    Case("scaled_dot_product_attention", only(scaled_dot_product_attention), ("B H T D", "B H N D", "B H N E")),
    Case("with a mask", only(scaled_dot_product_attention), ("B H T D", "B H N D", "B H N E", "B? H? T? N? : bool")),
    Case("fused_attention", only(fused_attention), ("B H T D", "B H N D", "B H N E")),
    Case("fused, with a mask", only(fused_attention), ("B H T D", "B H N D", "B H N E", "B? H? T? N? : bool")),
    Case("fused, causal", only(partial(fused_attention, causal=True)), ("B H T D", "B H T D", "B H T E")),
    Case("SelfAttention", lambda: built(SelfAttention(WIDTH, 2)), ("B T 8",)),
    Case("CrossAttention", only(look), ("B T 8", "B N 10")),
    Case("TransformerBlock", lambda: built(TransformerBlock(WIDTH, 2)), ("B T 8",)),
    Case("TransformerBlock with a memory", only(decoder_block), ("B T 8", "B N 10")),
    Case("GELUFeedForward", lambda: built(GELUFeedForward(WIDTH, 12)), ("B T 8",)),
    Case("SwiGLUFeedForward", lambda: built(SwiGLUFeedForward(WIDTH, 12)), ("B T 8",)),
    Case(
        "PositionTable", lambda: partial(built(PositionTable(9, WIDTH, learned=True)), positions=slice(5)), ("B 5 8",)
    ),
    Case("rotate", lambda: lambda x: rotate(x, *RotaryPositions(9, WIDTH)(slice(5))), ("B H 5 8",)),
    Case("conv2d", only(partial(conv2d, padding=1)), ("B C H W", "O C I J", "O")),
    Case("Conv2d", lambda: built(Conv2d(4, 3, 3, padding=1)), ("B H W 4",)),
    Case("Upsample", lambda: built(Upsample(4, 2)), ("B H W 4",)),
    Case("shuffle_pixels", only(shuffle_pixels), ("B H W G",)),
    Case("max_pool2d", only(partial(max_pool2d, kernel_size=2)), ("B C H W",)),
    Case("average_pool2d", only(partial(average_pool2d, kernel_size=2)), ("B C H W",)),
    Case("masked_mean", only(masked_mean), ("B T D", "B T : bool")),
    Case("late_interaction", only(late_interaction), ("N T D", "N T : bool", "M R D", "M R : bool")),
    Case("gru_cell", only(gru_cell), ("B E", "B 4", "12 E", "12 4", "12", "12")),
    Case("gru", only(lambda *given: gru(*given)[0]), ("B T E", "B 4", "12 E", "12 4", "12", "12")),
    Case("GRU", lambda: lambda x: built(GRU(WIDTH, 4, bidirectional=True)).to(x.dtype)(x)[0], ("B T 8",)),
    Case("low_rank_bilinear", only(low_rank_bilinear), ("B D", "B E", "D R", "E R", "R G")),
    Case("gated_residual", only(lambda x, y: gated_residual(x, y, x.new_tensor(0.5))), ("B T D", "B T D")),
    *(
        Case(
            family,
            lambda family=family: built(build_fusion(FusionConfig(family, WIDTH, 2))),
            ("B T 8", "B T : bool", "B N 8", "B N : bool"),
        )
        for family in FUSIONS
    ),
    Case("LoRALinear", lora, ("B T 8",)),
    Case("QuantizedLinear, 8 bits", lambda: quantized(8, WIDTH), ("B T 8",)),
    Case("QuantizedLinear, 4 bits", lambda: quantized(4, 32), ("B T 32",)),
    Case("VectorQuantizer", quantizer, ("B T 8",)),
    Case("cross_entropy", only(cross_entropy), ("B T V", "B T : ids")),
    Case("smoothed cross_entropy", only(partial(cross_entropy, label_smoothing=0.1)), ("B T V", "B T : ids")),
    Case("contrastive_loss", only(partial(contrastive_loss, temperature=0.07)), ("N D", "N D")),
    Case("labelled_contrastive_loss", only(labelled_contrastive_loss), ("N N", "N : ids")),
]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request) -> Case:
    return request.param


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_numbers_from_zero_to_ten_thousand_give_finite_outputs_and_gradients(case, scale, dtype):
    layer = case.build()
    if isinstance(layer, nn.Module):
        layer = layer.to(dtype)
    inputs = case.inputs(case.right(), dtype, scale)
    leaves = [x.requires_grad_() for x in inputs if x.is_floating_point()]
    output = layer(*inputs)
    output = output[0] if isinstance(output, tuple) else output
    assert output.isfinite().all()
    signs = torch.rand(output.shape, generator=torch.Generator().manual_seed(1)).sub(0.5).sign()
    parameters = [p for p in layer.parameters() if p.requires_grad] if isinstance(layer, nn.Module) else []
    gradients = torch.autograd.grad((output * signs).sum(), [*leaves, *parameters], allow_unused=True)
    assert all(gradient.isfinite().all() for gradient in gradients if gradient is not None)


def test_a_shape_that_does_not_fit_is_refused_and_never_stretched(case):
    layer = case.build()
    layer(*case.inputs(case.right()))  # as it should be
    for sizes in case.wrong():
        try:
            layer(*case.inputs(sizes))
        except (ValueError, RuntimeError):  # `MinimmError` is the first, PyTorch's own sentence the second
            continue
        pytest.fail(f"{case.name} took {sizes} where it takes {case.shapes}")
