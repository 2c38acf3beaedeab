"""The OFDM resource grid and what goes where on it."""

import math
from collections.abc import Sequence

import torch
from sionna.phy import Object
from sionna.phy.ofdm import ResourceGrid, ResourceGridMapper

from ..draws import Draws
from ..validation import check_choice, check_range


class Grid(Object):
    """A checked Sionna :class:`~sionna.phy.ofdm.ResourceGrid` with one transmitter.

    The QPSK pilots are random but always the same.

    Args:
        num_ofdm_symbols: OFDM symbols of a grid.
        fft_size: subcarriers.
        subcarrier_spacing: Hz.
        cyclic_prefix_length: samples.
        num_guard_carriers: empty subcarriers at the left and the right edge.
        dc_null: whether the DC subcarrier is empty.
        pilot_pattern: "kronecker" or "none".
        pilot_ofdm_symbol_indices: OFDM symbols that carry pilots.
        num_streams: streams; in a pilot OFDM symbol they take turns over the subcarriers.

    Raises:
        ValueError: for a grid that cannot be built or has no room for data.
    """

    def __init__(
        self, *, num_ofdm_symbols: int, fft_size: int, subcarrier_spacing: float,
        cyclic_prefix_length: int, num_guard_carriers: Sequence[int], dc_null: bool,
        pilot_pattern: str, pilot_ofdm_symbol_indices: Sequence[int], num_streams: int,
        precision: str | None = None, device: str | None = None,
    ) -> None:
        super().__init__(precision=precision, device=device)
        check_range("num_ofdm_symbols", num_ofdm_symbols, 1, integer=True)
        check_range("fft_size", fft_size, 1, integer=True)
        check_range("subcarrier_spacing", subcarrier_spacing, 1.0, 1e9)
        check_range("cyclic_prefix_length", cyclic_prefix_length, 0, fft_size, integer=True)
        check_choice("pilot_pattern", pilot_pattern, ("kronecker", "none"))
        if len(num_guard_carriers) != 2:
            raise ValueError(f"num_guard_carriers: {num_guard_carriers!r} given; two counts are needed")
        self.pilot_symbols = _pilot_symbols(pilot_pattern, pilot_ofdm_symbol_indices, num_ofdm_symbols)
        used = fft_size - sum(num_guard_carriers) - bool(dc_null)
        if used < 1:
            raise ValueError(f"num_guard_carriers: {tuple(num_guard_carriers)} given, which leaves no subcarrier of "
                             f"fft_size = {fft_size}{' with the DC carrier empty' if dc_null else ''}")
        if self.pilot_symbols and used % num_streams:
            raise ValueError(f"num_streams: {num_streams} streams cannot share the pilots of {used} used "
                             "subcarriers; their number must be a multiple of the streams")
        with Draws(seed=0).sionna("fade"):
            self.resource_grid = ResourceGrid(
                num_ofdm_symbols, fft_size, subcarrier_spacing, num_tx=1,
                num_streams_per_tx=num_streams, cyclic_prefix_length=cyclic_prefix_length,
                num_guard_carriers=tuple(num_guard_carriers), dc_null=dc_null,
                pilot_pattern="kronecker" if self.pilot_symbols else "empty",
                pilot_ofdm_symbol_indices=self.pilot_symbols, precision=precision, device=device,
            )
        if self.resource_grid.num_data_symbols < 1:
            raise ValueError(f"pilot_ofdm_symbol_indices: {self.pilot_symbols} fill all {num_ofdm_symbols} "
                             "OFDM symbols of the grid; none is left for data")
        self.mapper = ResourceGridMapper(self.resource_grid, precision=precision, device=device)
        kind = self.resource_grid.build_type_grid()[0, 0].flatten()
        self.register_buffer("_data", torch.nonzero(kind == 0)[:, 0])
        self.register_buffer("_used_data", torch.nonzero(kind[kind < 2] == 0)[:, 0])
        subcarriers = torch.as_tensor(self.resource_grid.effective_subcarrier_ind, device=self.device)
        self.register_buffer("subcarriers", subcarriers)

    @property
    def num_streams(self) -> int:
        """Streams on the grid."""
        return self.resource_grid.num_streams_per_tx

    @property
    def num_data(self) -> int:
        """Resource elements that carry data."""
        return self.resource_grid.num_data_symbols

    @property
    def num_pilots(self) -> int:
        """Resource elements that carry pilots, all streams together."""
        return self.resource_grid.num_pilot_symbols

    @property
    def energy_overhead(self) -> float:
        """Radiated energy over the energy of the data resource elements, as in ``ebnodb2no``."""
        rg = self.resource_grid
        cyclic_prefix = 1.0 + rg.cyclic_prefix_length / rg.fft_size
        used = rg.num_ofdm_symbols * rg.num_effective_subcarriers
        return used * cyclic_prefix / rg.num_data_symbols

    def map(self, x: torch.Tensor, sends: torch.Tensor) -> torch.Tensor:
        """Put data and pilots on the grids, amplitude 1/√S per stream.

        Args:
            x: [batch, num_grids, num_streams, num_data], complex.
            sends: [batch, num_grids], torch.bool; a grid that is not sent has no pilots either.

        Returns:
            [batch, num_grids, num_streams, num_ofdm_symbols, fft_size], complex.
        """
        tx = self.mapper(x.flatten(0, 1)[:, None])[:, 0].unflatten(0, x.shape[:2])
        # A pilot is alone on its resource element, with S times the energy of one stream's data.
        return tx * sends[..., None, None, None] / math.sqrt(self.num_streams)

    def data(self, grid: torch.Tensor) -> torch.Tensor:
        """Take the data resource elements of [..., num_ofdm_symbols, fft_size]: [..., num_data]."""
        return grid.flatten(-2)[..., self._data]

    def used_data(self, grid: torch.Tensor) -> torch.Tensor:
        """Take the data of [..., num_ofdm_symbols, used subcarriers]: [..., num_data]."""
        return grid.flatten(-2)[..., self._used_data]


def _pilot_symbols(pattern: str, indices: Sequence[int], num_ofdm_symbols: int) -> list[int]:
    """Check the OFDM symbols that carry pilots; none with pattern "none"."""
    if pattern == "none":
        return []
    symbols = sorted(int(i) for i in indices)
    bad = [i for i in symbols if not 0 <= i < num_ofdm_symbols]
    if bad:
        raise ValueError(f"pilot_ofdm_symbol_indices: {bad[0]} is outside the grid; allowed: 0 to "
                         f"{num_ofdm_symbols - 1}")
    if not symbols or len(set(symbols)) != len(symbols):
        raise ValueError(f"pilot_ofdm_symbol_indices: {list(indices)} given; the 'kronecker' pattern needs "
                         "at least one OFDM symbol, each at most once")
    return symbols
