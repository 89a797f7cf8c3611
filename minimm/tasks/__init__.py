"""What a user asks for, in the manner of scikit-learn: `fit`, a verb such as `generate_caption`, `evaluate`, `save`, `load`.

from minimm.tasks import ImageCaptioner, TextClassifier, TextGenerator, Translator
"""

from minimm.tasks.answering.multimodal_assistant import MultimodalAssistant
from minimm.tasks.answering.visual_question_answerer import VisualQuestionAnswerer
from minimm.tasks.drawing.text_to_image_generator import TextToImageGenerator
from minimm.tasks.retrieval.cross_modal_retriever import CrossModalRetriever
from minimm.tasks.text.masked_text_model import MaskedTextModel
from minimm.tasks.text.question_answerer import QuestionAnswerer
from minimm.tasks.text.summarizer import Summarizer
from minimm.tasks.text.text_classifier import TextClassifier
from minimm.tasks.text.text_generator import TextGenerator
from minimm.tasks.text.translator import Translator
from minimm.tasks.writing.image_captioner import ImageCaptioner
from minimm.tasks.writing.pivot_captioner import PivotCaptioner
from minimm.tasks.writing.speech_recognizer import SpeechRecognizer
from minimm.tasks.writing.video_captioner import VideoCaptioner

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
