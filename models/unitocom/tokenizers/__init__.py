"""Tokenizers by the generative information bottleneck: images, audio and text to few continuous tokens and back."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "audio": ["AudioTokenizer"],
        "base": ["Tokenizer", "build_tokenizer"],
        "config": ["TokenizerConfig"],
        "diagnostics": ["Diagnosis", "diagnose", "rate_distortion"],
        "image": ["ImageTokenizer"],
        "posterior": ["Posterior"],
        "presets": ["tokenizer_preset"],
        "text": ["TextTokenizer"],
    },
)
