"""The signal contract: SNR conversions and per-item power."""

import pytest
import torch

from tokencom.linklevel.signal import ebno_db_to_snr_db, normalize_power, sent_mask, snr_db_to_no


def test_snr_is_energy_over_noise_density():
    snr_db = torch.tensor([-10.0, 0.0, 3.0, 20.0], dtype=torch.float64)
    torch.testing.assert_close(snr_db_to_no(snr_db), 1 / 10 ** (snr_db / 10))


@pytest.mark.parametrize("num_bits_per_symbol", [2, 4, 6])
@pytest.mark.parametrize("coderate", [0.2, 0.5, 1.0])
def test_ebno_equals_sionna_for_one_stream(num_bits_per_symbol, coderate):
    from sionna.phy.utils import ebnodb2no

    snr_db = ebno_db_to_snr_db(4.0, coderate=coderate, num_bits_per_symbol=num_bits_per_symbol)
    want = ebnodb2no(4.0, num_bits_per_symbol=num_bits_per_symbol, coderate=coderate)
    torch.testing.assert_close(snr_db_to_no(snr_db), want)


def test_power_is_normalised_per_item_over_what_is_sent():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 8, dtype=torch.complex64, generator=generator) * torch.tensor([[0.1], [1.0], [9.0]])
    num_symbols = torch.tensor([8, 3, 5])
    y = normalize_power(x, num_symbols)
    mask = sent_mask(num_symbols, 8)
    torch.testing.assert_close((y.abs().square() * mask).sum(-1) / num_symbols, torch.ones(3))
    assert bool((y[~mask] == 0).all())
    padded = torch.nn.functional.pad(x[1:2, :3], (0, 20))
    torch.testing.assert_close(normalize_power(padded, torch.tensor([3]))[0, :3], y[1, :3])


def test_power_gradient_equals_finite_differences():
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(2, 5, dtype=torch.complex128, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: normalize_power(v, torch.tensor([5, 3])), (x,))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_non_finite_input_is_refused(bad):
    x = torch.ones(1, 4, dtype=torch.complex64)
    x[0, 2] = bad
    with pytest.raises(ValueError, match="1 of 4 elements are NaN or infinite"):
        normalize_power(x)
    with pytest.raises(ValueError, match="snr_db"):
        snr_db_to_no(bad)


def test_silent_item_is_refused():
    with pytest.raises(ValueError, match="zero energy"):
        normalize_power(torch.zeros(1, 4, dtype=torch.complex64))


def test_coderate_out_of_range_is_named():
    with pytest.raises(ValueError, match=r"coderate: 1\.5 is outside"):
        ebno_db_to_snr_db(1.0, coderate=1.5, num_bits_per_symbol=2)
