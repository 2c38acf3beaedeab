"""A KAN layer against pykan's of the same shape: time, memory, parameters, and equal outputs.

python tests/benchmarks/bench_kan.py [threads]

Forward and backward pass of both in turn in this process; the best of some rounds counts. Memory is what autograd keeps
between the two passes. pykan is no dependency: `pip install pykan` for this file alone.
"""

import importlib.util
import sys

import torch
from side_by_side import seconds

from tokencom.models.taichi import KANLayer

SHAPES = ((128, 32, 512), (128, 128, 512), (256, 256, 1024))
"""Inputs, outputs, items."""


def pair(inputs, outputs):
    """Return pykan's layer and ours with the same function."""
    from kan.KANLayer import KANLayer as Theirs

    theirs = Theirs(inputs, outputs, num=5, k=3)
    ours = KANLayer(inputs, outputs, grid_size=5, order=3)
    with torch.no_grad():
        ours.base_weight.copy_(theirs.scale_base.T)
        ours.spline_weight.copy_(theirs.scale_sp.T)
        ours.coefficients.copy_(theirs.coef.transpose(0, 1))
    return theirs, ours


def kept(run):
    """Return the bytes that autograd keeps for the backward pass."""
    sizes = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        run()
    return sum(sizes.values())


def told(inputs, outputs, items):
    """Return a line about one shape."""
    theirs, ours = pair(inputs, outputs)
    x = 2 * torch.rand(items, inputs, generator=torch.Generator().manual_seed(1)) - 1
    runs = {"pykan": lambda: theirs(x)[0].square().sum(), "ours": lambda: ours(x).square().sum()}
    with torch.no_grad():
        error = (theirs(x)[0] - ours(x)).abs().max().item()
    old, new = seconds(*(lambda run=run: run().backward() for run in runs.values()))
    memory = [kept(run) / 2**20 for run in runs.values()]
    counts = [sum(p.numel() for p in layer.parameters() if p.requires_grad) for layer in (theirs, ours)]
    return (
        f"{inputs} x {outputs}, {items} items: {new * 1e3:.1f} ms, pykan {old * 1e3:.1f} ms, ratio {old / new:.0f};"
        f" kept {memory[1]:.1f} MB, pykan {memory[0]:.1f} MB, ratio {memory[0] / memory[1]:.0f};"
        f" parameters {counts[1]}, pykan {counts[0]}; largest difference {error:.1e}"
    )


def main(threads=1):
    """Print the figures."""
    if importlib.util.find_spec("kan") is None:
        print("pykan is not installed (pip install pykan): nothing to compare with")
        return
    torch.set_num_threads(threads)
    for shape in SHAPES:
        print(told(*shape))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
