"""What can be done against bias.

augmentation          everything is also told of the other group: a text swapped, a picture recoloured, a voice stretched
dropout, weight decay, label smoothing       the usual ways against learning by heart
balanced sampling     every label in every group is drawn equally often
balanced and decay    that with strong weight decay, beside which the two that take both are to be seen
group-robust loss     what is learned worst counts most; balanced, with strong decay      (`robust.py`)
fast gradient         also right when the input moves a little where it hurts most        (`adversarial.py`)
adversary             an opponent reads the group off the features, which unlearn it; balanced, with some decay
                                                                                             (`adversarial.py`)
"""

from __future__ import annotations

from dataclasses import dataclass

from minimm.errors import check


@dataclass(frozen=True)
class Remedy:
    """One way to learn; the defaults are the plain one.

    fast_gradient: length of the perturbation, as a share of that of what is perturbed. adversary: what its gradient is
    multiplied by when it is turned round.
    """

    name: str = "plain"
    augmented: bool = False
    dropout: float = 0.0
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    balanced: bool = False
    robust: bool = False
    fast_gradient: float = 0.0
    adversary: float = 0.0

    def __post_init__(self) -> None:
        check(
            not self.augmented or not (self.balanced or self.robust or self.adversary > 0),
            f"remedy {self.name!r} swaps examples and goes by their groups, which are theirs no longer; choose one",
        )


PLAIN = Remedy()
# With less, rare groups are learned by heart, and nothing of it holds for others (Sagawa et al. 2020).
STRONG_DECAY = 3.0


def remedies(dropout: float = 0.3, fast_gradient: float = 0.1, adversary_decay: float = 1.0) -> tuple[Remedy, ...]:
    """The plain way, and each remedy. How strong some should be depends on what is learned: the dropout, the perturbation, and
    the weight decay beside an adversary.
    """
    return (
        PLAIN,
        Remedy("augmentation", augmented=True),
        Remedy("dropout", dropout=dropout),
        Remedy("weight decay", weight_decay=STRONG_DECAY),
        Remedy("label smoothing", label_smoothing=0.1),
        Remedy("balanced sampling", balanced=True),
        Remedy("balanced and decay", balanced=True, weight_decay=STRONG_DECAY),
        Remedy("group-robust loss", robust=True, weight_decay=STRONG_DECAY),
        Remedy("fast gradient", fast_gradient=fast_gradient),
        Remedy("adversary", adversary=1.0, weight_decay=adversary_decay),
    )
