"""A vision-language model whose tokens cross a link, as a link itself: samples in, answers out."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch

from ..linklevel.air.base import Received
from ..linklevel.draws import Draws
from ..linklevel.links.base import Link, Reception, Signal
from ..linklevel.tokens import Tokens
from .bridge.bridge import TokenBridge
from .hf_vlm import HFVLM, Asked

MAX_BYTES = 512 * 2**20
"""What a link keeps of encoded batches at most."""


class VLMLink(Link):
    """Asks a model about the image of each sample.

    ```
    sample ─► inputs["image"], inputs["question"] ─► HFVLM with the link at its cut ─► answer
    ```

    Encoded batches are kept, so a sweep encodes each once in a process, unless the cut lies inside the
    language model.

    Args:
        vlm: the model; its bridge is replaced.
        link: for tokens of the width at the model's cut.
    """

    def __init__(self, vlm: HFVLM, link: Link) -> None:
        super().__init__(link.air)
        self.vlm, self.link = vlm, link
        self._kept: OrderedDict[tuple[str, ...], tuple[Asked, int]] = OrderedDict()

    def encode(self, payload: Sequence[Any], snr_db: torch.Tensor) -> Signal:
        """Turn the tokens at the cut into symbols, before anything is generated; see :meth:`Link.encode`."""
        seen = _Seen(self.link)
        self._ask(seen, payload, snr_db, Draws(seed=0))
        return self.link.encode(seen.tokens[0], snr_db)

    def decode(self, received: Received) -> tuple[Any, torch.Tensor]:
        """Turn equalised symbols into tokens; answers need the whole model, see :meth:`forward`."""
        return self.link.decode(received)

    def forward(self, payload: Sequence[Any], snr_db: float | torch.Tensor, draws: Draws) -> Reception:
        """Send a batch once, and generate the answers; see :meth:`Link.forward`."""
        seen = _Seen(self.link)
        answers, uses = self._ask(seen, payload, snr_db, draws)
        snr_db = torch.as_tensor(snr_db, dtype=torch.float32).expand(len(payload))
        return Reception(answers, seen.ok, uses, snr_db)

    def clean(self, payload: Sequence[Any], snr_db: float | torch.Tensor) -> list[str]:
        """Return the answers without fading, noise and header errors, encoded for ``snr_db``."""
        return self._ask(_Seen(self.link, "clean"), payload, snr_db, Draws(seed=0))[0]

    def blind(self, payload: Sequence[Any]) -> list[str]:
        """Return the answers from noise only."""
        return self._ask(_Seen(self.link, "blind"), payload, 0.0, Draws(seed=0))[0]

    def _ask(self, link: "_Seen", samples: Sequence[Any], snr_db: Any, draws: Draws) -> tuple[list[str], Any]:
        asked = self._asked(samples)
        self.vlm.bridge = TokenBridge(link)
        answers = self.vlm.receive(asked, snr_db, draws)
        return list(answers.texts), answers.channel_uses

    def _asked(self, samples: Sequence[Any]) -> Asked:
        key = tuple(str(sample.id) for sample in samples)
        if key not in self._kept:
            questions = [sample.inputs.get("question", "") for sample in samples]
            asked = self.vlm.encode([sample.inputs["image"] for sample in samples], questions)
            outputs = {} if asked.encoded is None else asked.encoded.outputs
            self._kept[key] = asked, _size(asked.inputs) + _size(outputs)
            while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > MAX_BYTES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key][0]


class _Seen(torch.nn.Module):
    """A link that remembers what crossed it; or what a reference receiver has instead.

    Args:
        link: the link.
        reference: "clean" or "blind"; `None` for what arrives.
    """

    def __init__(self, link: Link, reference: str | None = None) -> None:
        super().__init__()
        self.link, self.reference = link, reference
        self.air = link.air
        self.tokens: list[Tokens] = []
        self.ok = torch.ones(0, dtype=torch.bool)

    def forward(self, tokens: Tokens, snr_db: Any, draws: Draws) -> Reception:
        """Send tokens; see :meth:`Link.forward`."""
        self.tokens.append(tokens)
        found = self.link(tokens, snr_db, draws)
        self.ok = found.ok if len(self.tokens) == 1 else self.ok & found.ok
        if self.reference is None:
            return found
        line: Any = getattr(self.link, self.reference)
        return Reception(line(tokens, snr_db), found.ok, found.channel_uses, found.snr_db)


def _size(value: Any) -> int:
    """Return the bytes of all tensors in nested containers."""
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, dict):
        return sum(_size(item) for item in value.values())
    return sum(_size(item) for item in value) if isinstance(value, (list, tuple)) else 0
