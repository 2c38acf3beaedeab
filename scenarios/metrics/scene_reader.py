"""What a caption asks for, and what a trained reader finds in a picture."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..datasets.clevr_synth.captions import NUMBERS
from ..datasets.clevr_synth.vocabulary import ATTRIBUTES, SYNONYMS, VALUES
from .captions import caption_words

Object = Mapping[str, str]
"""Values by attribute, such as ``{"color": "red", "shape": "cube"}``; those that are not named are missing."""

WEIGHTS = "fig09_multimodal_taichi_clean_for_longer"
"""Shipped weights of TaiChi whose head for cells was trained on clean pictures of 6,000 and 12,000 scenes."""

_VALUES = {word: (name, value) for name in VALUES for value in VALUES[name] for word in SYNONYMS.get(value, (value,))}
_HEADS = {word for value in ("cube", "sphere", "cylinder", "thing") for word in SYNONYMS[value]}


def asked_objects(caption: str) -> list[dict[str, str]]:
    """Return the objects that a caption lists, with the values that it names.

    Noun phrases are read in CLEVR's words: an article or a number up to ten, adjectives, a shape or "thing". That is
    the scene where a caption lists every object, as the first one of ``clevr_captions`` does.

    Example:
        >>> asked_objects("A picture of two red balls and a big shiny block.")[1:]
        [{'color': 'red', 'shape': 'sphere'}, {'size': 'large', 'material': 'metal', 'shape': 'cube'}]
    """
    found: list[dict[str, str]] = []
    count, named = 1, dict[str, str]()
    for word in caption_words(caption):
        head = word[:-1] if word.endswith("s") and word[:-1] in _HEADS else word
        if word in ("a", "an") or word in NUMBERS:
            count, named = (NUMBERS.index(word) if word in NUMBERS else 1), {}
        elif head in _VALUES:
            named = {**named, _VALUES[head][0]: _VALUES[head][1]}
        if head in _HEADS:
            found += [dict(named) for _ in range(count)]
            count, named = 1, {}
    return found


def agreement(asked: Sequence[Object], seen: Sequence[Object]) -> dict[str, int]:
    """Return how many named values a picture has, after the best matching of objects asked for to objects seen.

    Args:
        asked: objects with the values that were named.
        seen: objects with all values.

    Returns:
        ``right_<attribute>`` and ``named_<attribute>`` for each; an object that is missing has no right value.
    """
    scores = np.array([[sum(seen_.get(k) == v for k, v in one.items()) for seen_ in seen] for one in asked])
    rows, columns = linear_sum_assignment(scores.reshape(len(asked), len(seen)), maximize=True)
    pairs = [(asked[row], seen[column]) for row, column in zip(rows, columns, strict=True)]
    return {
        **{f"right_{name}": sum(name in a and a[name] == s[name] for a, s in pairs) for name in ATTRIBUTES},
        **{f"named_{name}": sum(name in one for one in asked) for name in ATTRIBUTES},
    }


class SceneReader:
    """Reads objects off pictures of CLEVR-style scenes with TaiChi's visual branch and its head for cells.

    The head tells for each of 8 x 8 cells whether the centre of an object lies in it, and the object's values; see
    :class:`~tokencom.models.scenes.cells.CellHead`. Two objects in one cell are seen as one, so real pictures
    do not score 1 either: the score of the real ones is the bar.
    """

    def __init__(self) -> None:
        from ...models.systems.shipped import load_shipped
        from ...models.taichi import TaiChi

        self.system = TaiChi().eval().requires_grad_(False)
        load_shipped(self.system, WEIGHTS, "system", self.system.configuration())

    def __call__(self, pictures: Sequence[np.ndarray]) -> list[list[dict[str, str]]]:
        """Return the objects in each picture.

        Args:
            pictures: [height, width, 3] each, numpy.uint8, of one shape.
        """
        import torch

        from ...models.scenes.cells import ATTRIBUTES as PARTS

        pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
        with torch.no_grad():
            scores = self.system.cells.out(self.system.visual(pixels).float())
        there, *parts = scores.split([1, *self.system.cells.sizes], dim=-1)
        values = torch.stack([part.argmax(-1) for part in parts], -1)
        return [
            [
                {name: names[int(number)] for (name, names), number in zip(PARTS.items(), cell, strict=True)}
                for cell in own[seen]
            ]
            for own, seen in zip(values, there[..., 0] > 0, strict=True)
        ]


@lru_cache(maxsize=1)
def scene_reader() -> Any:
    """Return the reader, loaded once in a process."""
    return SceneReader()
