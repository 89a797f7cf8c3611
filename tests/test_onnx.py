"""What `minimm export --format onnx` writes gives in onnxruntime, with NumPy alone, what the models give here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from numerical import fill, seeds
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from torch.torch_version import TorchVersion

from minimm.datasets.shapes import Shapes
from minimm.first_principles.late_interaction import late_interaction
from minimm.interoperability.onnx import OLDEST_TORCH, save_graph
from minimm.interoperability.onnx_models import captioner_graphs, language_model_graphs
from minimm.models.audio_encoder import AudioEncoder, AudioEncoderConfig
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.video_encoder import VideoEncoder, VideoEncoderConfig
from minimm.tasks import CrossModalRetriever, ImageCaptioner, TextGenerator
from minimm.tasks.modalities import describe_encoder
from minimm.tokenizers import load_tokenizer

if torch.__version__ < OLDEST_TORCH:
    pytest.skip("PyTorch is too old to write ONNX graphs", allow_module_level=True)

TOLERANCE = 1e-4
VOCAB, CONTEXT = 61, 24
TEXT = "The old lighthouse keeper counted the ships. Fog came in at dusk, and the bell rang until the morning.\n" * 12
TYPES = {"tensor(int64)": "int64", "tensor(float)": "float32", "tensor(bool)": "bool"}
KINDS = {
    "llama": {"num_key_value_heads": 2},
    "gpt2": {"positions": "learned", "normalization": "layer", "feed_forward": "gelu_tanh", "bias": True},
    "one key-value head": {
        "num_key_value_heads": 1,
        "num_layers": 1,
        "feed_forward": "gelu",
        "normalization": "layer",
        "tie_embeddings": False,
    },
    "sinusoidal": {"positions": "sinusoidal", "num_layers": 1, "dropout": 0.3},
}


def strengthened(model, seed=0):
    """Strong weights, gains and biases too: at first values many mistakes would not be seen."""
    with torch.no_grad():
        fill(model, torch.Generator().manual_seed(seed), scale=0.3)
    return model.eval()


def opened(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised as well
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


class Step:
    """A graph of a language model and what it has read: the bookkeeping that a user of onnxruntime does."""

    def __init__(self, session, memory=()):
        self.session, self.memory = session, list(memory)
        self.past = None

    def __call__(self, ids):
        """ids (B, T) -> logits (B, T, V)."""
        inputs = self.session.get_inputs()
        shapes = [port.shape for port in inputs if port.name.startswith("past")]
        if self.past is None:
            self.past = [np.zeros((len(ids), heads, 0, size), np.float32) for _, heads, _, size in shapes]
        values = [np.asarray(ids, np.int64), *self.past, *self.memory]
        logits, *self.past = self.session.run(None, {port.name: x for port, x in zip(inputs, values, strict=True)})
        return logits


@pytest.fixture(scope="module", params=KINDS)
def exported(request, tmp_path_factory):
    """A model and its graph."""
    options = {"d_model": 32, "num_heads": 4, "num_layers": 2, **KINDS[request.param]}
    model = strengthened(LanguageModel(LanguageModelConfig(VOCAB, CONTEXT, **options)))
    (graph,) = language_model_graphs(model).values()
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    save_graph(graph, path)
    return model, opened(path)


@settings(max_examples=40)
@given(st.integers(1, 4), st.lists(st.integers(1, 9), min_size=1, max_size=6), seeds)
def test_in_one_piece_or_step_by_step_the_logits_are_those_of_the_model(exported, batch, pieces, seed):
    model, session = exported
    ids = torch.randint(VOCAB, (batch, min(sum(pieces), CONTEXT)), generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        cache = model.new_cache()
        expected = model(ids, cache=cache).numpy()
    assert_close(Step(session)(ids), expected)
    step = Step(session)
    logits = [step(piece) for piece in np.split(ids.numpy(), np.cumsum(pieces)[:-1], axis=1) if piece.shape[1]]
    assert_close(np.concatenate(logits, axis=1), expected)
    for layer, (keys, values) in enumerate(zip(step.past[::2], step.past[1::2], strict=True)):
        kept = cache.self_attention[layer]
        assert_close(keys, kept.keys[:, :, : cache.length])
        assert_close(values, kept.values[:, :, : cache.length])


@pytest.mark.parametrize(("read", "new"), [(CONTEXT, 1), (CONTEXT - 1, 2), (0, CONTEXT + 1)])
def test_a_position_beyond_the_context_is_refused(exported, read, new):
    step = Step(exported[1])
    if read:
        step(np.ones((1, read)))
    with pytest.raises(InvalidArgument, match="invalid index"):
        step(np.ones((1, new)))


def exported_task(task, folder, seed=0):
    """Save a trained task with strong weights and export it by the command."""
    strengthened(task.model, seed)
    task.save(folder / "model")
    assert run("export", "--model", folder / "model", "--format", "onnx", "--out", folder / "out") == 0
    return task, folder / "out", json.loads((folder / "out" / "onnx.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    sizes = {"d_model": 16, "num_heads": 2, "num_layers": 2, "context_length": 32, "vocab_size": 300}
    task = TextGenerator(**sizes, num_key_value_heads=1).fit(TEXT, max_steps=1)
    return exported_task(task, tmp_path_factory.mktemp("writer"))


@pytest.fixture(scope="module")
def captioner(tmp_path_factory):
    task = ImageCaptioner(d_model=32, num_heads=2, num_layers=1, channels=(8, 16)).fit(Shapes(), max_steps=1)
    return exported_task(task, tmp_path_factory.mktemp("captioner"), seed=2)  # its captions differ in words and length


@pytest.fixture(scope="module")
def retriever(tmp_path_factory):
    task = CrossModalRetriever(d_model=32, num_heads=2, num_layers=1, channels=(8, 16), d_joint=16)
    return exported_task(task.fit(Shapes(), max_steps=1), tmp_path_factory.mktemp("retriever"))


@pytest.mark.parametrize("count", [1, 20, 90])  # within the context, and beyond it
@pytest.mark.parametrize("prompt", ["T", "The old lighthouse keeper"])
def test_greedy_text_is_the_same(writer, prompt, count):
    task, folder, description = writer
    tokenizer, context = load_tokenizer(folder / "tokenizer.json"), description["context_length"]
    session = opened(folder / "language_model.onnx")
    text = tokenizer.encode(prompt)
    step, unread, read = Step(session), list(text), 0
    for _ in range(count):
        if read + len(unread) > context:
            step, unread, read = Step(session), text[-(context // 2) :], 0
        read += len(unread)
        unread = [int(step([unread])[0, -1].argmax())]
        text = text + unread
    assert tokenizer.decode(text) == task.generate(prompt, count, temperature=0)
    assert count < 20 or len(set(text)) > 5  # it is not one token again and again


def write_captions(encoder, decoder, images, special_ids, context):
    """Greedy captions as token ids, all pictures at once."""
    step = Step(decoder, encoder.run(None, {"images": images}))
    words = np.full((len(images), 1), special_ids["<bos>"])
    written = []
    for _ in range(context - 1):
        words = step(words)[:, -1:].argmax(axis=-1)
        written.append(words[:, 0].tolist())
    rows = [list(row) + [special_ids["<eos>"]] for row in zip(*written, strict=True)]
    return [row[: row.index(special_ids["<eos>"])] for row in rows]


def test_captions_are_the_same(captioner):
    task, folder, description = captioner
    images = Shapes().draw(12, torch.Generator().manual_seed(0)).images
    sessions = [opened(folder / f"{name}.onnx") for name in ("encoder", "decoder")]
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    facts = description["special_ids"], description["context_length"]
    captions = [tokenizer.decode(ids) for ids in write_captions(*sessions, images.numpy(), *facts)]
    assert captions == task.generate_captions(images)
    assert len(set(captions)) > 3 and len({len(caption) for caption in captions}) > 1  # some end before others
    for image, caption in zip(images[:3].numpy(), captions, strict=False):
        (alone,) = write_captions(*sessions, image[None], *facts)
        assert tokenizer.decode(alone) == caption == task.generate_caption(image)


def test_an_encoder_of_patches_gives_the_same_memory(tmp_path):
    task = ImageCaptioner(encoder="patches", d_model=16, num_heads=2, num_layers=1, patch_size=8)
    model = strengthened(task.fit(Shapes(), max_steps=1).model)
    save_graph(captioner_graphs(model)["encoder.onnx"], tmp_path / "encoder.onnx")
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = model.decoder.blocks[0].cross_attention.project_memory(model.encode(images).features)
    for one, other in zip(
        opened(tmp_path / "encoder.onnx").run(None, {"images": images.numpy()}), expected, strict=True
    ):
        assert_close(one, other)


def test_embeddings_and_rankings_are_the_same(retriever):
    task, folder, description = retriever
    scenes = Shapes().draw(20, torch.Generator().manual_seed(3))
    texts = [*scenes.captions, "red", "a blue cross"]  # of many lengths
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    read = [description["text_prefix"] + text for text in texts]
    ids, mask = tokenizer.encode_batch(read, max_length=description["context_length"], unknown="replace")
    assert not mask.all()
    whole_images, regions = opened(folder / "image.onnx").run(None, {"images": scenes.images.numpy()})
    whole_texts, words = opened(folder / "text.onnx").run(None, {"ids": ids, "mask": mask})
    pictures, sentences = task.embed(scenes.images, "image"), task.embed(texts, "text")
    assert_close(whole_images, pictures.whole)
    assert_close(regions, pictures.parts)
    assert_close(whole_texts, sentences.whole)
    assert_close(words[mask], sentences.parts[sentences.mask])
    fine = [[late_interaction(text[real], grid) for grid in regions] for text, real in zip(words, mask, strict=True)]
    similarity = (whole_texts @ whole_images.T + fine) / 2
    expected = task.similarity(sentences, pictures)
    assert_close(similarity, expected)
    assert (np.argsort(-similarity, axis=1) == np.argsort(-expected, axis=1)).all()


def terms(size):
    """A size by its terms, which PyTorch's versions add up in one order or the other."""
    return sorted(str(size).split(" + "))


