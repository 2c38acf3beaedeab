"""Control headers: distances, error rates, bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binomtest, norm

from tokencom.linklevel.air.base import Received
from tokencom.linklevel.control import ControlHeader, codewords


def received(symbols, no, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(symbols.shape, generator=generator, dtype=torch.complex64)
    batch = len(symbols)
    return Received(symbols + no**0.5 * noise, torch.full(symbols.shape, no), torch.full((batch,), no))


def test_words_are_bi_orthogonal():
    words = codewords()
    distance = (words[:, None] != words).sum(dim=-1)
    assert words.shape == (64, 32)
    assert set(distance.fill_diagonal_(16).unique().tolist()) == {16, 32}
    assert (distance == 32).sum(dim=1).tolist() == [1] * 64


@settings(max_examples=60, deadline=None)
@given(data=st.data(), num_bits=st.integers(1, 40), repetitions=st.integers(1, 3))
def test_round_trip(data, num_bits, repetitions):
    header = ControlHeader(num_bits, num_repetitions=repetitions)
    values = torch.tensor(data.draw(st.lists(st.integers(0, 2**num_bits - 1), min_size=1, max_size=5)))
    symbols = header.encode(values)
    assert symbols.shape == (len(values), header.num_symbols)
    assert header.num_symbols == 16 * repetitions * -(-num_bits // 6)
    assert torch.allclose(symbols.abs(), torch.ones(()))
    tail = torch.zeros(len(values), 7)
    longer = Received(torch.cat([symbols, tail], dim=1), torch.ones(len(values), header.num_symbols + 7), None)
    assert torch.equal(header.decode(longer), values)


@pytest.mark.parametrize(("repetitions", "snr_db"), [(1, -4.0), (2, -7.0)])
def test_error_rate_equals_that_of_bi_orthogonal_signals(repetitions, snr_db):
    """J. Proakis, Digital Communications, section 4.4: M = 64 bi-orthogonal signals of energy E."""
    energy = 16 * repetitions * 10 ** (snr_db / 10)
    mean = np.sqrt(2 * energy)
    correct = quad(lambda v: norm.pdf(v, mean) * (2 * norm.cdf(v) - 1) ** 31, 0, mean + 12)[0]
    header = ControlHeader(6, num_repetitions=repetitions)
    values = torch.arange(6000) % 64
    decoded = header.decode(received(header.encode(values), 10 ** (-snr_db / 10)))
    errors = int((decoded != values).sum())
    assert errors > 100
    assert binomtest(errors, 6000, 1 - correct).pvalue > 1e-4


def test_a_noisier_symbol_counts_less():
    header = ControlHeader(6)
    symbols = header.encode(torch.tensor([21]))
    no_eff = torch.full(symbols.shape, 0.1)
    wrong = symbols.clone()
    wrong[:, :7] *= -1
    no_eff[:, :7] = 100.0
    assert header.decode(Received(wrong, no_eff, torch.tensor([0.1]))).item() == 21
    no_eff[:] = float("inf")
    assert header.decode(Received(wrong, no_eff, torch.tensor([0.1]))).item() == 0


def test_values_stay_in_range_whatever_is_received():
    header = ControlHeader(8)
    noise = received(torch.zeros(2000, header.num_symbols, dtype=torch.complex64), 1.0)
    values = header.decode(noise)
    assert int(values.min()) >= 0
    assert int(values.max()) < 256
    assert len(values.unique()) > 200


def test_impossible_input():
    header = ControlHeader(4)
    for value in (-1, 16):
        with pytest.raises(ValueError, match=r"\[0, 15\]"):
            header.encode(torch.tensor([value]))
    with pytest.raises(ValueError, match="shape"):
        header.decode(Received(torch.zeros(1, 15, dtype=torch.complex64), torch.ones(1, 15), torch.ones(1)))
    with pytest.raises(ValueError, match="num_bits"):
        ControlHeader(0)
    with pytest.raises(ValueError, match="num_repetitions"):
        ControlHeader(4, num_repetitions=0)
