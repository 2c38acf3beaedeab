"""``uncoded_qam.yaml`` as a program: uncoded QAM in AWGN and Rayleigh fading."""

from tokencom.linklevel import DigitalLink, FlatAirInterface, Link
from tokencom.scenarios import Program, run
from tokencom.scenarios.schema import Stop
from tokencom.scenarios.tasks import BitsTask

LINKS = {
    "4-QAM, AWGN": ("awgn", 2),
    "16-QAM, AWGN": ("awgn", 4),
    "64-QAM, AWGN": ("awgn", 6),
    "4-QAM, Rayleigh": ("rayleigh", 2),
    "16-QAM, Rayleigh": ("rayleigh", 4),
    "64-QAM, Rayleigh": ("rayleigh", 6),
}


def build(scheme: str) -> tuple[BitsTask, Link]:
    """Construct the task and the link of a scheme."""
    channel, num_bits_per_symbol = LINKS[scheme]
    air = FlatAirInterface(channel=channel, fading="block" if channel == "awgn" else "symbol")
    link = DigitalLink(
        air=air,
        code="uncoded",
        crc=None,
        coderate=1.0,
        num_bits_per_symbol=num_bits_per_symbol,
        num_bits=1200,
        demapping_method="maxlog",
    )
    return BitsTask(num_bits=1200), link


PROGRAM = Program(
    name="uncoded_qam",
    links=list(LINKS),
    build=build,
    sweep={"snr_db": [0, 3, 6, 9, 12, 15, 18]},
    stop=Stop(batch_size=100, max_mc_iter=40, num_target_block_errors=1000),
)

if __name__ == "__main__":
    run(PROGRAM, workers=2)