@pytest.mark.parametrize("exported_folder", ["writer", "captioner", "retriever"])
def test_onnx_json_says_what_the_graphs_want(exported_folder, request):
    _, folder, description = request.getfixturevalue(exported_folder)
    assert {path.name for path in folder.iterdir()} == {"onnx.json", "tokenizer.json", *description["graphs"]}
    assert description.get("image_size") == (None if exported_folder == "writer" else 32)
    for name, graph in description["graphs"].items():
        session = opened(folder / name)
        for ports, described in ((session.get_inputs(), "inputs"), (session.get_outputs(), "outputs")):
            found = [(port.name, TYPES[port.type], [terms(size) for size in port.shape]) for port in ports]
            assert found == [
                (port["name"], port["dtype"], [terms(size) for size in port["shape"]]) for port in graph[described]
            ]
        assert str(Path(__file__).parents[1]).encode() not in (folder / name).read_bytes()


def with_encoders(task, folder, names):
    """A folder with a retriever that has the texts of `task`, and encoders of recordings and clips at their first weights."""
    more = {
        "audio": describe_encoder(AudioEncoder(AudioEncoderConfig(channels=(4,), d_model=8))),
        "video": describe_encoder(VideoEncoder(VideoEncoderConfig(channels=(4,), d_model=8))),
    }
    architecture = task.architecture()
    encoders = architecture["encoders"] | more
    other = CrossModalRetriever()
    other.model = task.build(architecture | {"encoders": {name: encoders[name] for name in names}})
    other.tokenizer = task.tokenizer
    strengthened(other.model)
    other.save(folder)
    return ["export", "--model", folder, "--format", "onnx", "--out", folder.parent / "out"]


