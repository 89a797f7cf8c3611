"""What must hold for scenes of shapes: the sentence is true of the picture, and held-out pairs are really held out."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minimm.datasets.shapes import COLOURS, SHAPES, Shapes, describe, signed_distance
from minimm.errors import MinimmError

DIAGONAL = set(zip(COLOURS, SHAPES, strict=True))
seeds = st.integers(0, 2**40)


def draw(split: str, count: int, seed: int, **options):
    return Shapes(split, **options).draw(count, torch.Generator().manual_seed(seed))


@given(seeds, st.sampled_from(["train", "validation", "held_out"]))
def test_the_relations_in_the_sentence_are_true_of_the_boxes(seed, split):
    scenes = draw(split, 16, seed)
    for caption, objects in zip(scenes.captions, scenes.objects, strict=True):
        assert caption == describe(objects) and 1 <= len(objects) <= 3
        centres = [((o.box[0] + o.box[2]) / 2, (o.box[1] + o.box[3]) / 2) for o in objects]
        relations = [word for word in caption.split() if word in ("left", "above")]
        for relation, (x0, y0), (x1, y1) in zip(relations, centres[:-1], centres[1:], strict=True):
            assert x0 + y0 < x1 + y1
            assert (x1 - x0 > abs(y1 - y0) + 2) if relation == "left" else (y1 - y0 > abs(x1 - x0) + 2)


@given(seeds)
def test_training_scenes_never_hold_a_held_out_pair_and_held_out_scenes_nothing_else(seed):
    for split, expected in (("train", False), ("validation", False), ("held_out", True)):
        pairs = {(o.colour, o.shape) for objects in draw(split, 24, seed).objects for o in objects}
        assert all((pair in DIAGONAL) is expected for pair in pairs)


def test_every_other_pair_is_trained_on():
    pairs = {(o.colour, o.shape) for objects in draw("train", 600, 0).objects for o in objects}
    assert len(pairs) == len(COLOURS) * len(SHAPES) - len(DIAGONAL)


@given(seeds)
def test_objects_lie_inside_the_picture_and_apart(seed):
    for objects in draw("train", 16, seed).objects:
        for item in objects:
            assert min(item.box) >= 0 and max(item.box) <= 32
        for i, a in enumerate(objects):
            for b in objects[i + 1 :]:
                distance = torch.dist(
                    torch.tensor([a.box[0] + a.box[2], a.box[1] + a.box[3]]) / 2,
                    torch.tensor([b.box[0] + b.box[2], b.box[1] + b.box[3]]) / 2,
                )
                assert distance >= (a.box[2] - a.box[0] + b.box[2] - b.box[0]) / 2


@given(seeds)
def test_the_colour_painted_in_a_box_is_the_one_that_is_named(seed):
    scenes = draw("train", 8, seed, max_objects=1)
    for image, (item,) in zip(scenes.images, scenes.objects, strict=True):
        ground = image[:, 0, 0]
        difference = (image - ground[:, None, None]).abs().sum(dim=0)
        row, column = divmod(difference.argmax().item(), 32)
        assert item.box[0] - 1 <= column <= item.box[2] + 1 and item.box[1] - 1 <= row <= item.box[3] + 1
        x, y = (item.box[0] + item.box[2]) / 2, (item.box[1] + item.box[3]) / 2
        if item.shape in ("circle", "square", "diamond", "cross"):  # filled in the middle
            distances = {name: torch.dist(image[:, int(y), int(x)], torch.tensor(rgb)) for name, rgb in COLOURS.items()}
            assert min(distances, key=distances.get) == item.colour


@given(seeds, st.integers(16, 96), st.integers(1, 3))
def test_pictures_are_in_range_of_the_size_asked_for_and_fixed_by_the_seed(seed, size, max_objects):
    scenes = draw("train", 3, seed, image_size=size, max_objects=max_objects)
    again = draw("train", 3, seed, image_size=size, max_objects=max_objects)
    assert scenes.images.shape == (3, 3, size, size) and scenes.images.dtype == torch.float32
    assert scenes.images.min() >= 0.0 and scenes.images.max() <= 1.0
    assert torch.equal(scenes.images, again.images) and scenes.captions == again.captions
    assert all(len(objects) <= max_objects for objects in scenes.objects)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_fills_its_box_and_no_more(shape):
    axis = torch.arange(101) - 50.0
    distance = signed_distance(shape, axis[None, None, :], axis[None, :, None], torch.full((1, 1, 1), 40.0))[0]
    rows, columns = (distance <= 0).nonzero().T
    for places in (rows, columns):
        assert 50 - 41 <= places.min() < 50 - 27 and 50 + 27 < places.max() <= 50 + 41


def test_sources_that_cannot_be_drawn_are_refused():
    for options in ({"split": "test"}, {"image_size": 8}, {"max_objects": 4}):
        with pytest.raises(MinimmError):
            Shapes(**options)
