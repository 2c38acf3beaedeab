"""``ofdm_38901.yaml`` as a program: LDPC with 16-QAM over OFDM in the channels of TR 38.901."""

from tokencom.linklevel import DigitalLink, Link, OFDMAirInterface
from tokencom.linklevel.air import CDLChannel, RMaChannel, TDLChannel, UMaChannel, UMiChannel
from tokencom.scenarios import Program, run
from tokencom.scenarios.schema import Stop
from tokencom.scenarios.tasks import BitsTask

RADIO = {"carrier_frequency": 3.5e9, "speed": 3.0}


def build(scheme: str) -> tuple[BitsTask, Link]:
    """Construct the task and the link of a scheme."""
    tdl = TDLChannel(model="A", delay_spread=100e-9, **RADIO)
    channel, csi = {
        "TDL-A, perfect CSI": (tdl, "perfect"),
        "TDL-A": (tdl, "estimated"),
        "CDL-C": (CDLChannel(model="C", delay_spread=100e-9, **RADIO), "estimated"),
        "UMi": (UMiChannel(**RADIO), "estimated"),
        "UMa": (UMaChannel(**RADIO), "estimated"),
        "RMa": (RMaChannel(**RADIO), "estimated"),
    }[scheme]
    air = OFDMAirInterface(
        channel=channel, num_ofdm_symbols=14, fft_size=76, subcarrier_spacing=30e3,
        pilot_ofdm_symbol_indices=(2, 11), csi=csi, interpolation="lin",
    )  # fmt: skip
    link = DigitalLink(air=air, code="ldpc5g", crc=None, coderate=0.5, num_bits_per_symbol=4, num_bits=1824)
    return BitsTask(num_bits=1824), link


PROGRAM = Program(
    name="ofdm_38901",
    links=["TDL-A, perfect CSI", "TDL-A", "CDL-C", "UMi", "UMa", "RMa"],
    build=build,
    sweep={"snr_db": [6, 9, 12, 15, 18, 21]},
    stop=Stop(batch_size=50, max_mc_iter=40, num_target_block_errors=100),
)

if __name__ == "__main__":
    run(PROGRAM, workers=2)
