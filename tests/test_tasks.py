"""The tasks end to end: trained for seconds, they must have learned what they were shown."""

import numpy as np
import pytest
import torch

from minimm.datasets.bundled import bundled
from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.interpretation.grounding import cells_inside, named_objects, pointing_accuracy
from minimm.tasks import ImageCaptioner, TextGenerator

SENTENCE = "the quick brown fox jumps over the lazy dog. "
SMALL = {"d_model": 32, "num_layers": 2, "num_heads": 2, "batch_size": 8}


@pytest.fixture(scope="module")
def writer() -> TextGenerator:
    """A language model that has read one sentence many times."""
    return TextGenerator("tiny", tokenizer="character", vocab_size=None, context_length=48, **SMALL).fit(
        SENTENCE * 60, max_steps=400
    )


@pytest.fixture(scope="module")
def captioner() -> ImageCaptioner:
    """A captioner trained for seconds on scenes of one object."""
    task = ImageCaptioner("tiny", d_model=64, num_layers=1, batch_size=32, weight_decay=0.1)
    return task.fit(Shapes(max_objects=1), max_steps=500)


def test_a_language_model_learns_a_sentence_by_heart(writer):
    assert writer.evaluate(SENTENCE * 4)["loss"] < 0.3
    assert writer.untrained().evaluate(SENTENCE * 4)["loss"] > 2.5
    assert writer.generate("the quick", 40, temperature=0.0) == (SENTENCE * 2)[:49]


def test_beam_search_finds_the_sentence_too(writer):
    assert writer.generate("the quick", 30, num_beams=3) == (SENTENCE * 2)[:39]


def test_bits_per_byte_and_perplexity_follow_from_the_loss(writer):
    scores = writer.evaluate(SENTENCE * 4)
    assert scores["perplexity"] == pytest.approx(np.exp(scores["loss"]))
    num_bytes = len(SENTENCE * 4)
    assert scores["bits_per_byte"] == pytest.approx(scores["loss"] * (num_bytes - 1) / num_bytes / np.log(2))


def test_a_sliding_window_of_one_token_predicts_each_from_the_whole_context(writer):
    text, model = SENTENCE * 2, writer.model
    ids, context = writer.tokenizer.encode(text), writer.model.config.context_length
    losses = []
    with torch.inference_mode():
        for end in range(1, len(ids)):
            logits = model(torch.tensor([ids[max(0, end - context) : end]]))[0, -1]
            losses.append(-torch.log_softmax(logits, dim=-1)[ids[end]].item())
    scores = writer.evaluate(text, stride=1)
    assert scores["loss"] == pytest.approx(np.mean(losses), rel=1e-3)
    assert scores["perplexity"] == pytest.approx(np.exp(scores["loss"]))


def test_attention_over_a_text_is_causal_and_drawn(writer):
    attended = writer.attend("the quick")
    assert attended.weights.shape == (2, 2, 9, 9) and len(attended.tokens) == 9
    assert np.allclose(attended.weights.sum(axis=-1), 1.0, atol=1e-5)
    assert np.all(attended.weights[..., np.triu_indices(9, 1)[0], np.triu_indices(9, 1)[1]] == 0.0)
    assert attended.plot().get_size_inches()[0] > 1


def test_a_saved_writer_is_the_same_writer(writer, tmp_path):
    writer.save(tmp_path)
    loaded = TextGenerator.load(tmp_path)
    assert loaded.generate("the", 30, seed=3) == writer.generate("the", 30, seed=3)
    assert loaded.evaluate(SENTENCE * 2) == writer.evaluate(SENTENCE * 2)


def test_a_captioner_learns_to_name_single_objects(captioner):
    scenes = Shapes("validation", max_objects=1).draw(100, torch.Generator().manual_seed(99))
    scores = captioner.evaluate(scenes)
    assert scores["exact_match"] > 0.6  # chance is 1 in 72
    assert scores["pointing_accuracy_chance"] < 0.15 < scores["pointing_accuracy"]
    assert scores["bleu4"] > 60


def test_captions_do_not_depend_on_what_else_is_in_the_batch(captioner):
    images = Shapes(max_objects=1).draw(6, torch.Generator().manual_seed(5)).images
    together = captioner.generate_captions(images)
    assert together == [captioner.generate_caption(image.numpy()) for image in images]


