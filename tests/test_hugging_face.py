"""Models cross the border to `transformers` and back: same logits, same bits, same sentences; what does not fit is named."""

from __future__ import annotations

import json

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from minimm.errors import MinimmError
from minimm.generation.sampling import generate
from minimm.interoperability.hugging_face import is_hugging_face_folder, load_hugging_face, save_hugging_face
from minimm.layers.initialization import initialize
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.masked_language_model import MaskedLanguageModel
from minimm.models.sequence_classifier import SequenceClassifier
from minimm.models.span_selector import SpanSelector
from minimm.models.text_encoder import TextEncoder

TOLERANCE = 1e-4
VOCAB = 61


def gpt2(layers=2, heads=4, width=32, tied=True, **options):
    config = transformers.GPT2Config(
        vocab_size=VOCAB,
        n_positions=128,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        tie_word_embeddings=tied,
        bos_token_id=0,
        eos_token_id=None,
        **options,
    )
    return transformers.GPT2LMHeadModel(config)


def llama(layers=2, heads=4, groups=2, width=32, tied=False, **options):
    config = transformers.LlamaConfig(
        vocab_size=VOCAB,
        max_position_embeddings=128,
        hidden_size=width,
        intermediate_size=3 * width - 8,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        tie_word_embeddings=tied,
        bos_token_id=0,
        eos_token_id=None,
        **options,
    )
    return transformers.LlamaForCausalLM(config)


def bert(kind=transformers.BertForMaskedLM, layers=2, heads=4, width=32, **options):
    config = transformers.BertConfig(
        vocab_size=VOCAB,
        max_position_embeddings=64,
        hidden_size=width,
        intermediate_size=2 * width + 5,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        **options,
    )
    return kind(config)


