"""Clips end to end: the laws of the video encoder, the task that learns from clips, its command line and its figures."""

import json
import re

import numpy as np
import pytest
import torch
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from numerical import assert_same, assert_same_value_and_gradients, fill, normal, seeds
from PIL import Image

from minimm.datasets.bundled import bundled
from minimm.datasets.coco_clips import CocoClips, write_coco_clips
from minimm.datasets.moving_shapes import MovingShapes
from minimm.datasets.shapes import Shapes
from minimm.errors import MinimmError
from minimm.models.video_encoder import VideoEncoder, VideoEncoderConfig
from minimm.runs.video import mosaics
from minimm.tasks import ImageCaptioner, VideoCaptioner
from minimm.tasks.writing.captioner import Captioner
from minimm.tasks.writing.video_captioner import motion_accuracy

SMALL = ["--d-model", "16", "--num-layers", "1", "--num-heads", "2", "--batch-size", "4"]
sizes = st.tuples(
    st.lists(st.integers(1, 3), min_size=1, max_size=2), st.integers(1, 2), st.sampled_from([2, 4]), st.integers(2, 5)
)
few = settings(max_examples=8)


def random_encoder(size, generator: torch.Generator) -> VideoEncoder:
    channels, side, d_model, frames = size
    encoder = VideoEncoder(VideoEncoderConfig(side * 2 ** len(channels), channels, d_model, frames)).double()
    fill(encoder, generator)
    return encoder


def random_clips(encoder: VideoEncoder, batch: int, frames: int, generator: torch.Generator) -> torch.Tensor:
    return normal(generator, batch, frames, 3, encoder.config.image_size, encoder.config.image_size)


