"""Constellations and soft demapping against the formulas."""

import numpy as np
import pytest
import torch

from tokencom.linklevel.modulation import CHUNK, Modulation, psk_points

ALL = [("qam", m) for m in (2, 4, 6, 8)] + [("psk", m) for m in range(1, 7)] + [("pam", m) for m in range(1, 7)]


def bits_of(batch, n, seed=0):
    return torch.randint(0, 2, (batch, n), generator=torch.Generator().manual_seed(seed)).float()


@pytest.mark.parametrize(("kind", "m"), ALL)
def test_points_have_unit_energy_and_map_by_label(kind, m):
    modulation = Modulation(kind, m)
    points = modulation.points
    assert points.shape == (2**m,)
    assert points.abs().square().mean().item() == pytest.approx(1.0, abs=1e-6)
    labels = torch.arange(2**m)
    bits = ((labels[:, None] >> torch.arange(m - 1, -1, -1)) & 1).float()
    assert torch.allclose(modulation.map(bits)[:, 0], points)
    if kind == "pam":
        assert points.imag.abs().max() == 0


@pytest.mark.parametrize(("kind", "m"), ALL)
def test_neighbours_differ_in_one_bit(kind, m):
    points = Modulation(kind, m).points.numpy()
    distance = np.abs(points[:, None] - points) + 10 * np.eye(2**m)
    for a, b in np.argwhere(distance < distance.min() * 1.001):
        assert int(a ^ b).bit_count() == 1


@pytest.mark.parametrize(("kind", "m"), [("qam", 2), ("qam", 4), ("qam", 6), ("psk", 1), ("psk", 3), ("pam", 2)])
@pytest.mark.parametrize("method", ["app", "maxlog"])
def test_llrs_equal_the_formula(kind, m, method):
    modulation = Modulation(kind, m, demapping_method=method, precision="double")
    generator = torch.Generator().manual_seed(1)
    y = torch.randn(3, 20, generator=generator, dtype=torch.complex128)
    no = 0.05 + torch.rand(3, 20, generator=generator, dtype=torch.float64)
    llr = modulation.demap(y, no).reshape(3, 20, m).numpy()
    metric = -(np.abs(y.numpy()[..., None] - modulation.points.numpy()) ** 2) / no.numpy()[..., None]
    gather = np.logaddexp.reduce if method == "app" else np.maximum.reduce
    for bit in range(m):
        ones = (np.arange(2**m) >> (m - 1 - bit)) & 1 == 1
        expected = gather(metric[..., ones], axis=-1) - gather(metric[..., ~ones], axis=-1)
        np.testing.assert_allclose(llr[..., bit], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("kind", "m"), ALL)
def test_round_trip_with_a_filled_up_symbol(kind, m):
    modulation = Modulation(kind, m)
    bits = bits_of(4, 7 * m + 1)
    symbols = modulation.map(bits)
    assert symbols.shape == (4, modulation.num_symbols(7 * m + 1)) == (4, 7 + -(-1 // m) if m > 1 else 8)
    llr = modulation.demap(symbols, torch.tensor(1e-3), num_bits=7 * m + 1)
    assert llr.shape == bits.shape
    assert torch.equal((llr > 0).float(), bits)


def test_any_noise_variance_gives_finite_llrs():
    modulation = Modulation("qam", 6)
    bits = bits_of(1, 600)
    symbols = modulation.map(bits)
    for variance in (0.0, 1e-38, 1e-12, 1e12, 3e38, float("inf")):
        llr = modulation.demap(symbols, torch.full(symbols.shape, variance))
        assert torch.isfinite(llr).all()
        if variance < 1:
            assert torch.equal((llr > 0).float(), bits)
    assert not modulation.demap(symbols, torch.tensor(float("inf"))).any()
    assert torch.isfinite(modulation.demap(1e9 * symbols, torch.tensor(1.0))).all()


def test_large_batches_go_in_chunks():
    modulation = Modulation("qam", 8)
    per_chunk = CHUNK // (8 << 8)
    bits = bits_of(2, 8 * (per_chunk - 5))
    symbols = modulation.map(bits)
    llr = modulation.demap(symbols, torch.tensor(1e-3))
    assert llr.shape == bits.shape
    assert torch.equal((llr > 0).float(), bits)


def test_nothing_to_map():
    modulation = Modulation("qam", 4)
    assert modulation.map(torch.zeros(3, 0)).shape == (3, 0)
    assert modulation.map(torch.zeros(0, 10)).shape == (0, 3)
    assert modulation.demap(torch.zeros(0, 3, dtype=torch.complex64), torch.tensor(1.0), 10).shape == (0, 10)


def test_precision_and_block():
    modulation = Modulation("psk", 3, precision="double")
    bits = bits_of(1, 30)
    assert modulation(bits).dtype == torch.complex128
    assert torch.equal(modulation(bits), modulation.map(bits))
    assert modulation.demap(modulation.map(bits), torch.tensor(0.1)).dtype == torch.float64


def test_psk_points_follow_the_gray_code():
    points = psk_points(3)
    order = np.argsort(np.angle(points.numpy()) % (2 * np.pi))
    assert order.tolist() == [0, 1, 3, 2, 6, 7, 5, 4]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("qma", 4), "did you mean 'qam'"),
        (("qam", 3), "allowed: 2, 4, 6, 8"),
        (("qam", 10), "allowed: 2, 4, 6, 8"),
        (("pam", 0), "num_bits_per_symbol"),
    ],
)
def test_unknown_constellations(arguments, says):
    with pytest.raises(ValueError, match=says):
        Modulation(*arguments)


def test_impossible_input():
    modulation = Modulation("qam", 2)
    symbols = torch.zeros(1, 4, dtype=torch.complex64)
    with pytest.raises(ValueError, match="demapping_method"):
        Modulation("qam", 2, demapping_method="max")
    with pytest.raises(ValueError, match="symbols: 1 of 4"):
        modulation.demap(symbols.index_fill(1, torch.tensor([2]), float("nan")), torch.tensor(1.0))
    for value in (float("nan"), -1.0):
        with pytest.raises(ValueError, match="no_eff"):
            modulation.demap(symbols, torch.tensor(value))
    with pytest.raises(ValueError, match="num_bits: 9 asked"):
        modulation.demap(symbols, torch.tensor(1.0), 9)
    with pytest.raises(ValueError, match="bits: shape"):
        modulation.map(torch.zeros(4))
