"""``codes_awgn.yaml`` as a program: four codes in AWGN."""

from tokencom.linklevel import DigitalLink, FlatAirInterface, Link
from tokencom.scenarios import Program, run
from tokencom.scenarios.schema import Stop
from tokencom.scenarios.tasks import BitsTask

LINKS = {"LDPC 5G": "ldpc5g", "Turbo LTE": "turbo", "Polar 5G, list 8": "polar5g", "Convolutional": "conv"}


def build(scheme: str) -> tuple[BitsTask, Link]:
    """Construct the task and the link of a scheme."""
    air = FlatAirInterface(channel="awgn")
    link = DigitalLink(
        air=air, code=LINKS[scheme], crc=None, coderate=512 / 1024, num_bits_per_symbol=2, num_bits=512
    )
    return BitsTask(num_bits=512), link


PROGRAM = Program(
    name="codes_awgn",
    links=list(LINKS),
    build=build,
    sweep={"ebno_db": [0, 0.5, 1, 1.5, 2, 2.5, 3]},
    stop=Stop(batch_size=200, max_mc_iter=50, num_target_block_errors=100),
)

if __name__ == "__main__":
    run(PROGRAM, workers=2)
