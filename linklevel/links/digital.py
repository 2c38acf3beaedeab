"""Bits or bytes through CRC, channel code and constellation."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
import torch

from ..accounting import ChannelUses
from ..air.base import AirInterface, Received
from ..codes.tb_size import transport_block_size
from ..codes.transport import TransportBlockCoder, num_coded_bits
from ..control import ControlHeader
from ..modulation import Modulation
from ..scrambling import gold_sequence
from ..signal import ebno_db_to_snr_db
from ..validation import check_range, check_shape
from .base import Link, Signal

LENGTH_BITS = 18
"""Bits of the header that says how many bytes follow: up to 262,143."""

HEADER_EFFICIENCY = 0.9
"""Payload bits per symbol down to which the header's blocks, sent once, are the stronger part."""

SCRAMBLING_INIT = 38211
"""Start of the scrambling sequence; sender and receiver agree on it."""


class DigitalLink(Link):
    """CRC, channel code and constellation over an air interface.

    ```
    bits ──────────► CRC ─► code blocks ─► code ─► rate matching ─► scrambling ─► constellation ─► air
    bytes ─► length ─► header (QPSK) ────────────────────────────────────────────────────────────► air
          └► padding ─► CRC, as above, with the length added to the CRC
    ```

    With ``num_bits`` a payload is a tensor of bits, [batch, num_bits], of a size that both sides know.
    Without it, a payload is a list of byte strings. Their lengths differ, so a
    :class:`~tokencom.linklevel.control.ControlHeader` with the length goes first and counts as side
    information; the receiver decodes it and believes it. A byte string is padded to a transport block
    size of TS 38.214 clause 5.1.3.2. The length masks the CRC, so a wrong header fails the CRC even where
    both lengths share a block size.

    Coded bits are scrambled as in TS 38.211 clause 7.3.1.1, so a payload of equal bits has unit mean
    energy too.

    Args:
        air: the air interface.
        code: name of the code family.
        num_bits_per_symbol: coded bits per symbol.
        coderate: payload bits per coded bit; CRC bits are not payload. Where CRC and code do not fit
            (short payloads at high rates), the fewest coded bits that the family can work with.
        constellation_type: "qam", "psk" or "pam".
        crc: CRC of the transport block, or `None` for no verdict.
        backend: whose encoder, decoder, mapper and demapper.
        demapping_method: "app" or "maxlog".
        num_bits: payload bits, or `None` for byte strings.
        code_options: the family's options.

    Raises:
        ValueError: for an impossible combination, or an air interface without CSI: all these
            constellations are detected coherently.

    Example:
        >>> from tokencom.linklevel.air import FlatAirInterface
        >>> from tokencom.linklevel.draws import Draws
        >>> link = DigitalLink(
        ...     air=FlatAirInterface(channel="awgn"), code="conv", num_bits_per_symbol=4, coderate=0.5
        ... )
        >>> reception = link([b"to be", b"or not"], 20.0, Draws(seed=1))
        >>> reception.payload, reception.ok.tolist()
        ([b'to be', b'or not'], [True, True])
    """

    def __init__(
        self,
        *,
        air: AirInterface,
        code: str,
        num_bits_per_symbol: int,
        coderate: float,
        constellation_type: str = "qam",
        crc: str | None = "CRC24A",
        backend: str = "fast",
        demapping_method: str = "app",
        num_bits: int | None = None,
        code_options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(air)
        if not air.has_csi:
            raise ValueError(
                f"constellation_type: {constellation_type!r} needs a coherent receiver, but air has no CSI;"
                " choose csi='perfect' or 'estimated'"
            )
        self.modulation = Modulation(
            constellation_type, num_bits_per_symbol, demapping_method=demapping_method, backend=backend,
            precision=air.precision, device=air.device,
        )  # fmt: skip
        self.code, self.coderate, self.crc, self.backend = code, coderate, crc, backend
        self.code_options = dict(code_options or {})
        if num_bits is not None:
            check_range("num_bits", num_bits, 1, integer=True)
        self.num_bits = num_bits
        self._coders: dict[int, TransportBlockCoder] = {}
        # The first coder is made here, so that a wrong option shows at once.
        self._coder(self.num_bits or transport_block_size(0, coderate))
        self._header = ControlHeader(
            LENGTH_BITS, num_repetitions=max(1, ceil(HEADER_EFFICIENCY / (num_bits_per_symbol * coderate))),
            precision=air.precision, device=air.device,
        )  # fmt: skip

    @property
    def num_header_symbols(self) -> int:
        """Symbols of the header that carries the length; none for payloads of bits."""
        return self._header.num_symbols if self.num_bits is None else 0

    @property
    def has_verdict(self) -> bool:
        """Whether blocks have a CRC, or byte strings a length, which may be impossible."""
        return self.crc is not None or self.num_bits is None

    @property
    def spectral_efficiency(self) -> float:
        """Payload bits per symbol: CRC counted as overhead; for byte strings, the limit of long ones."""
        if self.num_bits is None:
            return self.coderate * self.modulation.num_bits_per_symbol
        return self.num_bits / self._num_symbols(self.num_bits)

    def num_channel_uses(self, num_bits: int | None = None) -> int:
        """Return the channel uses, with pilots and header, of one payload.

        Args:
            num_bits: payload bits of a byte string; the link's own number if `None`.
        """
        return int(self._uses(self._payload_bits(num_bits)).total[0])

    def snr_db_from_ebno(self, ebno_db: float | torch.Tensor, num_bits: int | None = None) -> torch.Tensor:
        """Convert Eb/N0 to the Es/N0 that :meth:`forward` takes.

        A bit's energy is that of all a payload needs over its payload bits: CRC, padding and header
        are overhead, and so are pilots and cyclic prefix by the air interface's ``energy_overhead``.

        Args:
            ebno_db: scalar or [batch], dB.
            num_bits: payload bits of a byte string; the link's own number if `None`.

        Returns:
            Same shape, dB.
        """
        payload = self._payload_bits(num_bits)
        symbols = self.num_header_symbols + self._num_symbols(self._block_size(payload))
        bits_per_symbol = self.modulation.num_bits_per_symbol
        return ebno_db_to_snr_db(
            ebno_db,
            coderate=payload / (symbols * bits_per_symbol),
            num_bits_per_symbol=bits_per_symbol,
            num_streams=self.air.num_streams,
            overhead=self.air.energy_overhead,
        )

    def encode(self, payload: torch.Tensor | Sequence[bytes], snr_db: torch.Tensor) -> Signal:
        """Encode a batch; see :meth:`Link.encode`.

        Raises:
            TypeError: for a payload of the other kind.
            ValueError: for bits of another shape or value, or a byte string that is too long.
        """
        if self.num_bits is not None:
            return self._encode_bits(payload, self.num_bits)
        return self._encode_bytes(payload)

    def decode(self, received: Received) -> tuple[torch.Tensor | list[bytes], torch.Tensor]:
        """Decode a batch; see :meth:`Link.decode`.

        A byte string that fails its CRC is returned as decoded. One whose header asks for more symbols
        than there are is empty and not ok.
        """
        if self.num_bits is not None:
            return self._decode_block(received.symbols, received.no_eff, self.num_bits)
        return self._decode_bytes(received)

    def _encode_bits(self, payload: Any, num_bits: int) -> Signal:
        if not isinstance(payload, torch.Tensor):
            raise TypeError(
                f"payload: {type(payload).__name__} given; a link with num_bits takes a tensor of bits,"
                f" [batch, {num_bits}]"
            )
        check_shape("payload", payload, ("batch", num_bits))
        symbols = self._encode_block(payload)
        return self._signal(symbols, torch.full((len(payload),), num_bits))

    def _encode_bytes(self, payload: Any) -> Signal:
        if isinstance(payload, (torch.Tensor, bytes, str)) or not all(isinstance(p, bytes) for p in payload):
            raise TypeError(f"payload: {type(payload).__name__} given; a link without num_bits takes a list of bytes")
        lengths = torch.tensor([len(item) for item in payload], dtype=torch.int64)
        if len(lengths) and int(lengths.max()) >= 2**LENGTH_BITS:
            raise ValueError(f"payload: {int(lengths.max())} bytes given; at most {2**LENGTH_BITS - 1} are allowed")
        sizes = torch.tensor([self._block_size(8 * len(item)) for item in payload], dtype=torch.int64)
        start = self.num_header_symbols
        width = start + max((self._num_symbols(size) for size in sizes.tolist()), default=0)
        symbols = torch.zeros(len(sizes), width, dtype=self.modulation.cdtype, device=self.modulation.device)
        symbols[:, :start] = self._header.encode(lengths)
        for size in sizes.unique().tolist():
            rows = (sizes == size).nonzero()[:, 0]
            padded = b"".join(payload[row].ljust(size // 8, b"\0") for row in rows.tolist())
            raw = np.frombuffer(padded, dtype=np.uint8).reshape(len(rows), -1)
            bits = torch.from_numpy(np.unpackbits(raw, axis=1)).to(torch.float32)
            block = self._encode_block(bits, lengths[rows])
            symbols[rows.to(symbols.device), start : start + block.shape[1]] = block
        return self._signal(symbols, sizes)

    def _signal(self, symbols: torch.Tensor, sizes: torch.Tensor) -> Signal:
        """Return symbols with the counts that follow from each item's transport block size."""
        header = self.num_header_symbols
        counts = [self._num_symbols(size) for size in sizes.tolist()]
        side = [header + self._num_crc_symbols(size, count) for size, count in zip(sizes.tolist(), counts, strict=True)]
        num_symbols = torch.tensor(counts, dtype=torch.int64, device=symbols.device) + header
        return Signal(symbols, num_symbols, torch.tensor(side, dtype=torch.int64, device=symbols.device))

    def _num_crc_symbols(self, size: int, num_symbols: int) -> int:
        """Return the symbols that CRC bits take, with their share of parity."""
        crc = self._coder(size).num_crc_bits
        return ceil(num_symbols * crc / (size + crc))

    def _decode_bytes(self, received: Received) -> tuple[list[bytes], torch.Tensor]:
        start, batch = self.num_header_symbols, len(received.symbols)
        lengths = self._header.decode(received).cpu()
        room = (received.symbols.shape[1] - start) * self.modulation.num_bits_per_symbol
        payload, ok = [b""] * batch, torch.zeros(batch, dtype=torch.bool)
        sizes = torch.tensor(
            [self._block_size(8 * length) if 8 * length <= room else 0 for length in lengths.tolist()],
            dtype=torch.int64,
        )
        for size in sizes.unique().tolist():
            if size == 0 or start + self._num_symbols(size) > received.symbols.shape[1]:
                continue
            rows = (sizes == size).nonzero()[:, 0]
            bits, valid = self._decode_block(
                received.symbols[rows.to(received.symbols.device), start:],
                received.no_eff[rows.to(received.symbols.device), start:], size, lengths[rows],
            )  # fmt: skip
            ok[rows] = valid.cpu()
            packed = np.packbits(bits.cpu().numpy().astype(np.uint8), axis=1)
            for row, block in zip(rows.tolist(), packed, strict=True):
                payload[row] = block[: lengths[row]].tobytes()
        return payload, ok.to(received.symbols.device)

    def _encode_block(self, bits: torch.Tensor, tag: torch.Tensor | None = None) -> torch.Tensor:
        """Return the symbols of transport blocks of equal size, [batch, num_symbols], complex."""
        coder = self._coder(bits.shape[1])
        coded = coder.encode(bits, tag if self.crc is not None else None)
        sequence = gold_sequence(coder.n, SCRAMBLING_INIT).to(coded.device)
        return self.modulation.map((coded - sequence).abs())  # the sum modulo 2

    def _decode_block(
        self, symbols: torch.Tensor, no_eff: torch.Tensor, size: int, tag: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return bits [batch, size] and the verdict of the transport blocks at the start of symbols."""
        count, coder = self._num_symbols(size), self._coder(size)
        llr = self.modulation.demap(symbols[:, :count], no_eff[:, :count], coder.n)
        sequence = gold_sequence(coder.n, SCRAMBLING_INIT).to(llr)
        return coder.decode(llr * (1 - 2 * sequence), tag if self.crc is not None else None)

    def _block_size(self, num_bits: int) -> int:
        """Return the transport block size for a payload."""
        return num_bits if self.num_bits is not None else transport_block_size(num_bits, self.coderate)

    def _num_symbols(self, size: int) -> int:
        """Return the symbols of a transport block of ``size`` bits."""
        return self.modulation.num_symbols(self._num_coded_bits(size))

    def _num_coded_bits(self, size: int) -> int:
        if size in self._coders:
            return self._coders[size].n
        return num_coded_bits(
            k=size, coderate=self.coderate, code=self.code, crc=self.crc,
            num_bits_per_symbol=self.modulation.num_bits_per_symbol, **self.code_options,
        )  # fmt: skip

    def _coder(self, size: int) -> TransportBlockCoder:
        if size not in self._coders:
            self._coders[size] = TransportBlockCoder(
                code=self.code, k=size, n=self._num_coded_bits(size), crc=self.crc, backend=self.backend,
                num_bits_per_symbol=self.modulation.num_bits_per_symbol, device=self.air.device,
                **self.code_options,
            )  # fmt: skip
        return self._coders[size]

    def _payload_bits(self, num_bits: int | None) -> int:
        """Return the payload bits meant, and refuse a number where the link has its own."""
        own = self.num_bits
        if num_bits is None and own is not None:
            return own
        if num_bits is not None and own is None:
            return check_range("num_bits", num_bits, 1, integer=True)
        raise ValueError(
            f"num_bits: {num_bits} given for a link with num_bits = {own}; say it once, at the link or here"
        )

    def _uses(self, num_bits: int) -> ChannelUses:
        symbols = self.num_header_symbols + self._num_symbols(self._block_size(num_bits))
        return self.air.channel_uses(torch.tensor([symbols], device=self.air.device))
