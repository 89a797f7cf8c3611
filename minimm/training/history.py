"""The losses of a run, step by step at first, and in means of more and more steps as it gets longer.

    {"step": 0, "validation_loss": 6.9}, {"step": 1, "train_loss": 6.9}, {"step": 2, "train_loss": 6.8}, ...

A dict for every step would take 300 bytes of memory each, and every checkpoint writes all of them down, as 50 bytes of
text each, twice: after ten hours of a small model that is more than the model. So an entry stands for `span` steps, a
power of two that doubles whenever there would be more than `MOST` entries, and its `train_loss` is the mean over the steps
since the entry before. Validations are few, and each keeps its entry. All of this follows from the steps alone, so a run
that was interrupted and resumed has the history of one that was not.
"""

from __future__ import annotations

MOST = 2_000  # training losses: more than a figure has pixels

Entry = dict[str, float]


def record(history: list[Entry], step: int, **losses: float) -> None:
    """Put losses of `step`, which is the last one or a new one, into the history."""
    if history and history[-1]["step"] == step:
        history[-1].update(losses)
        return
    history.append({"step": step, **losses})
    span = 1 << (max(0, step - 1) // MOST).bit_length()
    has_doubled = span > 1 and step == span // 2 * MOST + 1
    start = 0 if has_doubled else max(0, len(history) - 3)  # the entry before tells how many steps one stands for
    history[start:] = _joined(history[start:], span)


def _joined(entries: list[Entry], span: int) -> list[Entry]:
    """With neighbours that fall into the same `span` steps made one, unless the earlier has been validated."""
    joined: list[Entry] = []
    for entry in entries:
        last = joined[-1] if joined else {"step": 0}
        together = (last["step"] - 1) // span == (entry["step"] - 1) // span
        if together and set(last) == {"step", "train_loss"} and "train_loss" in entry:
            before = joined[-2]["step"] if len(joined) > 1 else 0
            ours, others = entry["step"] - last["step"], last["step"] - before
            mean = (entry["train_loss"] * ours + last["train_loss"] * others) / (ours + others)
            joined[-1] = {**entry, "train_loss": mean}
        else:
            joined.append(entry)
    return joined
