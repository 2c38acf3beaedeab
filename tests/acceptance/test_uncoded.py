"""Uncoded QAM of the shipped scenario on the closed forms.

Thirty points; all are inside their intervals with probability 99.9 %, so each interval is missed with
probability 0.001 / 30 at most.
"""

import pytest

from tokencom.linklevel.theory import bit_error_rate

from .measuring import mean_interval, proportion_interval, shipped_run

SNR_DB = [0, 3, 6, 9, 12]
NUM_SCHEMES = 6
ERROR = 1e-3 / (NUM_SCHEMES * len(SNR_DB))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    # The closed forms are those of nearest-point decisions, which signs of max-log LLRs are.
    overrides = [f"sweep.snr_db={SNR_DB}", "stop={batch_size: 200, max_mc_iter: 2}"]
    overrides += [f"schemes.{index}.link.demapping_method=maxlog" for index in range(NUM_SCHEMES)]
    return shipped_run("ber/uncoded_qam", tmp_path_factory.mktemp("uncoded"), overrides)


def interval(columns, scheme, link):
    """Return the interval of the bit error rate.

    Bits of a symbol share its fade and, for QAM of more than two bits, its noise, so the blocks are the
    sample. The bits of 4-QAM in AWGN are independent, and few are wrong: theirs is exact.
    """
    errors, bits = columns["bit_errors"], columns["num_bits"]
    if scheme.air.channel == "awgn" and link.num_bits_per_symbol == 2:
        return proportion_interval(errors.sum(), bits.sum(), ERROR)
    assert errors.sum() > 1000
    return mean_interval(errors / bits, ERROR)


def test_every_point_is_on_the_closed_form(found):
    scenario, results, items = found
    assert len(items) == 30
    missed = []
    for (name, point), columns in items.items():
        scheme = scenario.scheme(name)
        assert scheme.air.channel == "awgn" or scheme.air.fading == "symbol"
        assert columns["num_bits"].sum() == 480_000
        snr_db = results.points[point]["snr_db"]
        expected = float(bit_error_rate(snr_db, scheme.link.num_bits_per_symbol, channel=scheme.air.channel))
        low, high = interval(columns, scheme, scheme.link)
        if not low < expected < high:
            missed.append((name, snr_db, expected, low, high))
    assert not missed


def test_intervals_are_narrow_enough_to_tell(found):
    _, results, items = found
    for (name, point), columns in items.items():
        if results.points[point]["snr_db"] <= 6:
            low, high = mean_interval(columns["bit_errors"] / columns["num_bits"], ERROR)
            # A tenth of a decibel moves these rates by 1 to 7 %; half of one by at least 4 %.
            assert (high - low) / (high + low) < 0.06, (name, results.points[point])


def test_results_hold_the_counts_of_the_items(found):
    scenario, results, items = found
    metric = [info.name for info in results.metrics].index("ber")
    for (name, point), columns in items.items():
        at = results.schemes.index(name), point, metric
        assert results.count[at] == columns["bit_errors"].sum()
        assert results.total[at] == columns["num_bits"].sum()
        assert results.value[at] == columns["bit_errors"].sum() / columns["num_bits"].sum()
        assert results.low[at] <= results.value[at] <= results.high[at]
    assert {scheme.name for scheme in scenario.schemes} == set(results.schemes)
