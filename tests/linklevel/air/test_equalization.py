"""Equalisation against Sionna's blocks, and where single precision would fail."""

import pytest
import torch
from sionna.phy.mimo import lmmse_equalizer, mf_equalizer, zf_equalizer

from tokencom.linklevel.air.equalization import EQUALIZERS, equalize

SIONNAS = {"zf": zf_equalizer, "lmmse": lmmse_equalizer, "mf": mf_equalizer}


def draw(*shape):
    return torch.randn(*shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(len(shape)))


@pytest.mark.parametrize("equalizer", EQUALIZERS)
@pytest.mark.parametrize(("num_rx_ant", "num_streams"), [(1, 1), (3, 1), (2, 2), (4, 3)])
def test_equals_sionnas(num_rx_ant, num_streams, equalizer):
    h, y = draw(50, num_rx_ant, num_streams), draw(50, num_rx_ant)
    noise = torch.linspace(0.01, 2.0, 50, dtype=torch.float64)
    x_hat, no_eff = equalize(y, h, noise, equalizer)
    covariance = noise[:, None, None] * torch.eye(num_rx_ant)
    want, want_no_eff = SIONNAS[equalizer](y, h, covariance, precision="double")
    torch.testing.assert_close(x_hat, want)
    torch.testing.assert_close(no_eff, want_no_eff)


@pytest.mark.parametrize("equalizer", EQUALIZERS)
@pytest.mark.parametrize("noise", [0.0, 1e-9, 1e-3])
def test_badly_conditioned_channels_give_finite_numbers(equalizer, noise):
    h = draw(2000, 4, 1).expand(-1, -1, 4) + 1e-4 * draw(2000, 4, 4)
    x = draw(2000, 4)
    y = (h @ x[..., None])[..., 0]
    x_hat, no_eff = equalize(
        y.to(torch.complex64), h.to(torch.complex64), torch.full((2000,), noise), equalizer
    )
    assert x_hat.dtype == torch.complex64
    assert no_eff.dtype == torch.float32
    assert bool(torch.isfinite(x_hat).all())
    assert bool((torch.isfinite(no_eff) & (no_eff > 0)).all())


def test_one_channel_serves_many_samples():
    h, y, noise = draw(5, 1, 4, 2), draw(5, 30, 4), torch.full((5, 1), 0.1, dtype=torch.float64)
    x_hat, no_eff = equalize(y, h, noise, "lmmse")
    want, want_no_eff = equalize(y, h.expand(-1, 30, -1, -1), noise.expand(-1, 30), "lmmse")
    torch.testing.assert_close(x_hat, want)
    torch.testing.assert_close(no_eff, want_no_eff)
