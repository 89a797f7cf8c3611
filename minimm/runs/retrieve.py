"""`minimm retrieve`: search a folder with a text, a picture, a sound or a clip."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from minimm.datasets.coco_captions import PICTURE_SUFFIXES, captions_in
from minimm.errors import check
from minimm.features.audio import load_audio
from minimm.features.image import load_image
from minimm.features.video import load_video
from minimm.files import check_inside
from minimm.tasks.retrieval.cross_modal_retriever import CrossModalRetriever


def retrieve(
    query: str, model: Path, among: Path, *, k: int | None, find: str | None, figure: Path | None, device: str
) -> None:
    """Print the k things of a folder that fit the query best: pictures, wav files, clips, or captions of its captions.json."""
    task = CrossModalRetriever.load(model, device=device)
    asked = "video" if "video" in task.require_model().modalities and _is_folder(query) else task.modality_of(query)
    task.require_model().require(asked)
    collection = things_of(among, task.model.modalities)
    wanted = find or next((kind for kind in collection if kind != asked), asked)
    check(
        len(collection.get(wanted, [])) > 0,
        f"{among} holds nothing to find: no {wanted} files; give a folder with pictures, wav files or a captions.json",
    )
    found = task.index(collection[wanted], wanted).search(query, k, among=wanted, modality=asked)
    for hit in found:
        print(f"{hit.score:.3f}  {hit.item}")
    if figure is not None:
        from minimm.plots.retrieval import Hit, retrieval_grid
        from minimm.plots.style import save_figure

        hits = [Hit(_shown(hit.item, wanted, task.sample_rate), hit.score) for hit in found]
        save_figure(
            retrieval_grid([_shown(query, asked, task.sample_rate)], [hits], title=f"Found in {among.name}"), figure
        )


def things_of(folder: Path, modalities: tuple[str, ...]) -> dict[str, list[Any]]:
    """The files of a folder and of its `images`, by modality, in the order of their names; captions are its texts."""
    check(folder.is_dir(), f"{folder} is not a folder; give one with pictures, wav files or a captions.json")
    places = [place for place in (folder, folder / "images") if place.is_dir()]
    files = sorted(check_inside(file, folder) for place in places for file in place.iterdir() if file.is_file())
    found = {
        "image": [file for file in files if file.suffix.lower() in PICTURE_SUFFIXES],
        "text": captions_in(folder) if (folder / "captions.json").is_file() else [],
        "audio": [file for file in files if file.suffix.lower() == ".wav"],
        "video": [file for file in files if file.suffix.lower() == ".gif"],
    }
    return {kind: things for kind, things in found.items() if things and kind in modalities}


def _is_folder(query: str) -> bool:
    """Whether this is a folder, of frames, and not a text."""
    with suppress(OSError):  # of a text that no file can be called
        return Path(query).is_dir()
    return False


def _shown(thing: Any, modality: str, sample_rate: int) -> Any:
    """A file as what `retrieval_grid` draws."""
    if modality == "audio":
        return load_audio(thing, sample_rate)
    if modality == "video":
        return load_video(thing)[0]  # its first frame
    return load_image(thing) if modality == "image" else thing