def randomized(model, seed=0):
    """Strong random weights, biases and gains too: at first values many mistakes would not be seen."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = 0.3 if parameter.ndim == 1 else 2.0 / parameter.shape[-1] ** 0.5
            parameter.normal_(0.0, scale, generator=generator)
            if parameter.ndim == 1 and name.endswith("weight"):
                parameter.add_(1.0)
    return model.eval()


def random_ids(batch, length, seed=1):
    return torch.randint(VOCAB, (batch, length), generator=torch.Generator().manual_seed(seed))


CAUSAL = {
    "gpt2": lambda: gpt2(),
    "gpt2, one head, exact gelu": lambda: gpt2(layers=1, heads=1, activation_function="gelu"),
    "gpt2, untied, narrow middle": lambda: gpt2(layers=3, tied=False, n_inner=40, layer_norm_epsilon=1e-3),
    "llama, two heads share": lambda: llama(),
    "llama, one key for all, tied": lambda: llama(groups=1, tied=True),
    "llama, full heads, biases, long waves": lambda: llama(
        layers=3,
        groups=4,
        attention_bias=True,
        mlp_bias=True,
        rms_norm_eps=1e-3,
        rope_parameters={"rope_type": "default", "rope_theta": 5e5},
    ),
}


@pytest.mark.parametrize("name", CAUSAL)
def test_a_language_model_gives_their_logits_their_sentences_and_the_same_bits_back(name, tmp_path):
    theirs = randomized(CAUSAL[name]())
    theirs.save_pretrained(tmp_path / "in")
    ours = load_hugging_face(tmp_path / "in")
    assert isinstance(ours, LanguageModel)
    ids = random_ids(3, 40)
    with torch.inference_mode():
        expected = theirs(ids).logits
        assert (ours(ids) - expected).abs().max() <= TOLERANCE * max(1.0, expected.abs().max().item())
    prompt = ids[:1, :7]
    written = theirs.generate(prompt, max_new_tokens=50, do_sample=False, pad_token_id=0)[0, 7:].tolist()
    assert generate(ours, prompt.tolist(), 50) == [written]

    save_hugging_face(ours, tmp_path / "out")
    before, after = (load_file(tmp_path / folder / "model.safetensors") for folder in ("in", "out"))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    back = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    assert type(back) is type(theirs)
    with torch.inference_mode():
        assert torch.equal(back(ids).logits, expected)


@settings(max_examples=12)
@given(
    heads=st.integers(1, 4),
    share=st.integers(1, 2),
    half=st.integers(1, 5),
    layers=st.integers(1, 3),
    tied=st.booleans(),
    length=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_llamas_of_any_size_agree(heads, share, half, layers, tied, length, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama")
    theirs = randomized(
        llama(layers=layers, heads=heads * share, groups=heads, width=heads * share * half * 2 * 2, tied=tied), seed
    )
    theirs.save_pretrained(folder)
    ids = random_ids(2, length, seed)
    with torch.inference_mode():
        expected = theirs(ids).logits
        difference = (load_hugging_face(folder)(ids) - expected).abs().max()
    assert difference <= TOLERANCE * max(1.0, expected.abs().max().item())


BERTS = {
    "masked": (transformers.BertForMaskedLM, MaskedLanguageModel, transformers.AutoModelForMaskedLM),
    "classifier": (
        transformers.BertForSequenceClassification,
        SequenceClassifier,
        transformers.AutoModelForSequenceClassification,
    ),
    "spans": (transformers.BertForQuestionAnswering, SpanSelector, transformers.AutoModelForQuestionAnswering),
    "plain": (transformers.BertModel, TextEncoder, transformers.AutoModel),
}


@pytest.mark.parametrize("kind", BERTS)
@pytest.mark.parametrize("options", [{}, {"heads": 2, "width": 48, "layers": 3, "hidden_act": "gelu_new"}])
def test_a_bert_gives_their_outputs_and_the_same_bits_back(kind, options, tmp_path):
    theirs_class, ours_class, auto_class = BERTS[kind]
    extra = {"num_labels": 3} if kind == "classifier" else {}
    theirs = randomized(bert(theirs_class, **options, **extra))
    theirs.save_pretrained(tmp_path / "in")
    ours = load_hugging_face(tmp_path / "in")
    assert type(ours) is ours_class
    ids, types = random_ids(3, 20), torch.arange(20).repeat(3, 1) // 9 % 2
    mask = torch.arange(20) < torch.tensor([20, 13, 1])[:, None]

    def outputs(model):
        found = model(ids, attention_mask=mask, token_type_ids=types)
        if kind == "spans":
            return [found.start_logits[mask], found.end_logits[mask]]
        if kind == "plain":
            return [found.last_hidden_state[mask]]
        return [found.logits[mask] if kind == "masked" else found.logits]

    with torch.inference_mode():
        expected = outputs(theirs)
        if kind == "spans":
            found = [logits[mask] for logits in ours(ids, mask, types, mask)]
        elif kind == "plain":
            found = [ours(ids, mask, types).features[mask]]
        else:
            found = [ours(ids, mask, types)]
            found = [found[0][mask]] if kind == "masked" else found
        for one, other in zip(found, expected, strict=True):
            assert (one - other).abs().max() <= TOLERANCE * max(1.0, other.abs().max().item())

    save_hugging_face(ours, tmp_path / "out")
    before, after = (load_file(tmp_path / folder / "model.safetensors") for folder in ("in", "out"))
    assert after.keys() == {key for key in before if kind != "plain" or "pooler" not in key}
    assert all(torch.equal(before[key], after[key]) for key in after)
    back = auto_class.from_pretrained(tmp_path / "out").eval()
    with torch.inference_mode():
        assert all(torch.equal(one, other) for one, other in zip(outputs(back), expected, strict=True))


def test_the_encoder_of_any_bert_can_be_taken_alone(tmp_path):
    theirs = randomized(bert(transformers.BertForPreTraining))
    theirs.save_pretrained(tmp_path)
    encoder = load_hugging_face(tmp_path, encoder_only=True)
    ids = random_ids(2, 9)
    with torch.inference_mode():
        expected = theirs.bert(ids).last_hidden_state
        assert (encoder(ids).features - expected).abs().max() <= TOLERANCE * max(1.0, expected.abs().max().item())


def test_weights_in_several_files_are_put_together(tmp_path):
    theirs = randomized(gpt2())
    theirs.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    ids = random_ids(1, 9)
    with torch.inference_mode():
        assert (load_hugging_face(tmp_path)(ids) - theirs(ids).logits).abs().max() <= TOLERANCE * 10
    next(iter(sorted(tmp_path.glob("model-*.safetensors")))).unlink()
    with pytest.raises(MinimmError, match="does not exist"):
        load_hugging_face(tmp_path)


def test_names_without_the_prefix_and_stored_masks_are_understood(tmp_path):
    theirs = randomized(gpt2())
    theirs.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    old = {key.removeprefix("transformer."): tensor for key, tensor in tensors.items()}
    old["h.0.attn.bias"] = torch.ones(1, 1, 4, 4)
    save_file(old, tmp_path / "model.safetensors", {"format": "pt"})
    ids = random_ids(1, 9)
    with torch.inference_mode():
        assert (load_hugging_face(tmp_path)(ids) - theirs(ids).logits).abs().max() <= TOLERANCE * 10


def test_norms_that_are_called_gamma_and_beta_are_understood(tmp_path):
    theirs = randomized(bert())
    theirs.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    old = {
        key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for key, tensor in tensors.items()
    }
    save_file(old, tmp_path / "model.safetensors", {"format": "pt"})
    ids = random_ids(1, 9)
    with torch.inference_mode():
        assert (load_hugging_face(tmp_path)(ids) - theirs(ids).logits).abs().max() <= TOLERANCE * 10


def change_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "t5"}, "model_type='t5'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx=True"),
        ({"activation_function": "relu"}, "activation_function='relu'"),
        ({"sliding_window": 128}, "sliding_window"),
        ({"n_layer": "two"}, "n_layer='two'"),
        ({"n_layer": 3}, "12 tensors are missing: transformer.h.2.* and 6 more"),
        ({"n_layer": 1}, "12 tensors are not known: transformer.h.1"),
        ({"n_positions": 64}, "position_table.table"),
        ({"n_head": 5}, "num_heads"),
    ],
)
def test_what_does_not_fit_a_gpt2_is_named(values, message, tmp_path):
    gpt2().save_pretrained(tmp_path)
    change_config(tmp_path, **values)
    with pytest.raises(MinimmError, match=message):
        load_hugging_face(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rope_parameters": {"rope_type": "llama3", "factor": 8.0, "rope_theta": 1e4}}, "llama3"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "linear"),
        ({"head_dim": 16}, "head_dim=16"),
        ({"attention_bias": True}, "biases"),
        ({"num_key_value_heads": 4}, "rows"),
        ({"hidden_act": "gelu"}, "hidden_act"),
    ],
)
def test_what_does_not_fit_a_llama_is_named(values, message, tmp_path):
    llama().save_pretrained(tmp_path)
    change_config(tmp_path, **values)
    with pytest.raises(MinimmError, match=message):
        load_hugging_face(tmp_path)


def test_what_does_not_fit_a_bert_is_named(tmp_path):
    bert().save_pretrained(tmp_path)
    change_config(tmp_path, position_embedding_type="relative_key")
    with pytest.raises(MinimmError, match="relative_key"):
        load_hugging_face(tmp_path)
    change_config(tmp_path, position_embedding_type="absolute", architectures=["BertForTokenClassification"])
    with pytest.raises(MinimmError, match="BertForTokenClassification"):
        load_hugging_face(tmp_path)


def test_pickled_weights_are_refused_with_the_reason(tmp_path):
    gpt2().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(MinimmError, match="pickle can run any program"):
        load_hugging_face(tmp_path)


def test_an_index_cannot_point_out_of_its_folder(tmp_path):
    gpt2().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path.parent / "elsewhere.safetensors")
    index = {"weight_map": {"transformer.wte.weight": "../elsewhere.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(MinimmError, match="not a file of this folder"):
        load_hugging_face(tmp_path)


def test_a_model_without_a_counterpart_says_why(tmp_path):
    config = LanguageModelConfig(VOCAB, d_model=8, num_heads=2, positions="sinusoidal")
    with pytest.raises(MinimmError, match="positions='sinusoidal'"):
        save_hugging_face(LanguageModel(config), tmp_path)


def test_our_own_default_model_opens_as_a_llama(tmp_path):
    model = LanguageModel(LanguageModelConfig(VOCAB, d_model=32, num_heads=4, num_layers=2)).eval()
    initialize(model, torch.Generator().manual_seed(0), 2)
    save_hugging_face(model, tmp_path)
    assert is_hugging_face_folder(tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    ids = random_ids(2, 30)
    with torch.inference_mode():
        assert (theirs(ids).logits - model(ids)).abs().max() <= TOLERANCE
