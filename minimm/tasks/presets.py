"""Presets: sizes and settings that were measured to work, by name. Each room of tasks has its own; this finds one."""

from __future__ import annotations

from minimm.errors import check


def find_preset(presets: dict, name: str, what: str = "preset"):
    """The preset, or whatever else is chosen by its name; an unknown name is answered with those that there are."""
    check(name in presets, f"{what} {name!r} is not known; choose from {sorted(presets)}")
    return presets[name]
