"""One model that sees, hears, watches and answers: `assistant.chat("<image> describe the picture", images=["scene.png"])`.

All jobs are one job: to continue a prompt in which pictures, recordings and clips stand where it says `<image>`, `<audio>` and
`<video>`. How it learns that is in `staged_assistant.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from minimm.datasets.instructions import Instructions
from minimm.datasets.multimodal_instructions import MultimodalInstructions
from minimm.errors import check
from minimm.generation.sampling import generate
from minimm.metrics import exact_match
from minimm.models.multimodal_language_model import Media
from minimm.tasks.answering.assistant_attention import Attended, attended_media
from minimm.tasks.answering.assistant_batches import answer_ids, check_words, prompt_ids
from minimm.tasks.answering.staged_assistant import StagedAssistant
from minimm.tasks.modalities import load_media, tidy
from minimm.tasks.seeds import EVALUATION_SEED

EVALUATION_EXAMPLES = 500  # of each job
BATCH = 100  # examples answered at once
MOST_WORDS = 48  # of an answer


class MultimodalAssistant(StagedAssistant):
    """Follows instructions about what it is shown; `fit(MultimodalInstructions(...))` teaches it.

    Args: see `StagedAssistant`.
    """

    kind = "multimodal_assistant"

    def evaluate(
        self,
        data: MultimodalInstructions,
        *,
        count: int = EVALUATION_EXAMPLES,
        jobs: Sequence[str] | None = None,
        change: Callable[[Instructions], Instructions] | None = None,
    ) -> dict[str, dict[str, float]]:
        """For each job the share of `count` answers that are exactly right: `accuracy` where an answer is one of a few,
        `exact_match` where it is a sentence.

        Args:
            jobs: some of those of `data`; None = all.
            change: what is done to the examples before: `Instructions.in_words` puts words in place of all media,
                `Instructions.exchanged` gives each prompt the media of another, so that only guesses are right: chance.
        """
        results = {}
        for name in data.jobs if jobs is None else jobs:
            generator = torch.Generator().manual_seed(EVALUATION_SEED)
            examples = data.draw(name, data.most(name, count), generator)
            written = self.answer_all(examples if change is None else change(examples))
            results[name] = {data.jobs[name].metric: exact_match(written, [[answer] for answer in examples.answers])}
        return results

    def answer_all(self, examples: Instructions) -> list[str]:
        """An answer to each prompt of a batch of one job."""
        answers = []
        for start in range(0, len(examples), BATCH):
            part = examples.part(start, start + BATCH)
            answers += self._write(part.prompts, part.media)
        return answers

    @torch.inference_mode()
    def _write(self, prompts: Sequence[str], media: Media) -> list[str]:
        model = self.require_model().eval()
        rows = [[*prompt_ids(self.tokenizer, prompt), self.tokenizer.bos_id] for prompt in prompts]
        embedded = model.embed(rows, self._on_device(media))
        taken, context = embedded.vectors.shape[1], model.language_model.config.context_length
        check(
            taken < context,
            f"the prompt takes {taken} positions with its media, but the model looks back on at most {context}; "
            "give fewer or shorter media",
        )
        longest = min(context - taken, MOST_WORDS)
        written = generate(model.language_model, embedded, longest, end_id=self.tokenizer.eos_id)
        return [self.tokenizer.decode(ids).strip() for ids in written]

    def chat(
        self, prompt: str, *, images: Sequence[Any] = (), audio: Sequence[Any] = (), video: Sequence[Any] = ()
    ) -> str:
        """What the model answers.

        Args:
            prompt: text with a place `<image>`, `<audio>` or `<video>` for each medium, in their order; see `tidy`.
            images: paths, PIL images or arrays (3, H, W) in [0, 1]. audio: paths of wav files or (waveform, rate).
            video: paths of GIFs or folders of frames, or arrays (T, 3, H, W) in [0, 1].

        Raises:
            MinimmError: an empty prompt, places without a medium, media without a place, a modality that the model was not
                trained on, a word that it does not know.
        """
        media = load_media(prompt, {"image": images, "audio": audio, "video": video}, self.require_model())
        check_words(self.tokenizer, tidy(prompt))
        return self._write([tidy(prompt)], media)[0]

    def attend(
        self,
        prompt: str,
        *,
        images: Sequence[Any] = (),
        audio: Sequence[Any] = (),
        video: Sequence[Any] = (),
        answer: str | None = None,
    ) -> list[Attended]:
        """Where each word of the answer (or of the one given) looked, in each medium in the order of the prompt.

        Each has a `.plot()`. The weights are those of self-attention; what is missing to 1 went to words and other media.
        """
        given = {"image": images, "audio": audio, "video": video}
        media, tokens = load_media(prompt, given, self.require_model()), self.tokenizer
        check_words(tokens, tidy(prompt))
        answer = self._write([tidy(prompt)], media)[0] if answer is None else answer
        words = answer_ids(tokens, answer)
        check(answer.strip() != "", "the answer is empty, so there is no word whose attention could be shown")
        row = [*prompt_ids(tokens, tidy(prompt)), tokens.bos_id, *words]
        labels = [tokens.decode([word]).strip() for word in words]
        return attended_media(self.model, row, self._on_device(media), labels, given)