def test_modalities_that_cannot_be_exported_are_left_out_and_named(retriever, tmp_path, capsys, refused):
    assert run(*with_encoders(retriever[0], tmp_path / "some", ["audio", "text"])) == 0
    assert "the encoder of audio was left out" in capsys.readouterr().out
    description = json.loads((tmp_path / "out" / "onnx.json").read_text(encoding="utf-8"))
    assert (list(description["graphs"]), description["left_out"]) == (["text.onnx"], ["audio"])
    (tmp_path / "all").mkdir()
    message = refused(*with_encoders(retriever[0], tmp_path / "all" / "model", ["audio", "video"]))
    assert "knows audio and video, whose encoders cannot be exported" in message
    assert not (tmp_path / "all" / "out").exists()


def test_what_cannot_be_exported_gets_one_sentence(writer, tmp_path, refused, monkeypatch):
    task, folder, _ = writer
    model = folder.parent / "model"
    export = ["export", "--format", "onnx", "--out", tmp_path / "out", "--model"]
    assert "is not a folder" in refused(*export, tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    assert "config.json does not exist" in refused(*export, tmp_path / "empty")
    (tmp_path / "empty" / "config.json").write_text('{"format": "minimm-1", "kind": "translator"}', encoding="utf-8")
    message = refused(*export, tmp_path / "empty")
    assert (
        "holds a translator model, but only these can be exported to ONNX: language_model, image_captioner" in message
    )
    assert "already holds something" in refused("export", "--format", "onnx", "--out", folder, "--model", model)
    assert "already holds something" in refused(
        "export", "--format", "onnx", "--out", folder / "onnx.json", "--model", model
    )
    assert "--format 'pickle' is not known" in refused(
        "export", "--format", "pickle", "--out", tmp_path / "out", "--model", model
    )
    small = TextGenerator.load(model, device="cpu")
    small.quantize(8)
    small.save(tmp_path / "small")
    assert "weights in few bits cannot be exported" in refused(*export, tmp_path / "small")
    with monkeypatch.context() as patch:
        patch.setattr(torch, "__version__", TorchVersion("2.6.0"))
        assert "PyTorch 2.7 or newer is needed, but this is 2.6.0" in refused(*export, model)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert "needs onnxscript, not installed here; run: pip install 'minimm[onnx]'" in refused(*export, model)
    assert not (tmp_path / "out").exists()
