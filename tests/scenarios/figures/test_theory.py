"""Theory lines of scenarios."""

from typing import get_args

import numpy as np
import pytest

from tokencom.linklevel import theory
from tokencom.scenarios.figures import TheoryLine, theory_lines
from tokencom.scenarios.figures.theory import KINDS


def line_of(kind, name, **params):
    return {"type": kind, "name": name, "params": params}


BER = line_of("uncoded_ber", "exact", num_bits_per_symbol=4, channel="rayleigh")
CODE = {"num_bits_per_symbol": 4, "coded_modulation": "bicm"}
NORMAL = line_of("normal_approximation", "best", num_channel_uses=512, rate=1.5, **CODE)
OUTAGE = line_of("outage", "outage", rate=2.0, channel="rician", k_factor_db=6.0)
ERGODIC = line_of("ergodic_capacity", "capacity", channel="rayleigh", num_rx_ant=2)


def test_every_type_of_the_schema_has_a_line():
    from tokencom.scenarios.schema.theory import Theory
    from tokencom.scenarios.schema.union import types_of

    assert set(types_of(get_args(Theory)[0])) == set(KINDS)


def test_lines_equal_the_functions():
    lines = theory_lines({"theory": [BER, NORMAL, OUTAGE, ERGODIC], "sweep": {"snr_db": [-3, 3.3, 20]}})
    assert [line.metric for line in lines] == ["ber", "bler", "bler", "goodput"]
    x = lines[0].x
    assert (x[0], x[-1]) == (-3.0, 20.0)
    assert 3.3 in x
    expected = [
        theory.qam_ber_rayleigh(x, 4),
        theory.normal_approximation_bler(x, 512, 1.5, num_bits_per_symbol=4, coded_modulation="bicm"),
        theory.outage_probability(x, 2.0, channel="rician", k_factor_db=6.0),
        theory.ergodic_capacity(x, channel="rayleigh", num_rx_ant=2),
    ]
    for line, y in zip(lines, expected, strict=True):
        np.testing.assert_array_equal(line.y, y)


def test_energy_per_bit_is_converted_with_the_rate_of_the_line():
    ber, normal = theory_lines({"theory": [BER, NORMAL], "sweep": {"ebno_db": [0, 10]}})
    np.testing.assert_allclose(ber.y, theory.qam_ber_rayleigh(ber.x + 10 * np.log10(4), 4))
    expected = theory.normal_approximation_bler(
        normal.x + 10 * np.log10(1.5), 512, 1.5, num_bits_per_symbol=4, coded_modulation="bicm"
    )
    np.testing.assert_allclose(normal.y, expected)
    with pytest.raises(ValueError, match=r"capacity.*no rate"):
        theory_lines({"theory": [ERGODIC], "sweep": {"ebno_db": [0, 10]}})


def test_fixed_snr_gives_one_point():
    (line,) = theory_lines({"theory": [BER], "snr_db": 12.0, "sweep": {"air.speed": [1, 2]}})
    assert line.x.tolist() == [12.0]
    assert line.y == pytest.approx(theory.qam_ber_rayleigh(12.0, 4))
    assert theory_lines({"snr_db": 12.0}) == []
    with pytest.raises(ValueError, match="neither snr_db nor ebno_db"):
        theory_lines({"theory": [BER]})


def test_shipped_scenarios_have_lines_that_can_be_drawn():
    from tokencom.scenarios.schema import load_scenario
    from tokencom.scenarios.schema.shipped import shipped

    drawn = 0
    for name in shipped():
        for line in theory_lines(load_scenario(name)):
            assert np.isfinite(line.y).all()
            drawn += 1
    assert drawn > 0


def test_line_belongs_where_no_swept_value_contradicts_it():
    line = TheoryLine("", "ber", np.zeros(1), np.zeros(1), {"channel": "awgn", "num_rx_ant": 1})
    assert line.belongs({})
    assert line.belongs({"air.channel": "awgn", "task.num_bits": 4})
    assert line.belongs({"air": {"type": "flat", "channel": "awgn"}})
    assert not line.belongs({"air": {"type": "flat", "channel": "rayleigh"}})
    assert not line.belongs({"air.num_rx_ant": 2})
