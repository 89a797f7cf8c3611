"""What must hold for folders of pictures with captions."""

import json

import numpy as np
import pytest
import torch

from minimm.datasets.bundled import bundled
from minimm.datasets.coco_captions import CocoCaptions, write_coco_captions
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
    (folder / "images" / "forgotten.PNG").touch()

    def change(content):
        content["annotations"].append({"id": 9, "image_id": 77, "caption": "nothing"})
        content["annotations"].append({"id": 10, "image_id": 2, "caption": "  "})
        content["images"].append({"id": 50, "file_name": "lonely.png"})

    edit(folder, change)
    data = CocoCaptions(folder, 8)
    assert data.file_names == ["0002.png"] and len(data) == 1 and len(data.images) == 1
    assert set(str(data.report).split("; ")) == {
        "1 pictures with 1 captions",
        "left out because the picture is missing: 1 (0000.png)",
        "left out because the picture cannot be read: 1 (0001.png)",
        "left out because the caption belongs to no listed picture: 1 (image_id 77)",
        "left out because the caption is empty: 1 (0002.png)",
        "left out because the picture has no caption: 1 (lonely.png)",
        "left out because captions.json does not list the picture: 1 (forgotten.PNG)",
    }


def test_of_many_things_left_out_the_first_three_are_named_and_all_are_counted(folder):
    edit(folder, lambda c: c["images"].extend({"id": f"x{i}", "file_name": f"x{i}.png"} for i in range(5)))
    assert str(CocoCaptions(folder, 8).report).endswith("has no caption: 5 (x0.png, x1.png, x2.png and 2 more)")


def test_names_and_captions_that_no_file_and_no_text_can_have_do_no_harm(folder):
    def change(content):
        for number, name in enumerate(["x" * 5_000, "a\0b.png", "\ud800.png", "images"]):
            content["images"].append({"id": f"odd{number}", "file_name": name})
            content["annotations"].append({"image_id": f"odd{number}", "caption": "odd"})
        content["annotations"][0]["caption"] = "half \ud83d a pair"

    edit(folder, change)
    data = CocoCaptions(folder, 8)
    assert data.captions[0] == ["half a pair"] and len(data) == 3
    assert len(data.report.left_out["the picture is missing"]) == 4
    assert str(data.report).encode("utf-8")


def test_pictures_may_lie_beside_the_file_and_are_brought_to_one_size(folder):
    (folder / "images" / "0000.png").rename(folder / "0000.png")
    data = CocoCaptions(folder, image_size=4)
    assert data.images.shape == (3, 3, 4, 4) and data.images.dtype == torch.uint8 and not data.report.left_out


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
    with pytest.raises(MinimmError, match="does not exist"):
        CocoCaptions(tmp_path / "missing")


@pytest.mark.parametrize("captions", [["one"], []])
def test_pictures_and_captions_that_do_not_match_are_refused(tmp_path, captions):
    images = [np.zeros((3, 4, 4))] * (2 * len(captions))
    for make in (CocoCaptions.from_arrays, lambda *pairs: write_coco_captions(tmp_path, *pairs)):
        with pytest.raises(MinimmError, match=f"{len(images)} pictures and {len(captions)} captions"):
            make(images, captions)
    assert list(tmp_path.iterdir()) == []


def test_the_bundled_scenes_are_complete():
    data = CocoCaptions(bundled("scenes"), image_size=64)
    assert len(data) == 48 and not data.report.left_out
