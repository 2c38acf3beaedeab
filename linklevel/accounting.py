"""What a transmission costs: channel uses and airtime."""

from dataclasses import dataclass, fields

import torch


@dataclass(frozen=True)
class ChannelUses:
    """Resource elements of each item of a batch; every field is [batch], torch.int64.

    Args:
        payload: complex resource elements that carry payload symbols.
        pilots: resource elements that carry pilots (all streams together count once).
        side_information: resource elements that carry headers, masks, rate indices or scales.
        airtime: all resource elements that the transmission occupies, with guards, DC null,
            cyclic prefix and the empty rest of the last grid.
    """

    payload: torch.Tensor
    pilots: torch.Tensor
    side_information: torch.Tensor
    airtime: torch.Tensor

    @property
    def total(self) -> torch.Tensor:
        """Channel uses: payload, pilots and side information, [batch], torch.int64."""
        return self.payload + self.pilots + self.side_information

    def __post_init__(self) -> None:
        shapes = {field.name: tuple(getattr(self, field.name).shape) for field in fields(self)}
        if len(set(shapes.values())) != 1:
            raise ValueError(f"ChannelUses: all fields must be [batch], given {shapes}")
