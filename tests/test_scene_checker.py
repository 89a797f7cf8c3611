"""The judge of drawings: it reads real scenes right, says no to wrong ones, and knows nothing but rules."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numerical import seeds

from minimm.datasets.shapes import COLOURS, SHAPES, SIZES, Shapes, describe, paint_shapes
from minimm.errors import MinimmError
from minimm.interpretation.scene_checker import Verdict, check_drawings, drawing_scores, parse_caption
from minimm.interpretation.scene_reader import UNKNOWN, read_scenes


def scenes(count: int, seed: int, split: str = "validation", **options):
    return Shapes(split, **options).draw(count, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("image_size", [24, 32, 48])
@pytest.mark.parametrize("split", ["validation", "held_out"])
def test_scenes_are_read_as_they_are_described(image_size, split):
    drawn = scenes(150, 1, split, image_size=image_size)
    read = [describe(objects) if objects else "" for objects in read_scenes(drawn.images)]
    right = sum(one == caption for one, caption in zip(read, drawn.captions, strict=True))
    assert right >= 0.97 * 150
    assert drawing_scores(check_drawings(drawn.images, drawn.captions))["all_accuracy"] >= 0.97


@given(seeds)
def test_boxes_are_where_the_objects_are(seed):
    drawn = scenes(2, seed)
    for found, truth in zip(read_scenes(drawn.images), drawn.objects, strict=True):
        for one, other in zip(found, truth, strict=True):
            assert max(abs(a - b) for a, b in zip(one.box, other.box, strict=True)) < 0.75  # pixels


@given(seeds, st.data())
def test_another_colour_or_shape_or_number_of_objects_is_wrong(seed, data):
    drawn = scenes(1, seed)
    objects = drawn.objects[0]
    index = data.draw(st.integers(0, len(objects) - 1))
    kind, names = data.draw(st.sampled_from([("colour", list(COLOURS)), ("shape", list(SHAPES))]))
    other = data.draw(st.sampled_from([name for name in names if name != getattr(objects[index], kind)]))
    wrong = [replace(item, **{kind: other}) if i == index else item for i, item in enumerate(objects)]
    assert not check_drawings(drawn.images, [describe(wrong)])[0].objects
    assert not check_drawings(drawn.images, [describe([*objects, objects[0]])])[0].objects
    if len(objects) > 1:
        assert not check_drawings(drawn.images, [describe(objects[1:])])[0].objects


def test_sizes_and_relations_are_judged_beside_the_objects():
    drawn = scenes(60, 4)
    two = [index for index, objects in enumerate(drawn.objects) if len(objects) == 2]
    for index in two:
        caption, image = drawn.captions[index], drawn.images[index : index + 1]
        turned = caption.replace("left of", "BELOW").replace("above", "left of").replace("BELOW", "above")
        grown = caption.replace("small", "LARGE").replace("large", "small").replace("LARGE", "large")
        verdicts = [check_drawings(image, [text])[0] for text in (caption, turned, grown)]
        assert [(v.objects, v.sizes, v.relations) for v in verdicts] == [
            (True, True, True),
            (True, True, False),
            (True, False, True),
        ]
    assert len(two) >= 10


def test_other_scenes_captions_are_hardly_ever_right():
    drawn = scenes(200, 5)
    others = [*drawn.captions[1:], drawn.captions[0]]
    assert drawing_scores(check_drawings(drawn.images, others))["accuracy"] <= 0.03


def test_blanks_noise_smears_and_unknown_colours_are_not_taken_for_objects():
    drawn = scenes(1, 6, max_objects=1)
    caption = drawn.captions[0]
    noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert read_scenes(torch.full((1, 3, 32, 32), 0.9)) == [[]]
    assert not check_drawings(noise, [caption])[0].objects
    smear = torch.full((1, 3, 32, 32), 0.9)
    smear[:, :, 4:7, 2:30] = torch.tensor(COLOURS["red"]).view(1, 3, 1, 1)  # a long bar
    assert [item.shape for item in read_scenes(smear)[0]] == [UNKNOWN]
    turquoise = torch.full((1, 3, 32, 32), 0.9)
    turquoise[:, :, 10:21, 10:21] = torch.tensor([0.1, 0.8, 0.8]).view(1, 3, 1, 1)
    assert [(item.colour, item.shape) for item in read_scenes(turquoise)[0]] == [(UNKNOWN, "square")]


SPOILT = {}


def spoils(change):
    SPOILT[change.__name__] = change
    return change


@spoils
def ghost(image):
    """A square of half its colour."""
    image[:, 24:31, 24:31] += 0.49 * (torch.tensor(COLOURS["blue"]).view(3, 1, 1) - image[:, 24:31, 24:31])


@spoils
def turquoise_ground(image):
    image[:, image.flatten(1).eq(0.9).all(dim=0).unflatten(0, (32, 32))] = torch.tensor([[0.6], [0.9], [0.9]])


@spoils
def speck(image):
    image[:, 28, 28:30] = torch.tensor(COLOURS["black"]).view(3, 1)


@spoils
def slice_cut_off(image):
    image[:, 13:] = 0.9


@pytest.mark.parametrize("change", SPOILT.values(), ids=SPOILT)
def test_a_circle_and_something_that_does_not_belong_is_no_circle(change):
    image = torch.full((1, 3, 32, 32), 0.9)
    centre, paint = torch.tensor([[0.32, 0.32]]), torch.tensor([COLOURS["red"]])  # 4 to 16.5 pixels
    paint_shapes(image, torch.tensor([SHAPES.index("circle")]), centre, torch.tensor([0.19]), paint)
    caption = ["a large red circle"]
    assert check_drawings(image, caption)[0].sizes
    change(image[0])
    (verdict,) = check_drawings(image, caption)
    assert not verdict.objects and UNKNOWN in {item.shape for item in verdict.found}


def test_relations_are_an_average_over_drawings_that_have_any():
    verdicts = [
        Verdict(True, True, True, (), 1),
        Verdict(True, True, False, (), 2),
        Verdict(True, True, True, (), 3),
        Verdict(False, False, False, (), 3),
    ]
    assert drawing_scores(verdicts)["relation_accuracy"] == 0.5


@given(seeds)
def test_captions_are_taken_apart_into_what_they_were_made_of(seed):
    drawn = scenes(3, seed)
    for caption, objects in zip(drawn.captions, drawn.objects, strict=True):
        named, relations = parse_caption(caption)
        assert named == [(item.size, item.colour, item.shape) for item in objects]
        assert len(relations) == len(named) - 1 and set(relations) <= {"left of", "above"}


@pytest.mark.parametrize("caption", ["", "a red circle", "a small pink circle", "a small red circle beside a cross"])
def test_what_is_no_caption_of_a_scene_says_what_is_wanted(caption):
    with pytest.raises(MinimmError, match="a small red circle left of a large blue ring"):
        parse_caption(caption)


def test_numbers_that_do_not_agree_and_pictures_that_are_not_square_are_refused():
    with pytest.raises(MinimmError, match="2 pictures and 1 captions"):
        check_drawings(torch.zeros(2, 3, 32, 32), ["a small red circle"])
    with pytest.raises(MinimmError, match="square"):
        read_scenes(torch.zeros(1, 3, 32, 30))
    assert set(SIZES) == {"small", "large"}
