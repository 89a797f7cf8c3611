"""What must hold for clips of moving shapes: the sentence is true of the pixels, and no single frame gives the motion away."""

import doctest
import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minimm.datasets import moving_shapes
from minimm.datasets.moving_shapes import DIRECTIONS, SPEEDS, MovingObject, MovingShapes, describe_motion, motions_in
from minimm.datasets.shapes import COLOURS, SHAPES, paint_shapes
from minimm.errors import MinimmError

DIAGONAL = set(zip(COLOURS, SHAPES, strict=True))
MOTIONS = list(itertools.product(DIRECTIONS, SPEEDS))
seeds = st.integers(0, 2**40)
few = settings(max_examples=10)


def draw(split: str, count: int, seed: int, **options):
    return MovingShapes(split, **options).draw(count, torch.Generator().manual_seed(seed))


def steps_around(places: torch.Tensor) -> torch.Tensor:
    """Places (T, 2) on a picture of side 1 whose edges meet -> the shorter way from each to the next, (T - 1, 2)."""
    return torch.remainder(places.diff(dim=0) + 0.5, 1.0) - 0.5


def centre_of_mass(clip: torch.Tensor) -> torch.Tensor:
    """Where the only shape of a clip (T, 3, S, S) lies by its pixels, as angles around the two axes: (T, 2), x and y."""
    ground = clip.amax(dim=(1, 2, 3), keepdim=True)
    mass = (ground - clip).abs().sum(dim=1)  # (T, S, S)
    angle = (torch.arange(clip.shape[-1]) + 0.5) * 2 * math.pi / clip.shape[-1]
    wave = torch.polar(torch.ones_like(angle), angle)
    return torch.stack([(mass.sum(dim=axis) * wave).sum(dim=-1).angle() / (2 * math.pi) for axis in (1, 2)], dim=-1)


@few
@given(seeds, st.sampled_from(["train", "held_out"]), st.integers(4, 12))
def test_the_pixels_move_as_the_sentence_says(seed, split, num_frames):
    drawn = draw(split, 6, seed, max_objects=1, num_frames=num_frames)
    for clip, caption, (item,) in zip(drawn.clips, drawn.captions, drawn.objects, strict=True):
        assert caption == f"a {item.colour} {item.shape} moves {item.speed} {item.direction}"
        steps = steps_around(centre_of_mass(clip))  # seen in the pixels alone
        towards = torch.tensor(DIRECTIONS[item.direction])
        way = (steps @ towards).sum().item()
        assert SPEEDS[item.speed][0] - 0.03 < way < SPEEDS[item.speed][1] + 0.03
        assert (steps @ towards.flip(0)).abs().max() < 0.03  # and nothing across


@few
@given(seeds)
def test_the_places_that_are_given_lie_where_the_pixels_are(seed):
    drawn = draw("train", 6, seed, max_objects=1)
    for clip, (item,) in zip(drawn.clips, drawn.objects, strict=True):
        offset = centre_of_mass(clip) - torch.tensor(item.centres) / 32
        assert (torch.remainder(offset + 0.5, 1.0) - 0.5).abs().max() < 0.03


@few
@given(seeds)
def test_two_objects_differ_in_colour_and_motion_and_are_named_in_alphabetical_order(seed):
    drawn = draw("train", 24, seed)
    for caption, objects in zip(drawn.captions, drawn.objects, strict=True):
        assert caption == describe_motion(objects) and 1 <= len(objects) <= 2
        assert motions_in(caption) == [(item.speed, item.direction) for item in objects]
        colours = [item.colour for item in objects]
        assert colours == sorted(set(colours))
        assert len({(item.direction, item.speed) for item in objects}) == len(objects)


@few
@given(seeds)
def test_training_clips_never_hold_a_held_out_pair_and_held_out_clips_nothing_else(seed):
    for split, expected in (("train", False), ("validation", False), ("held_out", True)):
        pairs = {(item.colour, item.shape) for objects in draw(split, 24, seed).objects for item in objects}
        assert all((pair in DIAGONAL) is expected for pair in pairs)


def test_every_other_pair_is_trained_on_with_every_motion():
    counted = Counter(
        (item.colour, item.shape, item.direction, item.speed)
        for objects in draw("train", 4_000, 0, image_size=16, num_frames=4).objects
        for item in objects
    )
    assert len(counted) == (len(COLOURS) * len(SHAPES) - len(DIAGONAL)) * len(MOTIONS)


