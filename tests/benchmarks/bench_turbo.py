"""Turbo decoding against Sionna on the CPU: LTE code, K = 1024 and 6144, 6 iterations.

python tests/benchmarks/bench_turbo.py [threads]

Both sides decode the same batch in turn in this process, BPSK over AWGN at Eb/N0 0.9 dB, after one call of each.
"""

import math
import sys

import torch
from side_by_side import print_ratio, seconds
from sionna.phy.fec.turbo import TurboDecoder as SionnaTurboDecoder
from sionna.phy.fec.turbo import TurboEncoder

from tokencom.linklevel.fec import TurboDecoder

VARIANTS = (
    ("exact (map), float32, no early stop", {"algorithm": "map"}),
    ("exact (log), float32, no early stop", {"algorithm": "log"}),
    ("max-log x 0.75, float32, no early stop", {"algorithm": "maxlog", "scale": 0.75}),
    ("max-log x 0.75, int16, no early stop", {"algorithm": "maxlog", "scale": 0.75, "arithmetic": "int16"}),
    ("exact (map), float32, early stop", {"algorithm": "map", "early_stop": True}),
    (
        "max-log x 0.75, int16, early stop",
        {"algorithm": "maxlog", "scale": 0.75, "arithmetic": "int16", "early_stop": True},
    ),
)


def main():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    encoder = TurboEncoder(rate=1 / 3, constraint_length=4, terminate=True)
    no = 3 / 10**0.09
    for k, few, many in ((1024, 512, 512), (6144, 128, 128)):
        bits = torch.randint(0, 2, (few, k)).float()
        codeword = encoder(bits).repeat(many // few, 1)
        bits = bits.repeat(many // few, 1)
        llr = 4 * (2 * codeword - 1 + math.sqrt(no / 2) * torch.randn_like(codeword)) / no
        sionna = SionnaTurboDecoder(encoder, num_iter=6)
        for name, options in VARIANTS:
            decoder = TurboDecoder(encoder, num_iter=6, **options)
            theirs, ours = seconds(lambda s=sionna, x=llr[:few]: s(x), lambda d=decoder, x=llr: d(x), rounds=1)
            bler = (decoder(llr) != bits).any(-1).float().mean().item()
            label = f"Turbo K={k}, 6 iterations, {name} (BLER {bler:.3f}), against Sionna map"
            print_ratio(label, few * k / theirs, many * k / ours)


if __name__ == "__main__":
    main()
