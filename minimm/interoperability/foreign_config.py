"""Reading another library's `config.json`: every key is used, demanded to have one value, known to change nothing, or refused.

A key that nobody here has heard of may change the mathematics, and a model that is computed almost right is worse than an
error. So unknown keys are named and refused, not skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minimm.errors import MinimmError, check

# Keys of every architecture that change nothing here: bookkeeping, token ids, dropout elsewhere than in the residual stream.
HARMLESS = frozenset(
    {
        *("_name_or_path", "architectures", "model_type", "transformers_version", "tokenizer_class", "_commit_hash"),
        *("dtype", "torch_dtype", "use_cache", "initializer_range", "gradient_checkpointing", "attn_implementation"),
        *(f"{token}_token_id" for token in ("bos", "eos", "pad", "sep", "cls", "unk", "mask")),
        *(
            "task_specific_params",
            "finetuning_task",
            "problem_type",
            "id2label",
            "label2id",
            "num_labels",
            "_num_labels",
        ),
        *("return_dict", "output_attentions", "output_hidden_states", "chunk_size_feed_forward", "is_encoder_decoder"),
    }
)


class ForeignConfig:
    """The parsed `config.json` at `path`; remembers which keys were looked at."""

    def __init__(self, values: Mapping[str, Any], path: Path) -> None:
        self.values, self.path = values, path
        self.seen = set(HARMLESS)

    def number(self, name: str, default: float) -> Any:
        """A positive number, whole where the default is."""
        self.seen.add(name)
        value = self.values.get(name)
        if value is None:
            return default
        kinds = (int, float) if isinstance(default, float) else int
        check(
            isinstance(value, kinds) and not isinstance(value, bool) and value > 0,
            f"{self.path} says {name}={value!r:.60}, expected a positive number",
        )
        return value

    def share(self, name: str, default: float) -> float:
        """A number from 0 to 1."""
        self.seen.add(name)
        value = self.values.get(name, default)
        check(
            isinstance(value, int | float) and 0 <= value < 1,
            f"{self.path} says {name}={value!r:.60}, expected a share from 0 to 1",
        )
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        return self.choice(name, {True: True, False: False}, default)

    def choice(self, name: str, known: Mapping[Any, Any], default: Any) -> Any:
        """What `known` says about the value; any other value is refused by name."""
        self.seen.add(name)
        value = self.values.get(name)
        value = default if value is None else value
        try:
            return known[value]
        except (KeyError, TypeError):
            raise MinimmError(
                f"{self.path} says {name}={value!r:.60}, which minimm does not have; it knows {sorted(map(str, known))}"
            ) from None

    def demand(self, **values: Any) -> None:
        """Keys that must be absent or have exactly these values, since nothing else is implemented."""
        for name, value in values.items():
            self.choice(name, {value: value}, value)

    def ignore(self, *names: str) -> None:
        """Keys of this architecture that change nothing."""
        self.seen.update(names)

    def finish(self) -> None:
        """Raise if there is a key that was neither read nor known to be harmless."""
        unknown = sorted(self.values.keys() - self.seen)
        check(
            not unknown,
            f"{self.path} has settings that minimm does not know: {', '.join(unknown[:6])}; they may change what the model "
            "computes. If you know that they do not, take them out of the file",
        )
