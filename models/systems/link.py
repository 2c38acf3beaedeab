"""A token system around a link: samples in, answers out."""

import hashlib
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

import torch

from ...linklevel.air.base import Received
from ...linklevel.draws import Draws
from ...linklevel.links.base import Link, Reception, Signal
from ...linklevel.tokens import Tokens
from .base import TokenSystem
from .memory import SHARED, TokenMemory, joined


class SystemLink(Link):
    """Encodes samples, sends their tokens over a link, and answers from what arrives.

    ```
    sample ─► system.encode ─► tokens ─► link ─► tokens ─► system.answer ─► answer
    ```

    An item is encoded alone, so its tokens depend on no other item; they are kept, so a sweep encodes
    each item once in a process, whatever the number of points and of schemes with the same encoder.

    Args:
        system: the model.
        link: for tokens of the width of the system's.
        memory: where tokens are kept; that of the process if `None`.

    Raises:
        TypeError: if ``system`` or ``link`` is none.
    """

    def __init__(self, system: TokenSystem, link: Link, *, memory: TokenMemory | None = None) -> None:
        check_parts(system, link)
        super().__init__(link.air)
        self.system, self.link = system, link
        self._memory = SHARED if memory is None else memory
        self._own = object()

    def tokens(self, samples: Sequence[Any]) -> Tokens:
        """Return the tokens of a batch at the cut, padded on the right."""
        return encoded(self.system, samples, self._memory, self._own)

    def encode(self, payload: Sequence[Any], snr_db: torch.Tensor) -> Signal:
        """Turn samples into symbols; see :meth:`Link.encode`."""
        return self.link.encode(self.tokens(payload), snr_db)

    def decode(self, received: Received, samples: Sequence[Any] | None = None) -> tuple[list[str], torch.Tensor]:
        """Turn equalised symbols into answers; see :meth:`Link.decode`.

        Args:
            received: what was received.
            samples: the batch, for systems whose receiver knows more than the tokens, such as a question.
        """
        tokens, ok = self.link.decode(received)
        return self._answers(tokens, [None] * len(ok) if samples is None else samples), ok

    def forward(self, payload: Sequence[Any], snr_db: float | torch.Tensor, draws: Draws) -> Reception:
        """Send a batch once; see :meth:`Link.forward`."""
        with torch.no_grad():
            arrived = self.link(self.tokens(payload), snr_db, draws)
            answers = self._answers(arrived.payload, payload)
        return Reception(answers, arrived.ok, arrived.channel_uses, arrived.snr_db)

    def clean(self, payload: Sequence[Any], snr_db: float | torch.Tensor) -> list[str]:
        """Return the answers without fading, noise and header errors, encoded for ``snr_db``."""
        with torch.no_grad():
            return self._answers(reference_line(self.link, "clean")(self.tokens(payload), snr_db), payload)

    def blind(self, payload: Sequence[Any], snr_db: float | torch.Tensor = 0.0) -> list[str]:
        """Return the answers from noise only, which is drawn for each batch by the samples in it."""
        names = hashlib.blake2b("\n".join(str(sample.id) for sample in payload).encode(), digest_size=4)
        draws = Draws(seed=0, batch=int.from_bytes(names.digest(), "big"))
        with torch.no_grad():
            line = reference_line(self.link, "blind")
            return self._answers(line(self.tokens(payload), snr_db=snr_db, draws=draws), payload)

    def _answers(self, tokens: Tokens, samples: Sequence[Any]) -> list[str]:
        answers = self.system.answer(tokens, samples)
        if len(answers) != len(tokens):
            raise ValueError(f"system: {len(answers)} answers given to {len(tokens)} items")
        return answers


class Encoder(Protocol):
    """The part of a :class:`TokenSystem` that makes tokens."""

    dim: int

    @property
    def encode(self) -> Callable[[Sequence[Any]], Tokens]:
        """From samples to tokens."""

    @property
    def key(self) -> Callable[[Any], Hashable]:
        """From a sample to what tells its tokens from those of others."""

    def encoder_id(self) -> Hashable | None:
        """Return what tells encoders apart that give other tokens."""


def check_parts(system: Any, link: Any) -> None:
    """Refuse what is no system, or no link.

    Raises:
        TypeError: naming it.
    """
    for name, value, kind in (("system", system, TokenSystem), ("link", link, Link)):
        if not isinstance(value, kind):
            raise TypeError(f"{name}: {type(value).__name__} given; a {kind.__name__} is needed")


def reference_line(link: Link, name: str) -> Callable[..., Any]:
    """Return the method of a link that draws a reference line.

    Raises:
        ValueError: if it has none.
    """
    line = getattr(link, name, None)
    if not callable(line):
        raise ValueError(f"link: {type(link).__name__} has no {name} reference line")
    return line


def encoded(system: Encoder, samples: Sequence[Any], memory: TokenMemory, own: object) -> Tokens:
    """Return tokens of samples, each encoded alone and kept.

    Args:
        system: the encoder.
        samples: a batch.
        memory: where tokens are kept.
        own: stands for the encoder where it shares its tokens with no other.
    """
    found = system.encoder_id()
    encoder = own if found is None else found
    with torch.no_grad():
        items = [
            memory.get((encoder, system.key(sample)), lambda sample=sample: system.encode([sample]))  # type: ignore[misc]
            for sample in samples
        ]
    return joined(items, system.dim)