def test_what_is_in_a_single_frame_says_nothing_about_the_motion():
    """Neither the place, which is uniform in every frame, nor the colour, the shape, the radius or the other object."""
    drawn = draw("train", 6_000, 1, image_size=16, num_frames=4)
    for motion in MOTIONS:
        found = [
            (item, other) for objects in drawn.objects for item in objects for other in objects
            if (item.direction, item.speed) == motion and (other is not item or len(objects) == 1)
        ]  # fmt: skip
        bound = 4 / math.sqrt(len(found))  # four standard deviations of a mean of unit vectors
        assert abs(sum(item.radius for item, _ in found) / len(found) / 16 - 0.15) < 0.015 * bound
        for kind in ("colour", "shape"):
            for count in Counter(getattr(item, kind) for item, _ in found).values():
                assert abs(count / len(found) - 1 / 6) < bound / 2
        for frame in range(4):
            for axis in (0, 1):
                own = torch.tensor([item.centres[frame][axis] for item, _ in found]) / 16
                gap = torch.tensor(
                    [other.centres[frame][axis] - item.centres[frame][axis] for item, other in found if other != item]
                ) / 16  # fmt: skip
                for places in (own, gap):
                    wave = torch.polar(torch.ones(len(places)), 2 * math.pi * places)
                    assert wave.mean().abs() < 4 / math.sqrt(len(places))


@given(seeds, st.integers(-40, 40), st.integers(-40, 40), st.sampled_from(range(len(SHAPES))))
def test_a_shape_that_leaves_on_one_side_comes_in_on_the_other(seed, across, down, shape):
    """Painted around the edges, a shape moved by whole pixels is the picture rolled by as many."""
    generator = torch.Generator().manual_seed(seed)
    centre, radius = torch.rand(1, 2, generator=generator).double(), torch.tensor([0.2]).double()
    moved = centre + torch.tensor([[across, down]]) / 20
    pictures = torch.ones(2, 1, 3, 20, 20).double()
    for picture, place in zip(pictures, (centre, moved), strict=True):
        paint_shapes(picture, torch.tensor([shape]), place, radius, torch.zeros(1, 3).double(), around=True)
    assert pictures[0].min() < 0.5
    assert torch.allclose(pictures[0].roll((down, across), dims=(2, 3)), pictures[1], atol=1e-4)


@given(seeds, st.integers(16, 48), st.integers(4, 10), st.integers(1, 2))
def test_clips_are_in_range_of_the_size_asked_for_and_fixed_by_the_seed(seed, size, num_frames, max_objects):
    options = {"image_size": size, "num_frames": num_frames, "max_objects": max_objects}
    drawn, again = draw("train", 3, seed, **options), draw("train", 3, seed, **options)
    assert drawn.clips.shape == (3, num_frames, 3, size, size) and drawn.clips.dtype == torch.float32
    assert drawn.clips.min() >= 0.0 and drawn.clips.max() <= 1.0
    assert torch.equal(drawn.clips, again.clips) and drawn.captions == again.captions
    assert all(len(item.centres) == num_frames for objects in drawn.objects for item in objects)


@few
@given(seeds, st.integers(4, 12))
def test_the_frames_of_a_clip_in_any_order_are_those_of_two_motions_forwards_and_backwards(seed, num_frames):
    drawn = draw("train", 12, seed, image_size=16, num_frames=num_frames)
    for objects in drawn.objects:
        paths = [item.centres for item in objects]
        ways = itertools.product(*[(path, path[::-1]) for path in paths])  # each object on its own way or the way back
        alike = sum(set(zip(*ways_of_all, strict=True)) == set(zip(*paths, strict=True)) for ways_of_all in ways)
        assert 1 / alike == moving_shapes.SHUFFLED_CHANCE


def test_a_guess_blind_to_motion_is_right_once_in_the_motions_that_are_drawn():
    for count in (1, 2):
        possible = [motions for motions in itertools.product(MOTIONS, repeat=count) if len(set(motions)) == count]
        objects = [MovingObject("red", "ring", direction, speed, [], 1.0) for direction, speed in possible[0]]
        assert moving_shapes.blind_chance(objects) == 1 / len(possible)


def test_sources_that_cannot_be_drawn_are_refused():
    for options in ({"split": "test"}, {"image_size": 8}, {"max_objects": 3}, {"num_frames": 3}):
        with pytest.raises(MinimmError, match=next(iter(options))):
            MovingShapes(**options)


def test_the_examples_in_the_words_are_right():
    outcome = doctest.testmod(moving_shapes)
    assert outcome.attempted >= 2 and outcome.failed == 0
