"""Small systems and samples that the tests of the baselines share."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tokencom.models.baselines import DeepSCVQA, MobileVLM, UDeepSC

SMALL = {"preset": "tiny", "dim": 16, "size": 16, "blocks": 1}
SIZES: dict[str, tuple[Any, dict[str, Any]]] = {
    "deepsc_vqa": (DeepSCVQA, {"channels": (8, 16), "embedding": 8, "classifier": 16, "num_steps": 2}),
    "udeepsc": (
        UDeepSC,
        {"channels": (8, 16), "image_dim": 16, "image_heads": 2, "text_dim": 16, "text_heads": 2, "heads": 2,
         "num_queries": 3},
    ),
    "mobile_vlm": (
        MobileVLM,
        {"channels": (8,), "image_dim": 16, "image_heads": 2, "depth": 2, "heads": 2, "hidden": 32},
    ),
}  # fmt: skip
NAMES = tuple(SIZES)
QUESTIONS = ("How many red balls are there?", "What color is the cube?", "Are there any large things?")


@dataclass(frozen=True)
class Item:
    """A sample as the data sets give it."""

    id: str
    cluster: int
    inputs: dict[str, Any]
    references: tuple[str, ...]
    extra: dict[str, Any] = field(default_factory=dict)


def small(name: str, **options: Any) -> Any:
    """Return a small system of a kind, ready for evaluation."""
    kind, sizes = SIZES[name]
    return kind(**{**SMALL, **sizes, **options}).eval()


def scene(rng: np.random.Generator) -> dict[str, Any]:
    """Return the scene graph of one object."""
    x, y = rng.uniform(0, 16, 2)
    item = {"color": "red", "shape": "cube", "size": "large", "material": "metal", "pixel_coords": [x, y, 9.0]}
    return {"objects": [item]}


@pytest.fixture
def questions() -> list[Item]:
    """Two pictures, two questions about the first and one about the second."""
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in range(2)]
    scenes = [scene(rng) for _ in range(2)]
    answers = ("2", "red", "yes")
    return [
        Item(f"q{n}", cluster, {"image": images[cluster], "question": QUESTIONS[n]}, (answers[n],),
             {"scene": scenes[cluster]})
        for n, cluster in enumerate((0, 0, 1))
    ]  # fmt: skip


@pytest.fixture
def texts() -> list[Item]:
    """Two texts to classify."""
    return [
        Item("t0", 10, {"text": "The soup was delicious."}, ("positive",)),
        Item("t1", 11, {"text": "I hated the room."}, ("negative",)),
    ]
