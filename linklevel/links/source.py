"""Images and text over a digital link, within a fixed budget of channel uses."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ..air.base import AirInterface, Received
from ..control import ControlHeader
from ..sources.base import Decoded, DecodedItems, SourceCodec
from ..validation import check_range
from .base import Link, Signal
from .budget import symbols_within, uses_of
from .digital import HEADER_EFFICIENCY
from .source_files import SourceFiles
from .source_mode import Coding, SourceMode


class SourceLink(Link):
    """A source codec, a list of rates, and a budget that everything sent has to fit.

    ```
    item ─► source codec ─► file ─► SourceMode (MCS i) ─┐
                                    i ─► ControlHeader ─┴─► air ─► header ─► SourceMode ─► file ─► item
    ```

    Every item gets the same number of channel uses, pilots and side information included, whatever
    its size. The MCS is the highest in spectral efficiency whose need the long-term SNR meets:
    coderate times bits per symbol, at most the BICM capacity of the constellation at
    ``snr_db - mcs_backoff_db`` (the lowest MCS where none is met). If an item's smallest file does
    not fit its block, the next higher MCS is taken; so the choice is per item, and if there is more
    than one MCS, its index is sent in a header. The source codec fills the block with the best
    quality that fits.

    A file with a failed CRC is decoded nevertheless, as well as its codec can; only if that fails,
    or the header names no MCS, the codec's fallback stands in. Files are kept, so each item is
    encoded once per block size, not once per point of a sweep.

    Args:
        air: the air interface.
        source: codec of the items.
        mcs: (coderate, num_bits_per_symbol) of each rate to choose from; payload bits per coded bit,
            and coded bits per symbol.
        num_channel_uses: budget of an item, complex resource elements.
        code: family of the channel code.
        code_options: its options.
        crc: of the transport block; `None` for no verdict.
        backend: whose encoder and decoder.
        constellation_type: "qam", "psk" or "pam".
        demapping_method: "app" or "maxlog".
        mcs_backoff_db: margin of the choice, dB.

    Raises:
        ValueError: if no MCS has room for header, CRC and length field within the budget, or the
            receiver has no CSI.

    Example:
        >>> from tokencom.linklevel.air import FlatAirInterface
        >>> from tokencom.linklevel.draws import Draws
        >>> from tokencom.linklevel.sources import HuffmanText
        >>> air = FlatAirInterface(channel="awgn")
        >>> link = SourceLink(air=air, source=HuffmanText(), mcs=[(0.5, 2), (0.5, 4)], num_channel_uses=300)
        >>> link(["Down, down, down."], 12.0, Draws(seed=1)).payload
        ['Down, down, down.']
    """

    def __init__(
        self,
        *,
        air: AirInterface,
        source: SourceCodec,
        mcs: Sequence[tuple[float, int]],
        num_channel_uses: int,
        code: str = "ldpc5g",
        code_options: Mapping[str, Any] | None = None,
        crc: str | None = "CRC24A",
        backend: str = "fast",
        constellation_type: str = "qam",
        demapping_method: str = "app",
        mcs_backoff_db: float = 0.0,
    ) -> None:
        super().__init__(air)
        if not air.has_csi:
            raise ValueError("air: csi='none' given; constellations are detected coherently, which needs CSI")
        _check_rates(mcs)
        self.source = source
        self.num_channel_uses = check_range("num_channel_uses", num_channel_uses, 1, 10**8, integer=True)
        self.mcs_backoff_db = check_range("mcs_backoff_db", mcs_backoff_db, -100.0, 100.0)
        coding = Coding(
            constellation_type=constellation_type,
            demapping_method=demapping_method,
            code=code,
            options=dict(code_options or {}),
            crc=crc,
            backend=backend,
            precision=air.precision,
            device=air.device,
        )
        self._header = _header(mcs, air) if len(mcs) > 1 else None
        self.num_symbols = symbols_within(air, self.num_channel_uses)
        room = max(0, self.num_symbols - self.num_header_symbols)
        self.modes = [
            SourceMode(coding=coding, coderate=rate, num_bits_per_symbol=bits, num_symbols=room)
            for rate, bits in mcs
        ]
        self._by_efficiency = sorted(range(len(mcs)), key=lambda index: self.modes[index].efficiency)
        self._files = SourceFiles(source)
        if max(mode.num_bytes for mode in self.modes) < 0:
            raise self._too_small("an empty file", 0)

    @property
    def num_header_symbols(self) -> int:
        """Symbols of the header that carries the index of the MCS; none if there is one MCS only."""
        return 0 if self._header is None else self._header.num_symbols

    def smallest_budget(self, items: Sequence[Any]) -> int:
        """Return the smallest budget of channel uses in which every one of these items fits some MCS."""
        return self._budget_for(max(self._files.smallest(item) for item in items))

    def choose(self, items: Sequence[Any], snr_db: float | torch.Tensor) -> list[int]:
        """Return the index of the MCS of each item.

        Args:
            items: a batch.
            snr_db: scalar or [batch], dB, Es/N0.

        Raises:
            ValueError: if an item's smallest file fits no MCS; it names the smallest budget that would do.
        """
        snr = torch.as_tensor(snr_db, dtype=torch.float64).expand(len(items)).cpu().numpy()
        met = np.array([self.modes[index].met_at(snr - self.mcs_backoff_db) for index in self._by_efficiency])
        firsts = [int(np.flatnonzero(column)[-1]) if column.any() else 0 for column in met.T]
        return [self._fitting(item, first) for item, first in zip(items, firsts, strict=True)]

    def encode(self, payload: Sequence[Any], snr_db: torch.Tensor) -> Signal:
        """Encode items; see :meth:`Link.encode`.

        Raises:
            ValueError: see :meth:`choose`.
        """
        chosen = torch.tensor(self.choose(payload, snr_db))
        symbols = torch.zeros(len(payload), self.num_symbols, dtype=self.air.cdtype, device=self.air.device)
        num_side = torch.full((len(payload),), self.num_header_symbols)
        if self._header is not None:
            symbols[:, : self.num_header_symbols] = self._header.encode(chosen).to(symbols)
        for index in chosen.unique().tolist():
            mode, rows = self.modes[index], (chosen == index).nonzero()[:, 0]
            files = [self._files.fitting(payload[row], mode.num_bytes) for row in rows.tolist()]
            symbols[rows, self.num_header_symbols :] = mode.encode(files).to(symbols)
            num_side[rows] += mode.num_side
        sent = torch.full((len(payload),), self.num_symbols)
        return Signal(symbols, sent.to(symbols.device), num_side.to(symbols.device))

    def decode(self, received: Received) -> tuple[DecodedItems, torch.Tensor]:
        """Decode items; see :meth:`Link.decode`.

        Returns:
            the items with their ``damaged`` and ``fallback`` flags, and [batch], torch.bool: header
            and length possible, CRC right.
        """
        batch, start = len(received.symbols), self.num_header_symbols
        chosen = torch.zeros(batch, dtype=torch.int64)
        if self._header is not None:
            chosen = self._header.decode(received).cpu()
        decoded = [Decoded(self.source.fallback(), damaged=True, fallback=True) for _ in range(batch)]
        ok = torch.zeros(batch, dtype=torch.bool)
        for index in chosen.unique().tolist():
            if index >= len(self.modes) or self.modes[index].num_bytes < 0:
                continue
            rows = (chosen == index).nonzero()[:, 0]
            files, intact = self.modes[index].decode(
                received.symbols[rows, start:], received.no_eff[rows, start:]
            )
            ok[rows] = intact.cpu()
            for row, data in zip(rows.tolist(), files, strict=True):
                result = self.source.decode(data)
                decoded[row] = dataclasses.replace(result, damaged=result.damaged or not bool(ok[row]))
        return DecodedItems(decoded), ok.to(received.symbols.device)

    def clean(self, payload: Sequence[Any], snr_db: float | torch.Tensor) -> DecodedItems:
        """Return what the receiver has if the channel makes no error, at the rates chosen for ``snr_db``."""
        rates = self.choose(payload, snr_db)
        files = [
            self._files.fitting(item, self.modes[rate].num_bytes)
            for item, rate in zip(payload, rates, strict=True)
        ]
        return DecodedItems([self.source.decode(data) for data in files])

    def blind(self, payload: Sequence[Any]) -> DecodedItems:
        """Return what the receiver has if nothing arrives: the codec's fallback for each item."""
        return DecodedItems([Decoded(self.source.fallback(), damaged=True, fallback=True) for _ in payload])

    def _fitting(self, item: Any, first: int) -> int:
        """Return the first MCS, upwards from rank ``first``, whose block holds the item's smallest file."""
        least = self._files.smallest(item)
        for index in self._by_efficiency[first:]:
            if self.modes[index].num_bytes >= least:
                return index
        raise self._too_small(f"the smallest {self.source.name} file of an item, {least} bytes", least)

    def _too_small(self, what: str, num_bytes: int) -> ValueError:
        return ValueError(
            f"num_channel_uses: {self.num_channel_uses} given, leaving {self.modes[0].num_symbols} symbols"
            f" after pilots and header; at least {self._budget_for(num_bytes)} are needed for {what}"
        )

    def _budget_for(self, num_bytes: int) -> int:
        """Return the smallest budget whose largest block holds a file of ``num_bytes``."""
        symbols = min(mode.symbols_for(num_bytes) for mode in self.modes)
        return uses_of(self.air, self.num_header_symbols + symbols)


def _check_rates(mcs: Sequence[tuple[float, int]]) -> None:
    if not len(mcs):
        raise ValueError("mcs: empty; at least one (coderate, num_bits_per_symbol) is needed")
    for index, (coderate, _) in enumerate(mcs):
        if check_range(f"mcs[{index}] coderate", coderate, 0.0, 1.0) == 0.0:
            raise ValueError(f"mcs[{index}] coderate: 0 given; it must be in (0, 1]")


def _header(mcs: Sequence[tuple[float, int]], air: AirInterface) -> ControlHeader:
    """Return the header of an MCS index, repeated until it is stronger than the lowest MCS."""
    lowest = min(coderate * num_bits for coderate, num_bits in mcs)
    return ControlHeader(
        math.ceil(math.log2(len(mcs))),
        num_repetitions=max(1, math.ceil(HEADER_EFFICIENCY / lowest)),
        precision=air.precision,
        device=air.device,
    )
