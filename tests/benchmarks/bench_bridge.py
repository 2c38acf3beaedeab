"""What a bridge costs: against a forward pass of SmolLM2 at 8 x 32 tokens, and over a sweep of 8 SNRs.

python tests/benchmarks/bench_bridge.py [threads]

The forward pass with a dense codec over a flat channel behind layer 15 of 30, and the plain one, run in turn in this
process; so do a sweep that encodes once and its parts one by one. The best of some rounds counts, of wall-clock and
of processor time each.
"""

import sys
import time
from types import SimpleNamespace

import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import JSCCLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.bridge import bridged
from tokencom.models.smollm2 import load_smollm2
from tokencom.models.systems import SplitLM, SystemLink, TokenMemory

BATCH, LENGTH, WIDTH = 8, 32, 576
SNRS_DB = range(0, 24, 3)
CUT = "model.layers.14"


def in_turn(rounds, **works):
    """Return the best wall-clock and processor times of each piece of work, s, by name, after one call of each."""
    best = {name: [float("inf"), float("inf")] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            start = time.perf_counter(), time.process_time()
            work()
            if number:
                spent = time.perf_counter() - start[0], time.process_time() - start[1]
                best[name] = [min(pair) for pair in zip(best[name], spent, strict=True)]
    return best


def told(name, times):
    """Return a line about times, s."""
    return f"{name}: {times[0] * 1e3:.1f} ms, {times[1] * 1e3:.1f} ms of processor time"


def dense_link():
    """DeepSC's shapes at the width of SmolLM2, over a flat channel."""
    return JSCCLink(FlatAirInterface(channel="rayleigh"), DenseCodec(dim=WIDTH)).eval()


@torch.no_grad()
def forward():
    """Print the share that the bridge adds to a forward pass."""
    model = load_smollm2()[0]
    ids = torch.randint(5, 40_000, (BATCH, LENGTH), generator=torch.Generator().manual_seed(1))
    link, tokens = dense_link(), Tokens(torch.randn(BATCH, LENGTH, WIDTH))

    def through():
        with bridged(model, {CUT: link}, draws=Draws(seed=1), snr_db=10.0):
            model(input_ids=ids)

    times = in_turn(
        5, plain=lambda: model(input_ids=ids), bridged=through, link=lambda: link(tokens, 10.0, Draws(seed=1))
    )
    for name, spent in times.items():
        print(told(f"{BATCH} x {LENGTH} tokens, {name}", spent))
    for number, kind in enumerate(("wall-clock", "processor")):
        plain, with_bridge, alone = (times[name][number] for name in ("plain", "bridged", "link"))
        print(
            f"the bridge adds {100 * (with_bridge / plain - 1):.1f} % of {kind} time;"
            f" its link alone takes {100 * alone / plain:.1f} %"
        )


@torch.no_grad()
def sweep():
    """Print what a sweep costs over one encoding and as many receptions as it has points."""
    system = SplitLM(before="Review:", after="\nSentiment:")
    text = "the plot was thin but everyone in it had a wonderful time with it and so did I in the end"
    samples = [SimpleNamespace(id=str(row), inputs={"text": f"{row} {text}"}) for row in range(BATCH)]
    link, round_number = dense_link(), iter(range(1000))
    tokens = system.encode(samples)

    def whole():
        around, number = SystemLink(system, link, memory=TokenMemory()), next(round_number)
        for snr_db in SNRS_DB:
            around(samples, float(snr_db), Draws(seed=1, batch=number))

    def receive():
        arrived = link(tokens, 10.0, Draws(seed=2, batch=next(round_number)))
        system.answer(arrived.payload, samples)

    def encode():
        for sample in samples:
            system.encode([sample])

    times = in_turn(2, sweep=whole, encoding=encode, reception=receive)
    for name, spent in times.items():
        print(told(f"{BATCH} sentences of {tokens.values.shape[1]} tokens, {name}", spent))
    for number, kind in enumerate(("wall-clock", "processor")):
        parts = times["encoding"][number] + len(SNRS_DB) * times["reception"][number]
        print(f"sweep of {len(SNRS_DB)} points over its parts, {kind} time: {times['sweep'][number] / parts:.3f}")


def main():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    forward()
    sweep()


if __name__ == "__main__":
    main()
