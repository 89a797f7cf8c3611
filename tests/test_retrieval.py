"""Searching one space: ranks against brute force, learning, any direction, bad input, and the digits in three ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from numerical import seeds
from sklearn.neighbors import NearestNeighbors

from minimm.datasets.coco_captions import CocoCaptions, write_coco_captions
from minimm.datasets.coco_clips import CocoClips, write_coco_clips
from minimm.datasets.moving_shapes import MovingShapes
from minimm.datasets.shapes import COLOURS, Shapes
from minimm.datasets.spoken_digits import DIGIT_WORDS
from minimm.datasets.three_way_digits import DIGIT_OF, ThreeWayDigits
from minimm.errors import MinimmError
from minimm.features.image import to_pil
from minimm.features.wav import write_wav
from minimm.files import read_json, write_json
from minimm.first_principles.late_interaction import late_interaction
from minimm.metrics import recall_at_k, recall_by_label
from minimm.models.dual_encoder import Embedding
from minimm.plots.retrieval import Hit, retrieval_grid
from minimm.runs.retrieval import distinct_scenes
from minimm.tasks.retrieval.cross_modal_retriever import CrossModalRetriever
from minimm.tasks.retrieval.data import caption_labels, modality_of, retrieval_source
from minimm.tasks.retrieval.evaluation import retrieval_scores

TINY = {
    "d_model": 16,
    "num_heads": 2,
    "num_layers": 1,
    "d_joint": 8,
    "channels": (4, 8),
    "audio_channels": (4, 8),
    "batch_size": 8,
}


def paints() -> tuple[list[np.ndarray], list[str]]:
    """Six plain pictures and what they are called."""
    images = [np.full((3, 16, 16), np.array(rgb)[:, None, None], dtype=np.float32) for rgb in COLOURS.values()]
    return images, [f"something {name}" for name in COLOURS]


@pytest.fixture(scope="module")
def painter() -> CrossModalRetriever:
    """Has learned the six plain pictures."""
    options = TINY | {
        "d_model": 32,
        "batch_size": 12,
        "image_size": 16,
        "warmup_steps": 5,
        "learning_rate": 1e-2,
        "optimizer": "adamw",
    }
    return CrossModalRetriever(**options).fit(*paints(), max_steps=40)


@pytest.fixture(scope="module")
def speaker() -> CrossModalRetriever:
    """Three modalities, hardly trained."""
    return CrossModalRetriever(**TINY).fit(digits("train"), max_steps=2)


@pytest.fixture(scope="module")
def scenes():
    return Shapes("validation").draw(12, torch.Generator().manual_seed(0))


def digits(split: str) -> ThreeWayDigits:
    return ThreeWayDigits(split, "speech")


def test_it_learns_to_find_pictures_by_text_and_text_by_pictures(painter):
    images, captions = paints()
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        assert painter.search(caption, k=1)[0].place == place
        assert painter.describe(image, k=1)[0].item == caption
        assert next(iter(painter.classify(image, list(COLOURS), "something {}"))) == list(COLOURS)[place]


def test_the_training_loss_falls_below_that_of_knowing_nothing(painter):
    losses = [entry["train_loss"] for entry in painter.training.history if "train_loss" in entry]
    assert losses[0] > np.log(6) * 0.8 and losses[-1] < losses[0] - 0.5


def test_ranks_equal_those_of_scikit_learns_nearest_neighbours(scenes):
    task = CrossModalRetriever(fine_grained=False, **TINY).fit(Shapes(), max_steps=1)
    pictures = list(Shapes().draw(30, torch.Generator().manual_seed(3)).images.numpy())
    task.index(pictures)
    vectors = task.collections["image"][1].whole.numpy()
    peer = NearestNeighbors(n_neighbors=30, metric="cosine", algorithm="brute").fit(vectors)
    for caption in scenes.captions:
        distances, places = peer.kneighbors(task.embed([caption]).whole.numpy())
        found = task.search(caption, k=30)
        np.testing.assert_allclose([hit.score for hit in found], 1 - distances[0], atol=1e-5)
        assert sorted(hit.place for hit in found) == list(range(30))
        clear = np.flatnonzero(np.diff(distances[0]) > 1e-5)  # ties may come in any order
        for end in clear + 1:
            assert {hit.place for hit in found[:end]} == set(places[0][:end].tolist())


def test_with_words_and_regions_the_similarity_is_the_mean_of_both_formulas(painter):
    images, captions = paints()
    seen, read = painter.embed(images), painter.embed(captions)
    similarity = painter.similarity(read, seen)
    for row in range(6):
        words = read.parts[row][read.mask[row]].numpy()
        for column in range(6):
            whole = float(read.whole[row] @ seen.whole[column])
            parts = late_interaction(words, seen.parts[column].numpy())
            assert similarity[row, column] == pytest.approx((whole + parts) / 2, abs=1e-5)


def test_a_saved_model_finds_the_same(painter, speaker, tmp_path):
    images, captions = paints()
    for name, task in (("two", painter), ("three", speaker)):
        task.save(tmp_path / name)
        opened = CrossModalRetriever.load(tmp_path / name)
        for things in (images, ["seven"]) if task is speaker else (images, captions):
            assert torch.equal(opened.embed(things).whole, task.embed(things).whole)
        with pytest.raises(MinimmError, match=r"call index\(...\)"):
            opened.search(images[0])


def test_every_direction_can_be_searched(speaker):
    unseen = digits("test")
    sounds = [(recording.waveform, unseen.spoken.sample_rate) for recording in unseen.spoken.recordings[:20]]
    speaker.index(sounds).index(unseen.written.images[:30], "image").index(list(DIGIT_OF))
    picture = unseen.written.images[0].numpy()
    for query in ("seven", "七", sounds[0], picture):
        for among in ("image", "audio", "text"):
            found = speaker.search(query, 4, among=among)
            scores = [hit.score for hit in found]
            assert len(found) == 4 and scores == sorted(scores, reverse=True)
    assert isinstance(speaker.describe(picture, k=1)[0].item, str)
    assert isinstance(speaker.search("seven", k=1)[0].item, torch.Tensor)  # pictures first


def test_digits_are_measured_in_every_direction_but_between_languages(speaker):
    scores = speaker.evaluate(digits("test"))
    recalls = {name for name in scores if name.startswith("recall_at_1_") and "_to_" in name}
    assert len(recalls) == 4 * 3 - 2 and "recall_at_1_english_to_chinese" not in scores
    assert scores["recall_at_1"] == pytest.approx(np.mean([scores[name] for name in recalls]))
    assert scores["recall_at_1_chance"] == pytest.approx(0.1, abs=0.002)


def test_alignment_gives_each_word_a_map_over_the_picture(painter):
    images, captions = paints()
    aligned = painter.align(images[0], captions[0])
    assert aligned.words == captions[0].split() and aligned.maps.shape == (2, 4, 4)
    np.testing.assert_allclose(aligned.maps.sum(axis=(1, 2)), 1.0, rtol=1e-5)
    aligned.plot()


def test_clips_and_their_captions_share_a_space_too():
    task = CrossModalRetriever(image_size=16, **TINY).fit(MovingShapes(image_size=16), max_steps=1)
    clips = MovingShapes("validation", 16).draw(5, torch.Generator().manual_seed(0))
    task.index(list(clips.clips.numpy()))
    assert task.search(clips.captions[0], k=1)[0].item.shape == clips.clips.shape[1:]
    assert {"recall_at_1_video_to_text", "recall_at_5_text_to_video"} <= task.evaluate(clips).keys()


def paints_with_captions(count: int, captions: int) -> CocoCaptions:
    """Plain pictures with several captions each, which all end with the picture's number."""
    dataset = CocoCaptions.from_arrays(paints()[0][:count], ["x"] * count)
    dataset.captions = [[f"caption {text} of {picture}" for text in range(captions)] for picture in range(count)]
    return dataset


