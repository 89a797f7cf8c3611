"""What a user asks for, in the manner of scikit-learn: `fit`, a verb such as `generate_caption`, `evaluate`, `save`, `load`.

from minimm.tasks import ImageCaptioner, TextGenerator
"""

from minimm.tasks.image_captioner import ImageCaptioner
from minimm.tasks.text_generator import TextGenerator

__all__ = ["ImageCaptioner", "TextGenerator"]
