"""The laws of chance in a model: its first weights and its dropout come from seeds that are passed in."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numerical import seeds
from small_models import POSITIONS

from minimm.errors import MinimmError
from minimm.layers.dropout import Dropout, seed_dropout
from minimm.layers.fusion import FUSIONS, FusionConfig, build_fusion
from minimm.layers.initialization import initialize
from minimm.models.audio_encoder import AudioEncoder, AudioEncoderConfig
from minimm.models.classifier import FusedClassifier
from minimm.models.dual_encoder import DualEncoder
from minimm.models.encoder_decoder import EncoderDecoder
from minimm.models.image_encoder import ImageEncoder, ImageEncoderConfig
from minimm.models.image_tokenizer import ImageTokenizerConfig
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.masked_language_model import MaskedLanguageModel
from minimm.models.multimodal_language_model import MultimodalLanguageModel
from minimm.models.patch_image_encoder import PatchImageEncoder, PatchImageEncoderConfig
from minimm.models.sequence_classifier import SequenceClassifier
from minimm.models.span_selector import SpanSelector
from minimm.models.text_encoder import TextEncoder, TextEncoderConfig
from minimm.models.text_to_image import TextToImage, TextToImageConfig
from minimm.models.video_encoder import VideoEncoder, VideoEncoderConfig
from minimm.training.contrastive import labelled_contrastive_loss
from minimm.training.losses import cross_entropy


def captioner(num_layers: int = 3, **options) -> EncoderDecoder:
    """A model with every kind of layer."""
    config = LanguageModelConfig(300, 64, 64, 4, num_layers, d_memory=32, bias=True, **options)
    return EncoderDecoder(ImageEncoder(ImageEncoderConfig(8, (16,), 32)), LanguageModel(config))


@given(seeds, st.sampled_from(POSITIONS), st.sampled_from(["gelu", "swiglu"]), st.booleans())
def test_the_seed_alone_decides_the_first_weights_and_the_global_generator_is_left_alone(seed, positions, kind, tie):
    states = []
    for chance in (1, 2):
        torch.manual_seed(chance)  # what PyTorch fills the layers with when they are built
        model = captioner(1, positions=positions, feed_forward=kind, tie_embeddings=tie)
        before = torch.get_rng_state()
        initialize(model, torch.Generator().manual_seed(seed))
        assert torch.get_rng_state().equal(before)
        states.append(model.state_dict())
    assert all(value.equal(states[1][name]) and value.isfinite().all() for name, value in states[0].items())
    initialize(model, torch.Generator().manual_seed(seed + 1))
    same = [n for n, p in model.named_parameters() if p.equal(states[0][n])]
    assert all(name.endswith(("bias", "gain")) for name in same)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("kind", ["gelu", "swiglu"])
def test_first_weights_have_the_papers_spread(positions, kind):
    model = captioner(num_layers=3, positions=positions, feed_forward=kind, normalization="layer")
    initialize(model, torch.Generator().manual_seed(0), num_layers=3)
    residual = ("attention.output.weight", "feed_forward.down.weight")  # also cross_attention.output.weight
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert parameter.eq(0).all(), name
        elif name.endswith("gain"):
            assert parameter.eq(1).all(), name
        else:
            std = 0.02
            if name.endswith(residual):
                std = 0.02 / math.sqrt(2 * 3)
            elif parameter.ndim == 4:
                std = math.sqrt(2 / parameter[0].numel())
            spread = 5 * std / math.sqrt(parameter.numel())
            assert abs(parameter.mean().item()) < spread, name
            assert abs(parameter.std().item() - std) < spread, name


@pytest.mark.parametrize("tie", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize(
    ("vocab_size", "d_model", "num_layers"), [(65, 32, 1), (65, 64, 2), (1000, 64, 3), (1000, 128, 4)]
)
def test_an_untrained_model_finds_every_token_equally_likely(vocab_size, d_model, num_layers, positions, tie):
    config = LanguageModelConfig(vocab_size, 64, d_model, 4, num_layers, positions=positions, tie_embeddings=tie)
    model, generator = LanguageModel(config), torch.Generator().manual_seed(0)
    initialize(model, generator, num_layers)
    ids = torch.randint(vocab_size, (8, 65), generator=generator)
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).item()
    assert loss == pytest.approx(math.log(vocab_size), rel=0.02)


@given(seeds, st.floats(0.05, 0.9))
def test_dropout_zeroes_the_promised_share_and_keeps_the_mean(seed, probability):
    layer = Dropout(probability)
    seed_dropout(layer, seed)
    x = torch.ones(10000)
    before = torch.get_rng_state()
    dropped = layer(x)
    assert torch.get_rng_state().equal(before)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], x[kept] / (1 - probability))
    assert abs(kept.float().mean().item() - (1 - probability)) < 5 * math.sqrt(probability * (1 - probability) / 10000)


@given(seeds)
def test_the_same_seed_drops_the_same_numbers_and_evaluation_drops_none(seed):
    whole = captioner(1, dropout=0.3)
    initialize(whole, torch.Generator().manual_seed(0))
    model, inputs = whole.decoder, {"ids": torch.arange(6)[None], "memory": whole.encode(torch.zeros(1, 3, 8, 8))}
    runs = []
    for run_seed in (seed, seed, seed + 1):
        seed_dropout(model, run_seed)
        runs.append(model(**inputs))
    assert runs[0].equal(runs[1]) and not runs[0].equal(runs[2])
    calm = model.eval()(**inputs)
    assert calm.equal(model(**inputs)) and not calm.equal(runs[0])
    without = captioner(1).decoder
    without.load_state_dict(model.state_dict())
    assert without(**inputs).equal(calm)


def test_dropout_without_a_generator_or_with_an_impossible_share_is_explained():
    with pytest.raises(MinimmError, match="seed_dropout"):
        Dropout(0.5)(torch.ones(3))
    for probability in (-0.1, 1.0, math.nan):
        with pytest.raises(MinimmError, match="not a probability"):
            Dropout(probability)


TEXT = TextEncoderConfig(vocab_size=100, context_length=16, d_model=32, num_heads=4, num_layers=2)
PICTURES = ImageEncoderConfig(16, (8, 16), 32)


def token_loss(model, *inputs, vocab_size):
    logits = model(*inputs).flatten(0, -2)
    return cross_entropy(
        logits, torch.randint(vocab_size, logits.shape[:1], generator=torch.Generator().manual_seed(2))
    )


def words_of(encoder, inputs):
    """What a decoder of 100 words pays behind `encoder`."""
    model = EncoderDecoder(encoder, LanguageModel(LanguageModelConfig(100, 16, 32, 4, 2, d_memory=32)))
    return lambda ids: token_loss(ready(model), inputs, ids, vocab_size=100)


def pictures(count, *shape):
    """Or sounds and clips, of another shape: numbers from 0 to 1."""
    return torch.rand(count, *(shape or (3, 16, 16)), generator=torch.Generator().manual_seed(4))


def ready(model):
    initialize(model, torch.Generator().manual_seed(0), 2)
    return model.eval()


def several_modalities(ids):
    model = MultimodalLanguageModel(
        LanguageModel(LanguageModelConfig(100, 32, 32, 4, 2)),
        {"image": ImageEncoder(PICTURES)},
        {"image": 0},
        {"image": (2, 2)},
    )
    rows = [[0, *row] for row in ids.clamp(min=1).tolist()]
    return token_loss(ready(model), rows, {"image": (pictures(len(ids)),)}, vocab_size=100)


def span(ids):
    logits = torch.cat(ready(SpanSelector(TextEncoder(TEXT)))(ids, None, None, torch.ones_like(ids, dtype=torch.bool)))
    return cross_entropy(logits, torch.arange(len(logits)) % ids.shape[1])


def pairs(ids):
    model = ready(DualEncoder({"image": ImageEncoder(PICTURES), "text": TextEncoder(TEXT)}))
    model.log_scale.data.zero_()  # at 1 / 0.07, chance differences of the cosines already count
    found = model({"image": (pictures(len(ids)), None), "text": (ids, None)})
    logits = model.scale * model.similarity(found["image"], found["text"])
    return labelled_contrastive_loss(logits, torch.arange(len(ids)))


def drawn(ids):
    tokenizer = ImageTokenizerConfig(16, (8, 16), num_codes=50)
    model = TextToImage(TextToImageConfig(100, 8, tokenizer, 32, 4, 2))
    picture = torch.randint(50, (len(ids), 16), generator=torch.Generator().manual_seed(3))
    return token_loss(ready(model), ids, picture, vocab_size=50)


def fused(family):
    model = FusedClassifier(
        TextEncoder(TEXT), ImageEncoder(PICTURES), build_fusion(FusionConfig(family, 32, 4)), num_labels=10
    )
    return lambda ids: token_loss(ready(model), ids, pictures(len(ids)), vocab_size=10)


# What a model that knows nothing pays: the logarithm of how many answers there are.
FIRST_LOSSES = {
    "captioner": (words_of(ImageEncoder(PICTURES), pictures(8)), 100),
    "captioner of patches": (words_of(PatchImageEncoder(PatchImageEncoderConfig(16, 4, 32)), pictures(8)), 100),
    "translator": (words_of(TextEncoder(TEXT), torch.arange(80).view(8, 10)), 100),
    "transcriber": (words_of(AudioEncoder(AudioEncoderConfig(16, (4, 8), 32)), pictures(8, 20, 16)), 100),
    "captioner of clips": (
        words_of(VideoEncoder(VideoEncoderConfig(16, (8, 16), 32, 4)), pictures(8, 4, 3, 16, 16)),
        100,
    ),
    "masked words": (lambda ids: token_loss(ready(MaskedLanguageModel(TextEncoder(TEXT))), ids, vocab_size=100), 100),
    "classifier": (lambda ids: token_loss(ready(SequenceClassifier(TextEncoder(TEXT), 5)), ids, vocab_size=5), 5),
    "span": (span, 8),
    "pairs": (pairs, 8),
    "several modalities": (several_modalities, 100),
    "drawing": (drawn, 50),
    **{family: (fused(family), 10) for family in FUSIONS},
}


@pytest.mark.parametrize("name", FIRST_LOSSES)
def test_every_model_begins_with_the_loss_of_one_that_knows_nothing(name):
    loss, num_answers = FIRST_LOSSES[name]
    ids = torch.randint(1, 100, (8, 8), generator=torch.Generator().manual_seed(1))
    assert loss(ids).item() == pytest.approx(math.log(num_answers), rel=0.05)
