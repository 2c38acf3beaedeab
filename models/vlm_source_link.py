"""A vision-language model as a whole at the receiver, for images that cross a classical chain."""

from collections.abc import Hashable, Sequence
from typing import Any

import torch

from ..linklevel.tokens import Tokens
from .hf_vlm import HFVLM
from .systems.base import TokenSystem


class WholeVLM(TokenSystem):
    """All of a model at the receiver, for :class:`~tokencom.models.systems.SourceSystemLink`.

    ```
    image ─► source coder ─► digital link ─► source decoder ─► image, question ─► model ─► answer
    ```

    No token of the model crosses a link: :meth:`encode` gives none, and :meth:`answer` runs the untouched model on
    the image that was decoded.

    Args:
        vlm: the model, the same object or configuration as behind a link at a cut; its cut is not used.
    """

    dim = 1
    modality = "image"

    def __init__(self, vlm: HFVLM) -> None:
        super().__init__()
        self.vlm = vlm

    def encode(self, samples: Sequence[Any]) -> Tokens:
        """Return no tokens, [batch, 0, 1]."""
        return Tokens(torch.zeros(len(samples), 0, self.dim))

    def key(self, sample: Any) -> Hashable:
        """Return the same for all samples, which have no tokens alike."""
        return None

    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[str]:
        """Return the model's answers about the images of ``samples``, which are those received."""
        questions = [sample.inputs.get("question", "") for sample in samples]
        return list(self.vlm.ask([sample.inputs["image"] for sample in samples], questions))
