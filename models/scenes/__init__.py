"""What scene graphs of pictures, as CLEVR has them, add to the training of systems that answer questions."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cells": ["ATTRIBUTES", "CellHead", "cell_of", "cell_targets"],
        "referents": [
            "NOUN",
            "NUM_STEPS",
            "Referents",
            "divergence",
            "layers_loss",
            "noun_phrases",
            "question_steps",
            "spoken_of",
            "steps_loss",
        ],
    },
)  # fmt: skip
