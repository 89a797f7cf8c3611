"""Presets: sizes and settings that were measured to work, by name. Each room of tasks has its own; this finds one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from minimm.errors import check


def find_preset(presets: dict, name: str, what: str = "preset"):
    """The preset, or whatever else is chosen by its name; an unknown name is answered with those that there are."""
    check(name in presets, f"{what} {name!r} is not known; choose from {sorted(presets)}")
    return presets[name]


def choose_preset(presets: dict, name: str, options: dict[str, Any], model_options: Iterable[str] = ()) -> Any:
    """The preset of that name, with some of its fields, or of its `training`'s, replaced.

    Args:
        options: what to replace, by name; used ones are taken out of it. model_options: names that may stay, because they are
            for the model itself. Any other is refused.
    """
    preset = find_preset(presets, name)
    own, training = ({field.name for field in fields(part)} for part in (preset, preset.training))
    known = own | training | set(model_options)
    unknown = sorted(options.keys() - known)
    check(not unknown, f"the options {unknown} are not known; choose from {sorted(known - {'training'})}")
    taken = {name: options.pop(name) for name in options.keys() & own}
    preset = replace(preset, **taken)
    return replace(
        preset, training=replace(preset.training, **{name: options.pop(name) for name in options.keys() & training})
    )
