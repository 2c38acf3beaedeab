"""The Gold sequence of 5G NR against Sionna's."""

import numpy as np
import pytest
from sionna.phy.nr.utils import generate_prng_seq

from tokencom.linklevel.scrambling import gold_sequence


@pytest.mark.parametrize(("length", "c_init"), [(1, 0), (27, 5), (28, 38211), (29, 2**31 - 1), (5000, 123456789)])
def test_sequence_equals_sionnas(length, c_init):
    assert np.array_equal(gold_sequence(length, c_init).numpy(), generate_prng_seq(length, c_init))


def test_impossible_input():
    with pytest.raises(ValueError, match="length"):
        gold_sequence(0, 1)
    with pytest.raises(ValueError, match="c_init"):
        gold_sequence(5, 2**31)
