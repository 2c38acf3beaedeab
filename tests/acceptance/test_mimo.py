"""Spatial multiplexing over CDL of the shipped scenario against a chain written with Sionna's blocks.

Independent draws on both sides; each comparison fails by chance with probability 1e-4.
"""

import math

import pytest

from .measuring import mean_interval, same_mean, same_proportion, shipped_run
from .sionna_chains import OFDMChain, cdl

FFT_SIZE = 12
NUM_ITEMS = 300
INDEX = {"2 x 2, LMMSE": 2, "4 x 4, LMMSE": 4}


def run_scheme(name, folder, *, snr_db, csi, link, num_bits):
    at = f"schemes.{INDEX[name]}"
    changes = [
        f"sweep.snr_db=[{snr_db}]", "stop={batch_size: 100, max_mc_iter: 3}",
        f"{at}.air.fft_size={FFT_SIZE}", f"{at}.air.csi={csi}",
        f"{at}.task={{type: bits, num_bits: {num_bits}}}", f"{at}.link={link}",
    ]  # fmt: skip
    scenario, _, items = shipped_run("ber/mimo_cdl", folder, changes, [name])
    return scenario, items[name, 0]


def chain_errors(scenario, name, *, snr_db, k):
    air = scenario.scheme(name).air
    assert air.channel.type == "cdl"
    chain = OFDMChain(cdl(air), air, num_bits_per_symbol=2, k=k)
    gain_db = scenario.build(name)[1].air.gain_db
    errors, gain = chain.errors(snr_db=snr_db, gain_db=gain_db, num_items=NUM_ITEMS, seed=20)
    low, high = mean_interval(gain, 1e-4)
    assert low < 10 ** (gain_db / 10) < high
    assert 10 * math.log10(high / low) < 1.3
    return errors


@pytest.mark.parametrize(("name", "csi"), [("2 x 2, LMMSE", "estimated"), ("4 x 4, LMMSE", "perfect")])
def test_uncoded_bit_error_rate_equals_sionnas(name, csi, tmp_path):
    n = 12 * FFT_SIZE * 2 * int(name[0])
    link = "{type: digital, code: uncoded, crc: null, num_bits_per_symbol: 2, demapping_method: maxlog}"
    scenario, columns = run_scheme(name, tmp_path, snr_db=8, csi=csi, link=link, num_bits=n)
    theirs = chain_errors(scenario, name, snr_db=8, k=None)
    assert same_mean(columns["bit_errors"], theirs, 1e-4), (columns["bit_errors"].mean() / n, theirs.mean() / n)


@pytest.mark.parametrize(("name", "csi", "snr_db"), [("2 x 2, LMMSE", "estimated", 8), ("4 x 4, LMMSE", "perfect", 6)])
def test_coded_block_error_rate_equals_sionnas(name, csi, snr_db, tmp_path):
    n = 12 * FFT_SIZE * 2 * int(name[0])
    link = f"{{type: digital, code: ldpc5g, crc: null, k: {n // 2}, n: {n}, num_bits_per_symbol: 2}}"
    scenario, columns = run_scheme(name, tmp_path, snr_db=snr_db, csi=csi, link=link, num_bits=n // 2)
    theirs = chain_errors(scenario, name, snr_db=snr_db, k=n // 2) > 0
    assert same_proportion(columns["block_error"], theirs, 1e-4), (columns["block_error"].mean(), theirs.mean())
    assert 0.03 < theirs.mean() < 0.7
