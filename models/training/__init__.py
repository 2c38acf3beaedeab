"""Training: stages, a loop that resumes bit for bit, weights with a card, and a cache of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["LoRA", "ParameterGroup", "Stage"],
        "errors": ["TrainingError", "TrainingInterrupted"],
        "key": ["training_key", "weights_path"],
        "loop": ["Trained", "train"],
        "lora": ["add_adapters", "merge_adapters"],
        "order": ["item_order"],
        "randomness": ["StepDraws"],
        "trainable": ["Trainable"],
        "weights": ["WeightsError", "load_weights"],
    },
)
