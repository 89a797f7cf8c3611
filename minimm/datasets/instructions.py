"""A batch of prompts in which media stand, with what should be answered, and what could be told in words for each medium.

One place, one medium; a prompt may have several, of mixed kinds. Whoever is told about a scene in words, by its caption, has
to do the same job without eyes: so a language model learns what is asked and how to answer before it sees anything. (Liu et
al. 2023 made the training data of LLaVA in this way: a model that could not see wrote it from captions.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from minimm.tokenizers.prompt import MODALITIES, find_places


@dataclass
class Instructions:
    """A batch of one job.

    prompts, answers: B texts each. media: by modality, what its encoder takes, all media of the batch in the order of their
    places, row by row. told: for each row, what could be said in words instead of each of its media. more: for each row the
    turns that follow about the same media, what is asked and its answer, if there are any; lessons that cost no further look.
    """

    prompts: list[str]
    answers: list[str]
    media: dict[str, tuple[Tensor, ...]]
    told: list[list[str]]
    more: list[list[tuple[str, str]]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.prompts)

    def part(self, start: int, stop: int) -> Instructions:
        """The rows from `start` to before `stop`."""
        places = find_places(self.prompts[0])  # in every row the same
        media = {
            name: tuple(part[places.count(name) * start : places.count(name) * stop] for part in inputs)
            for name, inputs in self.media.items()
        }
        rows = slice(start, stop)
        return Instructions(self.prompts[rows], self.answers[rows], media, self.told[rows], self.more[rows])

    def exchanged(self) -> Instructions:
        """The same prompts and answers, each with the media of the row behind it: what a model gets right now, it guesses."""
        places = find_places(self.prompts[0])
        media = {
            name: tuple(part.roll(-places.count(name), dims=0) for part in inputs)
            for name, inputs in self.media.items()
        }
        return replace(self, media=media, told=[*self.told[1:], *self.told[:1]])

    def in_words(self, modalities: Sequence[str] = MODALITIES) -> Instructions:
        """The same with words in place of all media of these modalities."""
        prompts, left = [], []
        for prompt, words in zip(self.prompts, self.told, strict=True):
            places = find_places(prompt)
            left.append([told for place, told in zip(places, words, strict=True) if place not in modalities])
            for place, told in zip(places, words, strict=True):
                prompt = prompt.replace(f"<{place}>", told, 1) if place in modalities else prompt
            prompts.append(prompt)
        media = {name: inputs for name, inputs in self.media.items() if name not in modalities}
        return replace(self, prompts=prompts, media=media, told=left)

    def typed(self) -> Instructions:
        """The same with what is said typed instead."""
        return self.in_words(("audio",))
