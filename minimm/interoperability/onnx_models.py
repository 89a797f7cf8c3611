"""What of a model becomes a graph: a step of a language model with its cache, a picture as a memory, a place in a space.

A graph has no state, so a KV cache goes in as `past_key_0`, `past_value_0`, ... (B, H_kv, P, D) and comes back longer as
`present_key_0`, `present_value_0`, ...; the first call gives P = 0. To write greedily with onnxruntime alone:

    session = onnxruntime.InferenceSession("exported/language_model.onnx")
    inputs, new = session.get_inputs(), ids
    past = [numpy.zeros((1, port.shape[1], 0, port.shape[3]), "float32") for port in inputs[1:]]
    while len(ids) < 100:
        given = [numpy.array([new]), *past]                                                     # (1, T) int64, then P
        logits, *past = session.run(None, {port.name: x for port, x in zip(inputs, given)})     # (1, T, V), then P + T
        new = [int(logits[0, -1].argmax())]
        ids = ids + new

A captioner looks first: `encoder.onnx` gives `memory_key_0`, `memory_value_0`, ..., which `decoder.onnx` takes in every step
beside the cache. Texts of a batch must be equally long, for there is no mask of padding.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor, nn

from minimm.interoperability.onnx import Graph, Port
from minimm.models.dual_encoder import DualEncoder
from minimm.models.encoder_decoder import EncoderDecoder
from minimm.models.image_encoder import ImageEncoder
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.memory import Memory
from minimm.models.patch_image_encoder import PatchImageEncoder
from minimm.models.text_encoder import TextEncoder

PICTURE_ENCODERS = (ImageEncoder, PatchImageEncoder)


class _GivenLayer:
    """`LayerCache` without memory of its own: it is given the old keys and values, and new tensors are made of both."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        self.keys, self.values = keys, values

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        self.keys, self.values = torch.cat([self.keys, keys], dim=2), torch.cat([self.values, values], dim=2)
        return self.keys, self.values


class _GivenCache:
    """`KVCache` for one step; `past` and `memory` are keys and values of each layer in turn."""

    def __init__(self, past: list[Tensor], memory: list[Tensor]) -> None:
        self.length = past[0].shape[2]
        self.self_attention = [_GivenLayer(*pair) for pair in zip(past[::2], past[1::2], strict=True)]
        self.cross_attention = list(zip(memory[::2], memory[1::2], strict=True))

    def present(self) -> list[Tensor]:
        """Keys and values of each layer in turn, the new ones included."""
        return [tensor for layer in self.self_attention for tensor in (layer.keys, layer.values)]


class _Step(nn.Module):
    """(ids, past keys and values, those of the memory) -> (logits, present keys and values)."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: list[Tensor]) -> tuple[Tensor, ...]:
        past_end = 1 + 2 * self.model.config.num_layers
        ids, past, looked_at = inputs[0], inputs[1:past_end], inputs[past_end:]
        cache = _GivenCache(past, looked_at)
        batch, length = ids.shape
        # All are real; but with a mask each position is looked up by its number, and the runtime refuses one that is beyond
        # the context. The slice that is taken without a mask would end there, and its rows be spread over all tokens.
        real = torch.ones(batch, cache.length + length, dtype=torch.bool)
        memory = self._memory(looked_at[0]) if looked_at else None
        return self.model(ids, key_mask=real, cache=cache, memory=memory), *cache.present()

    def _memory(self, keys: Tensor) -> Memory:
        """As many positions as the memory's `keys` (B, H, N, D) have; nobody reads its features, for all that is made of them,
        keys and values, is in the cache."""
        batch, _, length, _ = keys.shape
        features = keys.new_zeros(batch, length, self.model.config.d_memory)
        return Memory(features, torch.ones(batch, length, dtype=torch.bool), (length,))


class _Look(nn.Module):
    """(pictures) -> (keys and values of the memory for each block of the decoder)."""

    def __init__(self, model: EncoderDecoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: list[Tensor]) -> tuple[Tensor, ...]:
        features = self.model.encode(*inputs).features
        pairs = (block.cross_attention.project_memory(features) for block in self.model.decoder.blocks)
        return tuple(tensor for pair in pairs for tensor in pair)


class _Place(nn.Module):
    """(inputs of one modality and their mask, if they have one) -> (whole, parts)."""

    def __init__(self, model: DualEncoder, modality: str) -> None:
        super().__init__()
        self.encoder, self.head = model.encoders[modality], model.heads[modality]

    def forward(self, inputs: list[Tensor]) -> tuple[Tensor, ...]:
        embedding = self.head(self.encoder(*inputs))
        return embedding.whole, embedding.parts


def language_model_graphs(model: LanguageModel) -> dict[str, Graph]:
    """File name -> graph, for a model without a memory."""
    return {"language_model.onnx": _step(model, ())}


def captioner_graphs(model: EncoderDecoder) -> dict[str, Graph]:
    """File name -> graph, for a model that writes about pictures."""
    config = model.decoder.config
    num_regions = model.encoder.config.grid_size**2
    memory = _key_value_ports("memory", config, config.num_heads, num_regions)
    look = Graph(_Look(model), [_pictures(model.encoder)], memory)
    return {"encoder.onnx": look, "decoder.onnx": _step(model.decoder, memory)}


def dual_encoder_graphs(model: DualEncoder) -> dict[str, Graph]:
    """File name -> graph, one for each modality that can be exported: pictures and texts.

    Recordings and clips cannot: their encoders look at the values of a mask and go through time in a Python loop, of which a
    recording would keep the one length that it saw.
    """
    graphs = {}
    for modality, encoder in model.encoders.items():
        if isinstance(encoder, TextEncoder):
            inputs = [Port("ids", "int64", ("batch", "length")), Port("mask", "bool", ("batch", "length"))]
            num_parts: int | str = "length"
        elif isinstance(encoder, PICTURE_ENCODERS):
            inputs, num_parts = [_pictures(encoder)], encoder.config.grid_size**2
        else:
            continue
        width = model.config.d_joint
        outputs = [Port("whole", "float32", ("batch", width)), Port("parts", "float32", ("batch", num_parts, width))]
        graphs[f"{modality}.onnx"] = Graph(_Place(model, modality), inputs, outputs)
    return graphs


def _step(model: LanguageModel, memory: tuple[Port, ...]) -> Graph:
    config = model.config
    heads = config.num_key_value_heads or config.num_heads
    past, present = (
        _key_value_ports(name, config, heads, length)
        for name, length in (("past", "past_length"), ("present", "past_length + length"))
    )
    logits = Port("logits", "float32", ("batch", "length", config.vocab_size))
    return Graph(_Step(model), [Port("ids", "int64", ("batch", "length")), *past, *memory], [logits, *present])


def _key_value_ports(name: str, config: LanguageModelConfig, heads: int, length: int | str) -> tuple[Port, ...]:
    """Keys and values of each layer, (B, H, length, D)."""
    shape = ("batch", heads, length, config.d_model // config.num_heads)
    return tuple(
        Port(f"{name}_{kind}_{layer}", "float32", shape)
        for layer, kind in product(range(config.num_layers), ("key", "value"))
    )


def _pictures(encoder: nn.Module) -> Port:
    size = encoder.config.image_size
    return Port("images", "float32", ("batch", 3, size, size))
