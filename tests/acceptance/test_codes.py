"""Block error rates of the shipped code scenarios against chains written with Sionna's blocks.

Payloads, fades and noise are drawn independently. Fisher's exact test compares block error counts; all
comparisons of one channel pass with probability 99.9 % where the rates are the same.
"""

import pytest
import torch
from sionna.phy.utils import ebnodb2no

from .measuring import same_proportion, shipped_run
from .sionna_chains import flat_block_errors

K = 64
N = {"LDPC 5G": 128, "Turbo LTE": 204, "Polar 5G, list 8": 128, "Convolutional": 140}
"""Coded bits of the families' own rates, without rate matching."""

NUM_ITEMS = 400


def overrides(sweep):
    sizes = [f"schemes.{i}.link.k={K}" for i in range(len(N))]
    sizes += [f"schemes.{i}.link.n={n}" for i, n in enumerate(N.values())]
    stop = f"stop={{batch_size: {NUM_ITEMS}, max_mc_iter: 1}}"
    return [f"task.num_bits={K}", f"sweep={sweep}", "theory=[]", stop, *sizes]


@pytest.mark.parametrize(
    ("scenario", "sweep", "rayleigh"),
    [("ber/codes_awgn", "{ebno_db: [1, 2.5]}", False), ("ber/codes_rayleigh", "{snr_db: [4]}", True)],
)
def test_block_error_rates_equal_sionnas(scenario, sweep, rayleigh, tmp_path):
    plan, results, items = shipped_run(scenario, tmp_path, overrides(sweep))
    assert list(results.schemes) == list(N)
    assert plan.air.channel == ("rayleigh" if rayleigh else "awgn")
    different, rates = [], []
    for (name, point), columns in items.items():
        link = plan.scheme(name).link
        if rayleigh:
            no = torch.tensor(10 ** (-results.points[point]["snr_db"] / 10))
        else:
            no = ebnodb2no(results.points[point]["ebno_db"], link.num_bits_per_symbol, K / N[name])
        theirs = flat_block_errors(
            link.code.type, K, N[name], num_bits_per_symbol=link.num_bits_per_symbol, no=no,
            num_items=NUM_ITEMS, rayleigh=rayleigh, seed=100 + point,
        )  # fmt: skip
        ours = columns["block_error"]
        rates.append(theirs.mean())
        if not same_proportion(ours, theirs, 1e-3 / len(items)):
            different.append((name, results.points[point], ours.mean(), theirs.mean()))
    assert not different
    assert sum(0.03 < rate < 0.6 for rate in rates) >= len(N)