class Oracle:
    """Knows of every caption to which picture it belongs."""

    def embed(self, things, modality):
        known = range(len(things)) if modality == "image" else [int(text.split()[-1]) for text in things]
        whole = torch.eye(9)[list(known)]
        return Embedding(modality, whole, whole[:, None], torch.ones(len(whole), 1, dtype=torch.bool), ())

    def similarity(self, x, y):
        return (x.whole @ y.whole.T).numpy()


def test_a_picture_has_many_right_captions_and_a_perfect_model_finds_them_all():
    scores = retrieval_scores(Oracle(), paints_with_captions(3, 5), 0)
    assert scores["recall_at_1_image_to_text"] == scores["recall_at_1_text_to_image"] == scores["recall_at_5"] == 1.0
    assert scores["recall_at_1_chance"] == pytest.approx(1 / 3)
    shared = paints_with_captions(3, 5)
    shared.captions[2].append(shared.captions[0][0])
    scores = retrieval_scores(Oracle(), shared, None)
    assert scores["recall_at_1"] == 1.0 and scores["recall_at_1_chance"] == pytest.approx((2 * 11 + 5) / (3 * 16))


def test_rows_of_one_picture_have_one_label_whatever_their_captions():
    batch = retrieval_source(paints_with_captions(3, 5)).draw(30, torch.Generator().manual_seed(0))
    pictures = [int(text.split()[-1]) for text in batch.things["text"]]
    assert batch.labels.tolist() == pictures and len(set(batch.things["text"])) > 3


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=3), max_size=6))
def test_pictures_have_one_label_exactly_where_shared_captions_lead_from_one_to_the_other(captions):
    reached = np.array([[bool(set(a) & set(b)) for b in captions] for a in captions], dtype=int)
    for _ in captions:
        reached = np.sign(reached @ reached)
    numbers = caption_labels(captions)
    labels = [{numbers[text] for text in texts} for texts in captions]
    assert all(len(each) == 1 for each in labels)
    for a, row in zip(labels, reached, strict=True):
        assert [a == b for b in labels] == row.astype(bool).tolist()


