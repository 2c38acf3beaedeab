"""What every quantiser keeps to, and what is special about each."""

import pytest
import torch

from tokencom.linklevel.quantizers import FSQQuantizer, UniformQuantizer, VectorQuantizer

DIM = 12
QUANTIZERS = {
    "uniform": lambda: UniformQuantizer(dim=DIM, num_bits=3),
    "fsq": lambda: FSQQuantizer(dim=DIM, levels=(8, 5, 5), num_groups=3),
    "fsq-binary": lambda: FSQQuantizer(dim=DIM, levels=(2, 2, 2, 2), num_groups=2),
    "vq": lambda: VectorQuantizer(dim=DIM, codebook_size=16, num_groups=3),
    "vq-loss": lambda: VectorQuantizer(dim=DIM, codebook_size=16, num_groups=3, update="loss"),
}


def tokens(n=50, dtype=torch.float32):
    return torch.randn(n, DIM, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_bits_and_indices_come_back(name):
    quantizer = QUANTIZERS[name]()
    indices = quantizer.indices(tokens())
    assert indices.shape == (50, quantizer.num_indices)
    bits = quantizer.to_bits(indices)
    assert bits.shape == (50, quantizer.bits_per_token)
    assert torch.equal(quantizer.from_bits(bits), indices)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_the_receiver_has_what_training_sees(name):
    quantizer = QUANTIZERS[name]().eval()
    indices, quantized, loss = quantizer(tokens())
    torch.testing.assert_close(quantizer.values(indices), quantized, atol=1e-5, rtol=1e-5)
    assert loss.shape == ()


@pytest.mark.parametrize("name", QUANTIZERS)
def test_any_bits_decode(name):
    quantizer = QUANTIZERS[name]()
    bits = torch.rand(30, quantizer.bits_per_token, generator=torch.Generator().manual_seed(2)) < 0.5
    assert quantizer.values(quantizer.from_bits(bits)).isfinite().all()


@pytest.mark.parametrize("name", ["uniform", "vq", "vq-loss"])
def test_quantising_twice_changes_nothing(name):
    quantizer = QUANTIZERS[name]()
    indices = quantizer.indices(tokens())
    assert torch.equal(quantizer.indices(quantizer.values(indices)), indices)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_gradients_pass_straight_through(name):
    quantizer, values = QUANTIZERS[name](), tokens().requires_grad_(True)
    _, quantized, loss = quantizer(values)
    (quantized.sum() + loss).backward()
    assert values.grad.isfinite().all()
    assert (values.grad != 0).any(1).all()
    if name == "uniform":
        assert torch.equal(values.grad, (values.abs() <= 4).float())


@pytest.mark.parametrize("name", QUANTIZERS)
def test_double_precision(name):
    quantizer = QUANTIZERS[name]().double()
    assert quantizer(tokens(dtype=torch.float64))[1].dtype == torch.float64


@pytest.mark.parametrize("name", QUANTIZERS)
def test_fit_takes_the_mean_and_refuses_nan(name):
    quantizer = QUANTIZERS[name]()
    quantizer.fit(tokens() + 5.0)
    torch.testing.assert_close(quantizer.mean, tokens().mean(0) + 5.0)
    with pytest.raises(ValueError, match="NaN"):
        quantizer.fit(torch.full((50, DIM), torch.nan))


def test_uniform_cells():
    quantizer = UniformQuantizer(dim=1, num_bits=3, limit=4.0)
    centres = torch.arange(-3.5, 4.0)[:, None]
    indices = quantizer.indices(centres)
    torch.testing.assert_close(quantizer.values(indices), centres)
    apart = quantizer.to_bits(indices)[1:] ^ quantizer.to_bits(indices)[:-1]
    assert (apart.sum(1) == 1).all()
    assert torch.equal(
        quantizer.values(quantizer.indices(torch.tensor([[-99.0], [99.0]]))), torch.tensor([[-3.5], [3.5]])
    )


def test_uniform_range_follows_the_data():
    quantizer = UniformQuantizer(dim=DIM, num_bits=8)
    values = tokens(4000) * torch.logspace(-2, 2, DIM) + 3.0
    quantizer.fit(values)
    error = (quantizer.values(quantizer.indices(values)) - values).std(0) / values.std(0)
    # Eight deviations in 256 cells: a step of 1/32, error 1/32/sqrt(12); clipping at 4 deviations adds little.
    assert (error < 0.0125).all()


def test_fsq_uses_every_level():
    quantizer = FSQQuantizer(dim=DIM, levels=(5, 4), num_groups=1)
    with torch.no_grad():
        quantizer.down.weight.mul_(8.0)
    assert quantizer.indices(tokens(4000)).unique().numel() == 20
    assert quantizer.bits_per_token == 5


def test_vq_learns_clusters():
    centres = 3.0 * torch.randn(16, DIM, generator=torch.Generator().manual_seed(3))
    values = centres.repeat(20, 1) + 0.01 * tokens(320)
    quantizer = VectorQuantizer(dim=DIM, codebook_size=16, num_groups=1)
    quantizer.fit(values)
    error = (quantizer.values(quantizer.indices(values)) - values).square().mean()
    assert float(error) < 1e-3


def test_moving_averages_follow_training_only():
    quantizer = VectorQuantizer(dim=DIM, codebook_size=16, num_groups=3, decay=0.5).eval()
    before, error = quantizer.codebook.clone(), []
    quantizer.learn(tokens(), quantizer.indices(tokens()))
    assert torch.equal(quantizer.codebook, before)
    quantizer.train()
    for _ in range(20):
        indices, quantized, loss = quantizer(tokens())
        error.append(float((quantized - tokens()).square().mean()))
        assert float(loss) == pytest.approx(0.25 * error[-1], rel=1e-4)
        quantizer.learn(tokens(), indices)
    assert error[-1] < 0.5 * error[0]


def test_nearest_codeword():
    quantizer = VectorQuantizer(dim=DIM, codebook_size=16, num_groups=3)
    groups = tokens().unflatten(-1, (3, -1))
    apart = (groups[:, :, None] - quantizer.codebook).square().sum(-1)
    assert torch.equal(quantizer.indices(tokens()), apart.argmin(-1))


def test_bad_options():
    with pytest.raises(ValueError, match="codebook_size: 100 given; a power of 2"):
        VectorQuantizer(dim=DIM, codebook_size=100)
    with pytest.raises(ValueError, match="num_groups: 5 given; it must divide dim = 12"):
        VectorQuantizer(dim=DIM, num_groups=5)
    with pytest.raises(ValueError, match="levels: empty"):
        FSQQuantizer(dim=DIM, levels=())
    with pytest.raises(ValueError, match=r"values: shape \[3, 5\]"):
        UniformQuantizer(dim=DIM)(torch.zeros(3, 5))
