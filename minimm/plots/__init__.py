"""Pictures of what a model learns and where it looks: matplotlib figures that need no display and leave nothing behind."""

from minimm.plots.attention import attention_grid
from minimm.plots.caption import caption_strip
from minimm.plots.filmstrip import filmstrip
from minimm.plots.loss import loss_curves
from minimm.plots.pictures import picture_grid
from minimm.plots.style import save_figure

__all__ = ["attention_grid", "caption_strip", "filmstrip", "loss_curves", "picture_grid", "save_figure"]