def test_clips_of_a_folder_are_kept_measured_and_searched_as_clips(tmp_path, capsys):
    drawn = MovingShapes("validation", 16, 4).draw(5, torch.Generator().manual_seed(0))
    write_coco_clips(tmp_path, list(drawn.clips.numpy()), drawn.captions)
    dataset = CocoClips(tmp_path, 16, num_frames=4)
    task = CrossModalRetriever(image_size=16, **TINY).fit(dataset, max_steps=1)
    assert task.search(drawn.captions[0], k=1)[0].item in dataset.file_names
    assert task.model.encoders["video"].config.num_frames == 4
    assert {"recall_at_1_video_to_text", "recall_at_5_text_to_video"} <= task.evaluate(dataset).keys()
    with pytest.raises(MinimmError, match="not trained on image"):
        task.evaluate(tmp_path)
    clip = tmp_path / dataset.file_names[0]
    for query in (clip, str(clip)):
        assert task.describe(query, k=1)[0].item in drawn.captions  # without an encoder of pictures, a .gif is a clip
    (tmp_path / "frames").mkdir()
    for number, frame in enumerate(drawn.clips[0]):
        to_pil(frame.numpy()).save(tmp_path / "frames" / f"{number}.png")
    frames = tmp_path / "frames"
    assert task.describe(frames) == task.search(str(frames), modality="video") and len(task.describe(frames)) == 5
    task.save(tmp_path / "model")
    search = ("--model", tmp_path / "model", "--among", tmp_path)
    capsys.readouterr()
    assert run("retrieve", drawn.captions[0], *search, "--figure", tmp_path / "found.png") == 0
    assert capsys.readouterr().out.count(".gif") == 5
    assert run("retrieve", frames, *search, "-k", 1) == 0 and capsys.readouterr().out.strip()[-3:] != "gif"


def test_of_folders_with_splits_val_is_measured_and_so_many_pictures_are_read(tmp_path):
    images, captions = paints()
    for split, count in (("train", 4), ("val", 6)):
        write_coco_captions(tmp_path / f"{split}2017", images[:count], captions[:count])
        listing = read_json(tmp_path / f"{split}2017" / "captions.json")
        write_json(tmp_path / "annotations" / f"captions_{split}2017.json", listing)
        (tmp_path / f"{split}2017" / "captions.json").unlink()
        for picture in (tmp_path / f"{split}2017" / "images").iterdir():
            picture.rename(tmp_path / f"{split}2017" / picture.name)
    options = ("--d-model", 16, "--num-heads", 2, "--num-layers", 1, "--batch-size", 4, "--max-steps", 1)
    options += ("--image-size", 16, "--max-pictures", 3)
    assert run("train", "retriever", "--data", tmp_path, "--out", tmp_path / "model", *options) == 0
    results = read_json(tmp_path / "model" / "results.json")
    assert results["measured_on"] == "val" and results["num_pictures"] == 3
    assert results["recall_at_1_chance"] == pytest.approx(1 / 6)  # all six pictures of val


def test_chinese_captions_are_read_by_their_characters(tmp_path):
    task = CrossModalRetriever(**TINY).fit(Shapes(language="zh"), max_steps=1)
    unseen = Shapes("validation", language="zh").draw(4, torch.Generator().manual_seed(0))
    scores = task.evaluate(unseen)
    assert 0 < scores["pointing_accuracy_chance"] < 0.5
    assert task.align(unseen.images[0], "红色的圆形").words == list("红色的圆形")
    task.save(tmp_path)
    loaded = CrossModalRetriever.load(tmp_path)
    assert torch.equal(loaded.embed(unseen.captions).whole, task.embed(unseen.captions).whole)
    with pytest.raises(MinimmError, match="no character of 'x'"):
        task.embed(["x"])


