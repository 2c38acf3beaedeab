"""Polar decoding against Sionna on the CPU: (k, n) = (128, 256).

python tests/benchmarks/bench_polar.py [threads]

Both sides run in turn in this process on BPSK over AWGN at Eb/N0 2.5 dB; the best of three rounds counts.
"""

import math
import sys

import torch
from side_by_side import print_ratio, seconds
from sionna.phy.fec.polar import PolarEncoder
from sionna.phy.fec.polar import PolarSCDecoder as SionnaPolarSCDecoder
from sionna.phy.fec.polar import PolarSCLDecoder as SionnaPolarSCLDecoder
from sionna.phy.fec.polar.utils import generate_5g_ranking

from tokencom.linklevel.fec.polar import PolarSCDecoder, PolarSCLDecoder


def main():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    k, n, few, many = 128, 256, 2048, 2048
    frozen, _ = generate_5g_ranking(k, n)
    codeword = PolarEncoder(frozen, n)(torch.randint(0, 2, (many, k)).float())
    no = 2 / 10**0.25
    llr = 4 * (2 * codeword - 1 + math.sqrt(no / 2) * torch.randn_like(codeword)) / no
    pairs = [("SC", PolarSCDecoder(frozen, n), SionnaPolarSCDecoder(frozen, n))] + [
        (f"SCL-{size}", PolarSCLDecoder(frozen, n, size), SionnaPolarSCLDecoder(frozen, n, size)) for size in (8, 32)
    ]
    for name, ours, theirs in pairs:
        slow, fast = seconds(lambda d=theirs: d(llr[:few]), lambda d=ours: d(llr), rounds=2)
        print_ratio(f"Polar {name} ({k}, {n}), exact updates, float32", few * k / slow, many * k / fast)


if __name__ == "__main__":
    main()
