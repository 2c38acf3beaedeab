"""The interface of a token system."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

from torch import nn

from ...linklevel.tokens import Tokens


class TokenSystem(nn.Module, ABC):
    """A model divided at a cut: the transmitter's encoder before it, the receiver's head behind it.

    ```
    sample ─► encode ─► tokens ─► link ─► tokens ─► answer ─► text
    ```

    A sample is an object with an ``id`` and a mapping ``inputs`` from modality ("text", "image",
    "audio", "question", ...) to content.
    """

    dim: int
    """Width of a token at the cut."""

    modality: str
    """Key of what is sent in ``inputs`` of a sample."""

    @abstractmethod
    def encode(self, samples: Sequence[Any]) -> Tokens:
        """Return what the transmitter sends.

        Args:
            samples: a batch.

        Returns:
            values [batch, num_tokens, dim], torch.float32, without gradient, padded on the right.
        """

    @abstractmethod
    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[str]:
        """Return the receiver's answers.

        Args:
            tokens: what was received; an item may have none at all.
            samples: the same batch. Only what the task puts at the receiver may be used, such as the
                question; never what is sent.

        Returns:
            one text for each item.
        """

    def key(self, sample: Any) -> Hashable:
        """Return what tells a sample's tokens from those of every other; its ``id`` unless overridden."""
        return sample.id

    def encoder_id(self) -> Hashable | None:
        """Return what tells encoders apart that give other tokens; `None` if only this very one is meant."""
        return None
