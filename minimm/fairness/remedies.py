"""What can be done against bias, one thing at a time.

augmentation          everything is also told of the other group: a text swapped, a picture recoloured, a voice stretched
dropout, weight decay, label smoothing       the usual ways against learning by heart
balanced sampling     every label in every group is drawn equally often
group-robust loss     what is learned worst counts most                                   (`robust.py`)
fast gradient         also right when the input moves a little where it hurts most        (`adversarial.py`)
adversary             an opponent reads the group off the features, which unlearn it      (`adversarial.py`)
"""

from __future__ import annotations

from dataclasses import dataclass


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


PLAIN = Remedy()
STRONG_DECAY = (
    3.0  # with less, rare groups are learned by heart, and nothing of it holds for others (Sagawa et al. 2020)
)


def remedies(adversary: float = 1.0, adversary_decay: float = 0.01) -> tuple[Remedy, ...]:
    """The plain way, and each remedy.

    Args:
        adversary, adversary_decay: how strong the opponent is, and the weight decay beside it; what is right differs from
            data to data.
    """
    return (
        PLAIN,
        Remedy("augmentation", augmented=True),
        Remedy("dropout", dropout=0.3),
        Remedy("weight decay", weight_decay=STRONG_DECAY),
        Remedy("label smoothing", label_smoothing=0.1),
        Remedy("balanced sampling", balanced=True),
        Remedy("group-robust loss", robust=True, weight_decay=STRONG_DECAY),
        Remedy("fast gradient", fast_gradient=0.1),
        Remedy("adversary", adversary=adversary, weight_decay=adversary_decay),
    )
