"""Uplink MIMO against closed forms, an independent loop, and the signal contract."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import gamma, kstest, norm

from tokencom.linklevel.air import FlatAirInterface, OFDMAirInterface, TDLChannel
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.multiuser import UplinkMIMO, draws_of_device
from tokencom.linklevel.theory import bit_error_rate

DRAWS = Draws(seed=11)
Z99 = float(norm.ppf(0.995))


def rayleigh(antennas: int, num_pilots: int = 0, **options) -> FlatAirInterface:
    csi = "estimated" if num_pilots else "perfect"
    options = {"channel": "rayleigh", **options}
    return FlatAirInterface(csi=csi, num_pilots=num_pilots, num_rx_ant=antennas, **options)


def qpsk(batch: int, width: int, seed: int, dtype=torch.complex64) -> torch.Tensor:
    bits = torch.randint(0, 2, (2, batch, width), generator=torch.Generator().manual_seed(seed))
    return (torch.complex(*(1.0 - 2.0 * bits.double())) / math.sqrt(2.0)).to(dtype)


def bit_errors(sent: list[torch.Tensor], received: list) -> torch.Tensor:
    """Return the bit error rate of each item over all devices, [batch]."""
    wrong = [
        ((x.real * r.symbols.real < 0).double() + (x.imag * r.symbols.imag < 0)).mean(1) / 2
        for x, r in zip(sent, received, strict=True)
    ]
    return torch.stack(wrong).mean(0)


def assert_mean(values: torch.Tensor, expected: float) -> None:
    """Five standard deviations over independent items: a right value fails once in 1.7 million."""
    deviation = float(values.std()) / math.sqrt(len(values))
    assert abs(float(values.mean()) - expected) < 5 * deviation
    assert 5 * deviation < 0.3 * expected, "the interval would not tell a wrong diversity order"


@pytest.mark.parametrize(("devices", "antennas", "snr_db"), [(3, 4, 6.0), (3, 3, 10.0), (1, 2, 3.0)])
def test_zero_forcing_has_the_bit_error_rate_of_its_diversity_order(devices, antennas, snr_db):
    uplink = UplinkMIMO(rayleigh(antennas), devices, detector="zf")
    sent = [qpsk(3000, 256, m) for m in range(devices)]
    rates = bit_errors(sent, uplink.transmit(sent, snr_db, DRAWS))
    expected = bit_error_rate(snr_db, 2, channel="rayleigh", num_rx_ant=antennas - devices + 1)
    assert_mean(rates, float(expected))


def test_zero_forcing_noise_follows_the_gamma_law():
    """Kolmogorov-Smirnov, p > 1e-6: a right law fails once in a million."""
    uplink = UplinkMIMO(rayleigh(6), 3, detector="zf")
    h = uplink.fade(5000, DRAWS)
    _, no_eff = uplink.detect(torch.zeros(5000, 1, 6, 1, dtype=torch.complex64), h, torch.full((5000,), 0.1))
    assert kstest((0.1 / no_eff[:, 1, 0]).double().numpy(), gamma(4).cdf).pvalue > 1e-6
    assert kstest((0.1 / no_eff[:, 1, 0]).double().numpy(), gamma(5).cdf).pvalue < 1e-6


@pytest.mark.parametrize("control", ["none", "inversion"])
def test_lmmse_equals_a_loop_over_items(control):
    """SINR and estimates of Tse and Viswanath, eqs. 8.64 to 8.66, written with numpy."""
    gains = (0.0, -6.0, 3.0)
    uplink = UplinkMIMO(rayleigh(4, precision="double"), 3, path_gain_db=gains, power_control=control)
    sent = [qpsk(5, 7, m, torch.complex128) for m in range(3)]
    levels = uplink.levels(5.0, 5)
    h = uplink.fade(5, DRAWS)
    tx = uplink.radiate(sent, [torch.full((5,), 7)] * 3)
    y = uplink.add_noise(uplink.propagate(tx, h, levels), levels, DRAWS)
    received = uplink.transmit(sent, 5.0, DRAWS)
    no = 10.0**-0.5
    power = 10.0 ** (np.array(gains) / 10.0)
    if control == "inversion":
        power[:] = power.min()
    for item in range(5):
        columns = h[item].numpy() * np.sqrt(power)
        heard = y[item, 0, :, :7].numpy()
        for m in range(3):
            others = np.delete(columns, m, axis=1)
            interference = no * np.eye(4) + others @ others.conj().T
            filtered = np.linalg.solve(interference, columns[:, m])
            sinr = (columns[:, m].conj() @ filtered).real
            np.testing.assert_allclose(received[m].no_eff[item].numpy(), 1.0 / sinr, rtol=1e-9)
            estimate = filtered.conj() @ heard / sinr
            np.testing.assert_allclose(received[m].symbols[item].numpy(), estimate, rtol=1e-8)
    np.testing.assert_allclose(received[1].no.numpy(), no / power[1], rtol=1e-12)


@pytest.mark.parametrize("detector", ["lmmse", "zf"])
def test_estimates_are_unbiased_and_no_eff_is_their_error(detector):
    uplink = UplinkMIMO(rayleigh(4), 3, detector=detector, path_gain_db=(0.0, -10.0, 5.0))
    sent = [qpsk(600, 256, m) for m in range(3)]
    for x, heard in zip(sent, uplink.transmit(sent, 8.0, DRAWS), strict=True):
        error = (heard.symbols - x) / heard.no_eff.sqrt()
        assert_near(error.abs().square().mean(1), 1.0)
        assert_near((error * x.conj()).real.mean(1), 0.0)


def assert_near(values: torch.Tensor, expected: float) -> None:
    deviation = float(values.double().std()) / math.sqrt(len(values))
    assert abs(float(values.double().mean()) - expected) < 5 * deviation < 0.1


def test_one_device_is_the_flat_air_interface():
    air = rayleigh(2, num_pilots=3)
    x, count = qpsk(4, 300, 1), torch.tensor([300, 0, 20, 1])
    alone = air(x, 0.1, DRAWS, num_symbols=count)
    (received,) = UplinkMIMO(air, 1).transmit([x], 10.0, DRAWS, [count])
    torch.testing.assert_close(received.symbols, alone.symbols, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(received.no_eff, alone.no_eff)
    torch.testing.assert_close(received.no, alone.no)


def within_limit(values: torch.Tensor, expected: float) -> bool:
    """Tell whether the 99 % interval of a mean lies within 0.1 dB."""
    values = values.double()
    mean, half = float(values.mean()), Z99 * float(values.std()) / math.sqrt(values.numel())
    ends = [10.0 * math.log10((mean + side * half) / expected) for side in (-1, 1)]
    return max(map(abs, ends)) <= 0.1


@pytest.mark.parametrize("k_factor_db", [None, 3.0])
def test_audit_of_each_device(k_factor_db):
    """Radiated energy, gain, and noise per device, each measured by itself, before the detector."""
    channel = {} if k_factor_db is None else {"channel": "rician", "k_factor_db": k_factor_db}
    uplink = UplinkMIMO(rayleigh(4, num_pilots=5, **channel), 3, path_gain_db=(0.0, -7.0, 4.0))
    counts = [torch.tensor([260, 3, 0]), torch.tensor([90, 90, 90]), torch.tensor([1, 512, 7])]
    widths = [260, 90, 512]
    tx = uplink.radiate([qpsk(3, width, m) for m, width in enumerate(widths)], counts)
    uses = uplink.uses(counts, 0.0)
    radiated = tx.abs().square().sum((1, 3))
    torch.testing.assert_close(radiated.double(), uses.energy, rtol=1e-5, atol=1e-5)
    assert uses.energy.tolist() == [[265.0, 95.0, 6.0], [8.0, 95.0, 517.0], [0.0, 95.0, 12.0]]
    h = uplink.fade(40_000, DRAWS)
    assert all(within_limit(h[..., m].abs().square(), 1.0) for m in range(3))
    levels = uplink.levels(12.0, 100)
    silence = torch.zeros(100, 3, 4, 256, dtype=torch.complex64)
    noise = uplink.add_noise(silence, levels, DRAWS).abs().square()
    assert all(within_limit(noise[:, :, antenna], 10.0**-1.2) for antenna in range(4))
    for m, snr_db in enumerate((12.0, 5.0, 16.0)):
        one = torch.zeros(3, 1).scatter(0, torch.tensor([[m]]), 1.0)[None, None].to(torch.complex64)
        heard = uplink.propagate(one.expand(40_000, 1, 3, 1), h, uplink.levels(12.0, 40_000)).abs().square()
        assert within_limit(heard / noise.double().mean(), 10.0 ** (snr_db / 10.0))
        assert float(levels.snr_db[0, m]) == pytest.approx(snr_db, abs=1e-4)


def test_fades_of_devices_are_independent_and_do_not_depend_on_their_number():
    """|correlation| of 20,000 fades stays below 5 / sqrt(20000), missed once in 1.7 million."""
    h = UplinkMIMO(rayleigh(4), 4).fade(20_000, DRAWS)[:, 0]
    correlation = (h.mH @ h / len(h)).abs() - torch.eye(4) * (h.abs().square().mean(0))
    assert float(correlation.max()) < 5 / math.sqrt(20_000)
    assert torch.equal(UplinkMIMO(rayleigh(4), 2).fade(20_000, DRAWS)[:, 0], h[:, :2])
    alone = rayleigh(4).fade(20_000, 1, draws_of_device(DRAWS, 2))
    assert torch.equal(alone[:, 0, 0, 0, 0], h[:, 2])


def test_lines_of_sight_come_from_different_angles():
    air = rayleigh(4, channel="rician", k_factor_db=60.0)
    h = UplinkMIMO(air, 4).fade(3, DRAWS)
    torch.testing.assert_close(h.mH @ h, 4.0 * torch.eye(4, dtype=h.dtype).expand(3, 4, 4), rtol=0.0, atol=0.05)
    same = UplinkMIMO(air, 2, angles_deg=(30.0, 30.0)).fade(3, DRAWS)
    assert torch.allclose(same[..., 0], same[..., 1], atol=0.02)
    quarter = torch.tensor([1.0, 1j, -1.0, -1j])
    assert torch.allclose(same[..., 0], quarter.expand(3, 4), atol=0.02)


def test_silent_elements_change_nothing_for_others():
    """A device that ends early is detected where it is silent too, so others hear the same filters."""
    uplink = UplinkMIMO(rayleigh(4), 2)
    long, short = qpsk(3, 300, 1), qpsk(3, 10, 2)
    first, second = uplink.transmit([long, short], 10.0, DRAWS)
    assert second.symbols.shape == (3, 10)
    assert torch.equal(first.no_eff[:, :1].expand(3, 300), first.no_eff)
    counts = [torch.full((3,), 300), torch.tensor([10, 4, 0])]
    spoilt = torch.where(torch.arange(10) < counts[1][:, None], short, 7.0 + 0j)
    clean = torch.where(torch.arange(10) < counts[1][:, None], short, 0j)
    one, other = (uplink.transmit([long, x], 10.0, DRAWS, counts)[0].symbols for x in (spoilt, clean))
    assert torch.equal(one, other)


def test_empty_batches_and_empty_payloads():
    uplink = UplinkMIMO(rayleigh(4, num_pilots=2), 2)
    empty = torch.zeros(0, 5, dtype=torch.complex64)
    assert [r.symbols.shape for r in uplink.transmit([empty, empty], 3.0, DRAWS)] == [(0, 5), (0, 5)]
    nothing = torch.zeros(2, 0, dtype=torch.complex64)
    received = uplink.transmit([nothing, qpsk(2, 5, 1)], 3.0, DRAWS)
    assert received[0].symbols.shape == (2, 0)
    assert bool(torch.isfinite(received[1].no_eff).all())
    assert uplink.uses([torch.zeros(2).long()] * 2, 3.0).shared.total.tolist() == [0, 0]


@pytest.mark.parametrize("detector", ["lmmse", "zf"])
@pytest.mark.parametrize("num_pilots", [0, 3])
def test_gradients_equal_finite_differences(detector, num_pilots):
    air = rayleigh(3, num_pilots=num_pilots, precision="double")
    uplink = UplinkMIMO(air, 2, detector=detector, path_gain_db=(0.0, -5.0))

    def passed(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        received = uplink.transmit([torch.view_as_complex(x) for x in (first, second)], [3.0, 9.0], DRAWS)
        return torch.cat([torch.view_as_real(r.biased).flatten() for r in received])

    values = [torch.view_as_real(qpsk(2, width, 1, torch.complex128)).clone().requires_grad_() for width in (3, 2)]
    assert torch.autograd.gradcheck(passed, values)


def test_gradients_are_finite_in_deep_fades():
    uplink = UplinkMIMO(rayleigh(3), 3)
    x = [qpsk(500, 4, m).requires_grad_() for m in range(3)]
    sum(r.biased.abs().square().sum() for r in uplink.transmit(x, [40.0, -20.0, 80.0], DRAWS)).backward()
    assert all(bool(torch.isfinite(torch.view_as_real(one.grad)).all()) for one in x)


def test_uses_of_a_round_are_those_of_the_longest():
    uplink = UplinkMIMO(rayleigh(4, num_pilots=4), 3, path_gain_db=(0.0, -3.0, 0.0), power_control="inversion")
    counts = [torch.tensor([100, 10]), torch.tensor([40, 40]), torch.tensor([0, 0])]
    side = [torch.tensor([16, 1]), torch.tensor([5, 2]), torch.tensor([0, 0])]
    uses = uplink.uses(counts, 10.0, side)
    assert uses.shared.payload.tolist() == [84, 38]
    assert uses.shared.side_information.tolist() == [16, 2]
    assert uses.shared.pilots.tolist() == [4, 4]
    assert uses.shared.airtime.tolist() == [104, 44]
    assert uses.airtime.tolist() == [[104, 44, 0], [14, 44, 0]]
    half = 10.0**-0.3
    torch.testing.assert_close(
        uses.energy, torch.tensor([[104 * half, 44, 0], [14 * half, 44, 0]]).double(), rtol=1e-6, atol=0.0
    )


def test_snr_per_device_and_path_gain_are_the_same_thing():
    by_gain = UplinkMIMO(rayleigh(4), 2, path_gain_db=(0.0, -8.0))
    sent = [qpsk(3, 20, m) for m in range(2)]
    expected = by_gain.transmit(sent, 12.0, DRAWS)
    for snr_db in ([12.0, 4.0], torch.tensor([[12.0, 4.0]] * 3), [torch.full((3,), 12.0), 4.0]):
        received = UplinkMIMO(rayleigh(4), 2).transmit(sent, snr_db, DRAWS)
        for one, other in zip(received, expected, strict=True):
            torch.testing.assert_close(one.symbols, other.symbols)
            torch.testing.assert_close(one.no, other.no)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: UplinkMIMO(rayleigh(2), 3), "num_devices: 3 given with num_rx_ant = 2"),
        (lambda: UplinkMIMO(rayleigh(4, num_pilots=2), 3), "air.num_pilots: 2 given for 3 devices"),
        (lambda: UplinkMIMO(FlatAirInterface(channel="awgn", num_rx_ant=4), 2), "channel 'awgn'"),
        (lambda: UplinkMIMO(rayleigh(4, fading="symbol"), 2), "fading 'symbol'"),
        (lambda: UplinkMIMO(FlatAirInterface(channel="rayleigh", csi="none"), 1), "air.csi: 'none'"),
        (lambda: UplinkMIMO(rayleigh(4, num_streams=2), 2), "air.num_streams: 2"),
        (lambda: UplinkMIMO(rayleigh(4), 2, path_gain_db=(0.0,)), "path_gain_db: 1 values given for 2 devices"),
        (lambda: UplinkMIMO(rayleigh(4), 2, angles_deg=(0.0,)), "angles_deg: 1 entries given"),
        (lambda: UplinkMIMO(rayleigh(4), 2, detector="mmse"), "did you mean 'lmmse'"),
        (lambda: UplinkMIMO(rayleigh(4), 2, power_control="invert"), "did you mean 'inversion'"),
    ],
)
def test_what_cannot_work_is_refused(made, message):
    with pytest.raises(ValueError, match=message):
        made()


def test_other_air_interfaces_are_refused():
    ofdm = OFDMAirInterface(channel=TDLChannel(model="A", delay_spread=1e-7, carrier_frequency=3.5e9), fft_size=12)
    with pytest.raises(TypeError, match="air: OFDMAirInterface given"):
        UplinkMIMO(ofdm, 1)
    with pytest.raises(ValueError, match="num_devices: 2 given with num_rx_ant = 1"):
        UplinkMIMO(rayleigh(4), 2).over(rayleigh(1))


@pytest.mark.parametrize(
    ("symbols", "snr_db", "counts", "message"),
    [
        ([qpsk(3, 4, 1)], 1.0, None, "symbols: 1 entries given"),
        ([qpsk(3, 4, 1), qpsk(2, 4, 1)], 1.0, None, r"symbols: batches of \[3, 2\] items"),
        ([qpsk(3, 4, 1)] * 2, [1.0], None, "snr_db: 1 values given for 2 devices"),
        ([qpsk(3, 4, 1)] * 2, torch.zeros(3, 3), None, r"snr_db: shape \[3, 3\] given"),
        ([qpsk(3, 4, 1)] * 2, math.nan, None, "snr_db: 1 of 1 elements are NaN"),
        ([qpsk(3, 4, 1)] * 2, 1.0, [torch.ones(3)], "num_symbols: 1 entries given"),
        ([qpsk(3, 4, 1), qpsk(3, 4, 1) * math.inf], 1.0, None, r"symbols\[1\]: "),
    ],
)
def test_wrong_input_is_named(symbols, snr_db, counts, message):
    with pytest.raises(ValueError, match=message):
        UplinkMIMO(rayleigh(4), 2).transmit(symbols, snr_db, DRAWS, counts)
