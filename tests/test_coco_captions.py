"""What must hold for folders of pictures with captions, and for emoji drawn from the system's font."""

import json

import numpy as np
import pytest
import torch

from minimm.datasets.bundled import bundled
from minimm.datasets.coco_captions import CocoCaptions, write_coco_captions
from minimm.datasets.emoji import draw_emoji, load_emoji, write_emoji
from minimm.errors import MinimmError


@pytest.fixture()
def folder(tmp_path):
    """Three pictures with one caption each."""
    images = [np.full((3, 8, 8), value, dtype=np.float32) for value in (0.0, 0.2, 1.0)]
    write_coco_captions(tmp_path, images, ["black", "dark  grey", "white"])
    return tmp_path


def edit(folder, change) -> None:
    path = folder / "captions.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_what_was_written_is_read_back(folder):
    data = CocoCaptions(folder, image_size=8)
    assert len(data) == 3 and data.captions == [["black"], ["dark grey"], ["white"]]
    image, captions = data[1]
    assert torch.allclose(image, torch.full((3, 8, 8), 0.2)) and captions == ["dark grey"]
    assert torch.equal(data.batch([2, 0])[0], torch.ones(3, 8, 8))
    assert str(data.report) == "3 pictures with 3 captions"


def test_a_picture_may_have_several_captions(folder):
    edit(folder, lambda content: content["annotations"].append({"id": 9, "image_id": 0, "caption": "night"}))
    assert CocoCaptions(folder, 8).captions[0] == ["black", "night"]


def test_what_cannot_be_used_is_counted_named_and_left_out(folder):
    (folder / "images" / "0000.png").unlink()
    (folder / "images" / "0001.png").write_bytes(b"broken")

    def change(content):
        content["annotations"].append({"id": 9, "image_id": 77, "caption": "nothing"})
        content["annotations"].append({"id": 10, "image_id": 2, "caption": "  "})
        content["images"].append({"id": 50, "file_name": "lonely.png"})

    edit(folder, change)
    data = CocoCaptions(folder, 8)
    assert data.file_names == ["0002.png"]
    for part in (
        "left out 1 captions whose picture is missing: 0000.png",
        "left out 1 captions whose picture is broken: 0001.png",
        "left out 1 captions of a picture that is not listed: image_id 77",
        "left out 1 empty captions: 0002.png",
        "left out 1 pictures without a caption: lonely.png",
    ):
        assert part in str(data.report)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("images"), "'images'"),
        (lambda c: c.update(annotations={}), "'annotations'"),
        (lambda c: c["images"][0].pop("file_name"), "file_name"),
        (lambda c: c["images"][0].update(file_name="../secret.png"), "leads out"),
        (lambda c: c["images"][0].update(file_name="/etc/secret.png"), "leads out"),
        (lambda c: c["images"][0].update(file_name="C:\\secret.png"), "leads out"),
        (lambda c: c["images"][1].update(id=0), "ids must differ"),
        (lambda c: c["annotations"][0].update(caption=3), "caption"),
        (lambda c: c.update(annotations=[]), "no picture with a caption"),
    ],
)
def test_a_file_in_another_layout_is_refused_by_what_is_wrong(folder, change, message):
    edit(folder, change)
    with pytest.raises(MinimmError, match=message):
        CocoCaptions(folder, 8)


def test_missing_parts_of_the_folder_are_named(tmp_path):
    with pytest.raises(MinimmError, match="captions.json"):
        CocoCaptions(tmp_path)
    (tmp_path / "captions.json").write_text("{", encoding="utf-8")
    with pytest.raises(MinimmError, match="not readable JSON"):
        CocoCaptions(tmp_path)
    with pytest.raises(MinimmError, match="not a folder"):
        CocoCaptions(tmp_path / "missing")


def test_the_bundled_scenes_are_complete():
    data = CocoCaptions(bundled("scenes"), image_size=64)
    assert len(data) == 48 and not data.report.left_out


def test_emoji_are_found_through_minimm_data(folder, monkeypatch):
    monkeypatch.setenv("MINIMM_DATA", str(folder.parent))
    with pytest.raises(MinimmError, match="emoji"):
        load_emoji()
    folder.rename(folder.parent / "emoji")
    assert len(load_emoji(image_size=8)) == 3
    monkeypatch.delenv("MINIMM_DATA")
    with pytest.raises(MinimmError, match="MINIMM_DATA"):
        load_emoji()


def test_drawn_emoji_are_coloured_different_and_named(tmp_path):
    try:
        first = next(draw_emoji())
    except MinimmError as error:
        pytest.skip(str(error))
    assert first[0].shape == (3, 64, 64)
    assert write_emoji(tmp_path, image_size=24) > 1_000
    data = CocoCaptions(tmp_path, image_size=24)
    by_name = {captions[0]: image for captions, image in zip(data.captions, data.images, strict=True)}
    apple = by_name["red apple"].float().mean(dim=(1, 2))
    assert apple[0] > apple[1] and apple[0] > apple[2]
    assert len({image.numpy().tobytes() for image in data.images}) > 0.99 * len(data)