def test_scenes_for_measuring_have_different_captions():
    scenes = distinct_scenes("shapes", "validation", 32)
    assert len(scenes.captions) == len(set(scenes.captions)) == len(scenes.images) == len(scenes.objects) == 256


def test_bad_input_is_refused_in_one_sentence(painter, speaker):
    images, captions = paints()
    for error, call in (
        ("k=7, but the collection has 6 pictures; choose k from 1 to 6", lambda: painter.search(captions[0], k=7)),
        ("k=0", lambda: painter.search(captions[0], k=0)),
        ("the collection is empty", lambda: painter.index([])),
        ("not trained on audio; it knows image and text", lambda: painter.search("seven.wav")),
        ("not trained on video", lambda: speaker.embed([np.zeros((8, 3, 32, 32))])),
        ("no word of 'xylophone'", lambda: painter.search("xylophone")),
        ("has no place for the label", lambda: painter.classify(images[0], ["a", "b"], "a photo")),
        ("nothing to decide", lambda: painter.classify(images[0], ["a"])),
        ("cannot learn captions from dict", lambda: CrossModalRetriever(**TINY).fit({})),
        ("one caption for each picture", lambda: CrossModalRetriever(**TINY).fit(images, captions[:2])),
        ("has not learned anything yet", lambda: CrossModalRetriever().search("red")),
    ):
        with pytest.raises(MinimmError, match=error):
            call()


def test_what_kind_of_thing_a_query_is():
    array = np.zeros((3, 8, 8), dtype=np.float32)
    things = [
        "a cat",
        "七",
        Path("cat.png"),
        "cat.JPG",
        array,
        to_pil(array),
        "a.wav",
        (array[0, 0], 8000),
        array[None],
    ]
    kinds = ["text", "text", "image", "image", "image", "image", "audio", "audio", "video"]
    assert [modality_of(thing) for thing in things] == kinds


@given(seeds, st.integers(1, 6), st.integers(0, 4), st.integers(1, 7))
def test_recall_by_label_with_different_labels_is_recall_at_k(seed, n, more, k):
    similarity = torch.randn(n, n + more, generator=torch.Generator().manual_seed(seed)).round(decimals=1).numpy()
    assert recall_by_label(similarity, range(n), range(n + more), k) == recall_at_k(similarity, k)


@given(seeds, st.integers(1, 6), st.integers(1, 6))
def test_recall_by_label_counts_who_has_a_right_item_among_the_first_k(seed, n, k):
    generator = torch.Generator().manual_seed(seed)
    similarity = torch.rand(n, 8, generator=generator).numpy()  # no ties
    items = [0, 1, 2, *torch.randint(3, (5,), generator=generator).tolist()]
    queries = torch.randint(3, (n,), generator=generator).tolist()
    best = np.argsort(-similarity, axis=1)[:, :k]
    found = [any(items[place] == label for place in row) for row, label in zip(best, queries, strict=True)]
    assert recall_by_label(similarity, queries, items, k) == np.mean(found)


def test_recall_by_label_refuses_what_cannot_be_measured():
    assert recall_by_label(np.ones((2, 4)), ["a", "b"], ["a", "a", "b", "b"], 1) == 0.0  # ties count against the model
    with pytest.raises(MinimmError, match="no item of its label"):
        recall_by_label(np.ones((1, 1)), ["a"], ["b"], 1)
    with pytest.raises(MinimmError, match="labels of rows"):
        recall_by_label(np.ones((2, 1)), ["a"], ["a"], 1)
    with pytest.raises(MinimmError, match="k=0"):
        recall_by_label(np.ones((1, 1)), ["a"], ["a"], 0)
    with pytest.raises(MinimmError, match="recall_by_label got NaN"):
        recall_by_label(np.full((2, 2), np.nan), ["a", "b"], ["a", "b"], 1)


