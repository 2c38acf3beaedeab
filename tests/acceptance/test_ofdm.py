"""OFDM with estimated channel of the shipped scenario against a chain written with Sionna's blocks.

Independent draws on both sides; each comparison fails by chance with probability 1e-4.
"""

import numpy as np
import pytest

from tokencom.scenarios.figures.compare import compare

from .measuring import mean_interval, same_mean, same_proportion, shipped_run
from .sionna_chains import OFDMChain, tdl

PERFECT, ESTIMATED = "TDL-A, perfect CSI", "TDL-A"
FFT_SIZE = 12
N = 12 * FFT_SIZE * 4
NUM_ITEMS = 500
SNR_DB = [9, 13]


def overrides(num_bits, link):
    """Return what makes grids of 12 subcarriers, which an item fills."""
    changes = [f"task.num_bits={num_bits}", f"sweep.snr_db={SNR_DB}", "stop={batch_size: 250, max_mc_iter: 2}"]
    for index in range(6):
        changes += [f"schemes.{index}.air.fft_size={FFT_SIZE}", f"schemes.{index}.link={link}"]
    return changes


def chain_errors(scenario, results, point, k):
    link = scenario.build(ESTIMATED)[1]
    air = scenario.scheme(ESTIMATED).air
    chain = OFDMChain(tdl(air), air, num_bits_per_symbol=4, k=k)
    assert chain.n == N
    snr_db = results.points[point]["snr_db"]
    return chain.errors(snr_db=snr_db, gain_db=link.air.gain_db, num_items=NUM_ITEMS, seed=10 + point)


def test_uncoded_bit_error_rate_equals_sionnas(tmp_path):
    link = "{type: digital, code: uncoded, crc: null, num_bits_per_symbol: 4, demapping_method: maxlog}"
    scenario, results, items = shipped_run("ber/ofdm_38901", tmp_path, overrides(N, link), [ESTIMATED])
    for point in range(len(SNR_DB)):
        theirs, gain = chain_errors(scenario, results, point, None)
        ours = items[ESTIMATED, point]["bit_errors"]
        assert same_mean(ours, theirs, 1e-4), (ours.mean() / N, theirs.mean() / N)
        low, high = mean_interval(gain, 1e-4)
        assert low < 1.0 < high  # what Sionna's TDL has by itself


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coded")
    link = f"{{type: digital, code: ldpc5g, crc: null, k: {N // 2}, n: {N}, num_bits_per_symbol: 4}}"
    return folder, *shipped_run("ber/ofdm_38901", folder, overrides(N // 2, link), [PERFECT, ESTIMATED])


def test_coded_block_error_rate_equals_sionnas(coded):
    _, scenario, results, items = coded
    rates = []
    for point in range(len(SNR_DB)):
        theirs, _ = chain_errors(scenario, results, point, N // 2)
        ours = items[ESTIMATED, point]["block_error"]
        rates.append((theirs > 0).mean())
        assert same_proportion(ours, theirs > 0, 1e-4), (ours.mean(), rates[-1])
    assert 0.03 < np.mean(rates) < 0.7


def test_perfect_knowledge_is_not_worse(coded):
    # 95 % intervals of paired differences: were both equal, one of the four would say "better" with
    # probability 0.1 at most. They are not, so "worse" has to be seen.
    folder, *_ = coded
    rows = [row for row in compare([folder]).rows if row.metric.name in {"ber", "bler"}]
    assert len(rows) == 2 * len(SNR_DB)
    for row in rows:
        assert row.method == "paired"
        assert row.num_items == NUM_ITEMS
        assert row.difference >= 0
        assert row.verdict != "better", row
    assert any(row.verdict == "worse" for row in rows if row.metric.name == "bler")
