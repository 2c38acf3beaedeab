"""Constellations: bits to symbols and symbols to LLRs."""

from math import pi

import torch
from sionna.phy import Block
from sionna.phy.mapping import Constellation

from .codes.backends import block
from .validation import check_choice, check_finite, check_shape

NUM_BITS = {"qam": (2, 4, 6, 8), "psk": tuple(range(1, 7)), "pam": tuple(range(1, 7))}
"""Bits per symbol of each constellation type."""

NO_MIN = 1e-10
"""Noise variance below which LLRs stop to grow; it keeps a noiseless symbol's LLR finite."""

CHUNK = 2**24
"""Real numbers in the demapper's largest array at a time."""


def psk_points(num_bits_per_symbol: int) -> torch.Tensor:
    r"""Return unit-circle points whose neighbours differ in one bit.

    The point at angle :math:`2\pi p/M + \pi/M` (:math:`2\pi p/M` for two points) has the Gray label
    :math:`p \oplus \lfloor p/2 \rfloor`, most significant bit first.

    Returns:
        [2**num_bits_per_symbol], torch.complex128; index is the label.

    Example:
        >>> psk_points(1).real.tolist()
        [1.0, -1.0]
    """
    size = 2**num_bits_per_symbol
    position = torch.arange(size)
    angle = 2 * pi * (position + (0.5 if size > 2 else 0.0)) / size
    points = torch.empty(size, dtype=torch.complex128)
    points[position ^ (position >> 1)] = torch.polar(torch.ones_like(angle), angle).to(points.dtype)
    return points


class Modulation(Block):
    """Maps bits to constellation symbols of unit mean energy, and received symbols to LLRs.

    Gray labels throughout: Sionna's for QAM and PAM (those of TS 38.211 clause 5.1), the reflected Gray
    code for PSK. As a Sionna block, calling it maps.

    Args:
        constellation_type: "qam" (4, 16, 64 or 256 points), "psk" or "pam" (2 to 64 points).
        num_bits_per_symbol: bits per symbol.
        demapping_method: "app", the exact LLR, or "maxlog".
        backend: whose mapper and demapper, see :data:`~tokencom.linklevel.codes.BACKENDS`.
        precision: Sionna's.
        device: Sionna's.

    Raises:
        ValueError: for an unknown constellation or method.

    Example:
        >>> modulation = Modulation("qam", 4)
        >>> bits = torch.tensor([[0.0, 1.0, 1.0, 0.0]])
        >>> llr = modulation.demap(modulation.map(bits), torch.tensor(0.1))
        >>> (llr > 0).int().tolist()
        [[0, 1, 1, 0]]
    """

    def __init__(
        self,
        constellation_type: str = "qam",
        num_bits_per_symbol: int = 2,
        *,
        demapping_method: str = "app",
        backend: str = "fast",
        precision: str | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(precision=precision, device=device)
        check_choice("constellation_type", constellation_type, NUM_BITS)
        check_choice("num_bits_per_symbol", num_bits_per_symbol, NUM_BITS[constellation_type])
        check_choice("demapping_method", demapping_method, ["app", "maxlog"])
        self.constellation_type = constellation_type
        self.num_bits_per_symbol = num_bits_per_symbol
        sionna = {"precision": self.precision, "device": self.device}
        if constellation_type == "psk":
            points = psk_points(num_bits_per_symbol)
            constellation = Constellation("custom", num_bits_per_symbol, points=points, **sionna)
        else:
            constellation = Constellation(constellation_type, num_bits_per_symbol, **sionna)
        self._mapper = block(backend, "Mapper")(constellation=constellation, **sionna)
        self._demapper = block(backend, "Demapper")(demapping_method, constellation=constellation, **sionna)

    @property
    def points(self) -> torch.Tensor:
        """Constellation points, [2**num_bits_per_symbol], complex; index is the label."""
        return self._mapper.constellation()

    def num_symbols(self, num_bits: int) -> int:
        """Return the symbols that carry ``num_bits``, the last one filled up with zeros."""
        return -(-num_bits // self.num_bits_per_symbol)

    def map(self, bits: torch.Tensor) -> torch.Tensor:
        """Map bits to symbols; zeros fill the last symbol.

        Args:
            bits: [batch, num_bits], 0 and 1.

        Returns:
            [batch, num_symbols(num_bits)], complex.
        """
        check_shape("bits", bits, ("batch", "num_bits"))
        padding = -bits.shape[1] % self.num_bits_per_symbol
        if bits.numel() == 0:
            return torch.zeros(len(bits), self.num_symbols(bits.shape[1]), dtype=self.cdtype, device=self.device)
        return self._mapper(torch.nn.functional.pad(bits, (0, padding)))

    def call(self, bits: torch.Tensor) -> torch.Tensor:
        """Map, so that the modulation drops into a Sionna graph."""
        return self.map(bits)

    def demap(self, symbols: torch.Tensor, no_eff: torch.Tensor, num_bits: int | None = None) -> torch.Tensor:
        r"""Compute the LLRs of the bits from unbiased symbol estimates.

        .. math::
            \ell_i = \ln \frac{\sum_{c: b_i(c)=1} e^{-|y-c|^2/N_{eff}}}
                              {\sum_{c: b_i(c)=0} e^{-|y-c|^2/N_{eff}}}

        ("maxlog" puts the largest term for each sum.) An infinite variance gives LLR 0; below
        :data:`NO_MIN` the variance is taken to be that.

        Args:
            symbols: [batch, num_symbols], complex.
            no_eff: broadcastable to ``symbols``, effective noise variance, at least 0.
            num_bits: bits to return, if the last symbol was filled up; all if `None`.

        Returns:
            [batch, num_bits], log p(1)/p(0), finite.

        Raises:
            ValueError: for symbols that are not finite, a NaN or negative variance, or more bits
                than the symbols carry.
        """
        check_shape("symbols", symbols, ("batch", "num_symbols"))
        check_finite("symbols", symbols)
        capacity = symbols.shape[1] * self.num_bits_per_symbol
        if num_bits is not None and num_bits > capacity:
            raise ValueError(f"num_bits: {num_bits} asked from {symbols.shape[1]} symbols of {capacity} bits")
        no_eff = torch.as_tensor(no_eff, device=symbols.device)
        if bool(torch.isnan(no_eff).any()) or bool((no_eff < 0).any()):
            raise ValueError("no_eff: NaN or negative values given; a noise variance is at least 0")
        silent = torch.isinf(no_eff)
        no_eff = no_eff.masked_fill(silent, 1.0).clamp(min=NO_MIN).expand(symbols.shape)
        step = max(1, CHUNK // (self.num_bits_per_symbol << self.num_bits_per_symbol))
        parts = [
            self._demapper(y, no)
            for y, no in zip(symbols.reshape(-1).split(step), no_eff.reshape(-1).split(step), strict=True)
            if len(y)
        ]
        llr = torch.cat(parts) if parts else symbols.real.new_zeros(0)
        llr = llr.reshape(*symbols.shape, self.num_bits_per_symbol)
        if bool(silent.any()):
            llr = llr.masked_fill(silent.expand(symbols.shape)[..., None], 0.0)
        return llr.reshape(len(symbols), capacity)[:, :num_bits]