@few
@given(sizes, seeds)
def test_the_video_encoder_is_the_image_encoder_for_each_frame_and_a_gru_along_the_changes_at_each_place(size, seed):
    generator = torch.Generator().manual_seed(seed)
    encoder = random_encoder(size, generator)
    frames, width = encoder.config.num_frames, encoder.config.d_model
    clips = random_clips(encoder, 2, frames, generator)
    oracle = torch.nn.GRU(width, width // 2, batch_first=True, bidirectional=True).double()
    oracle.load_state_dict(encoder.gru.state_dict())
    oracle._flat_weights = [getattr(encoder.gru, name) for name in oracle._flat_weights_names]  # so gradients meet

    def written_out(clips):
        seen = torch.stack([encoder.frame_encoder(clips[:, t]).features for t in range(frames)], dim=1)
        change = torch.cat([torch.zeros_like(seen[:, :1]), seen[:, 1:] - seen[:, :-1]], dim=1)
        x = seen + torch.stack([oracle(change[:, :, place])[0] for place in range(seen.shape[2])], dim=2)
        x = x / (x.square().mean(dim=-1, keepdim=True) + 1e-6).sqrt() * encoder.norm.gain
        return torch.cat([x[:, t] + encoder.time_positions.weight[t] for t in range(frames)], dim=1)

    parameters = list(encoder.parameters())
    assert_same_value_and_gradients(lambda clips: encoder(clips).features, written_out, clips, parameters=parameters)
    memory, side = encoder(clips), encoder.frame_encoder.config.grid_size
    assert memory.grid == (frames, side, side) and memory.mask.all()
    assert memory.mask.shape == memory.features.shape[:2] == (2, frames * side * side)


@few
@given(sizes, st.integers(1, 4), seeds)
def test_padding_behind_a_clip_changes_nothing_whatever_stands_there(size, real, seed):
    generator = torch.Generator().manual_seed(seed)
    encoder = random_encoder(size, generator)
    frames = encoder.config.num_frames
    real = min(real, frames)
    clips = random_clips(encoder, 2, frames, generator)
    mask = torch.ones(2, frames, dtype=torch.bool)
    mask[1, real:] = False
    clips[1, real:] = float("nan")
    memory, alone = encoder(clips, mask), encoder(clips[1:, :real])
    places = alone.features.shape[1]
    assert_same(memory.features[1:, :places], alone.features)
    assert memory.features.isfinite().all()
    assert memory.mask[0].all() and memory.mask[1, :places].all() and not memory.mask[1, places:].any()


@few
@given(sizes, seeds)
def test_a_clip_that_rests_gives_each_frame_the_same_but_for_its_time_and_every_frame_is_felt_in_all_others(size, seed):
    generator = torch.Generator().manual_seed(seed)
    encoder = random_encoder(size, generator)
    frames = encoder.config.num_frames
    torch.nn.init.zeros_(encoder.gru.bias_hh_l0), torch.nn.init.zeros_(encoder.gru.bias_hh_l0_reverse)
    torch.nn.init.zeros_(encoder.gru.bias_ih_l0), torch.nn.init.zeros_(encoder.gru.bias_ih_l0_reverse)
    resting = random_clips(encoder, 1, 1, generator).expand(-1, frames, -1, -1, -1)
    features = encoder(resting).features.unflatten(1, (frames, -1)) - encoder.time_positions.weight[:, None]
    assert_same(features, features[:, :1].expand_as(features))
    clips = random_clips(encoder, 1, frames, generator)
    changed = clips.clone()
    changed[:, 0] = -changed[:, 0]
    before, after = (encoder(x).features.unflatten(1, (frames, -1)) for x in (clips, changed))
    assert (before != after).flatten(2).any(dim=2).all()


def test_clips_and_masks_that_do_not_fit_are_explained():
    config = VideoEncoderConfig(8, (2,), 4, num_frames=4)
    assert VideoEncoderConfig(**json.loads(json.dumps(vars(config)))) == config
    encoder = VideoEncoder(config)
    for shape in ((1, 4, 3, 8, 9), (4, 3, 8, 8), (1, 5, 3, 8, 8), (1, 0, 3, 8, 8)):
        with pytest.raises(
            MinimmError, match=r"built for clips \(B, T, 3, 8, 8\) of at most 4 frames, but got .*; resize"
        ):
            encoder(torch.zeros(shape))
    with pytest.raises(MinimmError, match=r"mask must be \(B, T\) = \(1, 4\)"):
        encoder(torch.zeros(1, 4, 3, 8, 8), torch.ones(1, 3, dtype=torch.bool))
    with pytest.raises(MinimmError, match="real frames of a clip, at least one, must come first"):
        encoder(torch.zeros(1, 4, 3, 8, 8), torch.tensor([[True, False, True, True]]))
    with pytest.raises(MinimmError, match="at least one, must come first"):
        encoder(torch.zeros(2, 4, 3, 8, 8), torch.tensor([[True] * 4, [False] * 4]))
    with pytest.raises(MinimmError, match="d_model=5 must be even"):
        VideoEncoderConfig(d_model=5)
    with pytest.raises(MinimmError, match="num_frames=1"):
        VideoEncoderConfig(num_frames=1)
    with pytest.raises(MinimmError, match="multiple of 8"):
        VideoEncoderConfig(image_size=20)


def train_small(max_steps: int) -> VideoCaptioner:
    """On clips of one object, 16 pixels and 4 frames."""
    options = {"d_model": 64, "num_layers": 1, "channels": (16, 32), "batch_size": 16, "learning_rate": 5e-3}
    return VideoCaptioner(**options).fit(MovingShapes(image_size=16, num_frames=4, max_objects=1), max_steps=max_steps)


@pytest.fixture(scope="module")
def captioner() -> VideoCaptioner:
    """Trained for seconds."""
    return train_small(max_steps=250)


def unseen(count: int = 100):
    return MovingShapes("validation", 16, 4, 1).draw(count, torch.Generator().manual_seed(9))


def test_a_video_captioner_learns_and_says_what_it_scores(captioner):
    scores = captioner.evaluate(unseen())
    assert captioner.training.best_validation_loss < 0.4
    assert scores["speed_accuracy"] > 0.8 and scores["bleu4"] > scores["bleu4_shuffled"] + 2
    assert scores["exact_match_shuffled_chance"] == scores["direction_accuracy_shuffled_chance"] == 0.5
    assert scores["exact_match_chance"] == pytest.approx(1 / 8)
    both = {"exact_match", "bleu4", "cider", "direction_accuracy", "speed_accuracy"}
    chances = {f"{name}_chance" for name in both - {"bleu4", "cider"}}
    chances |= {"exact_match_shuffled_chance", "direction_accuracy_shuffled_chance"}
    assert scores.keys() == both | {f"{name}_shuffled" for name in both} | chances
    assert captioner.evaluate(unseen()) == scores


@pytest.mark.slow
def test_direction_and_speed_are_learned_and_what_is_known_of_direction_is_lost_by_shuffling():
    scores = train_small(max_steps=1_000).evaluate(unseen(300))
    assert scores["direction_accuracy"] > 0.95 and scores["speed_accuracy"] > 0.95 and scores["exact_match"] > 0.4
    assert scores["direction_accuracy_shuffled"] < 0.6
    assert scores["exact_match_shuffled"] < scores["exact_match_shuffled_chance"]


def test_motion_is_scored_object_by_object():
    truth = ["a red ring moves slowly up and a yellow ring moves quickly to the left", "a red ring moves slowly down"]
    written = ["a red ring moves quickly up and a yellow cross moves quickly to the right", "a red ring"]
    assert motion_accuracy(truth, truth) == {"direction_accuracy": 1.0, "speed_accuracy": 1.0}
    assert motion_accuracy(written, truth) == pytest.approx({"direction_accuracy": 1 / 3, "speed_accuracy": 1 / 3})


def test_a_saved_video_captioner_is_the_same_one(captioner, tmp_path):
    captioner.save(tmp_path)
    loaded = VideoCaptioner.load(tmp_path)
    clips = unseen(6).clips
    assert loaded.generate_captions(clips) == captioner.generate_captions(clips)
    assert loaded.generate_captions(clips, num_beams=2) == captioner.generate_captions(clips, num_beams=2)
    assert loaded.generate_caption(clips[0].numpy()) == captioner.generate_captions(clips[:1])[0]


def test_attention_says_when_and_where_each_word_looked_and_is_drawn(captioner):
    clip = unseen(1).clips[0]
    attended = captioner.attend(clip)
    assert " ".join(attended.words) == captioner.generate_caption(clip) and attended.seconds is None
    assert attended.weights.shape == (1, 4, len(attended.words), 4, 4, 4)
    assert np.allclose(attended.maps.sum(axis=(1, 2, 3)), 1.0, atol=1e-5)
    given = captioner.attend(bundled("clips") / "0000.gif", "a red ring")
    assert given.words == ["a", "red", "ring"] and len(given.seconds) == 4
    assert len([axes for axes in given.plot().axes if axes.images]) == 4 + 1  # frames, three words, the scale
    marked = captioner.attend(clip, "A ring, moving up.")
    assert marked.words == ["A", "ring", ",", "moving", "up", "."] and marked.maps.shape == (6, 4, 4, 4)
    assert np.allclose(marked.maps.sum(axis=(1, 2, 3)), 1.0, atol=1e-5) and marked.plot().axes
    with pytest.raises(MinimmError, match="caption is empty"):
        captioner.attend(clip, "")


def test_what_a_video_captioner_cannot_learn_from_is_refused(tmp_path):
    for dataset, message in ((Shapes(), "from Shapes; give MovingShapes"), (tmp_path, "no captions.json")):
        with pytest.raises(MinimmError, match=message):
            VideoCaptioner().fit(dataset, max_steps=1)
    with pytest.raises(MinimmError, match="MovingShapes holds clips, .* use VideoCaptioner"):
        ImageCaptioner().fit(MovingShapes(), max_steps=1)
    with pytest.raises(MinimmError, match="has not learned anything yet"):
        VideoCaptioner().generate_caption(torch.rand(8, 3, 32, 32))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a video captioner trained for a few steps on the bundled clips, by the command line itself."""
    out = tmp_path_factory.mktemp("clips") / "out"
    limits = ["--image-size", "32", "--max-steps", "3", "--seed", "1"]
    assert run("train", "video-captioner", "--data", bundled("clips"), *limits, *SMALL, "--out", out) == 0
    return out


def test_training_on_a_folder_of_clips_writes_everything_it_promises(trained, capsys):
    results = json.loads((trained / "results.json").read_text(encoding="utf-8"))
    assert {"exact_match", "exact_match_shuffled", "bleu4", "cider", "num_clips", "steps", "seconds"} <= results.keys()
    figures = {path.name for path in (trained / "figures").iterdir()}
    assert figures == {"video_captioner_loss.png", "clips.png", "video_captioner_attention.png"}
    assert "true  a" in (trained / "samples.txt").read_text(encoding="utf-8")
    again = ["train", "video-captioner", "--data", bundled("clips"), "--image-size", "32", *SMALL, "--seed", "1"]
    assert run(*again, "--max-steps", "4", "--resume", "--out", trained) == 0
    assert json.loads((trained / "results.json").read_text(encoding="utf-8"))["steps"] == 4


def test_drawn_clips_are_scored_with_held_out_pairs_and_chance_beside_them(tmp_path):
    small = ["--image-size", "16", "--num-frames", "4", "--max-steps", "1", *SMALL]
    assert run("train", "video-captioner", *small, "--out", tmp_path / "out") == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    wanted = {
        "exact_match",
        "exact_match_shuffled",
        "exact_match_shuffled_chance",
        "direction_accuracy",
        "speed_accuracy",
    }
    assert wanted | {f"{name}_held_out" for name in wanted} <= results.keys()


def test_describe_clip_says_one_sentence_for_each_clip_and_draws(trained, captioner, capsys, tmp_path):
    clips = [bundled("clips") / f"{number:04d}.gif" for number in range(2)]
    assert run("describe-clip", "--model", trained, *clips) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == list(map(str, clips))
    captioner.save(tmp_path / "model")
    figure = tmp_path / "looked.png"
    assert run("describe-clip", "--model", tmp_path / "model", clips[0], "--num-beams", "2", "--figure", figure) == 0
    assert Image.open(figure).width > 300


def test_describe_clip_refuses_what_is_no_clip(trained, refused, tmp_path):
    message = refused("describe-clip", "--model", trained, tmp_path / "missing.gif")
    assert re.search("does not exist", message)
    assert "no pictures" in refused("describe-clip", "--model", trained, tmp_path)
    clip = bundled("clips") / "0000.gif"
    assert "--figure draws one clip" in refused("describe-clip", "--model", trained, clip, clip, "--figure", "a.png")


def test_no_clip_at_all_is_explained(captioner):
    with pytest.raises(MinimmError, match="no clip was given, so there is nothing to describe"):
        captioner.generate_captions([])


def test_mosaics_hold_every_frame_in_reading_order():
    clips = torch.rand(2, 5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    pictures = mosaics(clips)
    assert pictures.shape == (2, 3, 2 * 5, 3 * 5)
    for frame in range(5):
        top, left = frame // 3 * 5, frame % 3 * 5
        assert pictures[:, :, top : top + 4, left : left + 4].equal(clips[:, frame])


def test_captions_in_chinese_are_refused_and_those_with_marks_are_scored_shown_and_reported(tmp_path, monkeypatch):
    clips = unseen(3).clips.numpy()
    write_coco_clips(tmp_path / "zh", clips, ["一个红色的圆形向上移动"] * 3)
    with pytest.raises(MinimmError, match="captions are Chinese, .* language='en'; give such captions"):
        VideoCaptioner(image_size=16, num_frames=4).fit(tmp_path / "zh", max_steps=1)
    write_coco_clips(tmp_path / "en", clips, ["A cat, running.", "It's a ring.", "A well-known ring: up!"])
    monkeypatch.setattr(Captioner, "generate_captions", lambda self, clips, **_: ["It's a cat, running."] * len(clips))
    limits = ["--image-size", "16", "--num-frames", "4", "--max-steps", "1", *SMALL]
    assert run("train", "video-captioner", "--data", tmp_path / "en", *limits, "--out", tmp_path / "out") == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert results["measured_on"] == "training" and results["num_clips"] == 3
    assert (tmp_path / "out" / "figures" / "video_captioner_attention.png").is_file()


def test_a_clip_of_a_coco_folder_is_learned_from_by_the_path_alone():
    task = VideoCaptioner(d_model=16, num_heads=2, num_layers=1, batch_size=4, channels=(4, 8)).fit(
        bundled("clips"), max_steps=1
    )
    assert set(task.evaluate(CocoClips(bundled("clips"), 32, 8))) >= {"exact_match", "exact_match_shuffled"}
