"""Estimated channels of an uplink: error variances, and the loss that they predict."""

import math

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.multiuser import UplinkMIMO
from tokencom.linklevel.theory import bit_error_rate

DRAWS = Draws(seed=12)
DEVICES, ANTENNAS = 3, 4


def made(num_pilots: int, **options) -> UplinkMIMO:
    rician = "k_factor_db" in options
    air = FlatAirInterface(
        channel="rician" if rician else "rayleigh", csi="estimated", num_pilots=num_pilots, num_rx_ant=ANTENNAS,
        k_factor_db=options.pop("k_factor_db", None),
    )  # fmt: skip
    return UplinkMIMO(air, DEVICES, **options)


def qpsk(batch: int, width: int, seed: int) -> torch.Tensor:
    bits = torch.randint(0, 2, (2, batch, width), generator=torch.Generator().manual_seed(seed))
    return torch.complex(*(1.0 - 2.0 * bits.float())) / math.sqrt(2.0)


def assert_near(values: torch.Tensor, expected: float, widest: float) -> None:
    """Five standard deviations over independent values: a right one fails once in 1.7 million."""
    values = values.double().flatten()
    deviation = float(values.std()) / math.sqrt(len(values))
    assert abs(float(values.mean()) - expected) < 5 * deviation < widest * max(expected, 1e-9)


def errors(uplink: UplinkMIMO, batch: int, snr_db: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the errors of the estimates, the estimates, and the variances that the receiver believes."""
    count = [torch.ones(batch).long()] * DEVICES
    levels = uplink.levels(snr_db, batch)
    h = uplink.fade(batch, DRAWS)
    tx = uplink.radiate([torch.ones(batch, 1, dtype=torch.complex64)] * DEVICES, count)
    estimate, variance = uplink.estimate(uplink.add_noise(uplink.propagate(tx, h, levels), levels, DRAWS), levels)
    return estimate - h * levels.received.sqrt()[:, None], estimate, variance


@pytest.mark.parametrize("num_pilots", [3, 4, 300])
def test_pilots_are_orthogonal_and_of_unit_energy(num_pilots):
    pilots = made(num_pilots).pilots
    torch.testing.assert_close(pilots.abs(), torch.ones(DEVICES, num_pilots))
    torch.testing.assert_close(
        pilots @ pilots.mH, num_pilots * torch.eye(DEVICES, dtype=pilots.dtype), atol=2e-3, rtol=0.0
    )


@pytest.mark.parametrize("options", [{"estimator": "ls"}, {"estimator": "lmmse"},
                                     {"estimator": "lmmse", "k_factor_db": 4.0}])  # fmt: skip
def test_error_variance(options):
    gains = (0.0, -6.0, 4.0)
    uplink = made(5, path_gain_db=gains, **dict(options))
    error, estimate, variance = errors(uplink, 2500, 0.0)
    for m, gain in enumerate(gains):
        expected = 1.0 / 5
        if options["estimator"] == "lmmse":
            scattered = 10.0 ** (gain / 10.0) / (1.0 + 10.0 ** (options.get("k_factor_db", -math.inf) / 10.0))
            expected = scattered * expected / (scattered + expected)
            # The error of an LMMSE estimate is orthogonal to it.
            product = (error[..., m] * estimate[..., m].conj()).real.flatten()
            assert abs(float(product.mean())) < 5 * float(product.std()) / math.sqrt(len(product))
        assert float(variance[0, m]) == pytest.approx(expected, rel=1e-5)
        assert_near(error[..., m].abs().square(), expected, 0.1)


@pytest.mark.parametrize("num_pilots", [3, 300])
def test_zero_forcing_with_least_squares_has_the_predicted_bit_error_rate(num_pilots):
    r"""The estimate is CN(0, 1 + s), s = N0/L; given it, the channel is estimate / (1 + s) plus an error of variance
    s / (1 + s), so QPSK meets a Rayleigh channel of diversity N - M + 1 and Es/N0 = 1 / ((1 + s) N0 + M s)."""
    snr_db = 6.0
    no = 10.0 ** (-snr_db / 10.0)
    s = no / num_pilots
    uplink = made(num_pilots, detector="zf")
    sent = [qpsk(2500, 256, m) for m in range(DEVICES)]
    received = uplink.transmit(sent, snr_db, DRAWS)
    rates = [((x.real * r.symbols.real < 0).double() + (x.imag * r.symbols.imag < 0)).mean(1) / 2
             for x, r in zip(sent, received, strict=True)]  # fmt: skip
    effective = -10.0 * math.log10((1.0 + s) * no + DEVICES * s)
    order = ANTENNAS - DEVICES + 1
    expected = float(bit_error_rate(effective, 2, channel="rayleigh", num_rx_ant=order))
    rates = torch.stack(rates).mean(0)
    assert_near(rates, expected, 0.3)
    if num_pilots == DEVICES:
        perfect = float(bit_error_rate(snr_db, 2, channel="rayleigh", num_rx_ant=order))
        assert float(rates.mean()) - 5 * float(rates.std()) / 50 > perfect


@pytest.mark.parametrize("detector", ["lmmse", "zf"])
def test_no_eff_with_lmmse_estimates_is_the_error_that_is_made(detector):
    uplink = made(3, detector=detector, estimator="lmmse", path_gain_db=(0.0, -5.0, 3.0))
    sent = [qpsk(1000, 256, 20 + m) for m in range(DEVICES)]
    for x, heard in zip(sent, uplink.transmit(sent, 6.0, DRAWS), strict=True):
        error = heard.symbols - x
        assert_near((error.abs().square() / heard.no_eff).mean(1), 1.0, 0.1)


def test_estimates_of_more_pilots_than_a_grid_holds_reach_perfect_csi():
    uplink = made(512)
    perfect = UplinkMIMO(FlatAirInterface(channel="rayleigh", num_rx_ant=ANTENNAS), DEVICES)
    sent = [qpsk(40, 20, m) for m in range(DEVICES)]
    for one, other in zip(uplink.transmit(sent, 30.0, DRAWS), perfect.transmit(sent, 30.0, DRAWS), strict=True):
        ratio = (one.no_eff / other.no_eff).median()
        assert float(ratio) == pytest.approx(1.0, abs=0.05)
        assert float((one.symbols - other.symbols).abs().median()) < 0.02
