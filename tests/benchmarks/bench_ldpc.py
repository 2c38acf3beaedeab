"""LDPC throughput and error rates, both sides of every ratio in one run: ``python tests/benchmarks/bench_ldpc.py``.

Rates are information bits per second of wall time; each is the best of several runs, ours and Sionna's taking turns.
The ratio is also given by CPU time, which says more on a machine with other work to do. Both sides decode the same
batch.
"""

import argparse
import resource
import subprocess
import sys
import time

import torch
from sionna.phy.fec.ldpc import LDPC5GDecoder as SionnaDecoder

from tokencom.linklevel.fec import LDPC5GDecoder, LDPC5GEncoder, LDPCBPDecoder, wimax_pcm

NORMALISED = {"cn_update": "minsum", "scale": 0.75, "cn_schedule": "layered"}
OFFSET = {"cn_update": "offset-minsum", "cn_schedule": "layered"}
METHODS = {
    "layered min-sum 0.75, float32": NORMALISED,
    "layered min-sum 0.75, int8": {**NORMALISED, "arithmetic": "int8"},
    "layered offset min-sum, float32": OFFSET,
    "layered offset min-sum, int8": {**OFFSET, "arithmetic": "int8"},
}
# k, n, Eb/N0 (dB) at which Sionna's boxplus has a BLER near 3e-2
CODES = [(512, 1024, 1.67), (4224, 8448, 1.19)]
BATCH = 512


def noisy(encoder, num_frames, ebno_db, seed):
    """Random bits and the LLRs of their BPSK symbols in white noise."""
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (num_frames, encoder.k), generator=generator).float()
    variance = 1 / (2 * 10 ** (ebno_db / 10) * encoder.k / encoder.n)
    code = encoder(bits)
    noise = torch.randn(code.shape, generator=generator) * variance**0.5
    return bits, 2 / variance * (2 * code - 1 + noise)


def per_frame(decoder, llr, runs=1):
    """Wall and CPU seconds per frame, each the best of ``runs``."""
    times = []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        decoder(llr)
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    return [min(column) / len(llr) for column in zip(*times, strict=True)]


def bler(decoder, encoder, ebno_db, batches):
    """Block error rate over ``batches`` batches."""
    failed = 0
    for seed in range(batches):
        bits, llr = noisy(encoder, BATCH, ebno_db, seed)
        failed += int((decoder(llr) != bits).any(dim=1).sum())
    return failed / (batches * BATCH)


def against_sionna(batches):
    """LDPC5G against Sionna's min-sum in speed and its boxplus in error rate."""
    for k, n, ebno_db in CODES:
        encoder = LDPC5GEncoder(k, n)
        _, llr = noisy(encoder, BATCH, ebno_db, 100)
        sionna = SionnaDecoder(encoder, cn_update="minsum")
        ours = {name: LDPC5GDecoder(encoder, **method) for name, method in METHODS.items()}
        for decoder in ours.values():
            decoder(llr[:1])
        times = {name: [] for name in ours}
        sionnas = []
        for _ in range(2):
            sionnas.append(per_frame(sionna, llr))
            for name, decoder in ours.items():
                times[name].append(per_frame(decoder, llr, runs=4))
        wall, cpu = map(min, zip(*sionnas, strict=True))
        # The kernels' flooding boxplus stands for Sionna's: the tests show that they decide alike.
        boxplus = bler(LDPC5GDecoder(encoder), encoder, ebno_db, batches)
        print(f"LDPC5G k={k} n={n}, 20 iterations, Eb/N0 {ebno_db} dB; flooding boxplus BLER {boxplus:.4f}")
        print(f"  Sionna min-sum, flooding, float32, no early stop: {k / wall / 1e6:.4f} Mb/s")
        for name, decoder in ours.items():
            our_wall, our_cpu = map(min, zip(*times[name], strict=True))
            rates = [bler(decoder, encoder, ebno_db + gap, batches) for gap in (0.0, 0.1)]
            print(
                f"  {name}, early stop by syndrome: {k / our_wall / 1e6:.1f} Mb/s, {wall / our_wall:.0f} x Sionna "
                f"(by CPU time {cpu / our_cpu:.0f} x); BLER {rates[0]:.4f}, 0.1 dB higher {rates[1]:.4f}",
                flush=True,
            )


def wimax():
    """WiMAX (288, 576) at Eb/N0 = 2 dB: information rate and frame error rate."""
    variance = 1 / 10**0.2
    noise = torch.randn(16384, 576, generator=torch.Generator().manual_seed(1))
    llr = 2 / variance * (-1 + variance**0.5 * noise)
    settings = {"cn_update": "minsum", "cn_schedule": "layered"}
    for scale, arithmetic in ((0.75, "float32"), (0.8, "float32"), (0.8, "int8"), (0.8, "int16")):
        decoder = LDPCBPDecoder(wimax_pcm(576), **settings, scale=scale, arithmetic=arithmetic)
        failed = int(decoder(llr).any(dim=1).sum())
        wall, cpu = per_frame(decoder, llr, runs=8)
        print(
            f"WiMAX (288, 576), layered min-sum {scale}, {arithmetic}, 20 iterations, early stop by syndrome: "
            f"{288e-6 / wall:.1f} Mb/s ({288e-6 / cpu:.1f} Mb/s per core by CPU time), FER {failed / 16384:.4f}"
        )


START = """
import time, torch
from tokencom.linklevel.fec import LDPC5GDecoder, LDPC5GEncoder
LDPC5GEncoder
start = time.perf_counter()
encoder = LDPC5GEncoder(4224, 8448)
LDPC5GDecoder(encoder, cn_update="minsum", scale=0.75, cn_schedule="layered")(encoder(torch.zeros(64, 4224)) - 1)
print(f"second process: construct, encode and decode 64 frames {time.perf_counter() - start:.2f} s after import")
"""


def memory():
    """Peak memory of a batch of 4096 blocks of k = 8448, in this process."""
    decoder = LDPC5GDecoder(LDPC5GEncoder(8448, 16896), **NORMALISED, num_iter=2)
    decoder(torch.full((4096, 16896), -4.0))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"batch 4096 of k=8448, n=16896: peak memory of the process {peak:.2f} GB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=8, help=f"batches of {BATCH} blocks per BLER")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"{arguments.threads} threads")
    memory()
    against_sionna(arguments.batches)
    wimax()
    for _ in range(2):
        outcome = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    print(outcome.stdout.strip())
