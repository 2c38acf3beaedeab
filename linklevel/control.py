"""Small control headers that a receiver reads before anything else."""

import torch

from .air.base import Received
from .modulation import Modulation
from .validation import check_range, check_shape

BLOCK_BITS = 6
BLOCK_LENGTH = 32


def codewords(device: str | None = None) -> torch.Tensor:
    """Return the 64 words of the first-order Reed-Muller code, [64, 32], torch.float32 of 0 and 1.

    Word ``32 a + b`` is the Walsh sequence of b plus a times the all-one sequence: the code spanned by
    the first six of the basis sequences of TS 25.212 clause 4.3.3. Any two words differ in 16 or 32
    places.
    """
    place = torch.arange(BLOCK_LENGTH, device=device)
    basis = [(place >> i) & 1 for i in range(5)] + [torch.ones_like(place)]
    message = torch.arange(64, device=device)
    message_bits = (message[:, None] >> torch.arange(BLOCK_BITS, device=device)) & 1
    return (message_bits.float() @ torch.stack(basis).float()).remainder(2)


class ControlHeader:
    """Sends a small number as QPSK symbols of bi-orthogonal (32, 6) blocks.

    Blocks are interleaved, so that a fade meets all alike. The decoder is maximum likelihood: the
    correlation with all words, a fast Hadamard transform as one matrix product. There is no error
    detection: what depends on the number must check itself.

    Args:
        num_bits: bits of the number.
        num_repetitions: times that every block is sent.
        precision: Sionna's.
        device: Sionna's.

    Example:
        >>> header = ControlHeader(num_bits=8)
        >>> symbols = header.encode(torch.tensor([7, 200]))
        >>> header.decode(Received(symbols, symbols.abs(), torch.ones(2))).tolist()
        [7, 200]
    """

    def __init__(
        self,
        num_bits: int,
        *,
        num_repetitions: int = 1,
        precision: str | None = None,
        device: str | None = None,
    ) -> None:
        self.num_bits = check_range("num_bits", num_bits, 1, 60, integer=True)
        self.num_repetitions = check_range("num_repetitions", num_repetitions, 1, integer=True)
        self._modulation = Modulation("qam", 2, precision=precision, device=device)
        self._num_blocks = -(-self.num_bits // BLOCK_BITS)
        self._words = codewords(self._modulation.device)
        self._shifts = BLOCK_BITS * torch.arange(self._num_blocks - 1, -1, -1, device=self._modulation.device)

    @property
    def num_symbols(self) -> int:
        """Symbols of the header."""
        return self.num_repetitions * self._num_blocks * BLOCK_LENGTH // 2

    def encode(self, values: torch.Tensor) -> torch.Tensor:
        """Encode numbers.

        Args:
            values: [batch], torch.int64, in [0, 2**num_bits).

        Returns:
            [batch, num_symbols], complex, unit energy.

        Raises:
            ValueError: for a number out of range.
        """
        check_shape("values", values, ("batch",))
        values = values.to(self._words.device)
        if bool(((values < 0) | (values >= 2**self.num_bits)).any()):
            raise ValueError(
                f"values: {values.tolist()} are not all in [0, {2**self.num_bits - 1}], the range of"
                f" {self.num_bits} bits"
            )
        messages = (values[:, None] >> self._shifts) & (2**BLOCK_BITS - 1)
        bits = self._words[messages].transpose(1, 2).reshape(len(values), BLOCK_LENGTH * self._num_blocks)
        return self._modulation.map(bits.repeat(1, self.num_repetitions))

    def decode(self, received: Received) -> torch.Tensor:
        """Return the most likely numbers.

        Args:
            received: the header's symbols come first; any that follow are not looked at.

        Returns:
            [batch], torch.int64.

        Raises:
            ValueError: for fewer symbols than the header has.
        """
        symbols = received.symbols[:, : self.num_symbols]
        check_shape("received.symbols", symbols, ("batch", self.num_symbols))
        llr = self._modulation.demap(symbols, received.no_eff[:, : self.num_symbols])
        shape = (len(symbols), self.num_repetitions, BLOCK_LENGTH, self._num_blocks)
        llr = llr.reshape(shape).sum(dim=1).transpose(1, 2)
        metric = llr @ (2 * self._words.to(llr.dtype) - 1).T
        # Bits that the first block does not use are known to be zero.
        metric[:, 0, 2 ** (self.num_bits - BLOCK_BITS * (self._num_blocks - 1)) :] = -torch.inf
        return (metric.argmax(dim=-1) << self._shifts).sum(dim=-1)
