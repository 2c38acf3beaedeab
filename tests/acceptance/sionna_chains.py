"""Links written directly with Sionna's own blocks, as its tutorials do; nothing of this package is used."""

import contextlib
import io

import numpy as np
import torch
from sionna.phy import config
from sionna.phy.channel import AWGN, GenerateFlatFadingChannel, OFDMChannel
from sionna.phy.channel.tr38901 import CDL, TDL, PanelArray
from sionna.phy.fec.conv import ConvEncoder, ViterbiDecoder
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
from sionna.phy.fec.polar import Polar5GDecoder, Polar5GEncoder
from sionna.phy.fec.turbo import TurboDecoder, TurboEncoder
from sionna.phy.mapping import BinarySource, Demapper, Mapper
from sionna.phy.mimo import StreamManagement
from sionna.phy.ofdm import (
    LMMSEEqualizer,
    LSChannelEstimator,
    RemoveNulledSubcarriers,
    ResourceGrid,
    ResourceGridDemapper,
    ResourceGridMapper,
)

AT_ONCE = 100
"""Items of a call; spatial channels take much memory."""


def code_blocks(code, k, n, num_bits_per_symbol):
    """Return Sionna's encoder and decoder of a code in its native size."""
    if code == "ldpc5g":
        encoder = LDPC5GEncoder(k, n, num_bits_per_symbol=num_bits_per_symbol)
        return encoder, LDPC5GDecoder(encoder, num_iter=20)
    if code == "turbo":
        encoder = TurboEncoder(rate=1 / 3, constraint_length=4, terminate=True)
        return encoder, TurboDecoder(encoder, num_iter=6)
    if code == "conv":
        encoder = ConvEncoder(gen_poly=("1011011", "1111001"), terminate=True)
        return encoder, ViterbiDecoder(encoder=encoder)
    with contextlib.redirect_stdout(io.StringIO()):
        encoder = Polar5GEncoder(k, n)
    return encoder, Polar5GDecoder(encoder, dec_type="SCL", list_size=8)


def flat_block_errors(code, k, n, *, num_bits_per_symbol, no, num_items, rayleigh, seed):
    """Return which blocks are wrong, [num_items] of bool, in AWGN or in Rayleigh fading of one draw a block."""
    config.seed = seed
    encoder, decoder = code_blocks(code, k, n, num_bits_per_symbol)
    bits = BinarySource()([num_items, k])
    h = GenerateFlatFadingChannel(1, 1)(num_items)[:, 0] if rayleigh else torch.ones(num_items, 1)
    y = AWGN()(h * Mapper("qam", num_bits_per_symbol)(encoder(bits)), no)
    no_eff = (no / h.abs().square()).expand(y.shape)
    llr = Demapper("app", "qam", num_bits_per_symbol)(y / h, no_eff)
    return (decoder(llr) != bits).any(dim=1).numpy()


def tdl(air):
    """Return Sionna's TDL for the air section of a scenario."""
    channel = air.channel
    return TDL(
        channel.model, channel.delay_spread, channel.carrier_frequency, min_speed=channel.speed,
        num_tx_ant=air.num_streams, num_rx_ant=air.num_rx_ant,
    )  # fmt: skip


def cdl(air):
    """Return Sionna's CDL for the air section of a scenario: rows of cross-polarised pairs at both ends."""
    channel = air.channel
    tx, rx = (
        {
            "num_rows_per_panel": 1, "num_cols_per_panel": count // 2, "polarization": "dual",
            "polarization_type": "cross", "carrier_frequency": channel.carrier_frequency,
        }
        for count in (air.num_streams, air.num_rx_ant)
    )  # fmt: skip
    bs, ut = (rx, tx) if channel.direction == "uplink" else (tx, rx)
    return CDL(
        channel.model, channel.delay_spread, channel.carrier_frequency, direction=channel.direction,
        bs_array=PanelArray(**bs, antenna_pattern="38.901"), ut_array=PanelArray(**ut, antenna_pattern="omni"),
        min_speed=channel.speed, max_speed=channel.speed,
    )  # fmt: skip


class OFDMChain:
    """Bits over one OFDM grid: code (or none), QAM, LS estimation with linear interpolation, LMMSE.

    Streams have energy 1 each, so the noise is as many times stronger as there are streams; dividing the
    channel by its gain constant is the same as multiplying the noise by it.

    Args:
        model: Sionna's channel model.
        air: air section of a scenario.
        num_bits_per_symbol: of the QAM.
        k: payload bits of an item, LDPC coded; `None` for no code.
    """

    def __init__(self, model, air, *, num_bits_per_symbol, k=None):
        self.streams, self.estimated = air.num_streams, air.csi == "estimated"
        self.grid = ResourceGrid(
            air.num_ofdm_symbols, air.fft_size, air.subcarrier_spacing, num_streams_per_tx=self.streams,
            pilot_pattern="kronecker", pilot_ofdm_symbol_indices=list(air.pilot_ofdm_symbol_indices),
        )  # fmt: skip
        self.n = self.grid.num_data_symbols * self.streams * num_bits_per_symbol
        self.k = self.n if k is None else k
        self.code = None if k is None else code_blocks("ldpc5g", k, self.n, num_bits_per_symbol)
        self.mapper = Mapper("qam", num_bits_per_symbol)
        self.demapper = Demapper("maxlog" if k is None else "app", "qam", num_bits_per_symbol)
        self.channel = OFDMChannel(model, self.grid, normalize_channel=False, return_channel=True)
        self.management = StreamManagement(np.ones([1, 1]), self.streams)

    def errors(self, *, snr_db, gain_db, num_items, seed):
        """Return wrong bits of each item, and the mean energy of its channel coefficients before the constant."""
        config.seed = seed
        no = torch.tensor(self.streams * 10 ** ((gain_db - snr_db) / 10))
        parts = [self._some(no, min(AT_ONCE, num_items - i)) for i in range(0, num_items, AT_ONCE)]
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    def _some(self, no, batch):
        bits = BinarySource()([batch, self.k])
        x = self.mapper(bits if self.code is None else self.code[0](bits))
        # Symbol i goes to stream i mod S, so that a code word is spread over all streams.
        grid = ResourceGridMapper(self.grid)(x.reshape(batch, 1, -1, self.streams).mT)
        y, h = self.channel(grid, no)
        if self.estimated:
            h_hat, error = LSChannelEstimator(self.grid, interpolation_type="lin")(y, no)
        else:
            h_hat, error = RemoveNulledSubcarriers(self.grid)(h), torch.tensor(0.0)
        x_hat, no_eff = LMMSEEqualizer(self.grid, self.management)(y, h_hat, error, no)
        llr = self.demapper(x_hat[:, 0].mT.flatten(1), no_eff[:, 0].mT.flatten(1))
        decided = (llr > 0).float() if self.code is None else self.code[1](llr)
        sent = ResourceGridDemapper(self.grid, self.management)(grid[..., None])
        assert torch.equal(sent[:, 0, :, :, 0].mT.flatten(1), x)  # the order in which a grid is read
        wrong = (decided != bits).sum(dim=1).numpy()
        return wrong, h.abs().square().flatten(1).mean(dim=1).numpy()
