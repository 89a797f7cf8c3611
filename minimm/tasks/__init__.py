"""What a user asks for, in the manner of scikit-learn: `fit`, a verb such as `generate_caption`, `evaluate`, `save`, `load`.

from minimm.tasks import ImageCaptioner, TextClassifier, TextGenerator, Translator
"""

from minimm.tasks.captions_in_another_language import PivotCaptioner
from minimm.tasks.cross_modal_retriever import CrossModalRetriever
from minimm.tasks.image_captioner import ImageCaptioner
from minimm.tasks.masked_text_model import MaskedTextModel
from minimm.tasks.multimodal_assistant import MultimodalAssistant
from minimm.tasks.question_answerer import QuestionAnswerer
from minimm.tasks.speech_recognizer import SpeechRecognizer
from minimm.tasks.summarizer import Summarizer
from minimm.tasks.text_classifier import TextClassifier
from minimm.tasks.text_generator import TextGenerator
from minimm.tasks.text_to_image_generator import TextToImageGenerator
from minimm.tasks.translator import Translator
from minimm.tasks.video_captioner import VideoCaptioner
from minimm.tasks.visual_question_answerer import VisualQuestionAnswerer

__all__ = [
    "CrossModalRetriever",
    "ImageCaptioner",
    "MaskedTextModel",
    "MultimodalAssistant",
    "PivotCaptioner",
    "QuestionAnswerer",
    "SpeechRecognizer",
    "Summarizer",
    "TextClassifier",
    "TextGenerator",
    "TextToImageGenerator",
    "Translator",
    "VideoCaptioner",
    "VisualQuestionAnswerer",
]
