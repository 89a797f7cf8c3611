"""The guide tells of every job what it is judged by, as text and as a page that any browser shows."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from command_line import run

from minimm.advice.guide import METRICS, as_page
from minimm.advice.jobs import JOBS


class Outline(HTMLParser):
    """The open tags must close in order; collects sections and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.sections, self.text = [], [], ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta",):
            self.open.append(tag)
        if tag == "section":
            self.sections.append(dict(attributes)["id"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_every_job_is_in_the_guide():
    assert list(METRICS) == [job.name for job in JOBS]
    outline = Outline(as_page(JOBS))
    assert outline.sections == [job.name for job in JOBS]
    for job in JOBS:
        assert job.why in outline.text and METRICS[job.name][1] in outline.text


def test_the_command_prints_what_was_asked_for_and_writes_the_page(tmp_path, capsys, refused):
    page = tmp_path / "guide.html"
    assert run("guide", "--from", "image", "--to", "text", "--page", page) == 0
    told = capsys.readouterr().out
    assert "captioner: image to text" in told and "translator:" not in told and "judged by" in told
    assert all(
        len(line) <= 118 for line in told.splitlines() if "the same as a page" not in line and "command" not in line
    )
    assert set(Outline(page.read_text(encoding="utf-8")).sections) == {
        "captioner",
        "visual-question-answerer",
        "retriever",
    }
    assert "nothing in minimm goes from audio to video" in refused("guide", "--from", "audio", "--to", "video")


@pytest.mark.parametrize(("task", "kind"), [("translator", "language"), ("retriever", "multimodal")])
def test_kinds_follow_from_what_goes_in_and_comes_out(task, kind, capsys):
    assert run("guide", "--task", task) == 0
    assert f"kind        {kind}" in capsys.readouterr().out
