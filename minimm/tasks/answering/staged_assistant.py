"""How a `MultimodalAssistant` learns: in stages, as Liu et al. 2023 do (LLaVA, section 4.2), with one more in front.

    text        the language model alone; what stands at a place is told in words, such as a scene's caption
    projector   the projectors alone (and encoders that come from nothing); pictures take the place of the words about them
    all         everything

The first is there because our language model starts from nothing: LLaVA's has read the internet before. Differs from LLaVA
also in the last, where its encoder stays frozen: the encoders here are small, and learn with the rest.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from minimm.datasets.instructions import Instructions
from minimm.datasets.multimodal_instructions import MultimodalInstructions
from minimm.errors import check
from minimm.layers.initialization import initialize
from minimm.models.language_model import LanguageModel, LanguageModelConfig
from minimm.models.multimodal_language_model import Media, MultimodalLanguageModel
from minimm.one_at_a_time import alone_in
from minimm.tasks.answering.assistant_batches import check_vocabulary, learn_vocabulary, token_rows
from minimm.tasks.answering.assistant_presets import ASSISTANT_PRESETS, MORE, STAGES, Stage
from minimm.tasks.answering.specialists import load_specialist
from minimm.tasks.modalities import MODALITIES, build_encoder, describe_encoder
from minimm.tasks.presets import choose_preset
from minimm.tasks.seeds import VALIDATION_SEED
from minimm.tasks.task import Task
from minimm.training.description import config_from
from minimm.training.distributed import world_size
from minimm.training.fine_tuning import freeze
from minimm.training.losses import cross_entropy

VALIDATION_EXAMPLES = 256  # of all jobs together


class StagedAssistant(Task):
    """A `MultimodalLanguageModel` with its training; what it is used for is in `MultimodalAssistant`.

    Args:
        preset: "tiny"; see `tasks.answering.assistant_presets`.
        options: any field of `AssistantPreset` or `TrainerConfig`, to replace the preset's.
        seed, device: see `Task`.
    """

    def __init__(self, preset: str = "tiny", *, seed: int = 0, device: str = "auto", **options: Any) -> None:
        super().__init__(seed=seed, device=device)
        self.preset = choose_preset(ASSISTANT_PRESETS, preset, options)

    def architecture(self) -> dict[str, Any]:
        """The configs of the language model and of the encoders, and how they are joined."""
        model = self.require_model()
        return {
            "language_model": asdict(model.language_model.config),
            "encoders": {name: describe_encoder(encoder) for name, encoder in model.encoders.items()},
            "place_ids": model.place_ids,
            "merge": {name: list(projector.merge) for name, projector in model.projectors.items()},
        }

    @staticmethod
    def build(architecture: dict[str, Any]) -> nn.Module:
        """An empty `MultimodalLanguageModel`."""
        return MultimodalLanguageModel(
            LanguageModel(config_from(LanguageModelConfig, architecture["language_model"])),
            {name: build_encoder(description) for name, description in architecture["encoders"].items()},
            architecture["place_ids"],
            architecture["merge"],
        )

    def fit(
        self,
        data: MultimodalInstructions,
        *,
        encoders: Mapping[str, str | Path] | None = None,
        start: str | Path | None = None,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
        after_stage: Callable[[Stage], None] | None = None,
    ) -> StagedAssistant:
        """Learn the jobs of `data`, in three stages, or in one from an assistant that knows some of them.

        Args:
            start: folder of a trained assistant to go on from, all parts at once.
            encoders: by modality, the folder of a trained task whose encoder is taken over; the others start from nothing.
            max_steps, max_seconds: of all stages together; each takes its share. folder: each stage keeps its checkpoints
                in a folder of its own below it. resume: continue the stage that was interrupted.

        Validation draws from `data` with another seed: new scenes and clips, but digits that are stored, written or spoken,
        are those of training. What is told about unseen ones is what `evaluate` measures on the split "test".

            after_stage: called with the stage when it has been trained, for instance to evaluate.
        """
        check(
            world_size() == 1,
            f"an assistant learns in one process, but torchrun has started {world_size()}: a batch holds one example of some "
            "jobs, which cannot be shared; start one process",
        )
        check(start is None or not encoders, "encoders are taken over at the beginning; give either encoders or start")
        if folder is not None:
            folder = Path(folder)
            check(
                start is None or folder.resolve() != Path(start).resolve(),
                f"{folder} holds the model to go on from, which would be overwritten; choose another folder with --out",
            )
        if start is None:
            self._build(data, dict(encoders or {}))
        else:
            self._continue(data, start)
        with alone_in(folder):
            if folder is not None:
                self._prepare_folder(folder, resume)
            validation = data.draw_mixed(VALIDATION_EXAMPLES, torch.Generator().manual_seed(VALIDATION_SEED))
            for stage in STAGES if start is None else (MORE,):
                self._learn(
                    stage,
                    data,
                    validation,
                    new_encoders=[name for name in self.model.encoders if name not in (encoders or {})],
                    max_steps=max_steps,
                    max_seconds=max_seconds,
                    folder=None if folder is None else folder / "stages" / stage.name,
                    resume=resume,
                )
                if after_stage is not None:
                    after_stage(stage)
            if folder is not None:
                self.save(folder)
        return self

    def _build(self, data: MultimodalInstructions, encoders: dict[str, str | Path]) -> None:
        """The vocabulary of all jobs, and the model with its first weights or the encoders of specialists."""
        preset = self.preset
        unknown = sorted(encoders.keys() - set(data.modalities))
        check(
            not unknown, f"an encoder of {', '.join(unknown)} is given, but no job needs one; add such a job to --jobs"
        )
        self.tokenizer = learn_vocabulary(data)
        language_model = LanguageModelConfig(
            vocab_size=self.tokenizer.vocab_size,
            context_length=preset.context_length,
            d_model=preset.d_model,
            num_heads=preset.num_heads,
            num_layers=preset.num_layers,
            dropout=preset.dropout,
        )
        taken = {name: load_specialist(folder, name) for name, folder in encoders.items()}
        self.model = self.build(
            {
                "language_model": asdict(language_model),
                "encoders": {
                    name: describe_encoder(taken[name]) if name in taken else MODALITIES[name].encoder
                    for name in data.modalities
                },
                "place_ids": {name: self.tokenizer.place_ids[name] for name in data.modalities},
                "merge": {name: MODALITIES[name].merge for name in data.modalities},
            }
        )
        generator = torch.Generator().manual_seed(self.seed)
        initialize(self.model, generator, preset.num_layers, linear_std=preset.d_model**-0.5)
        for name, encoder in taken.items():
            self.model.encoders[name].load_state_dict(encoder.state_dict())

    def _continue(self, data: MultimodalInstructions, start: str | Path) -> None:
        """The model and the vocabulary of a trained assistant.

        Its weights become part of the seed: a chain of runs with one seed would learn from the same batches again and again.
        """
        trained = type(self).load(start, device="cpu")
        self.seed = (self.seed + zlib.crc32((Path(start) / "model.safetensors").read_bytes())) % 2**40
        self.model, self.tokenizer = trained.model, trained.tokenizer
        unknown = sorted(set(data.modalities) - self.model.place_ids.keys())
        check(
            not unknown,
            f"{start} was not trained on {', '.join(unknown)}, which these jobs need; train it with such jobs from the start",
        )
        check_vocabulary(self.tokenizer, data)

    def _learn(
        self,
        stage: Stage,
        data: MultimodalInstructions,
        validation: dict[str, Instructions],
        *,
        new_encoders: list[str],
        max_steps: int | None,
        max_seconds: float | None,
        folder: Path | None,
        resume: bool,
    ) -> None:
        """One stage; encoders that come from nothing learn together with the projectors."""
        parts = list(stage.parts)
        if stage.name == "projector":
            parts += [f"encoders.{name}" for name in new_encoders]
        freeze(self.model, except_=parts)
        if max_steps is None and max_seconds is None:
            max_steps, max_seconds = self.preset.training.max_steps, self.preset.training.max_seconds
        print(f"\nstage {stage.name}: {', '.join(parts)}" + ", with words in place of all media" * stage.told)
        self._train(
            self.preset.training,
            max_steps=None if max_steps is None else max(1, round(stage.share * max_steps)),
            max_seconds=None if max_seconds is None else stage.share * max_seconds,
            folder=folder,
            resume=resume,
            draw_batch=lambda generator: data.draw_mixed(self.preset.batch_size, generator),
            loss=lambda model, batch: self._loss(model, batch, stage.told),
            validate=lambda model: self._loss(model, validation, stage.told).item(),
            batch_items=self.preset.batch_size,
            unit="example",
        )

    def _loss(self, model: nn.Module, batch: dict[str, Instructions], told: bool) -> Tensor:
        """The mean over the jobs, each weighted by its share of the examples; the turns of a conversation are added."""
        total, count = 0.0, 0
        for examples in batch.values():
            examples = examples.in_words() if told else examples
            rows, turns = token_rows(self.tokenizer, examples)
            logits = model(rows, self._on_device(examples.media))  # (B, T, V)
            answering = logits[:, -turns[0].shape[1] :]  # (B, T', V)
            total = total + len(rows) * sum(cross_entropy(answering, targets.to(self.device)) for targets in turns)
            count += len(rows)
        return total / count

    def _on_device(self, media: Media) -> Media:
        return {name: tuple(part.to(self.device) for part in inputs) for name, inputs in media.items()}
