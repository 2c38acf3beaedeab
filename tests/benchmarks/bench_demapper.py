"""QAM mapping and demapping against Sionna on the CPU.

python tests/benchmarks/bench_demapper.py [threads]

Both sides run in turn in this process; the best of three rounds counts.
"""

import sys

import torch
from side_by_side import print_ratio, seconds
from sionna.phy.mapping import Demapper, Mapper

from tokencom.linklevel.fec import QAMDemapper, QAMMapper


def main():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    for width in (2, 4, 6, 8):
        bits = torch.randint(0, 2, (64, width * 1024)).float()
        y = Mapper("qam", width)(bits)
        y = y + 0.1 * torch.randn_like(y)
        for method in ("app", "maxlog"):
            ours, theirs = QAMDemapper(method, "qam", width), Demapper(method, "qam", width)
            slow, fast = seconds(lambda d=theirs, x=y: d(x, 0.02), lambda d=ours, x=y: d(x, 0.02))
            print_ratio(f"{2**width}-QAM demapper, {method}, float32", bits.numel() / slow, bits.numel() / fast)
        ours, theirs = QAMMapper("qam", width), Mapper("qam", width)
        slow, fast = seconds(lambda m=theirs, x=bits: m(x), lambda m=ours, x=bits: m(x))
        print_ratio(f"{2**width}-QAM mapper", bits.numel() / slow, bits.numel() / fast)


if __name__ == "__main__":
    main()
