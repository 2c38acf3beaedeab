"""A classical link, and the same model's answer on what it delivers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ...linklevel.air.base import Received
from ...linklevel.draws import Draws
from ...linklevel.links.base import Link, Reception, Signal
from ...linklevel.links.digital import DigitalLink
from ...linklevel.links.source import SourceLink
from ...linklevel.sources.base import SourceCodec
from ...linklevel.validation import check_choice
from .base import TokenSystem
from .link import check_parts, encoded
from .memory import SHARED, TokenMemory

AT_RECEIVER = ("question", "choices", "hint")
"""Inputs that a task puts at the receiver."""

ON_FAILURE = ("decoded", "fallback")


@dataclass(frozen=True)
class ReceivedItem:
    """A sample as a receiver has it.

    Args:
        id: of the sample.
        inputs: what was decoded, and what the task puts at the receiver.
        references: none; they are not the receiver's to know.
        extra: earlier turns of a conversation (``history``), if there are any; nothing else of the sample's.
    """

    id: str
    inputs: Mapping[str, Any]
    references: tuple[str, ...] = field(default=())
    extra: Mapping[str, Any] = field(default_factory=dict)


class SourceSystemLink(Link):
    """Sends a text, an image or audio itself; encoder and head both run at the receiver.

    ```
    sample ─► source coder ─► bytes ─► digital link ─► bytes ─► source decoder ─► system.encode, system.answer ─► answer
    ```

    An item whose CRC fails is answered nevertheless: on what the source decoder makes of it, or on the
    source's fallback.

    Args:
        system: the model.
        link: a :class:`~tokencom.linklevel.links.SourceLink`, which spends the same budget on every item,
            or a :class:`~tokencom.linklevel.links.DigitalLink` for byte strings together with ``source``,
            which spends on each item what its file needs.
        source: codec of the items, with a digital link.
        on_failure: "decoded" or "fallback": what is answered on where the CRC fails.
        memory: where tokens are kept; that of the process if `None`.

    Raises:
        TypeError: if ``system`` or ``link`` is none, or ``source`` is missing or too much.
        ValueError: for another ``on_failure``.
    """

    def __init__(
        self,
        system: TokenSystem,
        link: Link,
        *,
        source: SourceCodec | None = None,
        on_failure: str = "decoded",
        memory: TokenMemory | None = None,
    ) -> None:
        check_parts(system, link)
        if source is None and not isinstance(link, SourceLink):
            raise TypeError(f"source: missing; {type(link).__name__} does not encode {system.modality} itself")
        if source is not None and (not isinstance(link, DigitalLink) or link.num_bits is not None):
            raise TypeError(f"source: given for {type(link).__name__}; a DigitalLink without num_bits takes its files")
        super().__init__(link.air)
        self.system, self.link = system, link
        self._source = source
        self.on_failure = check_choice("on_failure", on_failure, ON_FAILURE)
        self._memory = SHARED if memory is None else memory
        self._own = object()
        self._files: dict[Any, bytes] = {}

    def encode(self, payload: Sequence[Any], snr_db: torch.Tensor) -> Signal:
        """Turn samples into symbols; see :meth:`Link.encode`."""
        return self.link.encode(self._content(payload), snr_db)

    def decode(self, received: Received, samples: Sequence[Any] | None = None) -> tuple[list[str], torch.Tensor]:
        """Turn equalised symbols into answers; see :meth:`Link.decode`.

        Args:
            received: what was received.
            samples: the batch, for systems whose receiver knows more than the item, such as a question.
        """
        content, ok = self.link.decode(received)
        return self._answers(content, [None] * len(ok) if samples is None else samples, ok), ok

    def forward(self, payload: Sequence[Any], snr_db: float | torch.Tensor, draws: Draws) -> Reception:
        """Send a batch once; see :meth:`Link.forward`."""
        arrived = self.link(self._content(payload), snr_db, draws)
        answers = self._answers(arrived.payload, payload, arrived.ok)
        return Reception(answers, arrived.ok, arrived.channel_uses, arrived.snr_db)

    def clean(self, payload: Sequence[Any], snr_db: float | torch.Tensor) -> list[str]:
        """Return the answers if the channel makes no error, at the rates chosen for ``snr_db``."""
        content = self._content(payload)
        link: Any = self.link
        return self._answers(link.clean(content, snr_db) if self._source is None else content, payload)

    def blind(self, payload: Sequence[Any]) -> list[str]:
        """Return the answers if nothing arrives: on the source codec's fallback."""
        source: Any = self._source or self.link.source
        return self._answered([source.fallback()] * len(payload), payload)

    def _content(self, samples: Sequence[Any]) -> list[Any]:
        """Return what the link sends: the items, or their files."""
        items = [sample.inputs[self.system.modality] for sample in samples]
        if self._source is None:
            return items
        return [self._file(item, self._source) for item in items]

    def _file(self, item: Any, source: SourceCodec) -> bytes:
        key = source.key(item)
        if key not in self._files:
            self._files[key] = source.encode(item)
        return self._files[key]

    def _answers(self, content: Sequence[Any], samples: Sequence[Any], ok: torch.Tensor | None = None) -> list[str]:
        """Return the answers on what the link delivered: items, or files; ``ok`` is its verdict, all good if `None`."""
        items = list(content if self._source is None else [self._source.decode(data).item for data in content])
        if self.on_failure == "fallback" and ok is not None:
            source: Any = self._source or self.link.source
            items = [item if good else source.fallback() for item, good in zip(items, ok.tolist(), strict=True)]
        return self._answered(items, samples)

    def _answered(self, items: Sequence[Any], samples: Sequence[Any]) -> list[str]:
        received = [self._item(item, sample) for item, sample in zip(items, samples, strict=True)]
        with torch.no_grad():
            return self.system.answer(encoded(self.system, received, self._memory, self._own), received)

    def _item(self, item: Any, sample: Any) -> ReceivedItem:
        inputs = {} if sample is None else sample.inputs
        known = {name: inputs[name] for name in AT_RECEIVER if name in inputs}
        # Two receptions of one sample differ: the key must not be the sample's.
        name = f"{'' if sample is None else sample.id} received {hash_of(item)}"
        extra = getattr(sample, "extra", {})
        said = {key: extra[key] for key in ("history",) if key in extra}
        return ReceivedItem(name, {**known, self.system.modality: item}, extra=said)


def hash_of(item: Any) -> str:
    """Return a hash of a text or an array."""
    import hashlib

    data = item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item.tobytes()
    return hashlib.blake2b(data, digest_size=16).hexdigest()