def test_triples_agree_about_their_digit_and_are_fixed_by_their_generator():
    dataset = digits("train")
    triples, again = (dataset.draw(40, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(triples.images, again.images) and triples.spellings == again.spellings
    assert all(np.array_equal(a, b) for a, b in zip(triples.waveforms, again.waveforms, strict=True))
    assert [DIGIT_OF[word] for word in triples.spellings] == triples.digits.tolist()
    assert set(triples.spellings) & set(DIGIT_WORDS["en"]) and set(triples.spellings) & set(DIGIT_WORDS["zh"])
    assert triples.images.shape == (40, 3, 32, 32) and len(triples.waveforms) == 40


def test_the_pictures_of_a_triple_show_its_digit():
    dataset = digits("test")
    triples = dataset.draw(300, torch.Generator().manual_seed(0))
    known, seen = (images.mean(dim=1).flatten(1) for images in (dataset.written.images, triples.images))
    means = torch.stack([known[dataset.written.digits == digit].mean(dim=0) for digit in range(10)])
    nearest = torch.cdist(1 - seen, 1 - means).argmin(dim=1)
    assert (nearest == triples.digits).float().mean() > 0.5  # chance is 0.1


def test_the_figure_of_a_search_draws_pictures_sounds_and_texts():
    picture, sound = np.zeros((3, 8, 8)), np.sin(np.arange(900.0))
    hits = [Hit(picture, 0.9, True, "a black square"), Hit(sound, 0.5, False), Hit("some $text", -0.1)]
    figure = retrieval_grid([picture, sound, "七"], [hits, hits[:1], hits], ["a", "b", "c"])
    assert len(figure.axes) == 3 + 7
    with pytest.raises(MinimmError, match="names"):
        retrieval_grid([picture], [hits], [])
    with pytest.raises(MinimmError, match="at least one query"):
        retrieval_grid([], [])


def test_the_commands_train_measure_and_search(tmp_path, capsys, refused):
    options = ("--d-model", 16, "--num-heads", 2, "--num-layers", 1, "--batch-size", 4, "--max-steps", 2)
    images, captions = paints()
    write_coco_captions(tmp_path / "paints", images, captions)
    out = tmp_path / "model"
    assert run("train", "retriever", "--data", tmp_path / "paints", "--image-size", 16, "--out", out, *options) == 0
    results = read_json(out / "results.json")
    assert {"recall_at_1", "recall_at_5", "recall_at_1_text_to_image", "recall_at_1_chance"} <= results.keys()
    assert {file.name for file in (out / "figures").iterdir()} == {"retrieval.png", "retriever_loss.png"}
    assert results["measured_on"] == "training"
    asked, *answers = (out / "samples.txt").read_text(encoding="utf-8").split("asked: ")
    assert asked == "" and len(answers) == 6  # each picture, or its caption, looked for once
    for answer in answers:
        question, *hits = answer.splitlines()
        scores = [float(hit.split()[1]) for hit in hits]
        assert len(hits) == 5 and scores == sorted(scores, reverse=True)
        for judgement, _, name in (hit.split(maxsplit=2) for hit in hits):
            assert (judgement == "right") == question.endswith(f"({name})")
    capsys.readouterr()
    search = ("--model", out, "--among", tmp_path / "paints")
    assert run("retrieve", "something red", *search, "-k", 2, "--figure", tmp_path / "found.png") == 0
    assert capsys.readouterr().out.count(".png") == 2 and (tmp_path / "found.png").stat().st_size > 0
    assert run("retrieve", tmp_path / "paints" / "images" / "0000.png", *search, "-k", 6) == 0
    assert capsys.readouterr().out.count("something") == 6  # for a picture, texts
    (tmp_path / "three").mkdir()
    for number in range(3):
        to_pil(images[number]).save(tmp_path / "three" / f"{number}.png")
    assert run("retrieve", "something red", "--model", out, "--among", tmp_path / "three") == 0
    assert capsys.readouterr().out.count(".png") == 3  # fewer than the five of the default
    assert "choose k from 1 to 6" in refused("retrieve", "something red", *search, "-k", 9)
    write_wav(tmp_path / "a.wav", np.sin(np.arange(4000.0)).astype(np.float32) / 2, 8000)
    assert "not trained on audio" in refused("retrieve", tmp_path / "a.wav", *search)
    (tmp_path / "empty").mkdir()
    assert "nothing to find" in refused("retrieve", "red", "--model", out, "--among", tmp_path / "empty")
    assert "is not a folder" in refused("retrieve", "red", "--model", out, "--among", tmp_path / "missing")


@pytest.mark.slow
def test_in_400_steps_unseen_scenes_are_found_and_words_point_at_what_they_name():
    task = CrossModalRetriever().fit(Shapes(), max_steps=400)  # where words point is learned after 300
    scores = task.evaluate(distinct_scenes("shapes", "validation", 32))
    assert min(scores["recall_at_1_text_to_image"], scores["recall_at_1_image_to_text"]) > 0.8  # chance 0.004
    assert scores["pointing_accuracy"] > 0.7 > 5 * scores["pointing_accuracy_chance"]
