"""Token systems: a transmitter's encoder and a receiver's head around a link."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["TokenSystem"],
        "image_training": ["ImageTraining"],
        "link": ["SystemLink"],
        "memory": ["TokenMemory"],
        "sentence_classifier": ["SentenceClassifier"],
        "shipped": ["load_shipped", "shipped_weights"],
        "speech_recognizer": ["SpeechRecognizer"],
        "source_link": ["SourceSystemLink"],
        "split_lm": ["SplitLM"],
        "trainable": ["LinkTraining", "TrainableSystem"],
    },
)
