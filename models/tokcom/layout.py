"""Which of an item's tokens are whose."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...linklevel.tokens import Tokens, joined
from ..baselines.layout import Layout


@dataclass(frozen=True)
class DeviceLayout:
    """The order of an item's tokens: each device's in turn, the text's last (arXiv 2505.07841, eq 12).

    ```
    item  │ device 1: s_1 tokens │ device 2: s_2 tokens │ ... │ text: as many as it has words │ padding
    ```

    All but the text's number are agreed, so both ends know whose a token is. A device that is switched off
    has no tokens.

    Args:
        names: of the devices that send, in order.
        counts: tokens of each; -1 for the text's, which are the rest.
    """

    names: tuple[str, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.counts):
            raise ValueError(f"counts: {len(self.counts)} given for {len(self.names)} devices; one for each is needed")
        if -1 in self.counts[:-1]:
            raise ValueError(f"counts: {self.counts} given; only the last device may have any number of tokens (-1)")

    @property
    def agreed(self) -> int:
        """Tokens before the text's."""
        return sum(count for count in self.counts if count >= 0)

    def split(self, tokens: Tokens) -> list[Tokens]:
        """Return each device's tokens; what is short of a device's number is masked.

        Args:
            tokens: [batch, num_tokens, dim], sent or received.
        """
        found, start = [], 0
        for count in self.counts:
            stop = tokens.values.shape[1] if count < 0 else start + count
            values, mask = tokens.values[:, start:stop], tokens.mask[:, start:stop]
            short = max(0, count) - values.shape[1]
            if short > 0:
                values = torch.nn.functional.pad(values, (0, 0, 0, short))
                mask = torch.nn.functional.pad(mask, (0, short))
            found.append(Tokens(values, mask))
            start = min(stop, tokens.values.shape[1])
        return found

    def joined(self, parts: Sequence[Tokens]) -> Tokens:
        """Undo :meth:`split`: put the devices' tokens behind each other.

        Args:
            parts: one for each device, in order, of the same batch and width; a device that was not heard has
                tokens that are masked.

        Raises:
            ValueError: for another number of devices, or of tokens of one.
        """
        if len(parts) != len(self.names):
            raise ValueError(
                f"parts: {len(parts)} given; one for each of the devices {', '.join(self.names)} is needed"
            )
        for name, count, part in zip(self.names, self.counts, parts, strict=True):
            if count >= 0 and part.values.shape[1] != count:
                raise ValueError(f"parts: device {name!r} has {part.values.shape[1]} tokens; {count} are agreed")
        return joined(parts)

    def words(self, owner: torch.Tensor, lengths: torch.Tensor, num_items: int) -> Layout:
        """Return where the words of each text lie, several texts of an item behind each other.

        Args:
            owner: [num_texts], torch.int64; the item of each text.
            lengths: [num_texts], torch.int64; words that are sent.
            num_items: items of the batch.
        """
        pictured = torch.ones(num_items, dtype=torch.bool, device=owner.device)
        return Layout(owner, lengths, pictured, self.agreed)
