"""``mimo_cdl.yaml`` as a program: receive diversity and spatial multiplexing over CDL-C."""

from typing import Any

from tokencom.linklevel import DigitalLink, Link, OFDMAirInterface
from tokencom.linklevel.air import CDLChannel
from tokencom.scenarios import Program, run
from tokencom.scenarios.schema import Stop
from tokencom.scenarios.tasks import BitsTask

LINKS: dict[str, dict[str, Any]] = {
    "1 x 1": {"equalizer": "lmmse"},
    "1 x 2": {"equalizer": "lmmse", "num_rx_ant": 2},
    "2 x 2, LMMSE": {"equalizer": "lmmse", "num_streams": 2, "num_rx_ant": 2},
    "2 x 2, ZF": {"equalizer": "zf", "num_streams": 2, "num_rx_ant": 2},
    "4 x 4, LMMSE": {"equalizer": "lmmse", "num_streams": 4, "num_rx_ant": 4},
}


def build(scheme: str) -> tuple[BitsTask, Link]:
    """Construct the task and the link of a scheme."""
    channel = CDLChannel(model="C", delay_spread=100e-9, carrier_frequency=3.5e9, speed=3.0, direction="uplink")
    air = OFDMAirInterface(
        channel=channel, num_ofdm_symbols=14, fft_size=76, pilot_ofdm_symbol_indices=(2, 11), **LINKS[scheme]
    )
    link = DigitalLink(air=air, code="ldpc5g", crc=None, coderate=0.5, num_bits_per_symbol=2, num_bits=912)
    return BitsTask(num_bits=912), link


PROGRAM = Program(
    name="mimo_cdl",
    links=list(LINKS),
    build=build,
    sweep={"snr_db": [-3, 0, 3, 6, 9, 12]},
    stop=Stop(batch_size=50, max_mc_iter=40, num_target_block_errors=100),
)

if __name__ == "__main__":
    run(PROGRAM, workers=2)
