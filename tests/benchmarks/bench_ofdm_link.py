"""A whole OFDM link against the same chain of Sionna's blocks on the CPU.

python tests/benchmarks/bench_ofdm_link.py [threads]

LDPC 5G k = 1824, n = 3648, 16-QAM, TDL-A of 300 ns, LS estimation, LMMSE equaliser, 20 iterations at most. Both
sides run in turn in this process at Es/N0 12 dB; the best of three rounds counts. Sionna decodes with min-sum, its
fastest choice. Block error rates are of the blocks that were timed, with 95 % Clopper-Pearson intervals.
"""

import contextlib
import io
import sys

import torch
from scipy.stats import binomtest
from side_by_side import seconds
from sionna.phy import config
from sionna.phy.channel import OFDMChannel
from sionna.phy.channel.tr38901 import TDL
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
from sionna.phy.mapping import BinarySource, Demapper, Mapper
from sionna.phy.mimo import StreamManagement
from sionna.phy.ofdm import LMMSEEqualizer, LSChannelEstimator, ResourceGrid, ResourceGridMapper

from tokencom.linklevel import DigitalLink, Draws, OFDMAirInterface
from tokencom.linklevel.air import TDLChannel

K, N, WIDTH, SNR_DB = 1824, 3648, 4, 12.0


class SionnaLink:
    """The chain as Sionna's tutorials write it."""

    def __init__(self):
        grid = ResourceGrid(14, 76, 30e3, pilot_pattern="kronecker", pilot_ofdm_symbol_indices=[2, 11])
        self.encoder = LDPC5GEncoder(K, N, num_bits_per_symbol=WIDTH)
        self.decoder = LDPC5GDecoder(self.encoder, cn_update="minsum", num_iter=20)
        self.mapper, self.demapper = Mapper("qam", WIDTH), Demapper("app", "qam", WIDTH)
        self.grid = ResourceGridMapper(grid)
        self.channel = OFDMChannel(TDL("A", 300e-9, 3.5e9, min_speed=3.0), grid)
        self.estimator = LSChannelEstimator(grid, interpolation_type="lin")
        self.equalizer = LMMSEEqualizer(grid, StreamManagement([[1]], 1))

    def __call__(self, batch):
        no = torch.tensor(10 ** (-SNR_DB / 10))
        bits = BinarySource()([batch, K])
        y = self.channel(self.grid(self.mapper(self.encoder(bits))[:, None, None]), no)
        x_hat, no_eff = self.equalizer(y, *self.estimator(y, no), no)
        return (self.decoder(self.demapper(x_hat[:, 0, 0], no_eff[:, 0, 0])) != bits).any(dim=1)


class OurLink:
    """The link that scenarios build."""

    def __init__(self):
        air = OFDMAirInterface(
            channel=TDLChannel(model="A", delay_spread=300e-9, carrier_frequency=3.5e9, speed=3.0),
            fft_size=76, num_ofdm_symbols=14, subcarrier_spacing=30e3, pilot_ofdm_symbol_indices=(2, 11),
            csi="estimated", estimator="ls", interpolation="lin", equalizer="lmmse",
        )  # fmt: skip
        self.link = DigitalLink(
            air=air, code="ldpc5g", coderate=0.5, crc=None, num_bits_per_symbol=WIDTH, num_bits=K
        )
        self.batch = 0

    def __call__(self, batch):
        self.batch += 1
        draws = Draws(seed=1, batch=self.batch)
        bits = draws.bits(batch, K)
        return (self.link(bits, SNR_DB, draws).payload != bits).any(dim=1)


def main():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    config.seed = 1
    with contextlib.redirect_stdout(io.StringIO()):
        theirs, ours = SionnaLink(), OurLink()
    few, many = 32, 256
    failed = {"Sionna": [], "this link": []}
    slow, fast = seconds(
        lambda: failed["Sionna"].append(theirs(few)), lambda: failed["this link"].append(ours(many))
    )
    rates = few / slow, many / fast
    print(f"{torch.get_num_threads()} threads, Es/N0 {SNR_DB} dB, float32")
    print(f"Sionna, min-sum, flooding, no early stop: {rates[0]:.1f} blocks/s (batches of {few})")
    print(f"this link, layered offset min-sum, early stop: {rates[1]:.1f} blocks/s (batches of {many})")
    print(f"ratio {rates[1] / rates[0]:.0f}")
    for name, parts in failed.items():
        wrong = torch.cat(parts)
        low, high = binomtest(int(wrong.sum()), len(wrong)).proportion_ci(method="exact")
        print(f"{name}: BLER {wrong.float().mean():.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
