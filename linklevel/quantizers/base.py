"""The interface of a quantiser."""

from abc import ABC, abstractmethod

import torch
from torch import nn

from ..side import from_bits, to_bits
from ..validation import check_finite, check_range, check_shape


class Quantizer(nn.Module, ABC):
    """Turns tokens into indices of equal size, and indices into tokens.

    Gradients of :meth:`forward` pass straight through the rounding.

    Args:
        dim: width of a token.
        num_indices: indices per token.
        bits_per_index: bits of each.
    """

    mean: torch.Tensor

    def __init__(self, *, dim: int, num_indices: int, bits_per_index: int) -> None:
        super().__init__()
        self.dim = check_range("dim", dim, 1, integer=True)
        self.num_indices = check_range("num_indices", num_indices, 1, integer=True)
        self.bits_per_index = check_range("bits_per_index", bits_per_index, 1, 24, integer=True)
        self.register_buffer("mean", torch.zeros(dim))

    @property
    def bits_per_token(self) -> int:
        """Bits of a token."""
        return self.num_indices * self.bits_per_index

    @abstractmethod
    def indices(self, values: torch.Tensor) -> torch.Tensor:
        """Quantise tokens [n, dim]: [n, num_indices], torch.int64."""

    @abstractmethod
    def values(self, indices: torch.Tensor) -> torch.Tensor:
        """Return the tokens [n, dim] of indices [n, num_indices]; any number of ``bits_per_index`` bits will do."""

    @abstractmethod
    def straight_through(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return quantised tokens [n, dim], differentiable, and the loss that trains the quantiser, a scalar."""

    def forward(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Quantise tokens.

        Args:
            values: [n, dim], real.

        Returns:
            indices [n, num_indices], quantised tokens [n, dim] with gradient, and the loss, a scalar.
        """
        check_shape("values", values, ("n", self.dim))
        quantized, loss = self.straight_through(values)
        return self.indices(values.detach()), quantized, loss

    def learn(self, values: torch.Tensor, indices: torch.Tensor) -> None:
        """Learn from tokens [n, dim] and their indices what no gradient teaches; called once a training step."""

    def to_bits(self, indices: torch.Tensor) -> torch.Tensor:
        """Return the bits of indices [..., num_indices]: [..., bits_per_token], torch.bool."""
        return to_bits(indices, self.bits_per_index).flatten(-2)

    def from_bits(self, bits: torch.Tensor) -> torch.Tensor:
        """Undo :meth:`to_bits`."""
        return from_bits(bits.unflatten(-1, (self.num_indices, self.bits_per_index)))

    @torch.no_grad()
    def fit(self, values: torch.Tensor) -> None:
        """Take what the quantiser needs to know from tokens [..., dim] of the training data: here the mean.

        Raises:
            ValueError: for another width, or values that are not finite.
        """
        values = check_finite("values", values.reshape(-1, values.shape[-1]))
        check_shape("values", values, ("num_tokens", self.dim))
        check_range("number of tokens", len(values), 2)
        self.mean.copy_(values.double().mean(0))
