"""What split learning costs against one model, and uplink MIMO against taking turns.

python tests/benchmarks/bench_tokcom.py [threads]

A training step of the whole system and a round of split learning with the same gradients run in turn in this process;
so do three devices that take turns and three that send at once to 8 antennas. The best of some rounds counts.
"""

import sys

import torch
from side_by_side import seconds

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import JSCCLink
from tokencom.linklevel.multiuser import DevicesLink, OrthogonalAccess, UplinkMIMO
from tokencom.linklevel.tokens import Tokens
from tokencom.models.tokcom import SplitRound, TokCom, deployed, preset
from tokencom.models.training import LoRA
from tokencom.models.training.lora import add_adapters
from tokencom.scenarios.datasets.avqa_synth import AvqaSynth

CLIPS, QUESTIONS = 8, 9
ITEMS, TOKENS, WIDTH, ANTENNAS, DEVICES = 64, 32, 128, 8, 3


def learning():
    """Return the preset tiny as stage 2 trains it: F_m, G_m and adapters."""
    system = TokCom(preset("tiny"), rate=8000).train()
    add_adapters(system, LoRA(target_modules=r".*language\..*\.(q_proj|v_proj)", r=4, alpha=16.0))
    for name, parameter in system.named_parameters():
        parameter.requires_grad_("projector" in name or "heads" in name or "lora_" in name)
    return system


def split_step():
    """Print what a round of split learning takes against a step of the whole system."""
    system = learning()
    batch = system.collate(AvqaSynth(num_clips=CLIPS, questions_per_clip=QUESTIONS, seed=1)[: CLIPS * QUESTIONS])
    apart = SplitRound(*deployed(system))
    losses = {}

    def whole():
        system.zero_grad()
        losses["whole"] = system.loss(system.tokens(batch), batch)
        losses["whole"].backward()

    def split():
        for part in (*apart.devices, apart.server):
            part.zero_grad()
        losses["split"], losses["traffic"] = apart.run(batch)

    one, two = seconds(whole, split)
    difference = abs(losses["whole"].item() - losses["split"].item())
    traffic = losses["traffic"]
    print(
        f"{CLIPS} clips of {QUESTIONS} questions: step of the whole system {one * 1e3:.0f} ms, split"
        f" {two * 1e3:.0f} ms, ratio {two / one:.2f}; losses {difference:.1e} apart;"
        f" {sum(traffic.up_bytes.values()) / 1e3:.0f} kB up, {sum(traffic.down_bytes.values()) / 1e3:.0f} kB down"
    )


@torch.no_grad()
def access():
    """Print what devices at once take against devices in turn: time of the simulation, and airtime."""
    air = FlatAirInterface(channel="rayleigh", num_rx_ant=ANTENNAS)
    tokens = Tokens(torch.randn(ITEMS, DEVICES * TOKENS, WIDTH, generator=torch.Generator().manual_seed(1)))
    found = {}

    def sending(name, kind):
        links = [JSCCLink(air, DenseCodec(dim=WIDTH, seed=m), length="known") for m in range(DEVICES)]
        link = DevicesLink(links, kind(air, DEVICES), num_tokens=[TOKENS] * (DEVICES - 1)).eval()

        def work():
            found[name] = link(tokens, 12.0, Draws(seed=1))

        return work

    turns, once = seconds(sending("turns", OrthogonalAccess), sending("once", UplinkMIMO), rounds=5)
    airtime = {name: int(reception.channel_uses.airtime[0]) for name, reception in found.items()}
    print(
        f"{ITEMS} items of {DEVICES} x {TOKENS} tokens, {ANTENNAS} antennas: in turn {turns * 1e3:.1f} ms, at once"
        f" {once * 1e3:.1f} ms, ratio {once / turns:.2f}; airtime {airtime['turns']} and {airtime['once']} channel uses"
    )


def main():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    split_step()
    access()


if __name__ == "__main__":
    main()
