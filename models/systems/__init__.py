"""Token systems: a transmitter's encoder and a receiver's head around a link."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["TokenSystem"],
        "link": ["SystemLink"],
        "memory": ["TokenMemory"],
        "sentence_classifier": ["SentenceClassifier"],
        "shipped": ["load_shipped", "shipped_weights"],
        "source_link": ["SourceSystemLink"],
    },
)