def test_attention_over_a_picture_has_one_map_for_each_word(captioner):
    image = Shapes(max_objects=1).draw(1, torch.Generator().manual_seed(5)).images[0].numpy()
    attended = captioner.attend(image)
    assert attended.words == captioner.generate_caption(image).split()
    assert attended.weights.shape == (1, 4, len(attended.words), 8, 8)
    assert np.allclose(attended.maps.sum(axis=(1, 2)), 1.0, atol=1e-4)
    assert attended.plot().get_size_inches()[0] > 1


def test_a_saved_captioner_is_the_same_captioner(captioner, tmp_path):
    captioner.save(tmp_path)
    images = Shapes().draw(5, torch.Generator().manual_seed(6)).images
    loaded = ImageCaptioner.load(tmp_path)
    assert loaded.generate_captions(images) == captioner.generate_captions(images)
    with pytest.raises(MinimmError, match=r"was loaded.* ImageCaptioner\(preset\)"):
        loaded.fit(Shapes(), max_steps=1)


def test_a_captioner_learns_a_folder_of_pictures():
    data = CocoCaptions(bundled("scenes"), image_size=32)
    task = ImageCaptioner("tiny", d_model=64, num_layers=1, batch_size=48, weight_decay=0.1).fit(data, max_steps=150)
    assert task.training.history[-1]["validation_loss"] < 0.6 * task.training.history[0]["validation_loss"]
    assert set(task.evaluate(data)) == {"exact_match", "bleu4", "cider"}


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    def train(seed: int) -> torch.Tensor:
        task = TextGenerator("tiny", tokenizer="character", vocab_size=None, context_length=16, seed=seed, **SMALL)
        return task.fit(SENTENCE * 20, max_steps=5).model.embedding.weight.detach().clone()

    assert torch.equal(train(1), train(1)) and not torch.equal(train(1), train(2))


def test_tasks_that_have_not_learned_say_so():
    for task in (TextGenerator(), ImageCaptioner()):
        with pytest.raises(MinimmError, match="fit"):
            task.save("nowhere")
    with pytest.raises(MinimmError, match="preset"):
        TextGenerator("huge")


def test_options_belong_to_the_preset_to_its_training_or_to_the_model_and_others_are_named():
    task = TextGenerator("tiny", d_model=32, learning_rate=0.5, positions="learned")
    assert task.preset.d_model == 32 and task.preset.training.learning_rate == 0.5
    assert task.model_options == {"positions": "learned"}
    with pytest.raises(MinimmError, match=r"\['learning_rat'\] are not known; choose from .*'learning_rate'"):
        TextGenerator("tiny", learning_rat=0.5)
    with pytest.raises(MinimmError, match="'positions'"):
        ImageCaptioner("tiny", positions="learned")


def test_pointing_counts_colour_and_shape_words_alone():
    scenes = Shapes(max_objects=2).draw(20, torch.Generator().manual_seed(0))
    words = [caption.split() for caption in scenes.captions]
    maps = []
    for caption, objects in zip(words, scenes.objects, strict=True):
        scene = np.zeros((len(caption), 8, 8))
        for index, item in enumerate(named_objects(caption, objects)):
            scene[index] = cells_inside(item.box, (8, 8), 32) if item else 0.0  # the perfect look
        maps.append(scene)
    perfect = pointing_accuracy(maps, words, scenes.objects, 32)
    assert perfect.accuracy == 1.0 and perfect.num_words == 2 * sum(map(len, scenes.objects))
    nothing = pointing_accuracy([1.0 - scene for scene in maps], words, scenes.objects, 32)
    assert nothing.accuracy == 0.0 and nothing.chance == pytest.approx(perfect.chance)


@pytest.mark.parametrize("tokenizer", ["word", "word_piece"])
def test_a_small_vocabulary_of_words_reads_its_own_text_with_unknown_words_in_it(tokenizer):
    text = " ".join(f"word{i % 50} and" for i in range(400))
    task = TextGenerator(tokenizer=tokenizer, vocab_size=40, d_model=16, num_heads=2, num_layers=1, context_length=16)
    task.fit(text, max_steps=2)
    assert np.isfinite(task.evaluate(text)["bits_per_byte"])
