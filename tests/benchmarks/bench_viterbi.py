"""Viterbi and BCJR decoding against Sionna on the CPU: constraint length 7, rate 1/2.

python tests/benchmarks/bench_viterbi.py [threads]

Both sides run in turn in this process on BPSK over AWGN at Eb/N0 3 dB; the best of three rounds counts.
"""

import math
import sys

import torch
from side_by_side import print_ratio, seconds
from sionna.phy.fec.conv import BCJRDecoder as SionnaBCJRDecoder
from sionna.phy.fec.conv import ConvEncoder
from sionna.phy.fec.conv import ViterbiDecoder as SionnaViterbiDecoder

from tokencom.linklevel.fec import BCJRDecoder, ViterbiDecoder


def main():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    k, few, many = 1000, 512, 512
    encoder = ConvEncoder(rate=1 / 2, constraint_length=7, terminate=True)
    codeword = encoder(torch.randint(0, 2, (few, k)).float()).repeat(many // few, 1)
    no = 2 / 10**0.3
    llr = 4 * (2 * codeword - 1 + math.sqrt(no / 2) * torch.randn_like(codeword)) / no
    pairs = [("Viterbi, float32", ViterbiDecoder(encoder=encoder), SionnaViterbiDecoder(encoder=encoder))] + [
        (f"BCJR {name}, float32", BCJRDecoder(encoder, algorithm=name), SionnaBCJRDecoder(encoder, algorithm=name))
        for name in ("map", "log", "maxlog")
    ]
    for name, ours, theirs in pairs:
        slow, fast = seconds(lambda d=theirs: d(llr[:few]), lambda d=ours: d(llr))
        print_ratio(f"{name}, constraint length 7, k={k}", few * k / slow, many * k / fast)


if __name__ == "__main__":
    main()
