"""Files of bytes in a transport block of fixed size: one rate that a source link chooses from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from ..codes.transport import TransportBlockCoder, num_coded_bits
from ..modulation import Modulation
from ..scrambling import gold_sequence
from ..theory.constrained import constrained_capacity
from .digital import SCRAMBLING_INIT

LENGTH_BITS = 24
"""In-band field: how many bytes the file has. The rest of the block is filled up."""


@dataclass(frozen=True, kw_only=True)
class Coding:
    """What all rates of a source link have in common.

    Args:
        constellation_type: "qam", "psk" or "pam".
        demapping_method: "app" or "maxlog".
        code: family of the channel code.
        options: its options.
        crc: of the transport block, or `None`.
        backend: whose encoder and decoder.
        precision: Sionna's.
        device: Sionna's.
    """

    constellation_type: str
    demapping_method: str
    code: str
    options: Mapping[str, Any]
    crc: str | None
    backend: str
    precision: str | None
    device: str | None


class SourceMode:
    """Coding and modulation of one MCS, for a fixed number of symbols.

    ```
    length (24 bits) | file | fill ─► CRC, code ─► scrambling ─► constellation ─► num_symbols symbols
    ```

    Coded bits are scrambled as in TS 38.211 clause 7.3.1.1: without it, runs of equal bytes and the
    fill would not have unit mean energy.

    Args:
        coding: what all rates have in common.
        coderate: payload bits, length field and file, per coded bit; CRC bits are not payload.
        num_bits_per_symbol: coded bits per symbol.
        num_symbols: symbols of a block.
    """

    def __init__(
        self, *, coding: Coding, coderate: float, num_bits_per_symbol: int, num_symbols: int
    ) -> None:
        self.coding = coding
        self.coderate = coderate
        self.num_bits_per_symbol = num_bits_per_symbol
        self.modulation = Modulation(
            coding.constellation_type,
            num_bits_per_symbol,
            demapping_method=coding.demapping_method,
            backend=coding.backend,
            precision=coding.precision,
            device=coding.device,
        )
        self.num_symbols = num_symbols
        self.num_bytes = self._largest_file(num_symbols * num_bits_per_symbol)

    @property
    def efficiency(self) -> float:
        """Payload bits per symbol."""
        return self.coderate * self.num_bits_per_symbol

    def met_at(self, snr_db: np.ndarray) -> np.ndarray:
        """Tell where the BICM capacity of the constellation in AWGN is at least :attr:`efficiency`.

        Args:
            snr_db: any shape, dB, Es/N0.

        Returns:
            Same shape, bool.
        """
        capacity = constrained_capacity(
            snr_db, self.num_bits_per_symbol, self.coding.constellation_type, coded_modulation="bicm"
        )
        return capacity >= self.efficiency

    def symbols_for(self, num_bytes: int) -> int:
        """Return the symbols that a file of ``num_bytes`` needs at this rate."""
        bits = num_coded_bits(
            k=LENGTH_BITS + 8 * num_bytes,
            coderate=self.coderate,
            code=self.coding.code,
            crc=self.coding.crc,
            num_bits_per_symbol=self.num_bits_per_symbol,
            **self.coding.options,
        )
        return -(-bits // self.num_bits_per_symbol)

    def _largest_file(self, num_coded: int) -> int:
        """Return the largest file in bytes that fits, -1 if not even an empty one does."""
        low, high = -1, int(num_coded * self.coderate) // 8 + 1
        while high - low > 1:
            middle = (low + high) // 2
            if self.symbols_for(middle) * self.num_bits_per_symbol <= num_coded:
                low = middle
            else:
                high = middle
        return low

    @cached_property
    def coder(self) -> TransportBlockCoder:
        """The transport block coder; its coded bits fill all of :attr:`num_symbols`."""
        return TransportBlockCoder(
            code=self.coding.code,
            k=LENGTH_BITS + 8 * self.num_bytes,
            n=self.num_symbols * self.num_bits_per_symbol,
            crc=self.coding.crc,
            backend=self.coding.backend,
            num_bits_per_symbol=self.num_bits_per_symbol,
            device=self.coding.device,
            **self.coding.options,
        )

    @property
    def num_side(self) -> int:
        """Symbols of the length field and the CRCs, with their share of parity."""
        side = LENGTH_BITS + self.coder.num_crc_bits
        total = self.coder.k + self.coder.num_crc_bits
        return -(-self.num_symbols * side // total)

    def encode(self, files: Sequence[bytes]) -> torch.Tensor:
        """Return the symbols of files of at most :attr:`num_bytes`: [batch, num_symbols], complex."""
        blocks = [len(data).to_bytes(3, "big") + data.ljust(self.num_bytes, b"\0") for data in files]
        raw = np.frombuffer(b"".join(blocks), dtype=np.uint8).reshape(len(files), -1)
        coded = self.coder.encode(torch.from_numpy(np.unpackbits(raw, axis=1)).to(torch.float32))
        return self.modulation.map((coded + self._sequence().to(coded)) % 2)

    def decode(self, symbols: torch.Tensor, no_eff: torch.Tensor) -> tuple[list[bytes], torch.Tensor]:
        """Return what the files look like, and which are intact.

        A length that can't be is taken for the full block, so that the best can be made of it.

        Args:
            symbols: [batch, num_symbols], complex.
            no_eff: same shape, real.

        Returns:
            the files, and [batch], torch.bool.
        """
        llr = self.modulation.demap(symbols, no_eff)
        bits, ok = self.coder.decode(llr * (1 - 2 * self._sequence().to(llr)))
        blocks = [block.tobytes() for block in np.packbits(bits.cpu().numpy().astype(np.uint8), axis=1)]
        lengths = [int.from_bytes(block[:3], "big") for block in blocks]
        possible = torch.tensor(lengths, device=ok.device) <= self.num_bytes
        return [block[3 : 3 + length] for block, length in zip(blocks, lengths, strict=True)], ok & possible

    def _sequence(self) -> torch.Tensor:
        return gold_sequence(self.coder.n, SCRAMBLING_INIT)
