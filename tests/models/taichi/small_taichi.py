"""A TaiChi of a few thousand parameters, and samples for it."""

from dataclasses import replace

import numpy as np

from tokencom.models.taichi import TaiChi
from tokencom.models.taichi.presets import TINY, DetailConfig, GlobalConfig, LanguageConfig
from tokencom.scenarios.datasets.base import Sample

WIDTH = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2}

SMALL = replace(
    TINY,
    low=GlobalConfig(config={**WIDTH, "num_hidden_layers": 1, "image_size": 16, "patch_size": 4}),
    detail=DetailConfig(type="stem", config={"channels": (8, 8), "blocks": 1}, size=32),
    language=LanguageConfig(
        config={**WIDTH, "num_hidden_layers": 3, "tie_word_embeddings": True, "initializer_range": 0.3},
        vocabulary="synth", num_layers=1, full=True,
    ),
    heads=2, hidden=4, grid_size=2, max_new_tokens=6,
)  # fmt: skip


def small(**changes):
    return TaiChi(replace(SMALL, **changes)).eval()


def picture(number, side=32):
    return np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)


def scene(number):
    rng = np.random.default_rng(number)
    return {
        "objects": [
            {"size": "large", "color": str(rng.choice(["red", "blue"])), "material": "metal", "shape": "cube",
             "pixel_coords": [float(rng.uniform(0, 32)), float(rng.uniform(0, 32)), 9.0]}
            for _ in range(3)
        ]
    }  # fmt: skip


def asking(image, question, answer="yes", side=32):
    return Sample(
        id=f"{image}/{question}", cluster=image, inputs={"image": picture(image, side), "question": question},
        references=(answer,), extra={"scene": scene(image)},
    )  # fmt: skip


def reading(text, label="positive"):
    return Sample(id=text, cluster=hash(text), inputs={"text": text}, references=(label,))


def describing(image):
    return Sample(
        id=str(image), cluster=image, inputs={"image": picture(image)}, references=("A picture of a red cube.",)
    )


QUESTIONS = ("How many red balls are there?", "What color is the cube?", "Is there a small thing?")
SAMPLES = [asking(image, question) for image in (1, 2) for question in QUESTIONS]
