"""What the trellis, polar and QAM kernels have in common: bounds, the cache, scratch memory."""

import os
import subprocess
import sys

import numpy as np
import pytest

DECODE = """
import warnings
import torch
warnings.simplefilter("ignore")
torch.manual_seed(1)
from sionna.phy.fec.polar import Polar5GEncoder
from sionna.phy.fec.turbo import TurboEncoder
from tokencom.linklevel.fec.bcjr import BCJRDecoder
from tokencom.linklevel.fec.polar import Polar5GDecoder
from tokencom.linklevel.fec.qam import QAMDemapper, QAMMapper
from tokencom.linklevel.fec.turbo import TurboDecoder
from tokencom.linklevel.fec.viterbi import ViterbiDecoder
"""
SMALL = """
QAMDemapper("app", "qam", 6)(torch.randn(37, dtype=torch.complex64), 0.1)
QAMMapper("qam", 4)(torch.ones(3, 8))
for term in (True, False):
    ViterbiDecoder(rate=1/3, constraint_length=4, terminate=term)(torch.randn(17, 120))
Polar5GDecoder(Polar5GEncoder(20, 60), "SC")(torch.randn(17, 60))
"""
LARGE = """
for algorithm in ("map", "log"):
    BCJRDecoder(rate=1/2, constraint_length=4, algorithm=algorithm)(torch.randn(17, 150), llr_a=torch.randn(17, 75))
encoder = TurboEncoder(rate=1/2, constraint_length=4, terminate=True)
for options in ({"algorithm": "map"}, {"algorithm": "log"}, {"algorithm": "maxlog", "arithmetic": "int16"}):
    TurboDecoder(encoder, early_stop=True, **options)(torch.randn(35, 96))
for size in (4, 32):
    Polar5GDecoder(Polar5GEncoder(20, 60), "SCL", size)(torch.randn(17, 60))
"""


def run(code, cache, **variables):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **variables}
    return subprocess.run(
        [sys.executable, "-c", DECODE + code], env=environment, capture_output=True, text=True, timeout=900, check=False
    )


def test_kernels_stay_in_bounds(tmp_path):
    outcome = run(SMALL, tmp_path, NUMBA_BOUNDSCHECK="1")
    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.verify
def test_large_kernels_stay_in_bounds(tmp_path):
    outcome = run(LARGE, tmp_path, NUMBA_BOUNDSCHECK="1")
    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.verify
def test_a_second_process_compiles_nothing(tmp_path):
    code = SMALL + (
        "\nfrom tokencom.linklevel.fec.viterbi_kernel import decode_viterbi as f"
        "\nprint(sum(f.stats.cache_hits.values()), sum(f.stats.cache_misses.values()))"
    )
    assert run(code, tmp_path).stdout.split() == ["0", "1"]
    assert run(code, tmp_path).stdout.split() == ["1", "0"]


def test_scratch_does_not_grow_with_the_batch():
    import torch

    from tokencom.linklevel.fec.turbo import TurboDecoder

    decoder = TurboDecoder(rate=1 / 3, constraint_length=4, terminate=True)
    sizes = []
    for num_frames in (1, 100):
        decoder(torch.zeros(num_frames, 132))
        sizes.append(sum(buffer.nbytes for buffer in decoder._scratch()))
    assert sizes[0] == sizes[1] < 200_000


def test_tables_of_a_recursive_code():
    from sionna.phy.fec.conv import Trellis

    from tokencom.linklevel.fec.trellis import TrellisTables

    trellis = Trellis(("1011", "1101"), rsc=True)
    tables = TrellisTables.of(trellis)
    for state in range(8):
        for h in range(2):
            bit = int(tables.inputs[state]) ^ h
            assert trellis.to_nodes[state, bit] == h * 4 + state // 2
            assert trellis.op_by_fromnode[state, bit] == tables.symbols[state // 2, state % 2, h]
            kept = tables.with_input_bit(keep=1)[state // 2, state % 2, h]
            assert kept == 2 * bit + tables.symbols[state // 2, state % 2, h] % 2
    first = trellis.from_nodes[:, 0].numpy()
    assert (tables.odd_first() == (first % 2 == 1).reshape(2, 4).T).all()


def test_vector_functions():
    from tokencom.linklevel.fec import vector_math as vm
    from tokencom.linklevel.fec.numba_setup import aligned_empty
    from tokencom.linklevel.fec.simd import load, store

    x, index = aligned_empty((100, 16), np.float32), aligned_empty((100, 16), np.int32)
    out = aligned_empty((400, 16), np.float32)
    x[:] = np.linspace(-60, 60, 1600).reshape(100, 16)
    index[:] = np.random.default_rng(0).integers(0, 16, (100, 16))
    apply_all(load, store, vm)(x, index, out)
    exact = x.astype(np.float64)
    correction, power, logarithm, permuted = out.reshape(4, 100, 16)
    assert np.abs(correction - np.log1p(np.exp(-np.abs(exact)))).max() < 2.1e-6
    assert np.abs(power / np.exp(exact) - 1).max() < 1e-5
    assert np.abs(logarithm - exact).max() < 1e-5
    assert (permuted == np.take_along_axis(x, index.astype(np.int64), 1)).all()


def apply_all(load, store, vm):
    import numba

    log1p_exp, exponential, logarithm, permuted = vm.log1p_exp, vm.exponential, vm.logarithm, vm.permuted

    @numba.njit
    def function(x, index, out):
        for i in range(100):
            value = load(x, i)
            store(out, i, log1p_exp(value))
            store(out, 100 + i, exponential(value))
            store(out, 200 + i, logarithm(exponential(value)))
            store(out, 300 + i, permuted(value, load(index, i)))

    return function
