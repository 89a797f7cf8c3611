"""What must hold for COCO's published layout and Karpathy's splits, and for the four lines from a folder to a caption."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import run

from minimm.datasets.coco_captions import CocoCaptions
from minimm.datasets.coco_layouts import splits_of
from minimm.errors import MinimmError
from minimm.features.image import to_pil
from minimm.tasks import ImageCaptioner

CAPTIONS = {"train": ["a dark picture", "black"], "val": ["a white picture"], "test": ["a grey picture"]}
TONES = {"train": 0.1, "val": 1.0, "test": 0.5}


def write_picture(path: Path, tone: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    to_pil(np.full((3, 20, 16), tone, dtype=np.float32)).save(path)


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture()
def official(tmp_path) -> Path:
    """One picture in train2017/ and one in val2017/, as COCO is published, with fields that are not used."""
    for split in ("train", "val"):
        name = f"{len(split):012d}.jpg"
        write_picture(tmp_path / f"{split}2017" / name, TONES[split])
        write_json(
            tmp_path / "annotations" / f"captions_{split}2017.json",
            {
                "info": {"year": 2017},
                "licenses": [],
                "images": [{"id": 7, "file_name": name, "height": 20, "width": 16, "coco_url": "http://images"}],
                "annotations": [{"id": i, "image_id": 7, "caption": text} for i, text in enumerate(CAPTIONS[split])],
            },
        )
    write_json(tmp_path / "annotations" / "instances_val2017.json", {})
    return tmp_path


@pytest.fixture()
def karpathy(tmp_path) -> Path:
    """Pictures in the folders that the entries name; the last one of "restval"."""
    entries = []
    for number, split in enumerate(("train", "val", "test", "restval")):
        tone = TONES.get(split, 0.1)
        write_picture(tmp_path / "val2014" / f"{number}.jpg", tone)
        sentences = [{"raw": text, "tokens": text.split()} for text in CAPTIONS.get(split, ["night"])]
        entries.append(
            {
                "filepath": "val2014",
                "filename": f"{number}.jpg",
                "split": split,
                "sentences": sentences,
                "cocoid": number,
            }
        )
    write_json(tmp_path / "dataset_coco.json", {"images": entries, "dataset": "coco"})
    return tmp_path


def test_the_published_layout_is_read_split_by_split(official):
    assert splits_of(official) == ["train", "val"]
    train, val = CocoCaptions(official, 8), CocoCaptions(official, 8, split="val")
    assert train.captions == [CAPTIONS["train"]] and val.captions == [CAPTIONS["val"]]
    assert train.batch([0]).mean() < val.batch([0]).mean() and not train.report.left_out


def test_pictures_may_also_lie_in_a_folder_images(official):
    (official / "images").mkdir()
    (official / "val2017").rename(official / "images" / "val2017")
    assert len(CocoCaptions(official, 8, split="val")) == 1


def test_of_several_years_the_last_is_read(official):
    write_json(official / "annotations" / "captions_val2014.json", {"images": [], "annotations": []})
    assert CocoCaptions(official, 8, split="val").captions == [CAPTIONS["val"]]


def test_karpathys_splits_are_read_and_restval_belongs_to_train(karpathy):
    assert splits_of(karpathy) == ["test", "train", "val"]
    assert CocoCaptions(karpathy, 8).captions == [CAPTIONS["train"], ["night"]]
    assert CocoCaptions(karpathy, 8, split="test").captions == [CAPTIONS["test"]]


def test_only_so_many_pictures_are_read_from_all_over_the_list(karpathy):
    assert CocoCaptions(karpathy, 8, max_pictures=1).file_names == ["val2014/0.jpg"]
    assert len(CocoCaptions("scenes", 8, max_pictures=5)) == 5 and len(CocoCaptions("scenes", 8)) == 48
    with pytest.raises(MinimmError, match="max_pictures=0"):
        CocoCaptions("scenes", 8, max_pictures=0)


def test_a_split_that_is_not_there_is_refused_with_those_that_are(official, tmp_path_factory):
    with pytest.raises(MinimmError, match=r"split='test'; choose from \['train', 'val'\]"):
        CocoCaptions(official, split="test")
    with pytest.raises(MinimmError, match="without a split"):
        CocoCaptions("scenes", split="val")
    with pytest.raises(MinimmError, match="no captions.json, no annotations"):
        CocoCaptions(tmp_path_factory.mktemp("empty"))


def test_a_split_file_in_another_layout_is_refused_by_what_is_wrong(karpathy):
    with pytest.raises(MinimmError, match=r"split='dev'; choose from \['test', 'train', 'val'\]"):
        CocoCaptions(karpathy, split="dev")
    for content, message in (
        ({"images": [{"split": "train", "filename": "0.jpg"}]}, "sentences with raw texts"),
        ({"images": 3}, "list of objects under 'images'"),
        ({"images": [{"split": "train", "filename": "../0.jpg", "sentences": [{"raw": "x"}]}]}, "leads out"),
        ({"images": [{"split": "train", "filename": "0.jpg", "sentences": [{"raw": 3}]}]}, "caption"),
    ):
        write_json(karpathy / "dataset_coco.json", content)
        with pytest.raises(MinimmError, match=message):
            CocoCaptions(karpathy)


@pytest.mark.parametrize("layout", ["scenes", "official", "karpathy"])
def test_four_lines_go_from_a_folder_to_a_caption(layout, request, official, monkeypatch):
    monkeypatch.setattr(ImageCaptioner, "validation_count", 8)
    folder = "scenes" if layout == "scenes" else request.getfixturevalue(layout)

    dataset = CocoCaptions(folder)
    captioner = ImageCaptioner(d_model=16, num_layers=1, num_heads=2, batch_size=4).fit(dataset, max_steps=2)
    caption = captioner.generate_caption(official / "val2017" / "000000000003.jpg")

    assert isinstance(caption, str) and captioner.model.encoder.config.image_size == dataset.image_size == 64


def test_the_command_learns_one_split_and_measures_another(official, tmp_path_factory, monkeypatch):
    monkeypatch.setattr(ImageCaptioner, "validation_count", 8)
    out = tmp_path_factory.mktemp("out")
    options = ["--d-model", "16", "--num-layers", "1", "--num-heads", "2", "--batch-size", "4", "--max-steps", "2"]
    assert run("train", "captioner", "--data", official, *options, "--max-pictures", "1", "--out", out) == 0
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["num_pictures"] == 1 and {"exact_match", "bleu4", "cider"} <= results.keys()
    assert CAPTIONS["val"][0] in (out / "samples.txt").read_text(encoding="utf-8")
