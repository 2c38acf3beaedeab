"""Links and an air interface with planted faults, for scenarios that name them by ``type: python``."""

import math
from dataclasses import replace

import torch

from tokencom.linklevel import DigitalLink, FlatAirInterface, Link, Signal, ebno_db_to_snr_db
from tokencom.linklevel.signal import normalize_power


class PaddedTokens(Link):
    """Sends items of different lengths, with their power normalised.

    Args:
        air: the air interface.
        over: "sent", as the contract asks, or "padding", the fault: zeros count as symbols.
    """

    def __init__(self, *, air, over):
        super().__init__(air)
        self.over = over

    def encode(self, payload, snr_db):
        """Send the first quarter up to all of an item's bits, as real amplitudes."""
        x = torch.complex(1.0 + payload, torch.zeros_like(payload))
        lengths = torch.linspace(x.shape[1] // 4, x.shape[1], len(x)).long()
        x = torch.where(torch.arange(x.shape[1]) < lengths[:, None], x, torch.zeros_like(x))
        x = normalize_power(x, lengths if self.over == "sent" else None)
        return Signal(x, lengths, torch.zeros_like(lengths))

    def decode(self, received):
        """Decide between the two amplitudes."""
        return (received.symbols.real > 1.0).float(), torch.ones(len(received.symbols), dtype=torch.bool)


class GainTwo(FlatAirInterface):
    """Rayleigh fading with E|h|² = 2: both real dimensions have variance 1."""

    def fade(self, batch_size, num_grids, draws):
        """Draw the coefficients."""
        return math.sqrt(2.0) * super().fade(batch_size, num_grids, draws)


class SNRAsEbNo(DigitalLink):
    """Takes the SNR it is told for Eb/N0."""

    def forward(self, payload, snr_db, draws):
        """Send at the wrong noise and report the right one."""
        bits_per_symbol = self.modulation.num_bits_per_symbol
        wrong = ebno_db_to_snr_db(snr_db, coderate=self.coderate, num_bits_per_symbol=bits_per_symbol)
        reception = super().forward(payload, wrong, draws)
        return replace(reception, snr_db=torch.full((len(payload),), float(snr_db)))
